/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What a qcow2 header says, and whether we work with such an image. Pure: bytes in, facts out;
 * hostile bytes give an error, never more. */

/* How much of a file's start vms_image_info_parse() wants to see; less if the file is shorter. */
#define VMS_IMAGE_INFO_BYTES ((gsize)64 * 1024)

typedef struct {
    guint version; /* 2 or 3 */
    guint cluster_bits;
    guint64 virtual_size;
    guint64 l1_offset;
    guint32 l1_entries;
    guint internal_snapshots;
    gboolean dirty;       /* reference counts may be stale (lazy_refcounts): no fault */
    gboolean extended_l2; /* entries of 16 bytes, with subclusters */
    gboolean zstd;        /* compressed clusters are by zstd, else by zlib */
    char *backing;        /* as written; NULL: none */
    char *backing_format; /* as written; NULL: not written */
} VmsImageInfo;

/* UNSUPPORTED for what we refuse: other versions, unknown incompatible features, an external data
 * file, encryption, an image marked corrupt, a backing name that is no plain path. IO for headers
 * that contradict themselves. */
gboolean vms_image_info_parse(const guint8 *data, gsize size, VmsImageInfo *ret_info,
                              GError **error);
void vms_image_info_clear(VmsImageInfo *info);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsImageInfo, vms_image_info_clear)
