/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"

#include <glib.h>

/* Which file systems must be frozen when only some disks of a VM are cut. Pure. */

/* Mount points, one for each distinct file system that lies on one of @targets (ended by NULL; one
 * that spans several disks lies on each) and can be frozen. NULL: freeze the whole guest, because
 * that is the same, because nothing on these disks can be frozen, or because it cannot be told for
 * certain what lies where: a file system on an unknown disk or in a file of another one, a mount
 * point with two file systems or with characters we do not pass on. */
GPtrArray *vms_freeze_list_choose(const GPtrArray *filesystems, const char *const *targets);

/* Whether the freeze of @evidence was to take this file system. */
gboolean vms_freeze_list_has(const VmsEvidence *evidence, const VmsGuestFs *fs);
