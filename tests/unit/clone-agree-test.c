/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/store.h"
#include "model/name.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmsnap/clone.h>

/* What a dry-run says, a run does: over worlds of chance, in both modes, through the whole engine.
 * VMSNAP_TEST_CASES says how many: test_clone_agree.py runs ten thousand. */

enum { CASES = 1000, WORLDS = 20 };

/* One world, and what of it is by chance. */
typedef struct {
    EngineBench *bench;
    GRand *rand;
    char *snapshot; /* NULL: the VM itself is cloned */
    guint number;
    guint refused;
    guint made;
    GHashTable *reasons; /* every finding that was met */
} World;

/* What this host lacks, and has no room for, whatever else it is asked. */
static struct {
    VmsHypervisorOps hypervisor;
    VmsVolumeOps volume;
    const VmsVolumeOps *inner;
    GPtrArray *lacks; /* char* kinds */
    gboolean full;
} host;

static gboolean
read_needs(VmsHypervisor *hv, const char *xml, VmsNeeds **ret_needs, GError **error)
{
    VmsNeeds *needs = vms_needs_new();

    (void)hv;
    (void)xml;
    (void)error;
    for (guint i = 0; i < host.lacks->len; i++) {
        const char *kind = host.lacks->pdata[i];
        VmsLack *lack = vms_lack_new(kind, "thing", "there is no thing");

        if (g_str_equal(kind, "HostDevice"))
            lack->element = g_strdup("hostdev");
        g_ptr_array_add(needs->lacks, lack);
    }
    *ret_needs = needs;
    return TRUE;
}

static gboolean
read_place(VmsVolume *volume, const char *source, const char *folder, VmsPlaceInfo *ret_info,
           GError **error)
{
    if (!host.inner->read_place(volume, source, folder, ret_info, error))
        return FALSE;
    if (host.full)
        ret_info->free_bytes = 4096;
    return TRUE;
}

static void
take_host(EngineBench *bench)
{
    VmsHypervisor *hv = bench->engine.drivers->hypervisor;
    VmsVolume *volume = bench->engine.drivers->volume;

    if (!host.lacks)
        host.lacks = g_ptr_array_new();
    host.hypervisor = *hv->ops;
    host.hypervisor.read_needs = read_needs;
    hv->ops = &host.hypervisor;
    host.inner = volume->ops;
    host.volume = *volume->ops;
    host.volume.read_place = read_place;
    volume->ops = &host.volume;
}

/* ---- a world ---- */

static void
configure(FakeWorld *world, gboolean stores)
{
    g_snprintf(
        world->xml, sizeof(world->xml),
        "<domain><name>web</name><uuid>" FAKE_UUID "</uuid><os><nvram>%s</nvram></os>"
        "<devices><disk type='file' device='disk'><source file='%s'/><target dev='vda'/>"
        "</disk><disk type='file' device='disk'><source file='%s'/><target dev='vdb'/></disk>"
        "<disk type='file' device='cdrom'><source file='%s'/><target dev='sda'/></disk>"
        "<interface type='user'><mac address='" FAKE_MAC "'/></interface>%s</devices></domain>",
        world->nvram, world->disks[0], world->disks[1], world->seed,
        stores ? "<memory model='nvdimm'><source><path>/pmem</path></source></memory>" : "");
}

static void
open_world(World *self, GRand *rand, GHashTable *reasons)
{
    *self = (World){ .bench = engine_bench_new(), .rand = rand, .reasons = reasons };
    engine_bench_add_parts(self->bench);
    configure(self->bench->world, FALSE);
    if (g_rand_boolean(rand))
        cr_assert(engine_bench_snapshot(self->bench, &self->snapshot));
    take_host(self->bench);
}

static void
close_world(World *self)
{
    engine_bench_free(self->bench);
    g_free(self->snapshot);
}

static gboolean
chance(const World *self, guint percent)
{
    return (guint)g_rand_int_range(self->rand, 0, 100) < percent;
}

static const char *
pick(const World *self, const char *const *from, gsize count)
{
    return from[g_rand_int_range(self->rand, 0, (gint32)count)];
}

/* ---- what is there ---- */

