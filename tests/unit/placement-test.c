/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/placement.h"

#include <criterion/criterion.h>

#define GIB (1024 * 1024 * (guint64)1024)

/* A qcow2 file disk of a running VM on a file system that shares blocks. */
typedef struct {
    VmsDisk *disk;
    VmsImage *image;
    VmsPlaceInfo place;
    VmsPlacementInput input;
} Case;

static void
case_clear(Case *self)
{
    vms_disk_free(self->disk);
    vms_image_free(self->image);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

static void
case_init(Case *self)
{
    self->disk = vms_disk_new("vda");
    self->disk->source = VMS_SOURCE_FILE;
    self->disk->path = g_strdup("/srv/a.qcow2");
    self->disk->format = g_strdup("qcow2");
    self->image = vms_image_new("/srv/a.qcow2", "qcow2");
    self->image->virtual_size = 10 * GIB;
    self->place = (VmsPlaceInfo){ .reflink = VMS_REFLINK_YES, .extents = 10, .free_bytes = GIB };
    self->input = (VmsPlacementInput){ .disk = self->disk,
                                       .image = self->image,
                                       .allocated = GIB,
                                       .place = &self->place,
                                       .running = TRUE };
}

static vmsnap_method
method_of(const Case *self)
{
    VmsPlacement placement = { 0 };
    g_autoptr(GError) error = NULL;

    return vms_placement_choose(&self->input, &placement, &error) ? placement.method
                                                                  : VMSNAP_METHOD_AUTO;
}

Test(placement, shares_blocks_where_it_can)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_REFLINK);
    self.input.running = FALSE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_REFLINK);
}

/* ---- several disks of one VM ---- */

typedef struct {
    Case cases[3];
    VmsPlacement placements[3];
    VmsPlacementDisk disks[3];
    VmsVm *vm;
} Several;

static void
several_clear(Several *self)
{
    for (guint i = 0; i < G_N_ELEMENTS(self->cases); i++)
        case_clear(&self->cases[i]);
    vms_vm_free(self->vm);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Several, several_clear)

static void
several_init(Several *self, const guint64 *pieces)
{
    self->vm = vms_vm_new("3c1f6f2e-0000-4000-8000-000000000001", "web");
    self->vm->state = VMSNAP_VM_RUNNING;
    self->vm->persistent = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(self->cases); i++) {
        case_init(&self->cases[i]);
        self->cases[i].place.extents = pieces[i];
        self->cases[i].place.free_bytes = 100 * GIB;
    }
}

/* What became of each: r(eflink), o(verlay), b(ackup). */
static const char *
combined(Several *self)
{
    static char letters[4];

    for (guint i = 0; i < G_N_ELEMENTS(self->cases); i++) {
        self->disks[i] = (VmsPlacementDisk){ self->cases[i].input, &self->placements[i] };
        cr_assert(vms_placement_choose(&self->cases[i].input, &self->placements[i], NULL));
    }
    vms_placement_combine(self->vm, self->disks, G_N_ELEMENTS(self->disks));
    for (guint i = 0; i < G_N_ELEMENTS(self->cases); i++)
        letters[i] = self->placements[i].by_overlay                       ? 'o'
                     : self->placements[i].method == VMSNAP_METHOD_BACKUP ? 'b'
                                                                          : 'r';
    return letters;
}

Test(placement, pieces_count_for_all_disks_together_and_the_worst_goes_first)
{
    g_auto(Several) few = { 0 };
    g_auto(Several) sum = { 0 };
    g_auto(Several) many = { 0 };

    several_init(&few, (guint64[]){ 1000, 1000, 500 });
    cr_assert_str_eq(combined(&few), "rrr");
    several_init(&sum, (guint64[]){ 1000, 1100, 500 });
    cr_assert_str_eq(combined(&sum), "ror");
    several_init(&many, (guint64[]){ 40000, 1, 2501 });
    cr_assert_str_eq(combined(&many), "oro");
    cr_assert_geq(many.placements[0].space_needed, many.placements[0].overlay_bytes);
}

Test(placement, a_clone_is_as_long_as_it_is_when_nobody_waits_or_the_caller_wants_it)
{
    g_auto(Several) self = { 0 };

    several_init(&self, (guint64[]){ 40000, 1, 1 });
    self.vm->state = VMSNAP_VM_PAUSED;
    cr_assert_str_eq(combined(&self), "rrr");
    self.vm->state = VMSNAP_VM_RUNNING;
    for (guint i = 0; i < G_N_ELEMENTS(self.cases); i++)
        self.cases[i].input.wanted = VMSNAP_METHOD_REFLINK;
    cr_assert_str_eq(combined(&self), "rrr");
}

