/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/metadata.h"

VmsMetadata *
vms_metadata_new(VmsMetadataKind kind, const char *name, const char *xml)
{
    VmsMetadata *metadata = g_new0(VmsMetadata, 1);

    metadata->kind = kind;
    metadata->name = g_strdup(name);
    metadata->xml = g_strdup(xml);
    return metadata;
}

VmsMetadata *
vms_metadata_copy(const VmsMetadata *metadata)
{
    VmsMetadata *copy = vms_metadata_new(metadata->kind, metadata->name, metadata->xml);

    copy->current = metadata->current;
    return copy;
}

void
vms_metadata_free(VmsMetadata *metadata)
{
    if (!metadata)
        return;
    g_free(metadata->name);
    g_free(metadata->xml);
    g_free(metadata);
}

const VmsMetadata *
vms_metadata_find(const GPtrArray *list, const VmsMetadata *wanted)
{
    for (guint i = 0; i < list->len; i++) {
        const VmsMetadata *item = list->pdata[i];

        if (item->kind == wanted->kind && g_strcmp0(item->name, wanted->name) == 0)
            return item;
    }
    return NULL;
}

const char *
vms_metadata_kind_name(VmsMetadataKind kind)
{
    return kind == VMS_METADATA_CHECKPOINT ? "checkpoint" : "snapshot";
}
