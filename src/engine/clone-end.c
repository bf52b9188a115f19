/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/clone-end.h"

#include "base/error.h"
#include "base/sys.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/power.h"
#include "model/name.h"

#include <string.h>

#define TOKEN ".vmsnap-"

char *
vms_clone_next_path(const char *path, const char *operation_uuid, guint number)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return g_strdup_printf("%s/" TOKEN "%s.%u", g_str_equal(folder, "/") ? "" : folder,
                           operation_uuid, number);
}

/* A record may have been edited by hand. */
static gboolean
is_ours_by_name(const char *path, const VmsOperation *operation)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *token = g_strdup_printf(TOKEN "%s.", operation->uuid);

    return *path == '/' && g_str_has_prefix(name, token);
}

/* Until a file is complete its identity is not known, and it has not been given its name. What
 * cannot be looked at may be ours. */
static gboolean
check_ours(VmsEngine *engine, const VmsNewDisk *made, gboolean *ret_ours, GError **error)
{
    g_autoptr(GError) failed = NULL;
    VmsFileId now = { 0 };
    int code;

    *ret_ours = FALSE;
    if (made->file.ino == 0)
        return TRUE;
    if (vms_volume_identify(engine->drivers->volume, made->path, &now, &failed)) {
        *ret_ours = vms_file_id_unchanged(&now, &made->file);
        return TRUE;
    }
    code = vms_error_get_code(failed);
    if (code == VMSNAP_E_NOT_FOUND || code == VMSNAP_E_UNSUPPORTED)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
vms_clone_is_defined(VmsEngine *engine, const VmsOperation *operation, gboolean *ret_defined,
                     GError **error)
{
    g_autoptr(GError) absent = NULL;
    g_autoptr(VmsVm) vm = NULL;

    *ret_defined = vms_hypervisor_find_vm(engine->drivers->hypervisor, operation->vm_uuid, FALSE,
                                          &vm, &absent);
    if (*ret_defined) { /* somebody's may have it as its name */
        *ret_defined = g_strcmp0(vm->uuid, operation->vm_uuid) == 0;
        return TRUE;
    }
    if (vms_error_get_code(absent) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&absent));
    return FALSE;
}

gboolean
vms_clone_place(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    const GPtrArray *files = operation->clone->files;

    for (guint i = 0; i < files->len; i++) {
        const VmsNewDisk *made = files->pdata[i];

        if (!vms_volume_rename(engine->drivers->volume, made->next, made->path, error))
            return FALSE;
        vms_crash_point("clone-placed");
    }
    return TRUE;
}

gboolean
vms_clone_remove(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    const GPtrArray *files = operation->clone->files;
    g_autoptr(GPtrArray) begun = g_ptr_array_new();

    for (guint i = 0; i < files->len; i++) {
        const VmsNewDisk *made = files->pdata[i];
        gboolean ours;

        if (!check_ours(engine, made, &ours, error) ||
            (ours && !vms_volume_remove(volume, made->path, error)))
            return FALSE;
    }
    for (guint i = 0; i < operation->files->len; i++) {
        char *path = operation->files->pdata[i];

        if (is_ours_by_name(path, operation))
            g_ptr_array_add(begun, path);
    }
    return vms_layout_remove(engine, begun, operation->folders, error);
}

/* ---- the temporary snapshot ---- */

gboolean
vms_clone_drop_temporary(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autoptr(GError) absent = NULL;

    if (!operation->clone->temporary)
        return TRUE;
    if (vms_store_find_snapshot(engine->drivers->catalog, VMSNAP_SNAPSHOT_KIND_VM,
                                operation->clone->temporary, &snapshot, NULL, &absent))
        return vms_engine_discard_snapshot(engine, operation->uuid, snapshot->uuid, error);
    if (vms_error_get_code(absent) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&absent));
    return FALSE;
}

gboolean
vms_clone_finish_drop(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    g_autoptr(GError) failed = NULL;
    VmsFinding *kept;

    if (vms_clone_drop_temporary(engine, operation, &failed))
        return TRUE;
    if (vms_error_get_code(failed) != VMSNAP_E_IN_USE) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    kept = vms_finding_new_reason(
        "VirtualMachineSnapshot", operation->clone->temporary, VMSNAP_SEVERITY_WARNING, "Kept",
        "the snapshot that the clone was made from stays: %s", failed->message);
    kept->status = VMS_RESOURCE_KEPT;
    g_ptr_array_add(operation->resources, kept);
    return TRUE;
}

/* ---- what follows the definition ---- */

static void
set_autostart(VmsEngine *engine, VmsOperation *operation)
{
    g_autoptr(GError) failed = NULL;

    if (!operation->clone->autostart ||
        vms_hypervisor_set_autostart(engine->drivers->hypervisor, operation->vm_uuid, TRUE,
                                     &failed))
        return;
    g_ptr_array_add(operation->resources,
                    vms_finding_new_reason("VirtualMachine", operation->vm_name,
                                           VMSNAP_SEVERITY_WARNING, "NoAutostart",
                                           "the clone will not start with the host: %s",
                                           failed->message));
}

gboolean
vms_clone_settle(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    set_autostart(engine, operation);
    return !operation->start_after || vms_power_bring_up(engine, operation, FALSE, error);
}

/* ---- after a crash ---- */

static gboolean
finish(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    if (!vms_clone_settle(engine, operation, error))
        return FALSE;
    if (!vms_clone_finish_drop(engine, operation, error))
        return FALSE;
    vms_journal_complete(operation, "the clone is there");
    return TRUE;
}

gboolean
vms_clone_recover(VmsEngine *engine, VmsOperation *operation, gboolean *ret_forward, GError **error)
{
    if (!operation->clone || !operation->vm_uuid)
        return vms_fail(error, VMSNAP_E_IO, "operation %s does not say what it makes",
                        operation->uuid);
    if (!vms_clone_is_defined(engine, operation, ret_forward, error))
        return FALSE;
    if (*ret_forward)
        return finish(engine, operation, error);
    return vms_clone_remove(engine, operation, error) &&
           vms_clone_drop_temporary(engine, operation, error);
}
