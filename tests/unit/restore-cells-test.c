/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/conflict.h"
#include "support/restore-case.h"

#include <criterion/criterion.h>

/* Each row of the contract's table, staged, in each of its columns: dry-run, strict and
 * best-effort, each for a VM that is off, that runs, and that runs but is to be left off. */

#define DISK "/srv/web.qcow2"

typedef enum { OFF = 0, RUNNING, NO_START, POWERS } Power;

static const char *const power_names[] = { "off", "running", "running, to be left off" };

typedef struct {
    const char *reason;
    const char *what; /* which way of getting there */
    void (*stage)(RestoreCase *self);
    const char *kind;
    const char *object;
    const char *holder; /* NULL: nobody */
    vmsnap_severity dry_run;
    VmsAct strict[POWERS];
    VmsAct best_effort[POWERS];
} Cell;

/* ---- the VM and its snapshot ---- */

static void
stage_gone(RestoreCase *self)
{
    self->input.vm = NULL;
}
static void
stage_other_uuid(RestoreCase *self)
{
    self->other->domain_id = self->vm->domain_id;
    self->input.vm = self->other;
}
static void
stage_renamed(RestoreCase *self)
{
    g_free(self->vm->name);
    self->vm->name = g_strdup("web2");
}
static void
stage_transient(RestoreCase *self)
{
    self->vm->persistent = FALSE;
}
static void
stage_transient_then(RestoreCase *self)
{
    g_clear_pointer(&self->snapshot->inactive_xml, g_free);
}
static void
stage_failed(RestoreCase *self)
{
    self->snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
}
static void
stage_image_lost(RestoreCase *self)
{
    self->disk->image_fault = g_strdup("it is gone");
}
static void
stage_partial(RestoreCase *self)
{
    self->snapshot->partial = TRUE;
}
static void
stage_partial_told(RestoreCase *self)
{
    self->snapshot->partial = TRUE;
    self->input.flags |= VMSNAP_RESTORE_ALLOW_PARTIAL;
}
static void
stage_backup(RestoreCase *self)
{
    self->vm->job = g_strdup("backup");
}
static void
stage_migration(RestoreCase *self)
{
    self->vm->migrating = TRUE;
}
static void
stage_block_job(RestoreCase *self)
{
    VmsDisk *disk = vms_disk_new("vda");

    disk->busy = TRUE;
    self->vm->live_disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
    g_ptr_array_add(self->vm->live_disks, disk);
}
static void
stage_saved(RestoreCase *self)
{
    self->vm->managed_save = TRUE;
}
static void
stage_saved_told(RestoreCase *self)
{
    self->vm->managed_save = TRUE;
    self->input.flags |= VMSNAP_RESTORE_DROP_MANAGED_SAVE;
}
static void
stage_later(RestoreCase *self)
{
    g_ptr_array_add(self->input.later, g_strdup("weekly"));
}

/* ---- disks and parts ---- */

static void
stage_attached(RestoreCase *self)
{
    vms_inventory_add_file(self->inventory, restore_case_other(self), DISK, NULL, VMS_FILE_DISK);
}
static void
stage_left_out_attached(RestoreCase *self)
{
    VmsDisk *disk = vms_disk_new("vdb");

    disk->source = VMS_SOURCE_FILE;
    disk->path = g_strdup("/srv/data.raw");
    g_ptr_array_add(self->input.needs->disks, disk);
    vms_inventory_add_file(self->inventory, restore_case_other(self), "/srv/data.raw", NULL,
                           VMS_FILE_DISK);
}
static void
stage_backing(RestoreCase *self)
{
    vms_inventory_add_file(self->inventory, restore_case_other(self), DISK, NULL, VMS_FILE_BACKING);
}
static void
stage_base_by_name(RestoreCase *self)
{
    const VmsFileId nowhere = { 0 };

    g_ptr_array_add(self->input.bases, vms_restore_base_new(DISK, &nowhere, "volume pool/child"));
}
static void
stage_base_by_file(RestoreCase *self)
{
    g_ptr_array_add(self->input.bases,
                    vms_restore_base_new("/mnt/a.qcow2", &self->disk->file, "snapshot weekly"));
}
static void
stage_open(RestoreCase *self)
{
    self->disk->use.holders = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(self->disk->use.holders, g_strdup("process 4711 (qemu-nbd)"));
}
static void
stage_foreign(RestoreCase *self)
{
    self->disk->referenced = FALSE;
}
static void
stage_device_target(RestoreCase *self)
{
    self->disk->device = TRUE;
}

