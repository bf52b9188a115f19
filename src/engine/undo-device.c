/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/undo-device.h"

#include "base/error.h"
#include "engine/layout.h"

/* Beside the file itself: its folders. */
#define SLACK ((guint64)16 * 1024 * 1024)

static gboolean
check_kept(VmsEngine *engine, const VmsExchange *made, VmsFileId *ret_kept, GError **error)
{
    return (vms_volume_identify(engine->drivers->volume, made->next, ret_kept, NULL) &&
            vms_file_id_unchanged(ret_kept, &made->old_file)) ||
           vms_refuse(error, VMSNAP_E_LOST, "Lost",
                      "what '%s' held is kept at '%s', which is missing or was changed", made->path,
                      made->next);
}

static gboolean
check_referenced(const VmsVm *vm, const char *path, GError **error)
{
    for (guint i = 0; i < vm->disks->len; i++) {
        const VmsDisk *disk = vm->disks->pdata[i];

        if (vms_disk_is_owned(disk) && g_strcmp0(disk->path, path) == 0)
            return TRUE;
    }
    return vms_fail(error, VMSNAP_E_PLAN_STALE, "'%s' is no disk of VM %s any more", path,
                    vm->name);
}

static gboolean
check_device(VmsEngine *engine, const VmsExchange *made, guint64 kept, VmsFileId *ret_device,
             GError **error)
{
    g_autoptr(VmsImage) image = NULL;

    if (!vms_volume_inspect(engine->drivers->volume, made->path, "raw", &image, error))
        return FALSE;
    if (!image->block_device)
        return vms_fail(error, VMSNAP_E_PLAN_STALE, "'%s' is no block device any more", made->path);
    *ret_device = image->file;
    return image->file.size >= kept ||
           vms_refuse(error, VMSNAP_E_CONFLICT, "TargetTooSmall",
                      "'%s' has %" G_GUINT64_FORMAT " bytes, what it held has %" G_GUINT64_FORMAT,
                      made->path, image->file.size, kept);
}

/* The VM's own QEMU has it open, nobody else may. */
static gboolean
check_free(VmsEngine *engine, const VmsVm *vm, const char *path, GError **error)
{
    g_auto(VmsImageUse) use = { 0 };
    VmsInstance instance = { .domain_id = -1 };
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autofree char *own = NULL;

    if (!vms_hypervisor_read_state(engine->drivers->hypervisor, vm->uuid, &state, &instance,
                                   error) ||
        !vms_volume_read_use(engine->drivers->volume, path, &use, error))
        return FALSE;
    own = g_strdup_printf("process %" G_GINT64_FORMAT " ", (gint64)instance.process.pid);
    for (guint i = 0; use.holders && i < use.holders->len; i++) {
        const char *holder = use.holders->pdata[i];

        if (instance.domain_id < 0 || !g_str_has_prefix(holder, own))
            return vms_refuse(error, VMSNAP_E_CONFLICT, "OpenElsewhere", "'%s' is open in %s", path,
                              holder);
    }
    return TRUE;
}

static gboolean
check_room(VmsEngine *engine, const char *folder, guint64 bytes, GError **error)
{
    g_auto(VmsPlaceInfo) place = { 0 };

    return vms_volume_read_place(engine->drivers->volume, NULL, folder, &place, error) &&
           (bytes + SLACK <= place.free_bytes ||
            vms_refuse(error, VMSNAP_E_NO_SPACE, "OutOfSpace",
                       "'%s' has %" G_GUINT64_FORMAT " bytes free, %" G_GUINT64_FORMAT
                       " are needed for what the device holds now",
                       folder, place.free_bytes, bytes + SLACK));
}

gboolean
vms_undo_plan_device(VmsEngine *engine, const VmsVm *vm, const VmsExchange *made,
                     VmsOperation *undo, GError **error)
{
    g_autofree char *store = vms_layout_find_store(made->next);
    g_autofree char *folder = vms_layout_folder(store, undo->uuid);
    g_autofree char *next = vms_layout_image(folder, made->target, "raw");
    VmsExchange *item = vms_exchange_new(made->target, made->path, next);
    VmsFileId kept = { 0 };

    g_ptr_array_add(undo->exchanges, item);
    item->source = g_strdup(made->next);
    item->existed = TRUE;
    g_ptr_array_add(undo->files, g_strdup(next));
    if (!g_ptr_array_find_with_equal_func(undo->folders, folder, g_str_equal, NULL))
        g_ptr_array_add(undo->folders, g_strdup(folder));
    return check_referenced(vm, made->path, error) && check_kept(engine, made, &kept, error) &&
           check_device(engine, made, kept.size, &item->new_file, error) &&
           check_free(engine, vm, made->path, error) &&
           check_room(engine, store, item->new_file.size, error);
}
