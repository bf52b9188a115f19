/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/new-disk-end.h"

#include "base/error.h"
#include "base/sys.h"
#include "engine/journal.h"
#include "engine/layout.h"

#include <string.h>

gboolean
vms_new_disk_is_type(const char *type)
{
    return g_strcmp0(type, "disk-restore") == 0 || g_strcmp0(type, "image") == 0;
}

/* Whether what was made stands at @path. Until it is complete its identity is not known, and it
 * has not been given its name. */
static gboolean
is_ours(VmsEngine *engine, const char *path, const VmsFileId *made)
{
    VmsFileId now = { 0 };

    return made->ino != 0 && vms_volume_identify(engine->drivers->volume, path, &now, NULL) &&
           vms_file_id_unchanged(&now, made);
}

/* The disk last: it is what tells that all is done. */
gboolean
vms_new_disk_place(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    const VmsNewDisk *made = operation->made;
    VmsVolume *volume = engine->drivers->volume;

    if (made->sum && !vms_volume_rename(volume, made->sum_next, made->sum, error))
        return FALSE;
    vms_crash_point("new-disk-summed");
    return vms_volume_rename(volume, made->next, made->path, error);
}

gboolean
vms_new_disk_remove(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    const VmsNewDisk *made = operation->made;
    VmsVolume *volume = engine->drivers->volume;

    if (is_ours(engine, made->path, &made->file) && !vms_volume_remove(volume, made->path, error))
        return FALSE;
    if (made->sum && is_ours(engine, made->sum, &made->sum_file) &&
        !vms_volume_remove(volume, made->sum, error))
        return FALSE;
    return vms_layout_remove(engine, operation->files, NULL, error);
}

/* It is there, whatever libvirt's list of volumes says. */
static void
refresh(VmsEngine *engine, const VmsNewDisk *made)
{
    g_autoptr(GError) stale = NULL;

    if (!made->pool || !engine->drivers->hypervisor ||
        vms_hypervisor_refresh_pool(engine->drivers->hypervisor, made->pool, &stale))
        return;
    vms_log(engine->log, VMSNAP_LOG_WARNING, "pool %s was not refreshed: %s", made->pool,
            stale->message);
}

void
vms_new_disk_complete(VmsEngine *engine, VmsOperation *operation)
{
    refresh(engine, operation->made);
    vms_journal_complete(operation, strcmp(operation->type, "image") == 0
                                        ? "the image is there, and its digest beside it"
                                        : "the disk is there");
}

gboolean
vms_new_disk_recover(VmsEngine *engine, VmsOperation *operation, gboolean *ret_forward,
                     GError **error)
{
    if (!operation->made)
        return vms_fail(error, VMSNAP_E_IO, "operation %s does not say what it makes",
                        operation->uuid);
    *ret_forward = is_ours(engine, operation->made->path, &operation->made->file);
    if (!*ret_forward)
        return vms_new_disk_remove(engine, operation, error);
    vms_new_disk_complete(engine, operation);
    return TRUE;
}
