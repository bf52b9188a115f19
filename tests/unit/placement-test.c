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

Test(placement, fragmented_image_of_a_running_vm_goes_by_backup)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.place.extents = VMS_PLACEMENT_EXTENT_LIMIT + 1;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_BACKUP);
    self.input.running = FALSE;
    cr_assert_eq(method_of(&self), VMSNAP_METHOD_REFLINK, "nothing waits when the VM is off");
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
