/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/operation.h"
#include "model/snapshot.h"
#include "port/catalog.h"

#include <glib.h>

/* Snapshots and operations in the catalog: objects instead of texts, each with the version it was
 * read at, so that nobody overwrites what he has not seen. */

/* What one operation works on. Owns both; either may be NULL. Version 0: never stored. */
typedef struct {
    VmsSnapshot *snapshot;
    guint64 snapshot_version;
    VmsOperation *operation;
    guint64 operation_version;
} VmsWork;

void vms_work_clear(VmsWork *work);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsWork, vms_work_clear)

/* Write whichever is set, both in one batch, durable when it returns; the versions advance on
 * success. A snapshot holds its name unless it is Failed. EXISTS when the name is taken (object:
 * the name), BUSY with reason "RecordChanged" when somebody else wrote meanwhile. */
gboolean vms_store_save(VmsCatalog *catalog, VmsWork *work, GError **error);
/* The same, and @gone with it in one batch: a record that is nobody's work. */
gboolean vms_store_save_and_drop(VmsCatalog *catalog, VmsWork *work, const VmsChange *gone,
                                 GError **error);
/* Delete the record of work->snapshot and write work->operation if set, in one batch; the
 * snapshot's version becomes 0, the object stays. */
gboolean vms_store_remove_snapshot(VmsCatalog *catalog, VmsWork *work, GError **error);

/* By UUID, of either kind; NOT_FOUND. @ret_version may be NULL. */
gboolean vms_store_load_snapshot(VmsCatalog *catalog, const char *uuid, VmsSnapshot **ret_snapshot,
                                 guint64 *ret_version, GError **error);
gboolean vms_store_load_operation(VmsCatalog *catalog, const char *uuid,
                                  VmsOperation **ret_operation, guint64 *ret_version,
                                  GError **error);
/* One of a kind by name or UUID: the holder of the name, else the newest Failed one that has it. */
gboolean vms_store_find_snapshot(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                                 const char *name_or_uuid, VmsSnapshot **ret_snapshot,
                                 guint64 *ret_version, GError **error);
/* EXISTS when the name is held: a quick look, the record itself decides. */
gboolean vms_store_check_free(VmsCatalog *catalog, vmsnap_snapshot_kind subject, const char *name,
                              GError **error);
/* All, oldest first (VmsSnapshot*, VmsOperation*). One unreadable record fails the list: what may
 * be needed by somebody cannot be passed over. */
gboolean vms_store_list_snapshots(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                                  GPtrArray **ret_snapshots, GError **error);
gboolean vms_store_list_operations(VmsCatalog *catalog, GPtrArray **ret_operations, GError **error);

#define VMS_STORE_OPERATION "operation" /* the kind of their records */
/* The kind of records of such snapshots. */
const char *vms_store_kind_of(vmsnap_snapshot_kind subject);
/* What a record says; the error names it. NULL: reason "DamagedRecord", "NewerSchema". */
VmsSnapshot *vms_store_read_snapshot(const VmsRecord *record, GError **error);
VmsOperation *vms_store_read_operation(const VmsRecord *record, GError **error);
