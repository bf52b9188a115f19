/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/new-disk-use.h"

#include "base/error.h"
#include "engine/inventory.h"
#include "engine/new-disk-end.h"
#include "engine/store.h"

#include <string.h>

/* Layers of one image that are followed; QEMU itself gives up not much later. */
#define CHAIN_LIMIT 32

static gboolean
is_image_of(const VmsSnapshot *snapshot, const char *path)
{
    g_autofree char *settled = vms_inventory_settle(path);

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        g_autofree char *image = vms_inventory_settle(disk->image->path);

        if (strcmp(image, settled) == 0)
            return TRUE;
    }
    return FALSE;
}

static char *
below(const VmsImage *image)
{
    g_autofree char *folder = g_path_get_dirname(image->path);

    return g_path_is_absolute(image->backing) ? g_strdup(image->backing)
                                              : g_build_filename(folder, image->backing, NULL);
}

/* Whether @path is an overlay, directly or not, over an image of @snapshot. What is not there, or
 * is no such file any more, is not. */
static gboolean
rests_on(VmsEngine *engine, const char *path, const char *format, const VmsSnapshot *snapshot)
{
    g_autofree char *at = g_strdup(path);
    g_autofree char *kind = g_strdup(format);

    for (guint depth = 0; depth < CHAIN_LIMIT && g_strcmp0(kind, "qcow2") == 0; depth++) {
        g_autoptr(VmsImage) image = NULL;
        char *next;

        if (!vms_volume_inspect(engine->drivers->volume, at, kind, &image, NULL) || !image->backing)
            return FALSE;
        next = below(image);
        if (is_image_of(snapshot, next)) {
            g_free(next);
            return TRUE;
        }
        g_free(at);
        at = next;
        g_free(kind);
        kind = g_strdup(image->backing_format);
    }
    return FALSE;
}

/* Its maker may be about to give it its name: only a finished record is believed to be old. */
static char *
holder_by_disk(VmsEngine *engine, const VmsOperation *operation, const VmsNewDisk *made,
               const VmsSnapshot *snapshot)
{
    if (made->way != VMS_NEW_DISK_OVERLAY)
        return NULL;
    if (vms_operation_is_open(operation) && g_strcmp0(operation->snapshot, snapshot->uuid) == 0)
        return g_strdup_printf("operation %s (%s)", operation->uuid, operation->type);
    if (operation->phase == VMSNAP_OPERATION_COMPLETED &&
        rests_on(engine, made->path, made->format, snapshot))
        return g_strdup_printf("linked disk '%s'", made->path);
    return NULL;
}

/* The disks of a linked clone count also when nobody has that VM any more. */
static char *
holder_by_operation(VmsEngine *engine, const VmsOperation *operation, const VmsSnapshot *snapshot)
{
    char *holder = NULL;

    if (operation->made)
        return holder_by_disk(engine, operation, operation->made, snapshot);
    for (guint i = 0; operation->clone && i < operation->clone->files->len && !holder; i++)
        holder = holder_by_disk(engine, operation, operation->clone->files->pdata[i], snapshot);
    return holder;
}

static gboolean
find_by_operations(VmsEngine *engine, const VmsSnapshot *snapshot, char **ret_holder,
                   GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    for (guint i = 0; i < operations->len && !*ret_holder; i++) {
        *ret_holder = holder_by_operation(engine, operations->pdata[i], snapshot);
    }
    return TRUE;
}

static char *
holder_by_snapshot(VmsEngine *engine, const VmsSnapshot *other, const VmsSnapshot *snapshot)
{
    for (guint i = 0; i < other->disks->len; i++) {
        const VmsSnapshotDisk *disk = other->disks->pdata[i];

        if (disk->image->backing &&
            rests_on(engine, disk->image->path, disk->image->format, snapshot))
            return g_strdup_printf("snapshot %s", other->name);
    }
    return NULL;
}

static gboolean
find_by_snapshots(VmsEngine *engine, vmsnap_snapshot_kind subject, const VmsSnapshot *snapshot,
                  char **ret_holder, GError **error)
{
    g_autoptr(GPtrArray) others = NULL;

    if (!vms_store_list_snapshots(engine->drivers->catalog, subject, &others, error))
        return FALSE;
    for (guint i = 0; i < others->len && !*ret_holder; i++) {
        const VmsSnapshot *other = others->pdata[i];

        if (strcmp(other->uuid, snapshot->uuid) != 0)
            *ret_holder = holder_by_snapshot(engine, other, snapshot);
    }
    return TRUE;
}

gboolean
vms_new_disk_find_holder(VmsEngine *engine, const VmsSnapshot *snapshot, char **ret_holder,
                         GError **error)
{
    g_autofree char *holder = NULL;

    if (!find_by_operations(engine, snapshot, &holder, error) ||
        (!holder &&
         !find_by_snapshots(engine, VMSNAP_SNAPSHOT_KIND_VM, snapshot, &holder, error)) ||
        (!holder &&
         !find_by_snapshots(engine, VMSNAP_SNAPSHOT_KIND_DISK, snapshot, &holder, error)))
        return FALSE;
    *ret_holder = g_steal_pointer(&holder);
    return TRUE;
}