/* It was one, of 100 MiB, and is. */
static void
stage_device_kept(RestoreCase *self, guint64 mib)
{
    VmsSnapshotDisk *stored = self->snapshot->disks->pdata[0];

    stored->origin->block_device = TRUE;
    stored->image->file.size = 100 * RESTORE_CASE_MIB;
    self->disk->device = TRUE;
    self->disk->file.size = mib * RESTORE_CASE_MIB;
}
static void
stage_device_smaller(RestoreCase *self)
{
    stage_device_kept(self, 99);
}
static void
stage_device_larger(RestoreCase *self)
{
    stage_device_kept(self, 101);
}
static void
stage_device_gone(RestoreCase *self)
{
    stage_device_kept(self, 0);
    self->disk->exists = FALSE;
    self->disk->device = FALSE;
}
static void
stage_device_is_file(RestoreCase *self)
{
    stage_device_kept(self, 100);
    self->disk->device = FALSE;
}
static void
stage_device_qcow2(RestoreCase *self)
{
    VmsSnapshotDisk *stored = self->snapshot->disks->pdata[0];

    stage_device_kept(self, 100);
    g_free(stored->image->format);
    stored->image->format = g_strdup("raw");
}
static void
stage_device_full(RestoreCase *self)
{
    stage_device_kept(self, 100);
    self->disk->place.free_bytes = 100 * RESTORE_CASE_MIB;
}

static void
stage_nfs(RestoreCase *self)
{
    g_free(self->disk->place.fs_type);
    self->disk->place.fs_type = g_strdup("nfs");
}

static void
stage_obstacle(RestoreCase *self)
{
    self->disk->exists = FALSE;
    self->disk->obstacle = g_strdup("it is a symbolic link");
}
static void
stage_full(RestoreCase *self)
{
    self->disk->place.free_bytes = RESTORE_CASE_MIB;
}

static VmsRestorePart *
add_part(RestoreCase *self, VmsPartKind kind)
{
    VmsPart *stored = vms_part_new(kind, "/srv/part");
    VmsRestorePart *part = g_new0(VmsRestorePart, 1);

    g_ptr_array_add(self->snapshot->parts, stored);
    part->stored = stored;
    part->exists = TRUE;
    g_ptr_array_add(self->input.parts, part);
    return part;
}

static void
stage_foreign_nvram(RestoreCase *self)
{
    add_part(self, VMS_PART_NVRAM);
}
static void
stage_nvram_of_other(RestoreCase *self)
{
    add_part(self, VMS_PART_NVRAM);
    vms_inventory_add_file(self->inventory, restore_case_other(self), "/srv/part", NULL,
                           VMS_FILE_NVRAM);
}
static void
stage_nvram_lost(RestoreCase *self)
{
    g_free(self->vm->nvram);
    self->vm->nvram = g_strdup("/srv/part");
    add_part(self, VMS_PART_NVRAM)->fault = g_strdup("it is gone");
}
static void
stage_secret(RestoreCase *self)
{
    add_part(self, VMS_PART_SECRET);
}

/* ---- identity and dependencies ---- */

static void
stage_mac(RestoreCase *self)
{
    g_ptr_array_add(self->snapshot->macs, g_strdup("52:54:00:aa:bb:cc"));
    vms_inventory_add_claim(self->inventory, restore_case_other(self), VMS_IDENTITY_MAC,
                            "52:54:00:aa:bb:cc");
}

static VmsLack *
add_lack(RestoreCase *self, const char *kind, const char *name, const char *element)
{
    VmsLack *lack = vms_lack_new(kind, name, "it is not there");

    lack->element = g_strdup(element);
    g_ptr_array_add(self->input.needs->lacks, lack);
    return lack;
}

