/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/catalog.h"

void
vms_record_free(VmsRecord *record)
{
    if (!record)
        return;
    g_free(record->kind);
    g_free(record->id);
    g_free(record->name);
    g_free(record->text);
    g_free(record);
}

gboolean
vms_catalog_apply(VmsCatalog *catalog, const VmsChange *changes, gsize count, GError **error)
{
    return catalog->ops->apply(catalog, changes, count, error);
}

gboolean
vms_catalog_get(VmsCatalog *catalog, const char *kind, const char *id, VmsRecord **ret_record,
                GError **error)
{
    return catalog->ops->get(catalog, kind, id, ret_record, error);
}

gboolean
vms_catalog_find(VmsCatalog *catalog, const char *kind, const char *name, VmsRecord **ret_record,
                 GError **error)
{
    return catalog->ops->find(catalog, kind, name, ret_record, error);
}

gboolean
vms_catalog_list(VmsCatalog *catalog, const char *kind, GPtrArray **ret_records, GError **error)
{
    return catalog->ops->list(catalog, kind, ret_records, error);
}

void
vms_catalog_free(VmsCatalog *catalog)
{
    if (catalog)
        catalog->ops->free(catalog);
}
