/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/new-disk-plan.h"

#include "base/error.h"

#include <string.h>

enum { SECTOR = 512 };

/* Beyond the data: folders, extent trees, headers. */
static const guint64 SLACK = G_GUINT64_CONSTANT(2) * 1024 * 1024;
/* No file system holds more. */
static const guint64 MOST_BYTES = G_GUINT64_CONSTANT(1) << 62;

void
vms_new_disk_input_clear(VmsNewDiskInput *input)
{
    g_free(input->folder_fault);
    g_free(input->obstacle);
    g_free(input->image_fault);
    g_free(input->user);
    vms_place_info_clear(&input->place);
}

/* ---- what will be made ---- */

static gboolean
is_image(const VmsNewDiskInput *input)
{
    return (input->flags & VMSNAP_NEW_DISK_IMAGE) != 0;
}

/* What the guest saw: a copy over the network has whole sectors only, the disk may have had less.
 */
static guint64
least_size(const VmsSnapshotDisk *stored)
{
    return stored->origin && stored->origin->virtual_size > 0 ? stored->origin->virtual_size
                                                              : stored->image->virtual_size;
}

static gboolean
choose_format(const VmsNewDiskInput *input, const char **ret_format, GError **error)
{
    const VmsSnapshotDisk *stored = input->stored;
    gboolean linked = input->method == VMSNAP_NEW_DISK_LINKED;
    const char *recorded = stored->origin ? stored->origin->format : stored->image->format;
    const char *format = input->format ? input->format : linked ? "qcow2" : recorded;

    if (g_strcmp0(format, "raw") != 0 && g_strcmp0(format, "qcow2") != 0)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "FormatUnsupported",
                          "disks of format %s are not made", format ? format : "(none)");
    if (linked && is_image(input))
        return vms_fail(error, VMSNAP_E_INVALID, "an image cannot be linked: it is whole");
    if (linked && strcmp(format, "raw") == 0)
        return vms_fail(error, VMSNAP_E_INVALID, "a linked disk is qcow2, it cannot be raw");
    *ret_format = format;
    return TRUE;
}

static gboolean
choose_size(const VmsNewDiskInput *input, guint64 *ret_size, GError **error)
{
    guint64 least = least_size(input->stored);
    guint64 image = input->stored->image->virtual_size;

    if (input->size == 0) {
        *ret_size = MAX(least, image);
        return TRUE;
    }
    if (input->size < least)
        return vms_refuse(error, VMSNAP_E_INVALID, "TooSmall",
                          "a disk of %" G_GUINT64_FORMAT " bytes is asked for, but what it would "
                          "hold has %" G_GUINT64_FORMAT,
                          input->size, least);
    if (input->size > MOST_BYTES)
        return vms_fail(error, VMSNAP_E_INVALID,
                        "a disk of %" G_GUINT64_FORMAT " bytes cannot be made", input->size);
    if (input->size <= image) {
        *ret_size = image;
        return TRUE;
    }
    *ret_size = (input->size + SECTOR - 1) / SECTOR * SECTOR;
    return TRUE;
}

/* Whether the image's file is what the new one is to be. Internal snapshots keep an image from
 * growing, and are nothing that an image should have. */
static gboolean
same_bytes(const VmsNewDiskInput *input, const VmsNewDiskChoice *choice)
{
    const VmsImage *image = input->stored->image;

    return g_strcmp0(image->format, choice->format) == 0 && !image->backing &&
           (image->internal_snapshots == 0 || (!is_image(input) && !choice->grows));
}

static gboolean
choose_way(const VmsNewDiskInput *input, VmsNewDiskChoice *choice, GError **error)
{
    gboolean same = same_bytes(input, choice);

    if (input->method == VMSNAP_NEW_DISK_LINKED) {
        choice->way = VMS_NEW_DISK_OVERLAY;
        choice->grows = FALSE; /* it is made as large as it is to be */
        return TRUE;
    }
    if (input->method == VMSNAP_NEW_DISK_REFLINK && !same)
        return vms_refuse(error, VMSNAP_E_INVALID, "ReflinkUnsupported",
                          "blocks can be shared with a file of the same kind only; the snapshot's "
                          "image is %s",
                          input->stored->image->format);
    choice->may_copy = input->method == VMSNAP_NEW_DISK_AUTO;
    if (!same)
        choice->way = VMS_NEW_DISK_CONVERT;
    else if (input->method == VMSNAP_NEW_DISK_FULL ||
             (choice->may_copy && input->place.reflink == VMS_REFLINK_NO))
        choice->way = VMS_NEW_DISK_COPY;
    else
        choice->way = VMS_NEW_DISK_CLONE;
    return TRUE;
}

