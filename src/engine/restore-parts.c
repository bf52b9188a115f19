/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/restore-parts.h"

#include "base/error.h"
#include "engine/layout.h"
#include "engine/part-state.h"

#include <string.h>

static gboolean
has_content(VmsEngine *engine, const VmsRestorePart *part)
{
    g_autofree char *sha256 = NULL;

    if (part->file.size != part->stored->file.size)
        return FALSE;
    sha256 = vms_digests_read(engine->digests, engine->drivers->volume, part->stored->source,
                              &part->file);
    return g_strcmp0(sha256, part->stored->sha256) == 0;
}

static void
read_part(VmsEngine *engine, VmsRestorePart *part)
{
    g_autoptr(GError) absent = NULL;
    g_autoptr(GError) fault = NULL;

    part->exists =
        vms_volume_identify(engine->drivers->volume, part->stored->source, &part->file, &absent);
    if (absent && vms_error_get_code(absent) != VMSNAP_E_NOT_FOUND)
        part->obstacle = g_strdup(absent->message);
    if (part->exists && part->stored->kind == VMS_PART_SECRET)
        part->same = has_content(engine, part);
    if (!vms_part_state_check(engine, part->stored, FALSE, &fault))
        part->fault = g_strdup(fault->message);
}

void
vms_restore_read_parts(VmsEngine *engine, VmsRestoreInput *input)
{
    input->parts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_part_free);
    for (guint i = 0; i < input->snapshot->parts->len; i++) {
        VmsRestorePart *part = g_new0(VmsRestorePart, 1);

        part->stored = input->snapshot->parts->pdata[i];
        g_ptr_array_add(input->parts, part);
        read_part(engine, part);
    }
}

static void
add_folder(VmsOperation *operation, const char *folder)
{
    if (!g_ptr_array_find_with_equal_func(operation->folders, folder, g_str_equal, NULL))
        g_ptr_array_add(operation->folders, g_strdup(folder));
}

/* The emulator looks after its folder, which is the VM's alone: ours is not put into it. */
static char *
folder_beside(const VmsPart *part, const char *uuid)
{
    g_autofree char *parent = g_path_get_dirname(part->source);
    g_autofree char *above = g_path_get_dirname(parent);

    return vms_layout_folder(part->kind == VMS_PART_TPM ? above : parent, uuid);
}

static void
plan_part(const VmsRestorePart *part, guint number, VmsOperation *operation)
{
    const VmsPart *stored = part->stored;
    g_autofree char *folder = folder_beside(stored, operation->uuid);
    g_autofree char *own = g_path_get_dirname(stored->source);
    g_autofree char *next = vms_layout_part(folder, vms_part_kind_word(stored->kind), number);
    VmsExchange *item = vms_exchange_new(vms_part_kind_word(stored->kind), stored->source, next);

    item->existed = part->exists;
    item->old_file = part->file;
    item->renewed = vms_part_is_renewed(stored->kind);
    g_ptr_array_add(operation->exchanges, item);
    g_ptr_array_add(operation->files, g_strdup(next));
    add_folder(operation, folder);
    if (!g_file_test(own, G_FILE_TEST_IS_DIR)) /* gone with what was in it: it is ours, then */
        add_folder(operation, own);
}

void
vms_restore_plan_parts(const VmsRestoreInput *input, VmsOperation *operation)
{
    for (guint i = 0; i < input->parts->len; i++) {
        const VmsRestorePart *part = input->parts->pdata[i];

        if (vms_restore_part_is_put(part))
            plan_part(part, i, operation);
    }
}

static const VmsPart *
find_stored(const VmsRestoreInput *input, const VmsExchange *item)
{
    return vms_parts_find(input->snapshot->parts, item->path);
}

/* One that replaces another gets that one's owner when it is put in place. */
static gboolean
settle_owner(VmsEngine *engine, const VmsPart *stored, const VmsExchange *item, GError **error)
{
    return item->existed ||
           vms_volume_adopt(engine->drivers->volume, item->next, &stored->origin, error);
}

gboolean
vms_restore_make_part(VmsEngine *engine, const VmsRestoreInput *input, VmsExchange *item,
                      VmsProgress *progress, GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    const VmsPart *stored = find_stored(input, item);
    g_autoptr(VmsTransfer) transfer = NULL;
    g_autofree char *sha256 = NULL;

    if (!stored)
        return vms_fail(error, VMSNAP_E_INTERNAL, "'%s' is no part of the snapshot", item->path);
    if (!vms_volume_open_transfer(volume, stored->stored, item->next, &transfer, error) ||
        (!vms_transfer_clone(transfer, NULL) && !vms_transfer_copy(transfer, progress, error)) ||
        !vms_transfer_finish(transfer, 0600, &item->new_file, error) ||
        !vms_volume_digest(volume, item->next, NULL, &sha256, error))
        return FALSE;
    if (g_strcmp0(sha256, stored->sha256) != 0)
        return vms_refuse(error, VMSNAP_E_LOST, "Lost", "the stored %s '%s' was changed",
                          vms_part_kind_name(stored->kind), stored->stored);
    return settle_owner(engine, stored, item, error);
}
