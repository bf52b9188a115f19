/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/metadata.h"
#include "support/fake-world.h"

#include <string.h>

/* Snapshots and checkpoints the hypervisor knows of: words like "snapshot:a", in order. */

static FakeWorld *
world_of(VmsHypervisor *hv)
{
    return ((FakeHypervisor *)hv)->world;
}

static char *
word_of(const VmsMetadata *item)
{
    return g_strdup_printf("%s:%s ", vms_metadata_kind_name(item->kind), item->name);
}

static gboolean
list_metadata(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list, GError **error)
{
    FakeWorld *world = world_of(hv);
    g_auto(GStrv) words = NULL;

    (void)uuid;
    if (fake_world_call(world, "list-metadata", error) != FAKE_OK)
        return FALSE;
    *ret_list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_metadata_free);
    words = g_strsplit(world->metadata, " ", -1);
    for (guint i = 0; words[i] && *words[i]; i++) {
        VmsMetadataKind kind = words[i][0] == 'c' ? VMS_METADATA_CHECKPOINT : VMS_METADATA_SNAPSHOT;

        g_ptr_array_add(*ret_list, vms_metadata_new(kind, strchr(words[i], ':') + 1, words[i]));
    }
    return TRUE;
}

static gboolean
drop_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "drop-metadata", error);
    g_autofree char *word = word_of(item);
    char *at = strstr(world->metadata, word);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (at)
        memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
    return fate == FAKE_OK;
}

static gboolean
define_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "define-metadata", error);
    g_autofree char *word = word_of(item);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (!strstr(world->metadata, word))
        g_strlcat(world->metadata, word, sizeof world->metadata);
    return fate == FAKE_OK;
}

void
fake_metadata_add_ops(VmsHypervisorOps *ops)
{
    ops->list_metadata = list_metadata;
    ops->drop_metadata = drop_metadata;
    ops->define_metadata = define_metadata;
}
