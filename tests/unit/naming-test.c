/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/naming.h"

#include <criterion/criterion.h>
#include <string.h>

#define WEB "11111111-1111-4111-8111-111111111111"
#define DB "22222222-2222-4222-8222-222222222222"

typedef struct {
    VmsNamingWish wish;
    GPtrArray *resources;
    GPtrArray *findings;
    VmsInventory *inventory;
} Case;

/* VM web with two disks, NVRAM and a Secret in a drive; VM db beside it. */
static void
open_case(Case *self, const char *const *rules)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);

    g_ptr_array_add(vms, vms_vm_new(WEB, "web"));
    g_ptr_array_add(vms, vms_vm_new(DB, "db"));
    *self = (Case){ .inventory = vms_inventory_new(vms) };
    cr_assert(vms_naming_rules_parse((char *const *)rules, &self->wish.rules, NULL));
    self->wish.inventory = self->inventory;
    self->findings = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    self->resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_named_free);
    g_ptr_array_add(self->resources, vms_named_new(VMS_NAMED_VM, "web", NULL));
    g_ptr_array_add(self->resources, vms_named_new(VMS_NAMED_DISK, "/img/web.qcow2", "vda"));
    g_ptr_array_add(self->resources, vms_named_new(VMS_NAMED_DISK, "/img/data.img.raw", "vdb"));
    g_ptr_array_add(self->resources, vms_named_new(VMS_NAMED_NVRAM, "/nv/web_VARS.fd", NULL));
    g_ptr_array_add(self->resources, vms_named_new(VMS_NAMED_SECRET, "/img/seed.iso", "sda"));
}

static void
close_case(Case *self)
{
    g_ptr_array_unref(self->resources);
    g_ptr_array_unref(self->findings);
    g_ptr_array_unref(self->wish.rules);
    vms_inventory_free(self->inventory);
}

static void
resolve(Case *self)
{
    g_autoptr(GError) error = NULL;

    cr_assert(vms_naming_resolve(&self->wish, self->resources, &error), "%s",
              error ? error->message : "");
    vms_naming_find(&self->wish, self->resources, self->findings);
}

static VmsNamed *
at(const Case *self, guint index)
{
    return self->resources->pdata[index];
}

static const char *
reason(const Case *self, guint index)
{
    return index < self->findings->len ? ((const VmsFinding *)self->findings->pdata[index])->reason
                                       : "none";
}

Test(naming, all_follows_from_the_clones_name)
{
    static const char *const rules[] = { "VirtualMachine:web=shop", NULL };
    Case self;

    open_case(&self, rules);
    resolve(&self);
    cr_assert_str_eq(at(&self, 0)->new_name, "shop");
    cr_assert_str_eq(at(&self, 1)->new_path, "/img/shop-vda.qcow2");
    cr_assert_str_eq(at(&self, 2)->new_path, "/img/shop-vdb.raw");
    cr_assert_str_eq(at(&self, 3)->new_path, "/nv/shop_VARS.fd");
    cr_assert_str_eq(at(&self, 4)->new_path, "/img/shop-seed.iso");
    cr_assert(at(&self, 1)->derived);
    cr_assert_eq(self.findings->len, 0, "%s", reason(&self, 0));
    close_case(&self);
}

Test(naming, the_first_rule_wins_and_prefix_and_suffix_go_around_it)
{
    static const char *const rules[] = { "VirtualDisk:web/vdb=store", "VirtualDisk:data.img=lost",
                                         "web=shop", NULL };
    Case self;

    open_case(&self, rules);
    self.wish.prefix = "a-";
    self.wish.suffix = "-z";
    resolve(&self);
    cr_assert_str_eq(at(&self, 0)->new_name, "a-shop-z");
    cr_assert_str_eq(at(&self, 1)->new_path, "/img/a-shop-z.qcow2");
    cr_assert_str_eq(at(&self, 2)->new_path, "/img/a-store-z.raw");
    cr_assert_str_eq(at(&self, 3)->new_path, "/nv/a-web_VARS-z.fd");
    cr_assert_str_eq(at(&self, 4)->new_path, "/img/a-seed-z.iso");
    cr_assert_eq(self.findings->len, 1);
    cr_assert_str_eq(reason(&self, 0), "RuleUnused", "the second disk rule never wins");
    close_case(&self);
}