static void
stage_medium(RestoreCase *self)
{
    add_lack(self, "VirtualImage", "/srv/a.iso", "disk")->eject = TRUE;
}
static void
stage_kernel(RestoreCase *self)
{
    add_lack(self, "VirtualImage", "/srv/vmlinuz", NULL);
}
static void
stage_network(RestoreCase *self)
{
    add_lack(self, "Network", "lab", NULL);
}
static void
stage_device(RestoreCase *self)
{
    add_lack(self, "HostDevice", "usb 1d6b:0002", "hostdev");
}
static void
stage_class(RestoreCase *self)
{
    add_lack(self, "VirtualMachineClass", "/srv/code.fd", NULL);
}

static void
stage_barred(RestoreCase *self)
{
    VmsLack *lack;

    add_lack(self, "VirtualMachineClass", "pc-q35-99.0", NULL);
    lack = self->input.needs->lacks->pdata[self->input.needs->lacks->len - 1];
    lack->barred = TRUE;
}

/* ---- the table ---- */

#define ALL(act)                                                                                   \
    {                                                                                              \
        act, act, act                                                                              \
    }
#define REFUSED VMSNAP_SEVERITY_CONFLICT, ALL(VMS_ACT_REFUSE), ALL(VMS_ACT_REFUSE)
#define REPORTED VMSNAP_SEVERITY_WARNING, ALL(VMS_ACT_PROCEED), ALL(VMS_ACT_PROCEED)
/* Exactly as it was, left off: no answer to who wants it running. */
#define WAITS                                                                                      \
    {                                                                                              \
        VMS_ACT_LEAVE_OFF, VMS_ACT_REFUSE, VMS_ACT_LEAVE_OFF                                       \
    }
#define VM "VirtualMachine"
#define SHOT "VirtualMachineSnapshot"
#define VD "VirtualDisk"

