/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/fd.h"
#include "port/volume.h"

/* Fills in what the header of a qcow2 image behind @fd says: sizes, compat level, backing name as
 * written, snapshots; fails for what we refuse. Handed in by wire. */
typedef gboolean (*VmsHeaderReader)(int fd, VmsImage *image, GError **error);

/* Image files and block devices of this host. Has no state: any thread. */
VmsVolume *vms_file_volume_new(VmsHeaderReader qcow2);
