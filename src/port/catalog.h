/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Port: where records are kept: texts by kind and id, versioned, changed by compare-and-swap,
 * several at once or not at all, durable when apply() returns.
 *
 * Adapters: adapter/sqlite, adapter/memory. The port knows nothing of what the texts say. Any
 * thread may call, several at a time. */

typedef struct VmsCatalog VmsCatalog;

typedef struct {
    char *kind;        /* "snapshot", "disk-snapshot", "operation" */
    char *id;          /* UUID */
    char *name;        /* held name, unique within the kind; NULL: holds none */
    guint64 version;   /* as read; 0: never stored */
    gint64 created_us; /* lists are in this order */
    char *text;
} VmsRecord;

/* One change of a batch: @text NULL deletes. */
typedef struct {
    const char *kind;
    const char *id;
    const char *name; /* the name it holds from now on; NULL: none */
    guint64 expected; /* version it must have now; 0: must not exist */
    gint64 created_us;
    const char *text;
} VmsChange;

typedef struct {
    /* All or nothing. EXISTS when a name is taken (object: the name), BUSY with reason
     * "RecordChanged" when a version differs. */
    gboolean (*apply)(VmsCatalog *catalog, const VmsChange *changes, gsize count, GError **error);
    gboolean (*get)(VmsCatalog *catalog, const char *kind, const char *id, VmsRecord **ret_record,
                    GError **error); /* NOT_FOUND */
    gboolean (*find)(VmsCatalog *catalog, const char *kind, const char *name,
                     VmsRecord **ret_record, GError **error); /* by held name; NOT_FOUND */
    gboolean (*list)(VmsCatalog *catalog, const char *kind, GPtrArray **ret_records,
                     GError **error);
    void (*free)(VmsCatalog *catalog);
} VmsCatalogOps;

struct VmsCatalog {
    const VmsCatalogOps *ops;
};

void vms_record_free(VmsRecord *record);
gboolean vms_catalog_apply(VmsCatalog *catalog, const VmsChange *changes, gsize count,
                           GError **error);
gboolean vms_catalog_get(VmsCatalog *catalog, const char *kind, const char *id,
                         VmsRecord **ret_record, GError **error);
gboolean vms_catalog_find(VmsCatalog *catalog, const char *kind, const char *name,
                          VmsRecord **ret_record, GError **error);
gboolean vms_catalog_list(VmsCatalog *catalog, const char *kind, GPtrArray **ret_records,
                          GError **error);
void vms_catalog_free(VmsCatalog *catalog);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsRecord, vms_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCatalog, vms_catalog_free)
