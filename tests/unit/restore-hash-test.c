/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-plan.h"
#include "record/record.h"

#include <criterion/criterion.h>

/* Each thing that decides a restore, changed alone, makes another plan of it; nothing else does. */

#define VM_UUID "11111111-1111-4111-8111-111111111111"
#define OTHER_UUID "22222222-2222-4222-8222-222222222222"

typedef struct {
    VmsSnapshot *snapshot;
    VmsInventory *inventory;
    VmsVm *vm; /* the inventory's, as is the next */
    VmsVm *other;
    VmsRestoreDisk *disk;
    VmsRestorePart *part;
    VmsRestoreRequest request;
    VmsRestoreInput input;
} World;

static VmsVm *
add_vm(GPtrArray *vms, const char *uuid, const char *name)
{
    VmsVm *vm = vms_vm_new(uuid, name);
    VmsDisk *disk = vms_disk_new("vda");

    vm->persistent = TRUE;
    vm->state = VMSNAP_VM_OFF;
    vm->inactive_xml = g_strdup_printf("<domain><name>%s</name></domain>", name);
    disk->source = VMS_SOURCE_FILE;
    disk->path = g_strdup_printf("/srv/%s.qcow2", name);
    g_ptr_array_add(vm->disks, disk);
    g_ptr_array_add(vms, vm);
    return vm;
}

static VmsRestoreDisk *
make_disk(const VmsSnapshotDisk *stored)
{
    VmsRestoreDisk *disk = g_new0(VmsRestoreDisk, 1);

    disk->stored = stored;
    disk->path = g_strdup(stored->source);
    disk->referenced = TRUE;
    disk->exists = TRUE;
    disk->file = (VmsFileId){ .dev = 1, .ino = 7, .size = 1 << 20, .mtime_us = 77 };
    disk->image = (VmsFileId){ .dev = 1, .ino = 8, .size = 1 << 20, .mtime_us = 88 };
    disk->place.free_bytes = (guint64)1 << 30;
    return disk;
}

static VmsRestorePart *
make_part(VmsSnapshot *snapshot)
{
    VmsRestorePart *part = g_new0(VmsRestorePart, 1);
    VmsPart *stored = vms_part_new(VMS_PART_NVRAM, "/srv/web.fd");

    g_ptr_array_add(snapshot->parts, stored);
    part->stored = stored;
    part->exists = TRUE;
    part->file = (VmsFileId){ .dev = 1, .ino = 9, .size = 1 << 16, .mtime_us = 99 };
    return part;
}

static World *
make_world(void)
{
    World *world = g_new0(World, 1);
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    VmsSnapshotDisk *stored = vms_snapshot_disk_new("vda");

    world->vm = add_vm(vms, VM_UUID, "web");
    world->other = add_vm(vms, OTHER_UUID, "db");
    world->inventory = vms_inventory_new(vms);
    world->snapshot = vms_snapshot_new("33333333-3333-4333-8333-333333333333", "daily");
    world->snapshot->vm_uuid = g_strdup(VM_UUID);
    world->snapshot->vm_name = g_strdup("web");
    world->snapshot->phase = VMSNAP_SNAPSHOT_READY;
    world->snapshot->inactive_xml = g_strdup("<domain/>");
    g_ptr_array_add(world->snapshot->macs, g_strdup("52:54:00:00:00:01"));
    world->vm->nvram = g_strdup("/srv/web.fd");
    stored->name = g_strdup("web/vda");
    stored->source = g_strdup("/srv/web.qcow2");
    stored->origin = vms_image_new("/srv/web.qcow2", "qcow2");
    stored->image = vms_image_new("/srv/.vmsnap/x/vda.qcow2", "qcow2");
    g_ptr_array_add(world->snapshot->disks, stored);
    world->disk = make_disk(stored);
    world->input.snapshot = world->snapshot;
    world->input.inventory = world->inventory;
    world->input.vm = world->vm;
    world->input.asked = "web";
    world->part = make_part(world->snapshot);
    world->input.parts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_part_free);
    g_ptr_array_add(world->input.parts, world->part);
    world->input.request = &world->request;
    world->input.disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_disk_free);
    world->input.needs = vms_needs_new();
    g_ptr_array_add(world->input.disks, world->disk);
    return world;
}

