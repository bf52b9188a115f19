/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/image.h"

VmsImage *
vms_image_new(const char *path, const char *format)
{
    VmsImage *image = g_new0(VmsImage, 1);

    image->path = g_strdup(path);
    image->format = g_strdup(format);
    return image;
}

VmsImage *
vms_image_copy(const VmsImage *image)
{
    VmsImage *copy = g_memdup2(image, sizeof *image);

    copy->path = g_strdup(image->path);
    copy->format = g_strdup(image->format);
    copy->compat = g_strdup(image->compat);
    copy->backing = g_strdup(image->backing);
    copy->backing_format = g_strdup(image->backing_format);
    return copy;
}

void
vms_image_free(VmsImage *image)
{
    if (!image)
        return;
    g_free(image->path);
    g_free(image->format);
    g_free(image->compat);
    g_free(image->backing);
    g_free(image->backing_format);
    g_free(image);
}

gboolean
vms_file_id_same(const VmsFileId *a, const VmsFileId *b)
{
    return a->ino != 0 && a->dev == b->dev && a->ino == b->ino;
}

gboolean
vms_file_id_unchanged(const VmsFileId *a, const VmsFileId *b)
{
    return a->ino == b->ino && a->size == b->size && a->mtime_us == b->mtime_us;
}

VmsFsState *
vms_fs_state_new(const char *disk, guint64 offset, const char *type, VmsFsClean clean)
{
    VmsFsState *state = g_new0(VmsFsState, 1);

    state->disk = g_strdup(disk);
    state->offset = offset;
    state->type = g_strdup(type);
    state->clean = clean;
    return state;
}

void
vms_fs_state_free(VmsFsState *state)
{
    if (!state)
        return;
    g_free(state->disk);
    g_free(state->type);
    g_free(state);
}