gboolean
vms_new_disk_choose(const VmsNewDiskInput *input, VmsNewDiskChoice *ret_choice, GError **error)
{
    VmsNewDiskChoice choice = { 0 };

    if (!choose_format(input, &choice.format, error) || !choose_size(input, &choice.size, error))
        return FALSE;
    choice.grows = choice.size > input->stored->image->virtual_size;
    if (!choose_way(input, &choice, error))
        return FALSE;
    *ret_choice = choice;
    return TRUE;
}

/* ---- findings ---- */

typedef struct {
    const char *reason;
    vmsnap_code code;
} Refusal;

/* What a caller is told when a finding refuses. */
static const Refusal refusals[] = {
    { "NotReady", VMSNAP_E_CONFLICT },
    { "Lost", VMSNAP_E_LOST },
    { "FolderMissing", VMSNAP_E_NOT_FOUND },
    { "NameTaken", VMSNAP_E_EXISTS },
    { "ReflinkUnsupported", VMSNAP_E_UNSUPPORTED },
    { "OutOfSpace", VMSNAP_E_NO_SPACE },
};

static VmsFinding *
add(VmsPlan *plan, VmsFinding *finding)
{
    if (finding->severity == VMSNAP_SEVERITY_CONFLICT)
        finding->strict = finding->best_effort = VMS_ACT_REFUSE;
    g_ptr_array_add(plan->findings, finding);
    return finding;
}

static void
add_conflict(VmsPlan *plan, const VmsNewDiskInput *input, const char *reason, const char *message)
{
    add(plan, vms_finding_new_reason(is_image(input) ? "VirtualImage" : "VirtualDisk", input->path,
                                     VMSNAP_SEVERITY_CONFLICT, reason, "%s", message));
}

static void
find_snapshot(VmsPlan *plan, const VmsNewDiskInput *input)
{
    const VmsSnapshot *snapshot = input->snapshot;
    const char *kind = vms_snapshot_kind_name(snapshot->subject);

    if (snapshot->phase != VMSNAP_SNAPSHOT_READY)
        add(plan, vms_finding_new_reason(kind, snapshot->name, VMSNAP_SEVERITY_CONFLICT, "NotReady",
                                         "snapshot %s is %s", snapshot->name,
                                         vms_snapshot_phase_name(snapshot->phase)));
    else if (input->image_fault)
        add(plan, vms_finding_new_reason(kind, snapshot->name, VMSNAP_SEVERITY_CONFLICT, "Lost",
                                         "%s", input->image_fault));
}

guint64
vms_new_disk_space(const VmsNewDiskInput *input, const VmsNewDiskChoice *choice)
{
    if (choice->way == VMS_NEW_DISK_OVERLAY)
        return SLACK / 2;
    if (choice->way == VMS_NEW_DISK_CLONE && input->place.reflink == VMS_REFLINK_YES)
        return SLACK;
    return input->image.allocated + choice->size / 2048 + SLACK;
}

static void
find_place(VmsPlan *plan, const VmsNewDiskInput *input, const VmsNewDiskChoice *choice)
{
    g_autofree char *text = NULL;

    if (input->folder_fault) {
        add_conflict(plan, input, "FolderMissing", input->folder_fault);
        return;
    }
    if (input->obstacle)
        add_conflict(plan, input, "NameTaken", input->obstacle);
    if (choice->way == VMS_NEW_DISK_CLONE && input->place.reflink == VMS_REFLINK_NO)
        add_conflict(plan, input, "ReflinkUnsupported",
                     "the folder's file system cannot share blocks with the snapshot's image");
    plan->space_needed = vms_new_disk_space(input, choice);
    plan->space_free = input->place.free_bytes;
    if (input->image_fault || plan->space_needed <= plan->space_free)
        return;
    text = g_strdup_printf("%" G_GUINT64_FORMAT " bytes are needed for '%s', %" G_GUINT64_FORMAT
                           " are free",
                           plan->space_needed, input->path, plan->space_free);
    add_conflict(plan, input, "OutOfSpace", text);
}

