/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/store.h"

#include <glib.h>

/* The catalog for people to look at: a record that cannot be read is shown as one, Failed, with
 * what is wrong with it, instead of hiding the others. Nothing that is done relies on these. */

/* As vms_store_list_…(). The condition of what cannot be read has the reason "Damaged", or
 * "NewerSchema" when a later version wrote it. */
gboolean vms_store_look_at_snapshots(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                                     GPtrArray **ret_snapshots, GError **error);
gboolean vms_store_look_at_operations(VmsCatalog *catalog, GPtrArray **ret_operations,
                                      GError **error);
/* As vms_store_find_snapshot(); a damaged one is found by its UUID and the name it holds. */
gboolean vms_store_look_for_snapshot(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                                     const char *name_or_uuid, VmsSnapshot **ret_snapshot,
                                     GError **error);
/* One that is damaged, of either kind, for removing it; NOT_FOUND when it is not, or not there. */
gboolean vms_store_load_damaged(VmsCatalog *catalog, const char *uuid, VmsSnapshot **ret_snapshot,
                                guint64 *ret_version, GError **error);
