/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/clone.h"
#include "record/field.h"

static gpointer
make_clone(void)
{
    return vms_clone_new(NULL, NULL);
}

static const VmsField clone_fields[] = {
    VMS_TEXT_NEEDED(VmsClone, source_uuid, VMS_CHECK_UUID),
    VMS_TEXT_NEEDED(VmsClone, source_name, VMS_CHECK_LINE),
    VMS_TEXT(VmsClone, temporary, VMS_CHECK_SNAPSHOT_NAME),
    VMS_PLAIN_LATER(VmsClone, autostart, BOOL),
    VMS_NESTED(VmsClone, files, OBJECTS, vms_shape_new_disk),
    { .key = NULL },
};

const VmsShape vms_shape_clone = {
    .name = "clone",
    .size = sizeof(VmsClone),
    .fields = clone_fields,
    .make = make_clone,
    .free = (GDestroyNotify)vms_clone_free,
};