static void
list_files(const char *path, GHashTable *files)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    if (!dir) {
        g_hash_table_add(files, g_strdup(path));
        return;
    }
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        list_files(child, files);
    }
}

static GHashTable *
see(const World *self)
{
    static const char *const folders[] = { "disks", "nvram", "tpm", "media" };
    GHashTable *files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = g_build_filename(self->bench->folder, folders[i], NULL);

        list_files(folder, files);
    }
    return files;
}

/* Files that are there now and were not before; their number. */
static guint
count_new(const World *self, GHashTable *before)
{
    g_autoptr(GHashTable) now = see(self);
    GHashTableIter at;
    gpointer path;
    guint count = 0;

    g_hash_table_iter_init(&at, now);
    while (g_hash_table_iter_next(&at, &path, NULL))
        count += !g_hash_table_contains(before, path);
    g_hash_table_iter_init(&at, before);
    while (g_hash_table_iter_next(&at, &path, NULL))
        cr_assert(g_hash_table_contains(now, path), "%u: %s is gone", self->number, (char *)path);
    return count;
}

static void
remove_new(const World *self, GHashTable *before)
{
    g_autoptr(GHashTable) now = see(self);
    GHashTableIter at;
    gpointer path;

    g_hash_table_iter_init(&at, now);
    while (g_hash_table_iter_next(&at, &path, NULL)) {
        if (!g_hash_table_contains(before, path))
            g_unlink(path);
    }
}

/* ---- one case ---- */

typedef struct {
    VmsCloneRequest request;
    char *rules[4];
    vmsnap_mode mode;
    char *obstacle; /* a file that was put in the way; NULL: none */
    GHashTable *before;
} Case;

static void
choose_names(World *self, Case *one)
{
    static const char *const names[] = { "copy",  "copy",  "copy", "copy", "a/b",
                                         ".copy", "other", "web",  "x y",  NULL };
    static const char *const rules[] = { "VirtualDisk:a=disk-a",
                                         "VirtualDisk:b=disk-a",
                                         "VirtualDisk:web/vda=disk-b",
                                         "nothing=x",
                                         "NVRAM:web=vars",
                                         "Secret:seed=seed-2",
                                         "a=..",
                                         "VirtualMachine:web=ruled" };
    static const char *const affixes[] = { "new-", "-2", "/", "" };
    guint count = (guint)g_rand_int_range(self->rand, 0, 4);

    one->request.name = (char *)pick(self, names, G_N_ELEMENTS(names));
    for (guint i = 0; i < count; i++)
        one->rules[i] = (char *)pick(self, rules, G_N_ELEMENTS(rules));
    one->request.rules = one->rules;
    if (chance(self, 20))
        one->request.prefix = (char *)pick(self, affixes, G_N_ELEMENTS(affixes));
    if (chance(self, 20))
        one->request.suffix = (char *)pick(self, affixes, G_N_ELEMENTS(affixes));
    if (chance(self, 30))
        one->request.seed = (char *)"salt";
}

static void
choose_world(World *self, Case *one)
{
    static const char *const kinds[] = { "VirtualImage", "HostDevice", "Network",
                                         "VirtualMachineClass" };
    FakeWorld *world = self->bench->world;

    g_ptr_array_set_size(host.lacks, 0);
    host.full = chance(self, 5);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (chance(self, 6))
            g_ptr_array_add(host.lacks, (gpointer)kinds[i]);
    }
    configure(world, !self->snapshot && chance(self, 5));
    world->other[0] = '\0';
    world->clone[0] = '\0';
    world->managed_save = chance(self, 5);
    world->gone = self->snapshot && chance(self, 50);
    world->state = VMSNAP_VM_OFF;
    world->domain_id = -1;
    world->pieces = chance(self, 50);
    if (!self->snapshot && chance(self, 3)) {
        world->state = VMSNAP_VM_RUNNING;
        world->domain_id = 7;
        world->pieces = 1;
    }
    one->mode = chance(self, 50) ? VMSNAP_MODE_STRICT : VMSNAP_MODE_BEST_EFFORT;
    one->request.run_policy = chance(self, 10) ? VMSNAP_RUN_POLICY_INHERIT : 0;
    one->request.flags = chance(self, 20) ? VMSNAP_CLONE_KEEP_SERIAL : 0;
}