static void
world_free(World *world)
{
    vms_snapshot_free(world->snapshot);
    vms_inventory_free(world->inventory);
    g_ptr_array_unref(world->input.disks);
    vms_needs_free(world->input.needs);
    g_ptr_array_unref(world->input.parts);
    g_free(world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static VmsPlan *
plan_of(World *world)
{
    g_autofree char *record = vms_record_write_snapshot(world->snapshot);
    VmsPlan *plan;

    world->input.record = record;
    world->input.flags = world->request.flags;
    plan = vms_restore_make_plan(&world->input);
    world->input.record = NULL;
    return plan;
}

static void
set_text(char **at, const char *text)
{
    g_free(*at);
    *at = g_strdup(text);
}

static void
set_power(VmsVm *vm, vmsnap_vm_state state)
{
    vm->state = state;
    vm->domain_id = state == VMSNAP_VM_OFF ? -1 : 5;
}

/* ---- what changes ---- */

static void
vm_uuid(World *w)
{
    set_text(&w->vm->uuid, OTHER_UUID);
}
static void
vm_xml(World *w)
{
    set_text(&w->vm->inactive_xml, "<domain><title>x</title></domain>");
}
static void
vm_gone(World *w)
{
    w->input.vm = NULL;
}
static void
record_phase(World *w)
{
    w->snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
}
static void
record_xml(World *w)
{
    set_text(&w->snapshot->inactive_xml, "<domain><x/></domain>");
}
static void
record_mac(World *w)
{
    set_text((char **)&w->snapshot->macs->pdata[0], "52:54:00:00:00:02");
}
static void
record_size(World *w)
{
    VmsSnapshotDisk *stored = w->snapshot->disks->pdata[0];

    stored->image->virtual_size = 4096;
}
static void
record_disk(World *w)
{
    g_ptr_array_add(w->snapshot->disks, vms_snapshot_disk_new("vdb"));
}
static void
disk_list(World *w)
{
    VmsSnapshotDisk *stored = vms_snapshot_disk_new("vdc");

    stored->name = g_strdup("web/vdc");
    stored->source = g_strdup("/srv/c.qcow2");
    stored->origin = vms_image_new("/srv/c.qcow2", "qcow2");
    stored->image = vms_image_new("/srv/.vmsnap/x/vdc.qcow2", "qcow2");
    g_ptr_array_add(w->snapshot->disks, stored);
    g_ptr_array_add(w->input.disks, make_disk(stored));
}
static void
target_inode(World *w)
{
    w->disk->file.ino++;
}
static void
target_size(World *w)
{
    w->disk->file.size++;
}
static void
target_mtime(World *w)
{
    w->disk->file.mtime_us++;
}
static void
source_inode(World *w)
{
    w->disk->image.ino++;
}
static void
source_size(World *w)
{
    w->disk->image.size++;
}
static void
source_mtime(World *w)
{
    w->disk->image.mtime_us++;
}
static void
nvram_inode(World *w)
{
    w->part->file.ino++;
}
static void
nvram_mtime(World *w)
{
    w->part->file.mtime_us++;
}
static void
finding_job(World *w)
{
    set_text(&w->vm->job, "backup");
}
static void
finding_image(World *w)
{
    g_ptr_array_add(w->input.needs->lacks, vms_lack_new("VirtualImage", "/srv/a.iso", "gone"));
}
static void
finding_save(World *w)
{
    w->vm->managed_save = TRUE;
}
static void
option_flags(World *w)
{
    w->request.flags = VMSNAP_RESTORE_NO_START;
}
static void
option_stop(World *w)
{
    w->request.stop_timeout_ms = 1000;
}
static void
option_ttl(World *w)
{
    w->request.undo_ttl_s = 60;
}
static void
option_wait(World *w)
{
    w->request.wait_ready_ms = 1000;
}

static void
free_space(World *w)
{
    w->disk->place.free_bytes--;
}
static void
no_space(World *w)
{
    w->disk->place.free_bytes = 1;
}
static void
power_on(World *w)
{
    set_power(w->vm, VMSNAP_VM_RUNNING);
}
static void
power_paused(World *w)
{
    set_power(w->vm, VMSNAP_VM_PAUSED);
}
static void
autostart(World *w)
{
    w->vm->autostart = !w->vm->autostart;
}
static void
other_xml(World *w)
{
    set_text(&w->other->inactive_xml, "<domain><y/></domain>");
}
static void
other_state(World *w)
{
    set_power(w->other, VMSNAP_VM_RUNNING);
}
static void
target_owner(World *w)
{
    w->disk->file.uid = 64055;
}
static void
target_device(World *w)
{
    w->disk->file.dev = 5;
}
static void
target_ctime(World *w)
{
    w->disk->file.ctime_us++;
}

typedef struct {
    const char *name;
    void (*change)(World *world);
} Change;

#define ROW(function)                                                                              \
    {                                                                                              \
#function, function                                                                        \
    }

static const Change decided[] = {
    ROW(vm_uuid),       ROW(vm_xml),       ROW(vm_gone),      ROW(record_phase), ROW(record_xml),
    ROW(record_mac),    ROW(record_size),  ROW(record_disk),  ROW(disk_list),    ROW(target_inode),
    ROW(source_inode),  ROW(source_size),  ROW(source_mtime), ROW(nvram_inode),  ROW(finding_job),
    ROW(finding_image), ROW(finding_save), ROW(option_flags), ROW(option_stop),  ROW(option_ttl),
    ROW(option_wait),
};
/* A running guest changes these by running. */
static const Change moving[] = { ROW(target_size), ROW(target_mtime), ROW(nvram_mtime) };
static const Change free_to_change[] = {
    ROW(free_space), ROW(no_space),    ROW(power_on),     ROW(power_paused),  ROW(autostart),
    ROW(other_xml),  ROW(other_state), ROW(target_owner), ROW(target_device), ROW(target_ctime),
};

/* Whether a plan of @then's world holds in @now's. */
static gboolean
holds(World *then, World *now)
{
    g_autoptr(VmsPlan) made = plan_of(then);
    g_autoptr(VmsPlan) seen = plan_of(now);

    return vms_plan_still_holds(made->hash, made->identity, seen);
}

static void
expect_all(const Change *changes, gsize count, vmsnap_vm_state before, vmsnap_vm_state after,
           gboolean wanted)
{
    for (gsize i = 0; i < count; i++) {
        g_autoptr(World) then = make_world();
        g_autoptr(World) now = make_world();

        set_power(then->vm, before);
        set_power(now->vm, after);
        changes[i].change(now);
        cr_expect_eq(holds(then, now), wanted, "%s, %d to %d", changes[i].name, before, after);
        cr_expect_eq(holds(now, then), wanted, "%s, %d to %d, back", changes[i].name, before,
                     after);
    }
}

static const vmsnap_vm_state powers[] = { VMSNAP_VM_OFF, VMSNAP_VM_RUNNING, VMSNAP_VM_PAUSED };

Test(restore_hash, what_decided_makes_a_plan_stale)
{
    for (gsize i = 0; i < G_N_ELEMENTS(powers); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(powers); j++)
            expect_all(decided, G_N_ELEMENTS(decided), powers[i], powers[j], FALSE);
    }
}

Test(restore_hash, what_did_not_decide_leaves_it)
{
    expect_all(free_to_change, G_N_ELEMENTS(free_to_change), VMSNAP_VM_OFF, VMSNAP_VM_OFF, TRUE);
    expect_all(free_to_change, G_N_ELEMENTS(free_to_change), VMSNAP_VM_RUNNING, VMSNAP_VM_OFF,
               TRUE);
}

Test(restore_hash, a_disk_that_nobody_should_write_decides_by_its_contents)
{
    expect_all(moving, G_N_ELEMENTS(moving), VMSNAP_VM_OFF, VMSNAP_VM_OFF, FALSE);
}

Test(restore_hash, a_guest_that_runs_may_write)
{
    expect_all(moving, G_N_ELEMENTS(moving), VMSNAP_VM_RUNNING, VMSNAP_VM_RUNNING, TRUE);
    expect_all(moving, G_N_ELEMENTS(moving), VMSNAP_VM_RUNNING, VMSNAP_VM_OFF, TRUE);
    expect_all(moving, G_N_ELEMENTS(moving), VMSNAP_VM_OFF, VMSNAP_VM_PAUSED, TRUE);
}
