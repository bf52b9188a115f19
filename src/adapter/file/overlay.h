/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/volume.h"

/* Overlays of running VMs: making them, and bringing back what they hold. See port/volume.h. */

gboolean vms_overlay_make(const char *path, const VmsImage *base, guint64 reserve, guint32 uid,
                          guint32 gid, GError **error);
gboolean vms_overlay_fold(const char *path, const char *base, VmsProgress *progress,
                          GError **error);
gboolean vms_overlay_compare(const VmsImage *a, const VmsImage *b, gboolean *ret_same,
                             GError **error);
gboolean vms_overlay_read_owner(const char *path, VmsFileId *ret_id, GError **error);
