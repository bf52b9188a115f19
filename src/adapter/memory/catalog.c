/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/memory/catalog.h"

#include "base/error.h"

#include <pthread.h>

typedef struct {
    VmsCatalog catalog;
    pthread_mutex_t lock; /* guards records */
    GPtrArray *records;   /* VmsRecord*, in the order of lists */
} MemoryCatalog;

static gboolean
changed(const VmsChange *change, GError **error)
{
    vms_refuse(error, VMSNAP_E_BUSY, "RecordChanged", "the record of %s %s was changed meanwhile",
               change->kind, change->id);
    if (error)
        vms_error_set_object(*error, change->id);
    return FALSE;
}

static gpointer
copy_record(gconstpointer source, gpointer data)
{
    const VmsRecord *record = source;
    VmsRecord *copy = g_new0(VmsRecord, 1);

    (void)data;
    *copy = *record;
    copy->kind = g_strdup(record->kind);
    copy->id = g_strdup(record->id);
    copy->name = g_strdup(record->name);
    copy->text = g_strdup(record->text);
    return copy;
}

static gint
compare(gconstpointer a, gconstpointer b)
{
    const VmsRecord *left = *(VmsRecord *const *)a;
    const VmsRecord *right = *(VmsRecord *const *)b;

    if (left->created_us != right->created_us)
        return left->created_us < right->created_us ? -1 : 1;
    return g_strcmp0(left->id, right->id);
}

/* Index of the record with that id, or of another one that holds that name; -1. */
static gint
index_of(const GPtrArray *records, const char *kind, const char *id, const char *name)
{
    for (guint i = 0; i < records->len; i++) {
        const VmsRecord *record = records->pdata[i];
        if (g_strcmp0(record->kind, kind) != 0)
            continue;
        if (id && g_strcmp0(record->id, id) == 0)
            return (gint)i;
        if (name && g_strcmp0(record->name, name) == 0)
            return (gint)i;
    }
    return -1;
}

static VmsRecord *
record_of(const VmsChange *change)
{
    VmsRecord *record = g_new0(VmsRecord, 1);

    record->kind = g_strdup(change->kind);
    record->id = g_strdup(change->id);
    record->name = g_strdup(change->name);
    record->version = change->expected + 1;
    record->created_us = change->created_us;
    record->text = g_strdup(change->text);
    return record;
}

static gboolean
apply_one(GPtrArray *records, const VmsChange *change, GError **error)
{
    gint at = index_of(records, change->kind, change->id, NULL);
    const VmsRecord *old = at >= 0 ? records->pdata[at] : NULL;

    if (change->expected != (old ? old->version : 0) || (!old && !change->text))
        return changed(change, error);
    if (at >= 0)
        g_ptr_array_remove_index(records, (guint)at);
    if (!change->text)
        return TRUE;
    if (change->name && index_of(records, change->kind, NULL, change->name) >= 0) {
        vms_refuse(error, VMSNAP_E_EXISTS, NULL, "there is a %s named '%s' already", change->kind,
                   change->name);
        if (error)
            vms_error_set_object(*error, change->name);
        return FALSE;
    }
    g_ptr_array_add(records, record_of(change));
    return TRUE;
}

/* On a copy that takes the place of the old list only when all went well. */
static gboolean
apply_all(MemoryCatalog *self, const VmsChange *changes, gsize count, GError **error)
{
    g_autoptr(GPtrArray) next = g_ptr_array_copy(self->records, copy_record, NULL);

    g_ptr_array_set_free_func(next, (GDestroyNotify)vms_record_free);
    for (gsize i = 0; i < count; i++) {
        if (!apply_one(next, &changes[i], error))
            return FALSE;
    }
    g_ptr_array_sort(next, compare);
    g_ptr_array_unref(self->records);
    self->records = g_steal_pointer(&next);
    return TRUE;
}

static gboolean
apply(VmsCatalog *catalog, const VmsChange *changes, gsize count, GError **error)
{
    MemoryCatalog *self = (MemoryCatalog *)catalog;
    gboolean done = FALSE;

    pthread_mutex_lock(&self->lock);
    done = apply_all(self, changes, count, error);
    pthread_mutex_unlock(&self->lock);
    return done;
}

static gboolean
copy_at(MemoryCatalog *self, const char *kind, const char *id, const char *name,
        VmsRecord **ret_record)
{
    gint at = -1;

    pthread_mutex_lock(&self->lock);
    at = index_of(self->records, kind, id, name);
    if (at >= 0)
        *ret_record = copy_record(self->records->pdata[at], NULL);
    pthread_mutex_unlock(&self->lock);
    return at >= 0;
}

static gboolean
not_found(const char *kind, const char *key, GError **error)
{
    vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no %s '%s'", kind, key);
    if (error)
        vms_error_set_object(*error, key);
    return FALSE;
}

static gboolean
get(VmsCatalog *catalog, const char *kind, const char *id, VmsRecord **ret_record, GError **error)
{
    return copy_at((MemoryCatalog *)catalog, kind, id, NULL, ret_record) ||
           not_found(kind, id, error);
}

static gboolean
find(VmsCatalog *catalog, const char *kind, const char *name, VmsRecord **ret_record,
     GError **error)
{
    return copy_at((MemoryCatalog *)catalog, kind, NULL, name, ret_record) ||
           not_found(kind, name, error);
}

static gboolean
list(VmsCatalog *catalog, const char *kind, GPtrArray **ret_records, GError **error)
{
    MemoryCatalog *self = (MemoryCatalog *)catalog;
    GPtrArray *records = g_ptr_array_new_with_free_func((GDestroyNotify)vms_record_free);

    (void)error;
    pthread_mutex_lock(&self->lock);
    for (guint i = 0; i < self->records->len; i++) {
        const VmsRecord *record = self->records->pdata[i];
        if (g_strcmp0(record->kind, kind) == 0)
            g_ptr_array_add(records, copy_record(record, NULL));
    }
    pthread_mutex_unlock(&self->lock);
    *ret_records = records;
    return TRUE;
}

static void
free_catalog(VmsCatalog *catalog)
{
    MemoryCatalog *self = (MemoryCatalog *)catalog;

    g_ptr_array_unref(self->records);
    pthread_mutex_destroy(&self->lock);
    g_free(self);
}

static const VmsCatalogOps ops = {
    .apply = apply,
    .get = get,
    .find = find,
    .list = list,
    .free = free_catalog,
};

VmsCatalog *
vms_memory_catalog_new(void)
{
    MemoryCatalog *self = g_new0(MemoryCatalog, 1);

    self->catalog.ops = &ops;
    pthread_mutex_init(&self->lock, NULL);
    self->records = g_ptr_array_new_with_free_func((GDestroyNotify)vms_record_free);
    return &self->catalog;
}
