/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/new-disk.h"
#include "record/field.h"

static gpointer
make_new_disk(void)
{
    return vms_new_disk_new(NULL);
}

static const VmsField new_disk_fields[] = {
    VMS_TEXT_NEEDED(VmsNewDisk, path, VMS_CHECK_PATH),
    VMS_TEXT_NEEDED(VmsNewDisk, next, VMS_CHECK_PATH),
    VMS_TEXT(VmsNewDisk, sum, VMS_CHECK_PATH),
    VMS_TEXT(VmsNewDisk, sum_next, VMS_CHECK_PATH),
    VMS_TEXT(VmsNewDisk, pool, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsNewDisk, base, VMS_CHECK_PATH),
    VMS_TEXT_NEEDED(VmsNewDisk, format, VMS_CHECK_FORMAT),
    VMS_ENUM(VmsNewDisk, way, vms_words_new_disk_way),
    VMS_PLAIN(VmsNewDisk, virtual_size, UINT),
    VMS_PLAIN(VmsNewDisk, mode, UINT32),
    VMS_TEXT(VmsNewDisk, sha256, VMS_CHECK_SHA256),
    VMS_NESTED(VmsNewDisk, file, STRUCT, vms_shape_file_id),
    VMS_NESTED(VmsNewDisk, sum_file, STRUCT, vms_shape_file_id),
    { .key = NULL },
};

const VmsShape vms_shape_new_disk = {
    .name = "new disk",
    .size = sizeof(VmsNewDisk),
    .fields = new_disk_fields,
    .make = make_new_disk,
    .free = (GDestroyNotify)vms_new_disk_free,
};