static const Cell cells[] = {
    { "NotFound", "no VM", stage_gone, VM, "web", NULL, REFUSED },
    { "IdentityMismatch", "other UUID", stage_other_uuid, VM, "db", NULL, REFUSED },
    { "IdentityMismatch", "renamed", stage_renamed, VM, "web2", NULL, REFUSED },
    { "Transient", "VM", stage_transient, VM, "web", NULL, REFUSED },
    { "Transient", "snapshot", stage_transient_then, SHOT, "daily", NULL, REFUSED },
    { "NotReady", "failed", stage_failed, SHOT, "daily", NULL, REFUSED },
    { "Lost", "image", stage_image_lost, VD, "web/vda", NULL, REFUSED },
    { "Lost", "NVRAM", stage_nvram_lost, "NVRAM", "/srv/part", NULL, REFUSED },
    { "Partial", "without flag", stage_partial, SHOT, "daily", NULL, REFUSED },
    { "Partial", "with flag", stage_partial_told, SHOT, "daily", NULL, REPORTED },
    { "AttachedElsewhere", "disk", stage_attached, VD, "web/vda", "VM db", REFUSED },
    { "AttachedElsewhere", "left out", stage_left_out_attached, VD, "web/vdb", "VM db", REFUSED },
    { "AttachedElsewhere", "NVRAM", stage_nvram_of_other, "NVRAM", "/srv/part", "VM db", REFUSED },
    { "OpenElsewhere", "server", stage_open, VD, "web/vda", "process 4711 (qemu-nbd)", REFUSED },
    { "BackingOfOther", "VM", stage_backing, VD, "web/vda", "VM db", REFUSED },
    { "BackingOfOther", "pool", stage_base_by_name, VD, "web/vda", "volume pool/child", REFUSED },
    { "BackingOfOther", "catalog", stage_base_by_file, VD, "web/vda", "snapshot weekly", REFUSED },
    { "ForeignFile", "image", stage_foreign, VD, "web/vda", NULL, REFUSED },
    { "ForeignFile", "no image", stage_obstacle, VD, "web/vda", NULL, REFUSED },
    { "ForeignFile", "NVRAM", stage_foreign_nvram, "NVRAM", "/srv/part", NULL, REFUSED },
    { "TargetUnsupported", "device", stage_device_target, VD, "web/vda", NULL, REFUSED },
    { "TargetUnsupported", "file now", stage_device_is_file, VD, "web/vda", NULL, REFUSED },
    { "TargetUnsupported", "qcow2 on it", stage_device_qcow2, VD, "web/vda", NULL, REFUSED },
    { "TargetMissing", "gone", stage_device_gone, VD, "web/vda", NULL, REFUSED },
    { "TargetTooSmall", "smaller", stage_device_smaller, VD, "web/vda", NULL, REFUSED },
    { "TargetLarger", "larger", stage_device_larger, VD, "web/vda", NULL, REPORTED },
    { "OutOfSpace", "of old contents", stage_device_full, VD, "web/vda", NULL, REFUSED },
    { "TargetUnsupported", "NFS", stage_nfs, VD, "web/vda", NULL, REFUSED },
    { "MACInUse", "VM", stage_mac, "MACAddress", "52:54:00:aa:bb:cc", "VM db", REFUSED },
    { "SecretDiffers", "other content", stage_secret, "Secret", "/srv/part", NULL,
      VMSNAP_SEVERITY_CONFLICT, ALL(VMS_ACT_REFUSE), ALL(VMS_ACT_KEEP) },
    { "ImageMissing", "medium", stage_medium, "VirtualImage", "/srv/a.iso", NULL,
      VMSNAP_SEVERITY_WARNING, WAITS, ALL(VMS_ACT_REMOVE) },
    { "ImageMissing", "kernel", stage_kernel, "VirtualImage", "/srv/vmlinuz", NULL,
      VMSNAP_SEVERITY_WARNING, WAITS, WAITS },
    { "NetworkMissing", "network", stage_network, "Network", "lab", NULL, VMSNAP_SEVERITY_WARNING,
      WAITS, WAITS },
    { "HostDeviceMissing", "USB", stage_device, "HostDevice", "usb 1d6b:0002", NULL,
      VMSNAP_SEVERITY_WARNING, WAITS, ALL(VMS_ACT_REMOVE) },
    { "ClassMissing", "firmware", stage_class, "VirtualMachineClass", "/srv/code.fd", NULL,
      VMSNAP_SEVERITY_WARNING, WAITS, WAITS },
    { "ClassMissing", "machine", stage_barred, "VirtualMachineClass", "pc-q35-99.0", NULL,
      REFUSED },
    { "OutOfSpace", "full", stage_full, VD, "web/vda", NULL, REFUSED },
    { "Busy", "backup", stage_backup, VM, "web", "job backup", REFUSED },
    { "Busy", "migration", stage_migration, VM, "web", "job migration", REFUSED },
    { "Busy", "block job", stage_block_job, VM, "web", "block job on vda", REFUSED },
    { "ManagedSave", "kept", stage_saved, VM, "web", NULL, REFUSED },
    { "ManagedSave", "dropped", stage_saved_told, VM, "web", NULL, REPORTED },
    { "WouldOrphan", "later snapshot", stage_later, VM, "web", NULL, REPORTED },
};

/* ---- running it ---- */

static VmsPlan *
plan_cell(RestoreCase *self, const Cell *cell, Power power)
{
    restore_case_init(self);
    self->vm->domain_id = power == OFF ? -1 : 3;
    if (power == NO_START)
        self->input.flags |= VMSNAP_RESTORE_NO_START;
    if (cell)
        cell->stage(self);
    return vms_restore_make_plan(&self->input);
}

static const VmsFinding *
find(const VmsPlan *plan, const Cell *cell)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (g_strcmp0(finding->reason, cell->reason) == 0)
            return finding;
    }
    return NULL;
}

