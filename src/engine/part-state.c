/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/part-state.h"

#include "base/error.h"

static gboolean
read_digest(VmsEngine *engine, const VmsPart *part, const VmsFileId *file, gboolean fresh,
            char **ret_sha256, GError **error)
{
    if (fresh)
        return vms_volume_digest(engine->drivers->volume, part->stored, NULL, ret_sha256, error);
    *ret_sha256 = vms_digests_read(engine->digests, engine->drivers->volume, part->stored, file);
    return *ret_sha256 || vms_fail(error, VMSNAP_E_IO, "'%s' cannot be read", part->stored);
}

gboolean
vms_part_state_check(VmsEngine *engine, const VmsPart *part, gboolean fresh, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autofree char *sha256 = NULL;
    VmsFileId now = { 0 };

    if (!vms_volume_identify(engine->drivers->volume, part->stored, &now, &failed)) {
        if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
            return vms_refuse(error, VMSNAP_E_LOST, "Lost", "the stored %s '%s' is missing",
                              vms_part_kind_name(part->kind), part->stored);
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (now.size == part->file.size && !read_digest(engine, part, &now, fresh, &sha256, error))
        return FALSE;
    return g_strcmp0(sha256, part->sha256) == 0 ||
           vms_refuse(error, VMSNAP_E_LOST, "Lost", "the stored %s '%s' was changed",
                      vms_part_kind_name(part->kind), part->stored);
}
