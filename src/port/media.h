/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* Port: what an image at rest holds: file systems, and whether they need a journal replay.
 *
 * Adapter: adapter/blkid (which reads through adapter/qcow2's reader, handed in by wire). Never
 * asked about an image that somebody may be writing to. */

typedef struct VmsMedia VmsMedia;

typedef struct {
    /* File systems of @image, whole disk or in partitions (VmsFsState*, disk = @target). What
     * cannot be read is no error: it is missing, or UNKNOWN. */
    gboolean (*probe)(VmsMedia *media, const VmsImage *image, const char *target,
                      GPtrArray **ret_states, GError **error);
    /* Whether @image is one that a guest configures itself from: labelled cidata, CIDATA or
     * config-2, or with an answer file for an unattended setup in its root. */
    gboolean (*probe_seed)(VmsMedia *media, const VmsImage *image, gboolean *ret_seed,
                           GError **error);
    /* Whether @copy begins as @image does, and has what @image ends with at the same place: the
     * partition table, and its second copy. Backing files are not read. */
    gboolean (*same_ends)(VmsMedia *media, const VmsImage *image, const VmsImage *copy,
                          gboolean *ret_same, GError **error);
    void (*free)(VmsMedia *media);
} VmsMediaOps;

struct VmsMedia {
    const VmsMediaOps *ops;
};

gboolean vms_media_probe(VmsMedia *media, const VmsImage *image, const char *target,
                         GPtrArray **ret_states, GError **error);
gboolean vms_media_probe_seed(VmsMedia *media, const VmsImage *image, gboolean *ret_seed,
                              GError **error);
gboolean vms_media_same_ends(VmsMedia *media, const VmsImage *image, const VmsImage *copy,
                             gboolean *ret_same, GError **error);
void vms_media_free(VmsMedia *media);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsMedia, vms_media_free)
