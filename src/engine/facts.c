/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/facts.h"

#include "engine/inventory.h"

#include <pthread.h>

typedef struct {
    VmsIdentity kind;
    char *value;
    char *holder;
    char *vm_uuid;
    char *network;
} Fact;

struct VmsFacts {
    pthread_mutex_t lock; /* guards the list */
    GPtrArray *list;      /* Fact* */
};

static void
fact_free(Fact *fact)
{
    g_free(fact->value);
    g_free(fact->holder);
    g_free(fact->vm_uuid);
    g_free(fact->network);
    g_free(fact);
}

VmsFacts *
vms_facts_new(void)
{
    VmsFacts *facts = g_new0(VmsFacts, 1);

    (void)pthread_mutex_init(&facts->lock, NULL);
    facts->list = g_ptr_array_new_with_free_func((GDestroyNotify)fact_free);
    return facts;
}

void
vms_facts_free(VmsFacts *facts)
{
    if (!facts)
        return;
    g_ptr_array_unref(facts->list);
    (void)pthread_mutex_destroy(&facts->lock);
    g_free(facts);
}

void
vms_facts_add(VmsFacts *facts, const VmsFact *fact)
{
    Fact *kept = g_new0(Fact, 1);

    kept->kind = fact->kind;
    kept->value = g_strdup(fact->value);
    kept->holder = g_strdup(fact->holder);
    kept->vm_uuid = g_strdup(fact->vm_uuid);
    kept->network = g_strdup(fact->network);
    (void)pthread_mutex_lock(&facts->lock);
    g_ptr_array_add(facts->list, kept);
    (void)pthread_mutex_unlock(&facts->lock);
}

guint
vms_facts_remove(VmsFacts *facts, const char *holder)
{
    guint kept = 0;
    guint removed;

    (void)pthread_mutex_lock(&facts->lock);
    for (guint i = 0; i < facts->list->len; i++) {
        Fact *fact = facts->list->pdata[i];

        if (!holder || g_strcmp0(fact->holder, holder) == 0)
            continue;
        facts->list->pdata[i] = facts->list->pdata[kept];
        facts->list->pdata[kept++] = fact;
    }
    removed = facts->list->len - kept;
    g_ptr_array_set_size(facts->list, (gint)kept);
    (void)pthread_mutex_unlock(&facts->lock);
    return removed;
}

/* A path is known by what stands there now, too. */
static void
add_path(VmsEngine *engine, VmsInventory *inventory, guint32 holder, const char *path)
{
    g_autofree char *settled = vms_inventory_settle(path);
    VmsFileId file = { 0 };

    vms_volume_identify(engine->drivers->volume, settled, &file, NULL);
    vms_inventory_add_file(inventory, holder, settled, &file, VMS_FILE_FACT);
}

static void
add_fact(VmsEngine *engine, VmsInventory *inventory, guint32 holder, const Fact *fact)
{
    const VmsAddressClaim address = { .ip = fact->value, .network = fact->network };

    if (fact->kind == VMS_IDENTITY_PATH)
        add_path(engine, inventory, holder, fact->value);
    else if (fact->kind == VMS_IDENTITY_ADDRESS)
        vms_inventory_add_address(inventory, holder, &address);
    else
        vms_inventory_add_claim(inventory, holder, fact->kind, fact->value);
}

/* One holder for all facts that name the same one. */
void
vms_facts_add_to(VmsEngine *engine, VmsInventory *inventory)
{
    VmsFacts *facts = engine->facts;
    g_autoptr(GHashTable) holders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (!facts)
        return;
    (void)pthread_mutex_lock(&facts->lock);
    for (guint i = 0; i < facts->list->len; i++) {
        const Fact *fact = facts->list->pdata[i];
        const VmsHolder holder = {
            .kind = VMS_HOLDER_FACT,
            .name = fact->holder,
            .uuid = fact->vm_uuid,
        };
        char *key = g_strconcat(fact->vm_uuid ? fact->vm_uuid : "", " ", fact->holder, NULL);
        gpointer known = NULL;
        guint32 number;

        if (g_hash_table_lookup_extended(holders, key, NULL, &known)) {
            number = GPOINTER_TO_UINT(known);
            g_free(key);
        } else {
            number = vms_inventory_add_holder(inventory, &holder);
            g_hash_table_insert(holders, key, GUINT_TO_POINTER(number));
        }
        add_fact(engine, inventory, number, fact);
    }
    (void)pthread_mutex_unlock(&facts->lock);
}
