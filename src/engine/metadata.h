/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* libvirt's own snapshots and checkpoints of a VM whose disks are exchanged: those of the old disks
 * go with them, those of the new ones come with them. Only what libvirt notes of them, never data:
 * that is in the disks. */

/* Note what the VM has in operation->old_metadata; stored with the next step of the journal. */
gboolean vms_metadata_note(VmsEngine *engine, VmsOperation *operation, GError **error);
/* Define the VM as @operation has it, old or new, and with it what goes with those disks: the other
 * set's goes first, this one's comes last, as it speaks of disks that must be configured. May be
 * repeated. */
gboolean vms_metadata_configure(VmsEngine *engine, const VmsOperation *operation, gboolean old,
                                GError **error);
