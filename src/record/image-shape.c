/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/image.h"
#include "record/field.h"

static const VmsField file_id_fields[] = {
    VMS_PLAIN(VmsFileId, dev, UINT),
    VMS_PLAIN(VmsFileId, ino, UINT),
    VMS_PLAIN(VmsFileId, size, UINT),
    VMS_PLAIN(VmsFileId, allocated, UINT),
    VMS_PLAIN(VmsFileId, mtime_us, INT),
    VMS_PLAIN(VmsFileId, ctime_us, INT),
    VMS_PLAIN(VmsFileId, uid, UINT32),
    VMS_PLAIN(VmsFileId, gid, UINT32),
    VMS_PLAIN(VmsFileId, mode, UINT32),
    VMS_PLAIN(VmsFileId, links, UINT32),
    { .key = NULL },
};

const VmsShape vms_shape_file_id = {
    .name = "file",
    .size = sizeof(VmsFileId),
    .fields = file_id_fields,
};

static gpointer
make_image(void)
{
    return vms_image_new(NULL, NULL);
}

static const VmsField image_fields[] = {
    VMS_TEXT_NEEDED(VmsImage, path, VMS_CHECK_PATH),
    VMS_TEXT(VmsImage, format, VMS_CHECK_FORMAT),
    VMS_NESTED(VmsImage, file, STRUCT, vms_shape_file_id),
    VMS_PLAIN(VmsImage, virtual_size, UINT),
    VMS_PLAIN(VmsImage, cluster_size, UINT),
    VMS_TEXT(VmsImage, compat, VMS_CHECK_WORD),
    VMS_TEXT(VmsImage, backing, VMS_CHECK_NONE),
    VMS_TEXT(VmsImage, backing_format, VMS_CHECK_NONE),
    VMS_PLAIN(VmsImage, internal_snapshots, UINT32),
    VMS_PLAIN(VmsImage, block_device, BOOL),
    VMS_PLAIN(VmsImage, blank, BOOL),
    { .key = NULL },
};

const VmsShape vms_shape_image = {
    .name = "image",
    .size = sizeof(VmsImage),
    .fields = image_fields,
    .make = make_image,
    .free = (GDestroyNotify)vms_image_free,
};

static gpointer
make_fs_state(void)
{
    return vms_fs_state_new(NULL, 0, NULL, VMS_FS_UNKNOWN);
}

static const VmsField fs_state_fields[] = {
    VMS_TEXT_NEEDED(VmsFsState, disk, VMS_CHECK_WORD),
    VMS_PLAIN(VmsFsState, offset, UINT),
    VMS_TEXT(VmsFsState, type, VMS_CHECK_NONE),
    VMS_ENUM(VmsFsState, clean, vms_words_fs_clean),
    VMS_PLAIN(VmsFsState, partition, UINT32),
    VMS_PLAIN(VmsFsState, efi, BOOL),
    { .key = NULL },
};

const VmsShape vms_shape_fs_state = {
    .name = "file system state",
    .size = sizeof(VmsFsState),
    .fields = fs_state_fields,
    .make = make_fs_state,
    .free = (GDestroyNotify)vms_fs_state_free,
};
