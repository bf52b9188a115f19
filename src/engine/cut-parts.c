/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/cut-set.h"
#include "engine/layout.h"

void
vms_cut_part_free(VmsCutPart *self)
{
    vms_transfer_free(self->transfer);
    g_clear_pointer(&self->content, g_bytes_unref);
    g_free(self);
}

void
vms_cut_plan_parts(const VmsSurvey *survey, VmsSnapshot *snapshot, VmsOperation *operation)
{
    const char *folder = snapshot->folders->pdata[0];

    for (guint i = 0; i < survey->parts->len; i++) {
        const VmsPart *found = survey->parts->pdata[i];
        VmsPart *part = vms_part_new(found->kind, found->source);

        part->origin = found->origin;
        part->stored = vms_layout_part(folder, vms_part_kind_word(part->kind), i);
        g_ptr_array_add(operation->files, g_strdup(part->stored));
        g_ptr_array_add(snapshot->parts, part);
    }
}

/* Media that are written by nobody need not be read while the guest stands still; that nobody did
 * write them is seen by the file. */
static gboolean
copy_still(const VmsCutSet *set, const VmsCutPart *self, GError **error)
{
    VmsFileId after = { 0 };

    if (!vms_transfer_copy(self->transfer, NULL, error) ||
        !vms_volume_identify(set->engine->drivers->volume, self->part->source, &after, error))
        return FALSE;
    return vms_file_id_unchanged(&after, &self->part->origin) ||
           vms_refuse(error, VMSNAP_E_BUSY, "StateChanged", "'%s' was changed while it was read",
                      self->part->source);
}

static gboolean
prepare_part(const VmsCutSet *set, VmsCutPart *self, GError **error)
{
    const char *source = vms_part_is_renewed(self->part->kind) ? NULL : self->part->source;

    return vms_volume_open_transfer(set->engine->drivers->volume, source, self->part->stored,
                                    &self->transfer, error) &&
           (self->part->kind != VMS_PART_SECRET || copy_still(set, self, error));
}

gboolean
vms_cut_prepare_parts(VmsCutSet *set, GError **error)
{
    for (guint i = 0; i < set->snapshot->parts->len; i++) {
        VmsCutPart *self = g_new0(VmsCutPart, 1);

        self->part = set->snapshot->parts->pdata[i];
        g_ptr_array_add(set->parts, self);
        if (!prepare_part(set, self, error)) {
            if (error)
                vms_error_set_object(*error, self->part->source);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
vms_cut_has_moving_parts(const VmsCutSet *set)
{
    for (guint i = 0; i < set->parts->len; i++) {
        const VmsCutPart *self = set->parts->pdata[i];

        if (self->part->kind != VMS_PART_SECRET)
            return TRUE;
    }
    return FALSE;
}

/* The emulator answers a command only after it has put a new file in place of the old one, so what
 * stands there is whole at any time. A suspended guest sends no command; one that is being carried
 * out has come to its end or not, as when the power fails. */
static gboolean
take_part(const VmsCutSet *set, VmsCutPart *self, GError **error)
{
    switch (self->part->kind) {
    case VMS_PART_NVRAM:
        return vms_transfer_clone(self->transfer, NULL) ||
               vms_transfer_copy(self->transfer, NULL, error);
    case VMS_PART_TPM:
        g_clear_pointer(&self->content, g_bytes_unref);
        return vms_volume_read_whole(set->engine->drivers->volume, self->part->source,
                                     VMS_PART_LIMIT, &self->content, &self->part->origin, error);
    case VMS_PART_SECRET:
        break;
    }
    return TRUE;
}

gboolean
vms_cut_take_parts(const VmsCutSet *set, GError **error)
{
    for (guint i = 0; i < set->parts->len; i++) {
        if (!take_part(set, set->parts->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
write_content(const VmsCutPart *self, GError **error)
{
    gsize size = 0;
    const void *data = self->content ? g_bytes_get_data(self->content, &size) : NULL;

    return size == 0 || vms_sys_write(vms_transfer_get_fd(self->transfer), data, size, error);
}

gboolean
vms_cut_finish_parts(const VmsCutSet *set, GError **error)
{
    for (guint i = 0; i < set->parts->len; i++) {
        const VmsCutPart *self = set->parts->pdata[i];
        VmsPart *part = self->part;

        g_clear_pointer(&part->sha256, g_free);
        if (!write_content(self, error) ||
            !vms_transfer_finish(self->transfer, 0600, &part->file, error) ||
            !vms_volume_digest(set->engine->drivers->volume, part->stored, NULL, &part->sha256,
                               error))
            return FALSE;
    }
    return TRUE;
}