static gboolean
plan(World *self, const Case *one, VmsPlan **ret_plan, GError **error)
{
    const VmsCloneSource source = { .vm_uuid = self->snapshot ? NULL : FAKE_UUID,
                                    .snapshot_uuid = self->snapshot };

    return vms_engine_plan_clone(&self->bench->engine, &source, &one->request, ret_plan, error);
}

/* Where a file of the clone will stand: somebody has it, or something is there. */
static void
put_in_the_way(World *self, Case *one)
{
    g_autoptr(VmsPlan) first = NULL;
    const VmsFinding *finding;

    if (!chance(self, 25) || !plan(self, one, &first, NULL))
        return;
    finding = first->findings->pdata[g_rand_int_range(self->rand, 0, (gint32)first->findings->len)];
    if (!finding->new_name || finding->new_name[0] != '/')
        return;
    if (chance(self, 50)) {
        g_strlcpy(self->bench->world->other, finding->new_name, sizeof(self->bench->world->other));
        return;
    }
    if (access(finding->new_name, F_OK) == 0 ||
        !g_file_set_contents(finding->new_name, "theirs", -1, NULL))
        return;
    one->obstacle = g_strdup(finding->new_name);
}

static gboolean
run(World *self, const Case *one, const VmsPlan *planned, const char *operation)
{
    g_clear_error(&self->bench->error);
    return vms_engine_clone(&self->bench->engine, operation, planned, one->mode,
                            &self->bench->progress, &self->bench->error);
}

/* ---- whether they agree ---- */

static void
expect_untouched(const World *self, const Case *one)
{
    cr_assert_eq(count_new(self, one->before), 0, "%u: something was made", self->number);
    cr_assert_eq(self->bench->world->clone[0], '\0', "%u: a VM was defined", self->number);
}

static void
expect_refused(const World *self, const Case *one, const VmsPlan *planned)
{
    const GError *error = self->bench->error;
    gboolean told = FALSE;

    for (guint i = 0; i < planned->findings->len; i++) {
        const VmsFinding *finding = planned->findings->pdata[i];

        told = told || (vms_finding_act(finding, one->mode) == VMS_ACT_REFUSE &&
                        g_strcmp0(finding->reason, vms_error_get_reason(error)) == 0);
    }
    cr_assert(told, "%u: the run says %s (%s), the dry-run does not", self->number,
              vms_error_get_reason(error), error->message);
    expect_untouched(self, one);
}

/* Findings of the run are those of the dry-run, in their order; a run may add to them. */
static void
expect_same_findings(const World *self, const VmsPlan *planned, const char *uuid)
{
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(VmsOperation) operation = NULL;
    guint at = 0;

    cr_assert(vms_catalog_get(self->bench->engine.drivers->catalog, VMS_STORE_OPERATION, uuid,
                              &record, NULL));
    operation = vms_store_read_operation(record, NULL);
    cr_assert_not_null(operation);
    cr_assert_str_eq(operation->plan_hash, planned->hash);
    for (guint i = 0; i < planned->findings->len; i++) {
        const VmsFinding *finding = planned->findings->pdata[i];

        while (at < operation->resources->len) {
            const VmsFinding *done = operation->resources->pdata[at];

            if (g_strcmp0(done->name, finding->name) == 0 &&
                g_strcmp0(done->reason, finding->reason) == 0)
                break;
            at++;
        }
        cr_assert_lt(at, operation->resources->len, "%u: the run does not tell of %s %s",
                     self->number, finding->name, finding->reason);
    }
}