Test(naming, names_are_exact_and_case_counts)
{
    static const char *const rules[] = {
        "VirtualMachine:web=shop", "Web=x",        "VirtualDisk:we=y",
        "VirtualDisk:web.qcow2=z", "Secret:web=q", NULL
    };
    Case self;

    open_case(&self, rules);
    resolve(&self);
    cr_assert_str_eq(at(&self, 1)->new_path, "/img/shop-vda.qcow2");
    cr_assert_eq(self.findings->len, 4);
    close_case(&self);
}

Test(naming, without_a_name_there_is_no_clone)
{
    static const char *const rules[] = { "VirtualDisk:web=x", "VirtualMachine:web=web", NULL };
    g_autoptr(GError) error = NULL;
    Case self;

    open_case(&self, rules);
    cr_assert_not(vms_naming_resolve(&self.wish, self.resources, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "NameRequired");
    close_case(&self);
}

Test(naming, two_sources_of_one_final_name_collide)
{
    static const char *const rules[] = { "VirtualMachine:web=shop", "web/vda=x", "data.img=x",
                                         NULL };
    Case self;

    open_case(&self, rules);
    resolve(&self);
    cr_assert_eq(self.findings->len, 1);
    cr_assert_str_eq(reason(&self, 0), "NameCollision");
    cr_assert_str_eq(((VmsFinding *)self.findings->pdata[0])->holder, "VirtualDisk web/vda");
    close_case(&self);
}

Test(naming, disks_of_one_base_name_are_told_by_their_targets)
{
    static const char *const rules[] = { "VirtualMachine:web=shop", "VirtualDisk:web=x", NULL };
    static const char *const exact[] = { "VirtualMachine:web=shop", "VirtualDisk:web/vda=x",
                                         "VirtualDisk:web/vdb=y", NULL };
    Case self;

    open_case(&self, rules);
    vms_named_free(at(&self, 2));
    self.resources->pdata[2] = vms_named_new(VMS_NAMED_DISK, "/other/web.raw", "vdb");
    resolve(&self);
    cr_assert_str_eq(reason(&self, 0), "NameInvalid");
    g_ptr_array_unref(self.wish.rules);
    cr_assert(vms_naming_rules_parse((char *const *)exact, &self.wish.rules, NULL));
    g_ptr_array_set_size(self.findings, 0);
    resolve(&self);
    cr_assert_eq(self.findings->len, 0);
    cr_assert_str_eq(at(&self, 2)->new_path, "/other/y.raw");
    close_case(&self);
}

Test(naming, what_is_there_already_is_taken)
{
    static const char *const rules[] = { "VirtualMachine:web=db", NULL };
    Case self;

    open_case(&self, rules);
    vms_inventory_add_file(self.inventory, 1, "/img/db-vda.qcow2", NULL, VMS_FILE_DISK);
    cr_assert(vms_naming_resolve(&self.wish, self.resources, NULL));
    at(&self, 4)->obstacle = g_strdup("a file");
    vms_naming_find(&self.wish, self.resources, self.findings);
    cr_assert_eq(self.findings->len, 3);
    for (guint i = 0; i < 3; i++)
        cr_assert_str_eq(reason(&self, i), "NameTaken");
    cr_assert_str_eq(((VmsFinding *)self.findings->pdata[0])->holder, "VM db");
    cr_assert_str_eq(((VmsFinding *)self.findings->pdata[2])->new_name, "/img/db-seed.iso");
    close_case(&self);
}

typedef struct {
    const char *name;
    gboolean vm;
    gboolean file;
} Valid;

Test(naming, only_what_libvirt_and_file_systems_take_is_a_name)
{
    static const Valid names[] = {
        { "web", TRUE, TRUE },    { "", FALSE, FALSE },      { "a/b", FALSE, FALSE },
        { ".", FALSE, FALSE },    { "..", FALSE, FALSE },    { ".web", FALSE, TRUE },
        { "a\nb", FALSE, FALSE }, { "a\x7f", FALSE, FALSE }, { "\xff", FALSE, FALSE },
        { " ", FALSE, TRUE },     { "wéb <&>", TRUE, TRUE }, { "\xc2\x85", FALSE, FALSE },
    };
    g_autofree char *longest = g_strnfill(200, 'x');
    g_autofree char *longer = g_strnfill(255, 'x');
    g_autofree char *too_long = g_strnfill(256, 'x');

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        cr_expect_eq(vms_naming_check_vm(names[i].name, NULL), names[i].vm, "%s", names[i].name);
        cr_expect_eq(vms_naming_check_file(names[i].name, NULL), names[i].file, "%s",
                     names[i].name);
    }
    cr_assert(vms_naming_check_vm(longest, NULL));
    cr_assert_not(vms_naming_check_vm(longer, NULL));
    cr_assert(vms_naming_check_file(longer, NULL));
    cr_assert_not(vms_naming_check_file(too_long, NULL));
}

