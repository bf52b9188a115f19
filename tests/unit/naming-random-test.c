/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/naming.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Rules of chance over resources of chance, against the rules' own words. Names are few and short,
 * so that they meet. */

enum { CASES = 20000, MOST = 8 };

typedef struct {
    guint32 seed;
    GRand *rand;
    VmsNamingWish wish;
    GPtrArray *resources;
    GPtrArray *findings;
} Case;

static guint
upto(const Case *self, guint most)
{
    return (guint)g_rand_int_range(self->rand, 0, (gint32)most + 1);
}

static char *
new_name(const Case *self)
{
    static const char *const letters[] = { "a", "b", "c", "web", "a.b", "a b" };

    return g_strconcat(letters[upto(self, 5)], upto(self, 2) == 0 ? letters[upto(self, 5)] : "",
                       NULL);
}

static void
add_files(Case *self)
{
    static const char *const folders[] = { "/x", "/y/web", "/y/web/z" };
    guint count = upto(self, MOST);

    for (guint i = 0; i < count; i++) {
        g_autofree char *name = new_name(self);
        g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)i);
        VmsNamedKind kind = (VmsNamedKind)(VMS_NAMED_DISK + upto(self, 2));
        g_autofree char *path =
            g_strconcat(folders[upto(self, 2)], "/", name, upto(self, 1) ? ".img" : "", NULL);

        g_ptr_array_add(self->resources,
                        vms_named_new(kind, path, kind == VMS_NAMED_NVRAM ? NULL : target));
    }
}

static void
add_rules(Case *self)
{
    guint count = upto(self, MOST);

    for (guint i = 0; i < count; i++) {
        g_autofree char *name =
            upto(self, 3) ? new_name(self) : g_strdup_printf("web/vd%c", 'a' + (int)upto(self, 5));
        g_autofree char *to = new_name(self);
        VmsNamedKind kind = (VmsNamedKind)upto(self, VMS_NAMED_NVRAM);

        g_ptr_array_add(self->wish.rules, vms_naming_rule_new(kind, name, to));
    }
}

static void
open_case(Case *self, guint32 seed)
{
    static const char *const affixes[] = { NULL, "", "p-" };

    *self = (Case){ .seed = seed, .rand = g_rand_new_with_seed(seed) };
    self->wish.rules = g_ptr_array_new_with_free_func((GDestroyNotify)vms_naming_rule_free);
    self->wish.prefix = affixes[upto(self, 2)];
    self->wish.suffix = affixes[upto(self, 2)];
    self->resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_named_free);
    self->findings = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    g_ptr_array_add(self->resources, vms_named_new(VMS_NAMED_VM, "web", NULL));
    add_files(self);
    add_rules(self);
}

static void
close_case(Case *self)
{
    g_rand_free(self->rand);
    g_ptr_array_unref(self->wish.rules);
    g_ptr_array_unref(self->resources);
    g_ptr_array_unref(self->findings);
}

/* The contract's sentence: the first match wins, exact; NULL: none matches. */
static const VmsNamingRule *
first_match(const Case *self, const VmsNamed *named)
{
    g_autofree char *qualified = g_strconcat("web/", named->target, NULL);

    for (guint i = 0; i < self->wish.rules->len; i++) {
        const VmsNamingRule *rule = self->wish.rules->pdata[i];

        if ((rule->kind == VMS_NAMED_ANY || rule->kind == named->kind) &&
            (strcmp(rule->name, named->name) == 0 ||
             (named->target && strcmp(rule->name, qualified) == 0)))
            return rule;
    }
    return NULL;
}

static void
check_name(const Case *self, const VmsNamed *named)
{
    const VmsNamed *vm = self->resources->pdata[0];
    const VmsNamingRule *rule = first_match(self, named);
    g_autofree char *made =
        g_strconcat(self->wish.prefix ? self->wish.prefix : "", rule ? rule->to : named->name,
                    self->wish.suffix ? self->wish.suffix : "", NULL);
    g_autofree char *derived =
        named->kind == VMS_NAMED_DISK ? g_strconcat(vm->new_name, "-", named->target, NULL) : NULL;

    cr_assert_eq(named->derived, strcmp(made, named->name) == 0, "%u", self->seed);
    if (!named->derived)
        cr_assert_str_eq(named->new_name, made, "%u", self->seed);
    else if (derived)
        cr_assert_str_eq(named->new_name, derived, "%u", self->seed);
    else
        cr_assert(strstr(named->new_name, vm->new_name), "%u: %s", self->seed, named->new_name);
    if (!named->path)
        return;
    cr_assert_str_neq(named->new_path, named->path, "%u: it is the source's", self->seed);
    cr_assert_eq(g_str_has_suffix(named->path, ".img"), g_str_has_suffix(named->new_path, ".img"));
    cr_assert(g_str_has_prefix(named->new_path, "/x/") ||
                  g_str_has_prefix(named->new_path + strlen("/y/"), vm->new_name),
              "%u: %s", self->seed, named->new_path);
}

static guint
count_reason(const Case *self, const char *reason)
{
    guint count = 0;

    for (guint i = 0; i < self->findings->len; i++)
        count += strcmp(((const VmsFinding *)self->findings->pdata[i])->reason, reason) == 0;
    return count;
}

static guint
count_collisions(const Case *self)
{
    guint count = 0;

    for (guint i = 0; i < self->resources->len; i++) {
        const VmsNamed *a = self->resources->pdata[i];
        gboolean met = FALSE;

        for (guint j = 0; j < i && !a->fault; j++) {
            const VmsNamed *b = self->resources->pdata[j];

            met = met || (a->kind == b->kind && strcmp(a->new_name, b->new_name) == 0) ||
                  (a->new_path && g_strcmp0(a->new_path, b->new_path) == 0);
        }
        count += met;
    }
    return count;
}

static guint
count_unused(const Case *self)
{
    guint count = 0;

    for (guint i = 0; i < self->wish.rules->len; i++) {
        gboolean used = FALSE;

        for (guint j = 0; j < self->resources->len; j++)
            used =
                used || first_match(self, self->resources->pdata[j]) == self->wish.rules->pdata[i];
        count += !used;
    }
    return count;
}

static gboolean
check_case(Case *self)
{
    const VmsNamed *vm = self->resources->pdata[0];
    const VmsNamingRule *rule = first_match(self, vm);
    gboolean affix =
        (self->wish.prefix && *self->wish.prefix) || (self->wish.suffix && *self->wish.suffix);
    gboolean named = affix || (rule && strcmp(rule->to, "web") != 0);

    cr_assert_eq(vms_naming_resolve(&self->wish, self->resources, NULL), named, "%u", self->seed);
    if (!named)
        return FALSE;
    for (guint i = 0; i < self->resources->len; i++)
        check_name(self, self->resources->pdata[i]);
    vms_naming_find(&self->wish, self->resources, self->findings);
    cr_assert_eq(count_reason(self, "NameCollision"), count_collisions(self), "%u", self->seed);
    cr_assert_eq(count_reason(self, "RuleUnused"), count_unused(self), "%u", self->seed);
    return TRUE;
}

Test(naming_random, names_are_what_the_rules_say)
{
    guint named = 0;

    for (guint32 seed = 0; seed < CASES; seed++) {
        Case self;

        open_case(&self, seed);
        named += check_case(&self);
        close_case(&self);
    }
    cr_assert_geq(named, 10000);
    fprintf(stderr, "# %u of %d sets of resources were named\n", named, CASES);
}
