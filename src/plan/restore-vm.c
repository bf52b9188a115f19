/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

#include <string.h>

#define KIND "VirtualMachine"

static void
find_identity(const VmsRestoreFindings *self)
{
    const VmsSnapshot *snapshot = self->input->snapshot;
    const VmsVm *vm = self->input->vm;

    if (strcmp(vm->uuid, snapshot->vm_uuid) != 0) {
        vms_restore_found(self, KIND, vm->name, "IdentityMismatch",
                          "VM %s has UUID %s, the snapshot is of %s", vm->name, vm->uuid,
                          snapshot->vm_uuid);
        return;
    }
    if (!vm->persistent) {
        vms_restore_found(self, KIND, vm->name, "Transient",
                          "VM %s is transient: it has no configuration to restore", vm->name);
        return;
    }
    if (g_strcmp0(vm->name, snapshot->vm_name) != 0) /* it cannot be defined so */
        vms_restore_found(self, KIND, vm->name, "IdentityMismatch",
                          "VM %s was renamed, the snapshot is of %s", vm->name, snapshot->vm_name);
    vms_restore_touches(self, KIND, vm->name, VMS_RESOURCE_REPLACED);
}

static void
find_jobs(const VmsRestoreFindings *self)
{
    const VmsVm *vm = self->input->vm;

    if (vm->job || vm->migrating)
        vms_restore_held(
            vms_restore_found(self, KIND, vm->name, "Busy", "a job or migration runs on the VM"),
            "job %s", vm->job ? vm->job : "migration");
    for (guint i = 0; vm->live_disks && i < vm->live_disks->len; i++) {
        const VmsDisk *disk = vm->live_disks->pdata[i];

        if (disk->busy)
            vms_restore_held(vms_restore_found(self, KIND, vm->name, "Busy",
                                               "a block job runs on disk %s", disk->target),
                             "block job on %s", disk->target);
    }
}

static void
find_state(const VmsRestoreFindings *self)
{
    const VmsVm *vm = self->input->vm;

    find_jobs(self);
    if (vm->managed_save)
        vms_restore_found(self, KIND, vm->name, "ManagedSave",
                          "a managed save image would resume old memory on restored disks");
    if (vm->checkpoints > 0 || vm->snapshots > 0)
        vms_restore_found(self, KIND, vm->name, "MetadataDropped",
                          "what libvirt notes of %u checkpoints and %u snapshots of the VM does "
                          "not fit the restored disks: it goes into the undo set",
                          vm->checkpoints, vm->snapshots);
}

void
vms_restore_find_vm(const VmsRestoreFindings *self)
{
    const char *asked = self->input->asked;

    if (!self->input->vm) {
        vms_restore_found(self, KIND, asked, "NotFound", "there is no VM '%s'", asked);
        return;
    }
    find_identity(self);
    find_state(self);
}

/* The first of them stand for the rest. */
#define LATER_NAMED 8

/* They stay, but of a time that the VM has no way back to but by them. */
static void
find_later(const VmsRestoreFindings *self)
{
    const GPtrArray *later = self->input->later;
    g_autoptr(GString) names = g_string_new(NULL);

    if (!later || later->len == 0)
        return;
    for (guint i = 0; i < MIN(later->len, LATER_NAMED); i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", (const char *)later->pdata[i]);
    vms_restore_found(self, KIND, self->input->snapshot->vm_name, "WouldOrphan",
                      "%u later snapshots of the VM stay, of a time it goes back behind: %s%s",
                      later->len, names->str, later->len > LATER_NAMED ? ", …" : "");
}

/* A record that somebody edited could define another VM. */
static gboolean
names_another_vm(const VmsSnapshot *snapshot)
{
    const char *at = strstr(snapshot->inactive_xml, "<uuid>");

    return at && snapshot->vm_uuid &&
           g_ascii_strncasecmp(at + strlen("<uuid>"), snapshot->vm_uuid,
                               strlen(snapshot->vm_uuid)) != 0;
}

void
vms_restore_find_snapshot(const VmsRestoreFindings *self)
{
    const VmsSnapshot *snapshot = self->input->snapshot;
    const char *kind = vms_snapshot_kind_name(snapshot->subject);

    if (snapshot->phase != VMSNAP_SNAPSHOT_READY)
        vms_restore_found(self, kind, snapshot->name, "NotReady", "the snapshot is not Ready");
    if (snapshot->partial)
        vms_restore_found(self, kind, snapshot->name, "Partial",
                          "the snapshot is partial: what it lacks stays as it is");
    if (!snapshot->inactive_xml)
        vms_restore_found(self, kind, snapshot->name, "Transient",
                          "the snapshot is of a transient VM: it has no configuration to restore");
    else if (names_another_vm(snapshot))
        vms_restore_found(self, kind, snapshot->name, "IdentityMismatch",
                          "the configuration that the snapshot holds is another VM's");
    find_later(self);
}
