/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/clone-plan.h"
#include "plan/conflict.h"
#include "plan/consistency.h"

#include <stdarg.h>
#include <string.h>

#define KIND_VM "VirtualMachine"

/* What stands against one clone. */
typedef struct {
    VmsPlan *plan;
    const VmsCloneInput *input;
} Finding;

/* Severity, acts and resolution are those of the table's row. */
static void
settle(const VmsCloneInput *input, VmsFinding *finding)
{
    const VmsConflict *row = vms_conflict_find_clone(finding->reason);
    gboolean told = (input->request->flags & row->told) != 0;

    finding->severity = told ? VMSNAP_SEVERITY_WARNING : row->severity;
    finding->strict = told ? VMS_ACT_PROCEED : row->strict;
    finding->best_effort = told ? VMS_ACT_PROCEED : row->best_effort;
    g_free(finding->resolution);
    finding->resolution = g_strdup(row->resolution);
}

static VmsFinding *found(const Finding *self, const char *kind, const char *name,
                         const char *reason, const char *format, ...) G_GNUC_PRINTF(5, 6);

static VmsFinding *
found(const Finding *self, const char *kind, const char *name, const char *reason,
      const char *format, ...)
{
    g_autofree char *text = NULL;
    VmsFinding *finding;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    finding = vms_finding_new_reason(kind, name, VMSNAP_SEVERITY_CONFLICT, reason, "%s", text);
    settle(self->input, finding);
    g_ptr_array_add(self->plan->findings, finding);
    return finding;
}

/* ---- the source ---- */

static void
find_snapshot(const Finding *self)
{
    const VmsSnapshot *snapshot = self->input->snapshot;
    const char *kind = vms_snapshot_kind_name(snapshot->subject);

    if (snapshot->phase != VMSNAP_SNAPSHOT_READY)
        found(self, kind, snapshot->name, "NotReady", "snapshot %s is %s", snapshot->name,
              vms_snapshot_phase_name(snapshot->phase));
    if (snapshot->partial)
        found(self, kind, snapshot->name, "Partial",
              "the snapshot is partial: the clone will lack what it lacks");
}

/* What runs is judged as any snapshot of it would be; see vms_clone_find_now(). */
static void
find_vm(const Finding *self)
{
    const VmsVm *vm = self->input->vm;
    g_autofree char *flaw = NULL;

    if (vms_vm_is_active(vm))
        return;
    flaw = vms_consistency_state_flaw(vm->state, vm->state_reason, vm->managed_save);
    if (flaw)
        found(self, KIND_VM, vm->name, "PotentiallyInconsistent", "%s", flaw);
}

/* ---- names ---- */

static void
find_names(const Finding *self)
{
    const VmsCloneInput *input = self->input;
    VmsFinding *finding = vms_finding_new(KIND_VM, input->snapshot->vm_name, VMS_RESOURCE_NEW);

    finding->new_name = g_strdup(vms_clone_name(input));
    g_ptr_array_add(self->plan->findings, finding);
    for (guint i = 0; i < input->naming->len; i++) {
        finding = vms_finding_copy(input->naming->pdata[i]);
        settle(input, finding);
        g_ptr_array_add(self->plan->findings, finding);
    }
}

/* ---- its files ---- */

/* TRUE if something was found against it. */
static gboolean
find_source(const Finding *self, const VmsCloneItem *item)
{
    if (item->fault)
        found(self, item->kind, item->name,
              item->fault_reason ? item->fault_reason : "TargetUnsupported", "%s", item->fault);
    else if (item->input.image_fault)
        found(self, item->kind, item->name, "Lost", "%s", item->input.image_fault);
    else
        return FALSE;
    return TRUE;
}

/* A medium that says who the machine is: what of it is not as it was, and what is. */
static void
find_medium(const Finding *self, const VmsCloneItem *item)
{
    for (guint i = 0; item->medium_moved && i < item->medium_moved->len; i++)
        found(self, item->kind, item->name, "NetworkConfigChanged",
              "%s on it gets the new MAC addresses", (char *)item->medium_moved->pdata[i])
            ->status = VMS_RESOURCE_NEW;
    for (guint i = 0; item->medium_kept && i < item->medium_kept->len; i++)
        found(self, item->kind, item->name, "MediaNamesSource",
              "%s on it names the source, and is kept as it is",
              (char *)item->medium_kept->pdata[i])
            ->status = VMS_RESOURCE_KEPT;
}

/* What stands at its name already is told among the names. */
static void
find_item(const Finding *self, const VmsCloneItem *item)
{
    VmsFinding *finding = NULL;

    if (find_source(self, item))
        return;
    if (item->medium_fault) {
        found(self, item->kind, item->name, "MediaNotUnderstood", "%s", item->medium_fault);
        return;
    }
    find_medium(self, item);
    if (item->input.folder_fault)
        finding =
            found(self, item->kind, item->name, "FolderMissing", "%s", item->input.folder_fault);
    else {
        finding = vms_finding_new(item->kind, item->name, VMS_RESOURCE_NEW);
        g_ptr_array_add(self->plan->findings, finding);
    }
    finding->new_name = g_strdup(vms_clone_item_path(item));
}

