/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/snapshot.h"
#include "plan/clone-plan.h"

#include <criterion/criterion.h>
#include <string.h>

/* What is found against names, cell by cell: each way to meet it, and what each mode does. */

#define WEB "11111111-1111-4111-8111-111111111111"
#define DB "22222222-2222-4222-8222-222222222222"

/* One way to meet a finding. */
typedef struct {
    const char *what;
    const char *rules[4];
    const char *prefix;
    const char *second;  /* another path for the second disk; NULL: /img/data.raw */
    const char *claimed; /* a file that VM db refers to; NULL: none */
    int blocked;         /* index of a resource at whose place something stands; 0: none */
    const char *reason;  /* NULL: nothing is found */
    const char *kind;
    const char *name;
    const char *new_name;
} Cell;

#define NAMED "VirtualMachine:web=shop"

static const Cell cells[] = {
    { .what = "all is well", .rules = { NAMED } },
    { .what = "a VM has the name",
      .rules = { "VirtualMachine:web=db" },
      .reason = "NameTaken",
      .kind = "VirtualMachine",
      .name = "web",
      .new_name = "db" },
    { .what = "a VM has that for a UUID",
      .rules = { "VirtualMachine:web=" DB },
      .reason = "NameTaken",
      .kind = "VirtualMachine",
      .name = "web",
      .new_name = DB },
    { .what = "a file stands at a disk's place",
      .rules = { NAMED },
      .blocked = 1,
      .reason = "NameTaken",
      .kind = "VirtualDisk",
      .name = "web/vda",
      .new_name = "/img/shop-vda.qcow2" },
    { .what = "another VM refers to a disk's place",
      .rules = { NAMED },
      .claimed = "/img/shop-vdb.raw",
      .reason = "NameTaken",
      .kind = "VirtualDisk",
      .name = "web/vdb",
      .new_name = "/img/shop-vdb.raw" },
    { .what = "a disk would be the source's own",
      .rules = { NAMED, "VirtualDisk:data=web" },
      .second = "/img/data.qcow2",
      .blocked = 2,
      .reason = "NameTaken",
      .kind = "VirtualDisk",
      .name = "web/vdb",
      .new_name = "/img/web.qcow2" },
    { .what = "NVRAM stands there",
      .rules = { NAMED },
      .blocked = 3,
      .reason = "NameTaken",
      .kind = "NVRAM",
      .name = "/nv/web_VARS.fd",
      .new_name = "/nv/shop_VARS.fd" },
    { .what = "another VM has such NVRAM",
      .rules = { NAMED },
      .claimed = "/nv/shop_VARS.fd",
      .reason = "NameTaken",
      .kind = "NVRAM",
      .name = "/nv/web_VARS.fd",
      .new_name = "/nv/shop_VARS.fd" },
    { .what = "a Secret stands there",
      .rules = { NAMED, "Secret:seed=given" },
      .blocked = 4,
      .reason = "NameTaken",
      .kind = "Secret",
      .name = "/img/seed.iso",
      .new_name = "/img/given.iso" },
    { .what = "two disks of one name by rules",
      .rules = { NAMED, "VirtualDisk:web=x", "VirtualDisk:data=x" },
      .reason = "NameCollision",
      .kind = "VirtualDisk",
      .name = "web/vdb",
      .new_name = "/img/x.raw" },
    { .what = "two disks of one name by a prefix",
      .rules = { NULL },
      .prefix = "x-",
      .second = "/other/web.qcow2",
      .reason = "NameCollision",
      .kind = "VirtualDisk",
      .name = "web/vdb",
      .new_name = "/other/x-web.qcow2" },
    { .what = "a disk and a Secret of one path",
      .rules = { NAMED, "VirtualDisk:data=x", "Secret:seed=x" },
      .second = "/img/data.iso",
      .reason = "NameCollision",
      .kind = "Secret",
      .name = "/img/seed.iso",
      .new_name = "/img/x.iso" },
    { .what = "no name of a VM",
      .rules = { "VirtualMachine:web=.shop", "VirtualDisk:web=a", "VirtualDisk:data=b" },
      .reason = "NameInvalid",
      .kind = "VirtualMachine",
      .name = "web",
      .new_name = ".shop" },
    { .what = "a disk with a folder in its name",
      .rules = { NAMED, "VirtualDisk:web/vda=a/b" },
      .reason = "NameInvalid",
      .kind = "VirtualDisk",
      .name = "web/vda",
      .new_name = "/img/a/b.qcow2" },
    { .what = "NVRAM with a line break in its name",
      .rules = { NAMED, "NVRAM:web_VARS=a\nb" },
      .reason = "NameInvalid",
      .kind = "NVRAM",
      .name = "/nv/web_VARS.fd",
      .new_name = "/nv/a\nb.fd" },
    { .what = "two disks that one rule cannot tell apart",
      .rules = { NAMED, "VirtualDisk:web/vda=x", "VirtualDisk:web=y" },
      .second = "/other/web.qcow2",
      .reason = "NameInvalid",
      .kind = "VirtualDisk",
      .name = "web/vdb",
      .new_name = "/other/y.qcow2" },
    { .what = "a rule that is about nothing",
      .rules = { NAMED, "VirtualDisk:nothing=x" },
      .reason = "RuleUnused",
      .kind = "RenameRule",
      .name = "VirtualDisk:nothing=x" },
    { .what = "a rule behind another of the same",
      .rules = { NAMED, "VirtualMachine:web=later" },
      .reason = "RuleUnused",
      .kind = "RenameRule",
      .name = "VirtualMachine:web=later" },
};

