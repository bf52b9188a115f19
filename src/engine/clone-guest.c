/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/clone-guest.h"

#include "base/error.h"
#include "base/sys.h"
#include "model/leftover.h"

#include <string.h>

#define PROGRAM "vmsnap-guest-look"

enum { MEDIUM_MODE = 0600 };

/* ---- who it was ---- */

static gboolean
read_macs(VmsEngine *engine, VmsCloneInput *input, GError **error)
{
    g_autoptr(GPtrArray) traits = NULL;
    g_autoptr(GPtrArray) macs = g_ptr_array_new();

    if (!vms_hypervisor_read_traits(engine->drivers->hypervisor, vms_clone_xml(input), &traits,
                                    error))
        return FALSE;
    for (guint i = 0; i < traits->len; i++) {
        const VmsTrait *trait = traits->pdata[i];

        if (trait->kind == VMS_TRAIT_MAC && trait->old)
            g_ptr_array_add(macs, g_strdup(trait->old));
    }
    g_ptr_array_add(macs, NULL);
    g_strfreev(input->macs);
    input->macs = (char **)g_ptr_array_free(g_steal_pointer(&macs), FALSE);
    return TRUE;
}

/* ---- media ---- */

static gboolean
is_secret(const VmsCloneItem *item)
{
    return item->part && item->part->kind == VMS_PART_SECRET;
}

/* Whoever it will be: whether it can be done does not depend on that. */
static void
try_medium(VmsEngine *engine, const VmsCloneInput *input, VmsCloneItem *item)
{
    const VmsSnapshot *snapshot = input->snapshot;
    const char *const words[] = { snapshot->vm_name, snapshot->vm_uuid, NULL };
    g_autoptr(GPtrArray) fresh = g_ptr_array_new();
    VmsCidataIdentity nobody = {
        .instance_id = "iid-00000000000000000000000000000000",
        .uuid = "00000000-0000-0000-0000-000000000000",
        .name = vms_clone_name(input),
        .hostname = "clone",
        .old_macs = (const char *const *)input->macs,
        .old_words = words,
    };
    g_autoptr(VmsCidataResult) result = NULL;
    g_autoptr(GError) fault = NULL;

    for (guint i = 0; input->macs[i]; i++)
        g_ptr_array_add(fresh, (gpointer) "02:00:00:00:00:00");
    g_ptr_array_add(fresh, NULL);
    nobody.new_macs = (const char *const *)fresh->pdata;
    if (!vms_cidata_remake(engine->drivers->cidata, item->part->stored, &nobody, NULL, &result,
                           &fault)) {
        item->medium_fault = g_strdup(fault->message);
        return;
    }
    item->medium_moved = g_ptr_array_ref(result->moved);
    item->medium_kept = g_ptr_array_ref(result->kept);
}

gboolean
vms_clone_read_media(VmsEngine *engine, VmsCloneInput *input, GError **error)
{
    if (!read_macs(engine, input, error))
        return FALSE;
    for (guint i = 0; engine->drivers->cidata && i < input->items->len; i++) {
        VmsCloneItem *item = input->items->pdata[i];

        if (is_secret(item) && !item->input.image_fault)
            try_medium(engine, input, item);
    }
    return TRUE;
}

/* Equally long lists; what has no new address is left out of both. */
static void
list_macs(const VmsIdentityTable *table, GPtrArray *old, GPtrArray *fresh)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];

        if (row->kind != VMS_TRAIT_MAC || !row->old || !row->value)
            continue;
        g_ptr_array_add(old, row->old);
        g_ptr_array_add(fresh, row->value);
    }
    g_ptr_array_add(old, NULL);
    g_ptr_array_add(fresh, NULL);
}

static const char *
value_of(const VmsIdentityTable *table, VmsTraitKind kind)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];

        if (row->kind == kind && row->value)
            return row->value;
    }
    return table->uuid;
}

static gboolean
write_medium(const VmsCloneMaking *making, VmsNewDisk *made, GBytes *image, GError **error)
{
    g_autoptr(VmsTransfer) transfer = NULL;
    gsize size = 0;
    gconstpointer data = g_bytes_get_data(image, &size);

    if (!vms_volume_open_transfer(making->engine->drivers->volume, NULL, made->next, &transfer,
                                  error) ||
        !vms_sys_write(vms_transfer_get_fd(transfer), data, size, error))
        return FALSE;
    vms_crash_point("clone-medium");
    if (!vms_transfer_finish(transfer, MEDIUM_MODE, NULL, error))
        return FALSE;
    made->virtual_size = size;
    return TRUE;
}

