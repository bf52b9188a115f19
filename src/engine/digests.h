/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/volume.h"

/* Digests of files that snapshots refer to and do not own, kernels and CD images for example: each
 * is read once per context, not once per snapshot. A file that was changed since is read again;
 * identity is place, size and both times, and no digest is kept of a file that was changed within
 * the last second, when its times cannot tell yet. Never for `verify`, which is there to read.
 * Any thread. */

typedef struct VmsDigests VmsDigests;

VmsDigests *vms_digests_new(void);
void vms_digests_free(VmsDigests *digests);

/* sha256 of the file that @file was read of, NULL if it cannot be read. @digests NULL: none is
 * remembered. */
char *vms_digests_read(VmsDigests *digests, VmsVolume *volume, const char *path,
                       const VmsFileId *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDigests, vms_digests_free)
