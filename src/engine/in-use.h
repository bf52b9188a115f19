/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/inventory.h"

#include <glib.h>

/* Whether somebody needs a file that is to be removed. */

/* Refuse with IN_USE, naming both; always FALSE. */
gboolean vms_in_use_refuse(GError **error, const char *object, const char *holder);
/* IN_USE when a VM refers to the file at @path, in any layer, or a process has it open. A file that
 * is not there is used by nobody. @inventory NULL: there is no hypervisor. */
gboolean vms_in_use_check_file(VmsEngine *engine, const VmsInventory *inventory, const char *path,
                               GError **error);
