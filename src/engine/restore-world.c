/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/restore-world.h"

#include "engine/inventory.h"
#include "engine/store-look.h"
#include "engine/store.h"

#include <string.h>

/* Layers of one image that are followed. */
#define CHAIN_LIMIT 32

/* ---- images built on other files ---- */

/* The file below an image, as it is named there. */
static char *
resolve_backing(const VmsImage *image, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return g_path_is_absolute(image->backing) ? g_strdup(image->backing)
                                              : g_build_filename(folder, image->backing, NULL);
}

static char *
add_base(VmsEngine *engine, VmsRestoreSurvey *survey, const char *path, const char *holder)
{
    char *settled = vms_inventory_settle(path);
    VmsFileId file = { 0 };

    vms_volume_identify(engine->drivers->volume, settled, &file, NULL);
    g_ptr_array_add(survey->input.bases, vms_restore_base_new(settled, &file, "%s", holder));
    return settled;
}

/* Every layer below one image. Only headers of qcow2 tell of more. */
static void
add_chain(VmsEngine *engine, VmsRestoreSurvey *survey, const char *path, const char *holder)
{
    g_autofree char *at = g_strdup(path);

    for (guint depth = 0; depth < CHAIN_LIMIT; depth++) {
        g_autoptr(VmsImage) image = NULL;
        g_autofree char *below = NULL;

        if (!vms_volume_inspect(engine->drivers->volume, at, "qcow2", &image, NULL) ||
            !image->backing)
            return;
        below = resolve_backing(image, at);
        g_free(at);
        at = add_base(engine, survey, below, holder);
        if (image->backing_format && strcmp(image->backing_format, "qcow2") != 0)
            return;
    }
}

/* A file that is a VM's disk counts as such, with the format the VM has for it: what a guest
 * writes into a raw disk says nothing. */
static gboolean
read_pools(VmsEngine *engine, VmsRestoreSurvey *survey, GError **error)
{
    g_autoptr(GPtrArray) files = NULL;

    if (!vms_hypervisor_list_pool_files(engine->drivers->hypervisor, &files, error))
        return FALSE;
    for (guint i = 0; i < files->len; i++) {
        const VmsPoolFile *file = files->pdata[i];
        g_autofree char *settled = vms_inventory_settle(file->path);
        g_autofree char *holder = g_strdup_printf("volume %s", file->volume);
        VmsFileId id = { 0 };
        VmsFileUser user;

        if (!vms_volume_identify(engine->drivers->volume, settled, &id, NULL) ||
            vms_inventory_find_user(survey->inventory, NULL, settled, &id, &user))
            continue;
        add_chain(engine, survey, settled, holder);
    }
    return TRUE;
}

static void
add_stored(VmsEngine *engine, VmsRestoreSurvey *survey, const VmsSnapshot *snapshot)
{
    g_autofree char *holder = g_strdup_printf("snapshot %s", snapshot->name);

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        if (disk->image && disk->image->backing) {
            g_autofree char *below = resolve_backing(disk->image, disk->image->path);
            g_autofree char *settled = add_base(engine, survey, below, holder);

            add_chain(engine, survey, settled, holder);
        }
    }
}

/* ---- the catalog ---- */

static gboolean
is_later(const VmsSnapshot *other, const VmsSnapshot *snapshot)
{
    return other->phase == VMSNAP_SNAPSHOT_READY && other->created_us > snapshot->created_us &&
           strcmp(other->uuid, snapshot->uuid) != 0 &&
           g_strcmp0(other->vm_uuid, snapshot->vm_uuid) == 0;
}

static gboolean
read_snapshots(VmsEngine *engine, VmsRestoreSurvey *survey, vmsnap_snapshot_kind kind,
               GError **error)
{
    g_autoptr(GPtrArray) all = NULL;

    /* One that cannot be read keeps nobody from his own: images of ours stand on no disk. */
    if (!vms_store_look_at_snapshots(engine->drivers->catalog, kind, &all, error))
        return FALSE;
    for (guint i = 0; i < all->len; i++) {
        const VmsSnapshot *other = all->pdata[i];

        add_stored(engine, survey, other);
        if (kind == VMSNAP_SNAPSHOT_KIND_VM && is_later(other, survey->snapshot))
            g_ptr_array_add(survey->input.later, g_strdup(other->name));
    }
    return TRUE;
}

/* An operation of ours put this very file there: either one it made, or one it brought back. */
static gboolean
was_put_by(const VmsOperation *operation, const VmsRestoreDisk *disk)
{
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        /* a device may be anybody's by now */
        if (!item->vanish && !item->source && item->new_file.ino != 0 &&
            item->new_file.ino == disk->file.ino && g_strcmp0(item->path, disk->path) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
mark_ours(const VmsRestoreSurvey *survey, const VmsOperation *operation)
{
    if (operation->phase != VMSNAP_OPERATION_COMPLETED)
        return;
    for (guint i = 0; i < survey->input.disks->len; i++) {
        VmsRestoreDisk *disk = survey->input.disks->pdata[i];

        disk->ours = disk->ours || (disk->exists && was_put_by(operation, disk));
    }
}

static gboolean
read_operations(VmsEngine *engine, const VmsRestoreSurvey *survey, GError **error)
{
    g_autoptr(GPtrArray) all = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &all, error))
        return FALSE;
    for (guint i = 0; i < all->len; i++)
        mark_ours(survey, all->pdata[i]);
    return TRUE;
}

gboolean
vms_restore_read_world(VmsEngine *engine, VmsRestoreSurvey *survey, GError **error)
{
    VmsRestoreInput *input = &survey->input;

    input->bases = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_base_free);
    input->later = g_ptr_array_new_with_free_func(g_free);
    if (!survey->snapshot->inactive_xml)
        input->needs = vms_needs_new();
    else if (!vms_hypervisor_read_needs(engine->drivers->hypervisor, survey->snapshot->inactive_xml,
                                        &input->needs, error))
        return FALSE;
    return read_pools(engine, survey, error) &&
           read_snapshots(engine, survey, VMSNAP_SNAPSHOT_KIND_VM, error) &&
           read_snapshots(engine, survey, VMSNAP_SNAPSHOT_KIND_DISK, error) &&
           read_operations(engine, survey, error);
}
