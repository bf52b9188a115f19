/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/volume.h"

/* What is made by QEMU's own tool, formats always named, under limits. See port/volume.h. */

gboolean vms_qemu_img_convert(const VmsImage *source, const char *target, const VmsImage *like,
                              const char *format, VmsProgress *progress, GError **error);
/* Run @argv, a "qemu-img create" of the empty file at @path, which is new, 0600, owned by @uid:@gid
 * and has @reserve bytes reserved on disk then; on failure it is removed. */
gboolean vms_qemu_img_create(const char *const *argv, const char *path, guint64 reserve,
                             guint32 uid, guint32 gid, GError **error);
gboolean vms_qemu_img_make_scratch(const char *path, guint64 virtual_size, guint64 reserve,
                                   guint32 uid, guint32 gid, GError **error);
gboolean vms_qemu_img_grow(const char *path, const char *format, guint64 virtual_size,
                           GError **error);

/* "driver=qcow2,file.driver=file,file.filename=…": how a source is named without any guess. */
char *vms_qemu_img_describe(const VmsImage *image);
