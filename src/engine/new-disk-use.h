/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Who needs a snapshot's images besides VMs, undo sets and open files: linked disks made from them
 * and other snapshots' images over them, by the records and by what the headers of those files say.
 * @ret_holder: owned; NULL: nobody. */
gboolean vms_new_disk_find_holder(VmsEngine *engine, const VmsSnapshot *snapshot, char **ret_holder,
                                  GError **error);