typedef struct {
    VmsNamingWish wish;
    VmsInventory *inventory;
    VmsSnapshot *snapshot;
    VmsVm *vm;
    VmsCloneRequest request;
    VmsCloneInput input;
} Case;

static void
open_case(Case *self, const Cell *cell)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    const char *second = cell->second ? cell->second : "/img/data.raw";
    GPtrArray *resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_named_free);

    *self = (Case){ .snapshot = vms_snapshot_new(WEB, "daily"), .vm = vms_vm_new(WEB, "web") };
    self->snapshot->vm_name = g_strdup("web");
    self->snapshot->inactive_xml = g_strdup("<domain/>");
    self->vm->state = VMSNAP_VM_OFF;
    self->vm->domain_id = -1;
    self->vm->state_reason = g_strdup("shutdown");
    g_ptr_array_add(vms, vms_vm_new(WEB, "web"));
    g_ptr_array_add(vms, vms_vm_new(DB, "db"));
    self->inventory = vms_inventory_new(vms);
    vms_inventory_add_file(self->inventory, 0, "/img/web.qcow2", NULL, VMS_FILE_DISK);
    if (cell->claimed)
        vms_inventory_add_file(self->inventory, 1, cell->claimed, NULL, VMS_FILE_DISK);
    g_ptr_array_add(resources, vms_named_new(VMS_NAMED_VM, "web", NULL));
    g_ptr_array_add(resources, vms_named_new(VMS_NAMED_DISK, "/img/web.qcow2", "vda"));
    g_ptr_array_add(resources, vms_named_new(VMS_NAMED_DISK, second, "vdb"));
    g_ptr_array_add(resources, vms_named_new(VMS_NAMED_NVRAM, "/nv/web_VARS.fd", NULL));
    g_ptr_array_add(resources, vms_named_new(VMS_NAMED_SECRET, "/img/seed.iso", "sda"));
    self->wish = (VmsNamingWish){ .prefix = cell->prefix, .inventory = self->inventory };
    cr_assert(vms_naming_rules_parse((char *const *)cell->rules, &self->wish.rules, NULL));
    self->input = (VmsCloneInput){
        .snapshot = self->snapshot,
        .vm = self->vm,
        .inventory = self->inventory,
        .request = &self->request,
        .resources = resources,
        .items = g_ptr_array_new_with_free_func((GDestroyNotify)vms_clone_item_free),
        .needs = vms_needs_new(),
        .naming = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free),
        .against = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free),
    };
}

static void
close_case(Case *self)
{
    vms_clone_input_clear(&self->input);
    g_ptr_array_unref(self->wish.rules);
    vms_inventory_free(self->inventory);
    vms_snapshot_free(self->snapshot);
    vms_vm_free(self->vm);
}

static VmsPlan *
make_plan(Case *self, const Cell *cell)
{
    g_autoptr(GError) error = NULL;

    cr_assert(vms_naming_resolve(&self->wish, self->input.resources, &error), "%s: %s", cell->what,
              error ? error->message : "");
    if (cell->blocked)
        ((VmsNamed *)self->input.resources->pdata[cell->blocked])->obstacle = g_strdup("a file");
    vms_naming_find(&self->wish, self->input.resources, self->input.naming);
    return vms_clone_make_plan(&self->input);
}

/* The only one with a reason. */
static const VmsFinding *
find_reason(const VmsPlan *plan, const Cell *cell)
{
    const VmsFinding *found = NULL;

    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (!finding->reason)
            continue;
        cr_expect_null(found, "%s: %s (%s) as well", cell->what, finding->reason, finding->message);
        found = finding;
    }
    return found;
}

static void
check_cell(const Cell *cell, const VmsPlan *plan)
{
    gboolean warns = g_strcmp0(cell->reason, "RuleUnused") == 0;
    const VmsFinding *finding = find_reason(plan, cell);
    gsize conflicts = cell->reason && !warns;

    cr_expect_str_eq(finding ? finding->reason : "-", cell->reason ? cell->reason : "-", "%s",
                     cell->what);
    cr_expect_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), conflicts, "%s", cell->what);
    cr_expect_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_STRICT), conflicts, "%s", cell->what);
    cr_expect_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_BEST_EFFORT), conflicts, "%s",
                 cell->what);
    if (!finding || !cell->reason)
        return;
    cr_expect_eq(finding->severity, warns ? VMSNAP_SEVERITY_WARNING : VMSNAP_SEVERITY_CONFLICT);
    cr_expect_str_eq(finding->kind, cell->kind, "%s", cell->what);
    cr_expect_str_eq(finding->name, cell->name, "%s", cell->what);
    cr_expect_eq(g_strcmp0(finding->new_name, cell->new_name), 0, "%s: %s", cell->what,
                 finding->new_name);
    cr_expect(finding->message && *finding->message);
    cr_expect(warns || finding->resolution, "%s", cell->what);
}

Test(clone_names, each_cell_says_what_each_mode_does)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cells); i++) {
        g_autoptr(VmsPlan) plan = NULL;
        Case self;

        open_case(&self, &cells[i]);
        plan = make_plan(&self, &cells[i]);
        check_cell(&cells[i], plan);
        close_case(&self);
    }
}