Test(placement, where_overlays_cannot_be_it_is_a_backup)
{
    g_auto(Several) self = { 0 };

    several_init(&self, (guint64[]){ 40000, 1, 30000 });
    self.vm->checkpoints = 1;
    cr_assert_str_eq(combined(&self), "brb");
    self.vm->checkpoints = 0;
    self.vm->snapshots = 1;
    cr_assert_str_eq(combined(&self), "brb");
    self.vm->snapshots = 0;
    self.vm->persistent = FALSE;
    cr_assert_str_eq(combined(&self), "brb");
    self.vm->persistent = TRUE;
    self.cases[1].place.reflink = VMS_REFLINK_NO;
    cr_assert_str_eq(combined(&self), "bbb", "a job would keep overlays from going");
    self.cases[1].place.reflink = VMS_REFLINK_YES;
    self.cases[2].place.free_bytes = GIB;
    cr_assert_str_eq(combined(&self), "brb", "all or none");
    self.cases[2].place.free_bytes = 100 * GIB;
    cr_assert_str_eq(combined(&self), "oro");
}

Test(placement, a_shared_disk_has_no_overlay_and_no_job)
{
    g_auto(Several) self = { 0 };

    several_init(&self, (guint64[]){ 40000, 1, 1 });
    self.cases[0].input.shared = TRUE;
    self.cases[0].disk->shareable = TRUE;
    cr_assert_str_eq(combined(&self), "rrr");
    self.cases[0].input.shared = FALSE;
    cr_assert_str_eq(combined(&self), "brr", "whoever may open it later");
}

Test(placement, an_overlay_holds_what_a_small_disk_can_and_a_share_of_a_large_one)
{
    cr_assert_geq(vms_placement_overlay(100 * 1024 * 1024), 102 * 1024 * 1024);
    cr_assert_lt(vms_placement_overlay(100 * 1024 * 1024), 110 * 1024 * 1024);
    cr_assert_eq(vms_placement_overlay(4 * GIB), GIB);
    cr_assert_eq(vms_placement_overlay(100 * GIB), 10 * GIB);
}

Test(placement, without_sharing_running_is_backup_and_off_is_copy)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.place.reflink = VMS_REFLINK_NO;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_BACKUP);
    self.input.running = FALSE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_COPY);
}

Test(placement, a_chain_is_never_cloned_by_its_top_layer_alone)
{
    g_auto(Case) self = { 0 };
    VmsPlacement placement = { 0 };

    case_init(&self);
    self.image->backing = g_strdup("/srv/base.qcow2");
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_BACKUP);
    self.input.running = FALSE;
    cr_assert(vms_placement_choose(&self.input, &placement, NULL));
    cr_assert_eq(placement.method, VMSNAP_METHOD_COPY);
    cr_assert(placement.flatten);
}

Test(placement, what_no_method_can_cut_is_refused_by_name)
{
    g_auto(Case) self = { 0 };
    VmsPlacement placement = { 0 };
    g_autoptr(GError) error = NULL;

    case_init(&self);
    self.disk->source = VMS_SOURCE_NETWORK;
    cr_assert_not(vms_placement_choose(&self.input, &placement, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_UNSUPPORTED);
    cr_assert(strstr(error->message, "vda"));
    self.disk->source = VMS_SOURCE_FILE;
    self.disk->has_data_file = TRUE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
    self.disk->has_data_file = FALSE;
    self.disk->transient = TRUE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
    self.disk->transient = FALSE;
    self.disk->busy = TRUE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
    self.disk->busy = FALSE;
    self.disk->format[0] = 'v';
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
}

Test(placement, a_block_device_is_read_by_a_job_and_copied_when_its_vm_is_off)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.disk->source = VMS_SOURCE_BLOCK;
    self.image->block_device = TRUE;
    self.place.reflink = VMS_REFLINK_NO;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_BACKUP);
    self.input.running = FALSE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_COPY);
    self.disk->device = VMS_DEVICE_LUN;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
}

Test(placement, no_backup_job_on_a_disk_that_another_vm_writes_to)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.input.shared = TRUE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_REFLINK);
    self.place.reflink = VMS_REFLINK_NO;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
}

Test(placement, a_wanted_method_that_does_not_fit_is_refused)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.input.wanted = VMSNAP_METHOD_COPY;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
    self.input.running = FALSE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_COPY);
    self.input.wanted = VMSNAP_METHOD_BACKUP;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
    self.input.wanted = VMSNAP_METHOD_REFLINK;
    self.place.reflink = VMS_REFLINK_NO;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_AUTO);
}

Test(placement, scratch_covers_what_is_allocated_and_never_more_than_the_disk)
{
    guint64 some = vms_placement_scratch(GIB, 100 * GIB);

    cr_assert_gt(some, GIB + GIB / 20);
    cr_assert_lt(some, 2 * GIB);
    cr_assert_leq(vms_placement_scratch(10 * GIB, 10 * GIB), 10 * GIB + 10 * GIB / 20 + GIB);
}
