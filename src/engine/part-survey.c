/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/part-survey.h"

/* One that was never started has none of its files yet. */
static void
add_part(VmsEngine *engine, VmsPartKind kind, const char *path, GPtrArray *parts)
{
    VmsVolume *volume = engine->drivers->volume;
    g_autoptr(VmsPart) part = vms_part_new(kind, path);

    if (!path || vms_parts_find(parts, path) ||
        !vms_volume_identify(volume, path, &part->origin, NULL))
        return;
    vms_volume_read_owner(volume, path, &part->origin, NULL);
    g_ptr_array_add(parts, g_steal_pointer(&part));
}

gboolean
vms_part_survey(VmsEngine *engine, const VmsVm *vm, GPtrArray *parts, GError **error)
{
    (void)error;
    add_part(engine, VMS_PART_NVRAM, vm->nvram, parts);
    add_part(engine, VMS_PART_TPM, vm->tpm_state, parts);
    return TRUE;
}
