/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/clone-xml.h"
#include "plan/naming.h"
#include "support/identity-oracle.h"
#include "support/random-domain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names and identities over machines and inventories of chance. Of one seed, all is the same. */

enum { CASES = 10000 };

/* VMSNAP_TEST_CASES says how many, where the same code is tried with all of them elsewhere. */
static guint
count_cases(void)
{
    const char *wanted = g_getenv("VMSNAP_TEST_CASES");

    return wanted ? (guint)strtoul(wanted, NULL, 10) : CASES;
}

typedef struct {
    guint32 seed;
    GRand *rand;
    RandomDomain *domain;
    VmsInventory *inventory;
    GPtrArray *rules;
    GPtrArray *traits;
    GPtrArray *moves;
    VmsIdentityWish wish;
} Case;

static void
name_all(Case *self)
{
    g_autofree char *name = g_strdup_printf("clone-%u", self->seed % 7);
    VmsNamingWish wish = { .rules = self->rules, .inventory = self->inventory };
    g_autoptr(GError) error = NULL;

    g_ptr_array_add(self->rules, vms_naming_rule_new(VMS_NAMED_VM, self->domain->name, name));
    if (self->seed % 5 == 0)
        wish.prefix = "new-";
    cr_assert(vms_naming_resolve(&wish, self->domain->resources, &error), "%u: %s", self->seed,
              error ? error->message : "");
}

static void
open_case(Case *self, guint32 seed)
{
    g_autoptr(GError) error = NULL;

    *self = (Case){ .seed = seed, .rand = g_rand_new_with_seed(seed) };
    self->domain = random_domain_new(self->rand);
    self->inventory = random_domain_inventory(self->rand, self->domain);
    self->rules = g_ptr_array_new_with_free_func((GDestroyNotify)vms_naming_rule_free);
    name_all(self);
    cr_assert(vms_clone_xml_read(self->domain->xml, &self->traits, &error), "%u: %s", seed,
              error ? error->message : "");
    self->moves = vms_naming_list_moves(self->domain->resources);
    self->wish = (VmsIdentityWish){
        .traits = self->traits,
        .moves = self->moves,
        .origin = self->domain->uuid,
        .source = self->domain->name,
        .name = ((VmsNamed *)self->domain->resources->pdata[0])->new_name,
        .keep_serial = seed % 4 == 0,
        .inventory = self->inventory,
    };
}

static void
close_case(Case *self)
{
    g_rand_free(self->rand);
    random_domain_free(self->domain);
    vms_inventory_free(self->inventory);
    g_ptr_array_unref(self->rules);
    g_ptr_array_unref(self->traits);
    g_ptr_array_unref(self->moves);
}

static VmsIdentityTable *
make(const Case *self, const char *salt)
{
    VmsIdentityWish wish = self->wish;
    VmsIdentityTable *table = NULL;
    g_autoptr(GError) error = NULL;

    wish.salt = salt;
    cr_assert(vms_identity_make(&wish, &table, &error), "%u: %s", self->seed,
              error ? error->message : "");
    return table;
}

static char *
write_clone(const Case *self, const VmsIdentityTable *table)
{
    g_autoptr(GError) error = NULL;
    char *clone = NULL;

    cr_assert(vms_clone_xml_write(self->domain->xml, table, &clone, &error), "%u: %s", self->seed,
              error ? error->message : "");
    return clone;
}

/* ---- nothing is left, nothing else changes ---- */

static void
check_clone(const Case *self)
{
    g_autoptr(VmsIdentityTable) table = make(self, self->seed % 2 ? "salt" : NULL);
    g_autofree char *clone = write_clone(self, table);
    IdentityPair pair = { .source = self->domain->xml,
                          .clone = clone,
                          .owned = self->domain->owned,
                          .kept = self->domain->kept,
                          .keep_serial = self->wish.keep_serial };
    g_autofree char *left = identity_oracle_left(&pair);
    g_autofree char *changed = identity_oracle_changed(&pair);

    cr_assert_null(left, "%u: %s\n%s\n%s", self->seed, left, self->domain->xml, clone);
    cr_assert_null(changed, "%u: %s\n%s\n%s", self->seed, changed, self->domain->xml, clone);
}

Test(identity_random, nothing_is_left_and_nothing_else_changes)
{
    for (guint32 seed = 0; seed < count_cases(); seed++) {
        Case self;

        open_case(&self, seed);
        check_clone(&self);
        close_case(&self);
    }
    fprintf(stderr, "# %u generated machines were cloned\n", count_cases());
}

/* ---- nobody else has it ---- */