Test(naming, a_name_that_grows_too_long_is_invalid)
{
    static const char *const rules[] = { "VirtualMachine:web=shop", NULL };
    g_autofree char *suffix = g_strnfill(250, 'x');
    Case self;

    open_case(&self, rules);
    self.wish.suffix = suffix;
    resolve(&self);
    cr_assert_eq(self.findings->len, 5);
    cr_assert_str_eq(reason(&self, 0), "NameInvalid");
    cr_assert_str_eq(reason(&self, 4), "NameInvalid", "the extension counts");
    close_case(&self);
}

Test(naming, rules_are_written_with_a_kind_and_escapes)
{
    g_autoptr(VmsNamingRule) rule = NULL;
    g_autofree char *text = NULL;

    cr_assert(vms_naming_rule_parse("VirtualDisk:a\\:b\\=c\\\\=d:e=f", &rule, NULL));
    cr_assert_eq(rule->kind, VMS_NAMED_DISK);
    cr_assert_str_eq(rule->name, "a:b=c\\");
    cr_assert_str_eq(rule->to, "d:e=f");
    text = vms_naming_rule_describe(rule);
    cr_assert_str_eq(text, "VirtualDisk:a\\:b\\=c\\\\=d:e=f");
}

Test(naming, what_is_no_rule_is_refused)
{
    static const char *const texts[] = { "",          "web", "=x", "web=", "VirtualDsk:a=b",
                                         "Secret:=x", "a:b" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        VmsNamingRule *rule = NULL;
        g_autoptr(GError) error = NULL;

        cr_expect_not(vms_naming_rule_parse(texts[i], &rule, &error), "%s", texts[i]);
        cr_expect(error && vms_error_get_code(error) == VMSNAP_E_INVALID);
    }
}

Test(naming, a_folder_of_the_vms_own_follows)
{
    static const char *const rules[] = { "VirtualMachine:web=shop", NULL };
    const VmsNewFolder *folder;
    VmsNamed *disk;
    Case self;

    open_case(&self, rules);
    disk = vms_named_new(VMS_NAMED_DISK, "/vms/web/disks/a.qcow2", "vdc");
    g_ptr_array_add(self.resources, disk);
    resolve(&self);
    cr_assert_str_eq(disk->new_path, "/vms/shop/disks/shop-vdc.qcow2");
    cr_assert_eq(disk->folders->len, 2);
    folder = disk->folders->pdata[0];
    cr_assert_str_eq(folder->path, "/vms/shop");
    cr_assert_str_eq(folder->like, "/vms/web");
    folder = disk->folders->pdata[1];
    cr_assert_str_eq(folder->path, "/vms/shop/disks");
    vms_inventory_add_file(self.inventory, 1, "/vms/web/iso/x", NULL, VMS_FILE_MEDIA);
    resolve(&self);
    cr_assert_str_eq(disk->new_path, "/vms/web/disks/shop-vdc.qcow2", "others have files there");
    cr_assert_eq(disk->folders->len, 0);
    close_case(&self);
}

Test(naming, no_folder_of_the_host_is_a_vms_own)
{
    VmsFollow follow = { .name = "x" };
    static const char *const names[] = { "var", "lib", "libvirt", "images", "srv" };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *folder = NULL;

        follow.source = names[i];
        folder = vms_follow_folder(&follow, "/var/lib/libvirt/images", NULL);
        cr_expect_str_eq(folder, "/var/lib/libvirt/images");
    }
    follow.source = "srv";
    {
        g_autofree char *folder = vms_follow_folder(&follow, "/srv/a", NULL);

        cr_expect_str_eq(folder, "/srv/a");
    }
}