static gboolean
remake(const VmsCloneMaking *making, const VmsCloneItem *item, VmsCidataResult **ret_result,
       GError **error)
{
    const VmsIdentityTable *table = making->table;
    g_autoptr(GPtrArray) old = g_ptr_array_new();
    g_autoptr(GPtrArray) fresh = g_ptr_array_new();
    VmsCidataIdentity identity = { .instance_id = value_of(table, VMS_TRAIT_CLOUD_ID),
                                   .uuid = table->uuid,
                                   .name = table->name,
                                   .hostname = value_of(table, VMS_TRAIT_CLOUD_HOSTNAME) };

    list_macs(table, old, fresh);
    identity.old_macs = (const char *const *)old->pdata;
    identity.new_macs = (const char *const *)fresh->pdata;
    return vms_cidata_remake(making->engine->drivers->cidata, item->part->stored, &identity,
                             making->progress, ret_result, error);
}

/* What is stored is still what it was when it was stored. */
static gboolean
check_stored(const VmsCloneMaking *making, const VmsCloneItem *item, GError **error)
{
    const VmsPart *part = item->part;
    g_autofree char *sha256 = NULL;

    if (!part->sha256)
        return TRUE;
    if (!vms_volume_digest(making->engine->drivers->volume, part->stored, NULL, &sha256, error))
        return FALSE;
    return strcmp(sha256, part->sha256) == 0 ||
           vms_refuse(error, VMSNAP_E_LOST, "Lost", "the stored %s '%s' was changed", item->kind,
                      part->stored);
}

gboolean
vms_clone_make_medium(const VmsCloneMaking *making, const VmsCloneItem *item, VmsNewDisk *made,
                      gboolean *ret_done, GError **error)
{
    g_autoptr(VmsCidataResult) result = NULL;

    *ret_done = FALSE;
    if (!making->engine->drivers->cidata || !is_secret(item))
        return TRUE;
    if (!check_stored(making, item, error) || !remake(making, item, &result, error))
        return FALSE;
    *ret_done = result->image != NULL;
    return !result->image || write_medium(making, made, result->image, error);
}

/* ---- the guest's own ---- */

/* It stands beside the guard. */
static gboolean
look(VmsEngine *engine, const VmsImage *image, char *const *macs, VmsCloneItem *item)
{
    g_autofree char *folder =
        engine->guard_path ? g_path_get_dirname(engine->guard_path) : g_strdup("");
    g_autofree char *program = g_build_filename(folder, PROGRAM, NULL);
    g_autoptr(GError) failed = NULL;

    if (!engine->drivers->guest)
        return FALSE;
    g_clear_pointer(&item->leftovers, g_ptr_array_unref);
    g_clear_pointer(&item->leftovers_fault, g_free);
    if (!vms_guest_disk_look(engine->drivers->guest, program, image, (const char *const *)macs,
                             NULL, &item->leftovers, &failed))
        item->leftovers_fault = g_strdup(failed->message);
    return TRUE;
}

/* A disk of a VM that runs is read when it was cut, which only the clone itself does. */
void
vms_clone_read_guest(VmsEngine *engine, VmsCloneInput *input)
{
    for (guint i = 0; !vms_clone_needs_cut(input) && i < input->items->len; i++) {
        VmsCloneItem *item = input->items->pdata[i];

        if (!item->part && !item->fault && !item->input.image_fault)
            look(engine, item->input.stored->image, input->macs, item);
    }
}

void
vms_clone_note_guest(const VmsCloneMaking *making)
{
    VmsOperation *operation = making->operation;

    for (guint i = 0; i < making->input->items->len; i++) {
        VmsCloneItem *item = making->input->items->pdata[i];
        const VmsNewDisk *made = operation->clone->files->pdata[i];
        g_autoptr(VmsImage) image = vms_image_new(made->next, made->format);

        if (!item->part && look(making->engine, image, making->input->macs, item))
            vms_clone_find_leftovers(item, operation->resources);
    }
}