static void
find_user(VmsPlan *plan, const VmsNewDiskInput *input)
{
    VmsFinding *finding;

    if (!input->user)
        return;
    finding = add(plan, vms_finding_new_reason("VirtualDisk", input->path, VMSNAP_SEVERITY_WARNING,
                                               "AttachedElsewhere",
                                               "%s is configured with '%s', and will have it",
                                               input->user, input->path));
    finding->holder = g_strdup(input->user);
}

/* ---- steps and hash ---- */

static void
list_steps(VmsPlan *plan, const VmsNewDiskInput *input, const VmsNewDiskChoice *choice)
{
    g_autofree char *make =
        g_strdup_printf("make-disk %s %s", vms_new_disk_way_name(choice->way), choice->format);

    g_ptr_array_add(plan->steps, vms_step_new(make, TRUE));
    if (choice->grows) {
        g_autofree char *grow = g_strdup_printf("grow-disk %" G_GUINT64_FORMAT, choice->size);

        g_ptr_array_add(plan->steps, vms_step_new(grow, TRUE));
    }
    g_ptr_array_add(plan->steps, vms_step_new("check-disk", TRUE));
    if (is_image(input))
        g_ptr_array_add(plan->steps, vms_step_new("make-digest", TRUE));
    g_ptr_array_add(plan->steps, vms_step_new("place-disk", TRUE));
}

static void
hash_text(GChecksum *sum, const char *text)
{
    g_checksum_update(sum, (const guchar *)(text ? text : "-"), -1);
    g_checksum_update(sum, (const guchar *)"\n", 1);
}

static void
make_hash(VmsPlan *plan, const VmsNewDiskInput *input, const VmsNewDiskChoice *choice)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *asked = g_strdup_printf("%s %" G_GUINT64_FORMAT " %d %u", choice->format,
                                             choice->size, (int)choice->way, input->flags);
    g_autofree char *image =
        g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT,
                        input->image.ino, input->image.size, input->image.mtime_us);

    hash_text(sum, input->snapshot->uuid);
    hash_text(sum, input->stored->target);
    hash_text(sum, input->path);
    hash_text(sum, asked);
    hash_text(sum, image);
    for (guint i = 0; i < plan->findings->len; i++)
        hash_text(sum, ((const VmsFinding *)plan->findings->pdata[i])->reason);
    plan->hash = g_strdup(g_checksum_get_string(sum));
}

VmsPlan *
vms_new_disk_make_plan(const VmsNewDiskInput *input, const VmsNewDiskChoice *choice)
{
    VmsPlan *plan = vms_plan_new(is_image(input) ? "image" : "disk-restore");

    plan->vm_name = g_strdup(input->path);
    plan->snapshot_uuid = g_strdup(input->snapshot->uuid);
    plan->snapshot_name = g_strdup(input->snapshot->name);
    find_snapshot(plan, input);
    find_place(plan, input, choice);
    find_user(plan, input);
    add(plan, vms_finding_new(is_image(input) ? "VirtualImage" : "VirtualDisk", input->path,
                              VMS_RESOURCE_NEW));
    list_steps(plan, input, choice);
    make_hash(plan, input, choice);
    return plan;
}

static vmsnap_code
code_of(const char *reason)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (g_strcmp0(refusals[i].reason, reason) == 0)
            return refusals[i].code;
    }
    return VMSNAP_E_CONFLICT;
}

gboolean
vms_new_disk_check_plan(const VmsPlan *plan, GError **error)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (finding->strict != VMS_ACT_REFUSE)
            continue;
        vms_refuse(error, code_of(finding->reason), finding->reason, "%s", finding->message);
        if (error)
            vms_error_set_object(*error, finding->name);
        return FALSE;
    }
    return TRUE;
}
