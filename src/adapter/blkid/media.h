/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/media.h"

/* How the bytes a guest would see are read, for any format. Handed in by wire. */
typedef struct {
    gpointer (*open)(const VmsImage *image, GError **error);
    gboolean (*read)(gpointer reader, guint64 offset, void *buffer, gsize size, GError **error);
    void (*close)(gpointer reader);
} VmsMediaReader;

/* File systems by libblkid, their state by their superblocks. Has no state: any thread. */
VmsMedia *vms_blkid_media_new(const VmsMediaReader *reader);