/* ---- space ---- */

/* One file system, as far as its size tells. */
static gboolean
is_same_place(const VmsPlaceInfo *a, const VmsPlaceInfo *b)
{
    return a->total_bytes == b->total_bytes && g_strcmp0(a->fs_type, b->fs_type) == 0;
}

static gboolean
has_place(const VmsCloneItem *item)
{
    return vms_clone_item_path(item) && !item->fault && !item->input.folder_fault &&
           !item->input.image_fault;
}

static guint64
space_at(const VmsCloneInput *input, const VmsPlaceInfo *place)
{
    guint64 needed = 0;

    for (guint i = 0; i < input->items->len; i++) {
        const VmsCloneItem *item = input->items->pdata[i];

        if (has_place(item) && is_same_place(&item->input.place, place))
            needed += vms_new_disk_space(&item->input, &item->choice);
    }
    return needed;
}

/* The fullest is told, as far as it is too full. */
static void
find_space(const Finding *self)
{
    const GPtrArray *items = self->input->items;
    const VmsCloneItem *short_of = NULL;

    for (guint i = 0; i < items->len; i++) {
        const VmsCloneItem *item = items->pdata[i];
        guint64 needed = has_place(item) ? space_at(self->input, &item->input.place) : 0;

        if (needed == 0)
            continue;
        if (needed > item->input.place.free_bytes && !short_of)
            short_of = item;
        if (short_of && short_of != item)
            continue;
        self->plan->space_needed = needed;
        self->plan->space_free = item->input.place.free_bytes;
    }
    if (short_of)
        found(self, short_of->kind, short_of->name, "OutOfSpace",
              "%" G_GUINT64_FORMAT " bytes are needed beside '%s', %" G_GUINT64_FORMAT " are free",
              self->plan->space_needed, vms_clone_item_path(short_of), self->plan->space_free);
}

/* ---- what it refers to ---- */

/* The source's own, of which the clone gets a copy. */
static gboolean
is_copied(const VmsCloneInput *input, const char *path)
{
    for (guint i = 0; i < input->items->len; i++) {
        const VmsCloneItem *item = input->items->pdata[i];

        if (g_strcmp0(item->source, path) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
find_lack(const Finding *self, const VmsLack *lack)
{
    VmsFinding *finding =
        found(self, lack->kind, lack->name, vms_conflict_of_lack(lack->kind), "%s", lack->why);

    finding->status = VMS_RESOURCE_MISSING;
    /* Without its kernel the VM would boot something else. */
    if (finding->best_effort == VMS_ACT_REMOVE && !lack->element)
        finding->best_effort = finding->strict;
}

/* The source's, if it is there; two cannot have it. */
static void
find_devices(const Finding *self)
{
    const GPtrArray *devices = self->input->needs->devices;

    for (guint i = 0; i < devices->len; i++) {
        const VmsLack *device = devices->pdata[i];

        found(self, device->kind, device->name, "HostDeviceShared",
              "%s, which one VM at a time can have", device->why);
    }
}

static void
find_depends(const Finding *self)
{
    const GPtrArray *lacks = self->input->needs->lacks;

    for (guint i = 0; i < lacks->len; i++) {
        const VmsLack *lack = lacks->pdata[i];

        if (!is_copied(self->input, lack->name))
            find_lack(self, lack);
    }
}

void
vms_clone_find_all(VmsPlan *plan, const VmsCloneInput *input)
{
    const Finding self = { .plan = plan, .input = input };

    if (input->vm)
        find_vm(&self);
    else
        find_snapshot(&self);
    find_names(&self);
    for (guint i = 0; i < input->items->len; i++)
        find_item(&self, input->items->pdata[i]);
    find_space(&self);
    find_depends(&self);
    find_devices(&self);
}

void
vms_clone_find_now(VmsPlan *plan, const VmsCloneInput *input)
{
    for (guint i = 0; i < input->against->len; i++) {
        VmsFinding *finding = vms_finding_copy(input->against->pdata[i]);

        if (finding->severity == VMSNAP_SEVERITY_CONFLICT)
            finding->strict = finding->best_effort = VMS_ACT_REFUSE;
        if (!finding->resolution)
            finding->resolution = g_strdup(vms_conflict_find_clone(finding->reason)->resolution);
        g_ptr_array_add(plan->findings, finding);
    }
    for (guint i = 0; i < input->items->len; i++)
        vms_clone_find_leftovers(input->items->pdata[i], plan->findings);
}