static void
expect_made(const World *self, const Case *one, const VmsPlan *planned, const char *operation)
{
    g_autofree char *name = g_markup_printf_escaped("<name>%s</name>", planned->vm_name);
    guint promised = 0;

    for (guint i = 0; i < planned->findings->len; i++) {
        const VmsFinding *finding = planned->findings->pdata[i];

        if (finding->status != VMS_RESOURCE_NEW || finding->reason ||
            g_str_equal(finding->kind, "VirtualMachine"))
            continue;
        promised++;
        if (finding->new_name)
            cr_assert(access(finding->new_name, F_OK) == 0 &&
                          !g_hash_table_contains(one->before, finding->new_name),
                      "%u: %s was not made", self->number, finding->new_name);
    }
    cr_assert_eq(count_new(self, one->before), promised, "%u: %u files were promised", self->number,
                 promised);
    cr_assert(strstr(self->bench->world->clone, name), "%u: no VM %s", self->number, name);
    expect_same_findings(self, planned, operation);
}

static void
note_reasons(World *self, const VmsPlan *planned)
{
    for (guint i = 0; i < planned->findings->len; i++) {
        const VmsFinding *finding = planned->findings->pdata[i];

        if (finding->reason)
            g_hash_table_add(self->reasons, g_strdup(finding->reason));
    }
}

/* A dry-run changes nothing, and a second one says the same. */
static VmsPlan *
dry_run(World *self, const Case *one, GError **error)
{
    static const char *const acts[] = { "define", "start", "stop", "suspend", "freeze", "job" };
    g_autoptr(VmsPlan) again = NULL;
    VmsPlan *planned = NULL;
    FakeWorld *world = self->bench->world;

    world->logged = 0;
    memset(world->log, 0, sizeof(world->log));
    if (!plan(self, one, &planned, error))
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(acts); i++)
        cr_assert_null(strstr(world->log, acts[i]), "%u: a dry-run did %s", self->number, acts[i]);
    expect_untouched(self, one);
    if (chance(self, 10)) {
        cr_assert(plan(self, one, &again, NULL));
        cr_assert_str_eq(again->hash, planned->hash, "%u", self->number);
    }
    return planned;
}

static void
try_case(World *self, Case *one)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *operation = vms_name_new_uuid();
    g_autoptr(VmsPlan) planned = dry_run(self, one, &error);
    gboolean done;

    if (!planned) {
        expect_untouched(self, one);
        self->refused++;
        return;
    }
    done = run(self, one, planned, operation);
    note_reasons(self, planned);
    cr_assert_eq(done, vms_plan_count_conflicts(planned, one->mode) == 0, "%u: %s", self->number,
                 done ? "made in spite of the dry-run" : self->bench->error->message);
    if (done)
        expect_made(self, one, planned, operation);
    else
        expect_refused(self, one, planned);
    self->made += done;
    self->refused += !done;
}

static void
try_chance(World *self)
{
    Case one = { 0 };

    choose_names(self, &one);
    choose_world(self, &one);
    put_in_the_way(self, &one);
    one.before = see(self);
    try_case(self, &one);
    if (one.obstacle)
        g_hash_table_remove(one.before, one.obstacle);
    remove_new(self, one.before);
    g_hash_table_unref(one.before);
    g_free(one.obstacle);
}

static void
expect_met(GHashTable *reasons)
{
    static const char *const all[] = { "NameTaken",        "NameCollision",     "NameInvalid",
                                       "RuleUnused",       "OutOfSpace",        "ImageMissing",
                                       "NetworkMissing",   "HostDeviceMissing", "ClassMissing",
                                       "TargetUnsupported" };

    for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
        cr_expect(g_hash_table_contains(reasons, all[i]), "%s was never met", all[i]);
}

Test(clone_agree, a_run_does_what_its_dry_run_said, .timeout = 230)
{
    const char *wanted = g_getenv("VMSNAP_TEST_CASES");
    guint cases = wanted ? (guint)strtoul(wanted, NULL, 10) : CASES;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autoptr(GHashTable) reasons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint made = 0;
    guint refused = 0;

    for (guint number = 0; number < cases;) {
        World world;

        open_world(&world, rand, reasons);
        for (guint i = 0; i < WORLDS && number < cases; i++) {
            world.number = number++;
            try_chance(&world);
        }
        cr_assert_eq(engine_bench_open_operations(world.bench), 0, "%u", number);
        made += world.made;
        refused += world.refused;
        close_world(&world);
    }
    expect_met(reasons);
    fprintf(stderr, "# %u cases: %u clones made, %u refused, as their dry-runs said\n",
            made + refused, made, refused);
}