static void
check(const VmsPlan *plan, const Cell *cell, Power power)
{
    const VmsFinding *found = find(plan, cell);
    g_autofree char *where =
        g_strdup_printf("%s (%s), VM %s", cell->reason, cell->what, power_names[power]);

    cr_assert_not_null(found, "%s: not found", where);
    cr_expect_str_eq(found->kind, cell->kind, "%s", where);
    cr_expect_str_eq(found->name, cell->object, "%s", where);
    cr_expect(g_strcmp0(found->holder, cell->holder) == 0, "%s: held by %s", where, found->holder);
    cr_expect_eq(found->severity, cell->dry_run, "dry-run of %s", where);
    cr_expect_eq(found->strict, cell->strict[power], "strict of %s", where);
    cr_expect_eq(found->best_effort, cell->best_effort[power], "best-effort of %s", where);
    cr_expect(found->message && *found->message, "%s", where);
    cr_expect((found->strict == VMS_ACT_PROCEED) || found->resolution, "%s", where);
}

/* What refuses in a mode is what this one finding says: nothing else was found. */
static void
check_counts(const VmsPlan *plan, const Cell *cell, Power power)
{
    gboolean strict = cell->strict[power] == VMS_ACT_REFUSE;
    gboolean best = cell->best_effort[power] == VMS_ACT_REFUSE;
    gboolean dry = cell->dry_run == VMSNAP_SEVERITY_CONFLICT;

    cr_expect_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_STRICT), strict ? 1 : 0);
    cr_expect_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_BEST_EFFORT), best ? 1 : 0);
    cr_expect_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), dry ? 1 : 0);
}

Test(restore_cells, every_cell_is_what_the_contract_says)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cells); i++) {
        for (Power power = OFF; power < POWERS; power++) {
            g_auto(RestoreCase) self = { 0 };
            g_autoptr(VmsPlan) plan = plan_cell(&self, &cells[i], power);

            check(plan, &cells[i], power);
            check_counts(plan, &cells[i], power);
        }
    }
}

Test(restore_cells, nothing_is_found_in_a_world_without_conflict)
{
    for (Power power = OFF; power < POWERS; power++) {
        g_auto(RestoreCase) self = { 0 };
        g_autoptr(VmsPlan) plan = plan_cell(&self, NULL, power);

        for (guint i = 0; i < plan->findings->len; i++) {
            const VmsFinding *finding = plan->findings->pdata[i];

            cr_expect_null(finding->reason, "%s", finding->reason);
        }
    }
}

static gboolean
has_cell(const char *reason)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cells); i++) {
        if (g_str_equal(cells[i].reason, reason))
            return TRUE;
    }
    return FALSE;
}

/* Those have tests where their facts are made. */
static const char *const elsewhere[] = { "AddressInUse", "MetadataDropped", "Kept", NULL };

Test(restore_cells, every_row_of_the_table_is_staged)
{
    for (gsize i = 0; vms_conflict_at(i); i++) {
        const VmsConflict *row = vms_conflict_at(i);

        cr_expect(has_cell(row->reason) || row->severity != VMSNAP_SEVERITY_CONFLICT ||
                      g_strv_contains(elsewhere, row->reason),
                  "%s has no cell", row->reason);
    }
}

/* ---- what is no conflict after all ---- */

Test(restore_cells, a_file_the_catalog_put_there_is_no_foreign_one)
{
    g_auto(RestoreCase) self = { 0 };
    const Cell foreign = { .reason = "ForeignFile", .stage = stage_foreign };
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
    self.disk->referenced = FALSE;
    self.disk->ours = TRUE;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_null(find(plan, &foreign));
}

Test(restore_cells, a_secret_that_comes_back_is_not_missing)
{
    g_auto(RestoreCase) self = { 0 };
    const Cell missing = { .reason = "ImageMissing", .stage = stage_medium };
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
    add_part(&self, VMS_PART_SECRET)->exists = FALSE;
    add_lack(&self, "VirtualImage", "/srv/part", "disk");
    plan = vms_restore_make_plan(&self.input);
    cr_assert_null(find(plan, &missing));
}

Test(restore_cells, a_disk_that_vms_share_may_be_attached_to_both)
{
    g_auto(RestoreCase) self = { 0 };
    const Cell attached = { .reason = "AttachedElsewhere", .stage = stage_left_out_attached };
    g_autoptr(VmsPlan) plan = NULL;
    VmsDisk *disk;

    restore_case_init(&self);
    stage_left_out_attached(&self);
    disk = self.input.needs->disks->pdata[0];
    disk->shareable = TRUE;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_null(find(plan, &attached));
}