static VmsIdentity
claim_of(VmsTraitKind kind)
{
    static const VmsIdentity claims[VMS_TRAIT_KINDS] = {
        [VMS_TRAIT_UUID] = VMS_IDENTITY_UUID,     [VMS_TRAIT_GENID] = VMS_IDENTITY_UUID,
        [VMS_TRAIT_MAC] = VMS_IDENTITY_MAC,       [VMS_TRAIT_CID] = VMS_IDENTITY_CID,
        [VMS_TRAIT_SERIAL] = VMS_IDENTITY_SERIAL, [VMS_TRAIT_WWN] = VMS_IDENTITY_WWN,
        [VMS_TRAIT_SOCKET] = VMS_IDENTITY_PATH,   [VMS_TRAIT_FILE] = VMS_IDENTITY_PATH,
    };

    return claims[kind];
}

static void
claim(const Case *self, const VmsTrait *row)
{
    if (claim_of(row->kind) == VMS_IDENTITY_PATH)
        vms_inventory_add_file(self->inventory, 1, row->value, NULL, VMS_FILE_DISK);
    else
        vms_inventory_add_claim(self->inventory, 1, claim_of(row->kind), row->value);
}

static gboolean
is_chosen(const Case *self, const VmsTrait *row)
{
    gboolean kept =
        self->wish.keep_serial && (row->kind == VMS_TRAIT_SERIAL || row->kind == VMS_TRAIT_WWN);

    return row->value && !kept && claim_of(row->kind) != VMS_IDENTITY_NONE;
}

static gboolean
is_held(const Case *self, const VmsTrait *row)
{
    VmsHolder holder;
    VmsFileUser user;

    if (claim_of(row->kind) == VMS_IDENTITY_PATH)
        return vms_inventory_find_user(self->inventory, NULL, row->value, NULL, &user);
    return vms_inventory_find_holder(self->inventory, NULL, claim_of(row->kind), row->value,
                                     &holder);
}

static void
check_differs(const Case *self, const VmsIdentityTable *table)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];
        g_autofree char *key = NULL;
        const char *other;

        if (!is_chosen(self, row))
            continue;
        cr_assert_not(is_held(self, row), "%u: %s %s is somebody's", self->seed, row->where,
                      row->value);
        key = g_strdup_printf("%d %s", claim_of(row->kind), row->value);
        other = g_hash_table_lookup(seen, key);
        cr_assert(!other || g_strcmp0(other, row->old) == 0, "%u: %s is given twice", self->seed,
                  row->value);
        g_hash_table_insert(seen, g_steal_pointer(&key), g_strdup(row->old ? row->old : ""));
    }
}

/* What would have been chosen is somebody's by now. */
static void
check_taken(const Case *self)
{
    g_autoptr(VmsIdentityTable) first = make(self, "salt");
    g_autoptr(VmsIdentityTable) second = NULL;

    check_differs(self, first);
    for (guint i = 0; i < first->rows->len; i++) {
        if (is_chosen(self, first->rows->pdata[i]))
            claim(self, first->rows->pdata[i]);
    }
    second = make(self, "salt");
    check_differs(self, second);
}

Test(identity_random, nothing_is_chosen_that_somebody_has)
{
    for (guint32 seed = 0; seed < count_cases(); seed++) {
        Case self;

        open_case(&self, seed);
        check_taken(&self);
        close_case(&self);
    }
}

/* ---- derived ---- */

static void
check_derived(const Case *self)
{
    g_autoptr(VmsIdentityTable) once = make(self, "one");
    g_autoptr(VmsIdentityTable) again = make(self, "one");
    g_autoptr(VmsIdentityTable) other = make(self, "two");
    g_autoptr(VmsIdentityTable) random = make(self, NULL);

    for (guint i = 0; i < once->rows->len; i++) {
        const VmsTrait *row = once->rows->pdata[i];
        const VmsTrait *same = again->rows->pdata[i];
        const VmsTrait *differs = other->rows->pdata[i];
        gboolean free_choice = is_chosen(self, row) && claim_of(row->kind) != VMS_IDENTITY_PATH;

        cr_assert_str_eq(row->where, same->where);
        cr_assert_eq(g_strcmp0(row->value, same->value), 0, "%u: %s", self->seed, row->where);
        cr_assert(!free_choice || g_strcmp0(row->value, differs->value) != 0, "%u: %s %s",
                  self->seed, row->where, row->value);
    }
    cr_assert_str_neq(once->uuid, random->uuid);
}

Test(identity_random, a_salt_decides_it_all)
{
    for (guint32 seed = 0; seed < count_cases(); seed++) {
        Case self;

        open_case(&self, seed);
        check_derived(&self);
        close_case(&self);
    }
}
