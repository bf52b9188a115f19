/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/clone-make.h"

#include <glib.h>

/* What of its source is inside a clone: in the media its guest is configured from, which are made
 * anew, and in the guest's own file systems, which are told. */

/* For each Secret, whether it can be made anew: it is, in memory. Needs the items and the
 * configuration. */
gboolean vms_clone_read_media(VmsEngine *engine, VmsCloneInput *input, GError **error);
/* For each disk, what of the source's identity its file systems have, where nobody writes to it. */
void vms_clone_read_guest(VmsEngine *engine, VmsCloneInput *input);

/* The medium of @item made anew at made->next, complete and synced. @ret_done: FALSE when nothing
 * was made, because it says nothing of who the machine is: a copy serves. */
gboolean vms_clone_make_medium(const VmsCloneMaking *making, const VmsCloneItem *item,
                               VmsNewDisk *made, gboolean *ret_done, GError **error);
/* Of the disks that were made, before anybody has them, into the operation. Never fails. */
void vms_clone_note_guest(const VmsCloneMaking *making);
