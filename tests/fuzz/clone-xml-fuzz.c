/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/clone-xml.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const VmsTrait *
find_kind(const GPtrArray *traits, VmsTraitKind kind)
{
    for (guint i = 0; i < traits->len; i++) {
        const VmsTrait *trait = traits->pdata[i];

        if (trait->kind == kind)
            return trait;
    }
    return NULL;
}

/* Every other disk is the VM's own. */
static GPtrArray *
list_moves(const GPtrArray *traits)
{
    GPtrArray *moves = g_ptr_array_new_with_free_func((GDestroyNotify)vms_move_free);

    for (guint i = 0; i < traits->len; i++) {
        const VmsTrait *trait = traits->pdata[i];
        g_autofree char *path = g_strdup_printf("/new/%u", i);

        if (trait->kind == VMS_TRAIT_DISK && i % 2 == 0)
            g_ptr_array_add(moves, vms_move_new(VMS_TRAIT_DISK, trait->where + strlen("disk "),
                                                trait->old, path));
    }
    return moves;
}

/* What is chosen is in the clone, and what was chosen for the source is not. */
static void
check(const VmsIdentityTable *table, const GPtrArray *after)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];
        gboolean chosen = row->kind == VMS_TRAIT_MAC || row->kind == VMS_TRAIT_GENID ||
                          row->kind == VMS_TRAIT_CID || row->kind == VMS_TRAIT_UUID;
        gboolean found = FALSE;

        for (guint j = 0; chosen && j < after->len; j++) {
            const VmsTrait *trait = after->pdata[j];

            found = found || (trait->kind == row->kind && g_strcmp0(trait->old, row->value) == 0);
            if (trait->kind == row->kind && row->old && g_strcmp0(trait->old, row->old) == 0)
                __builtin_trap();
        }
        if (chosen && !found)
            __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GPtrArray) traits = NULL;
    g_autoptr(GPtrArray) moves = NULL;
    g_autoptr(GPtrArray) after = NULL;
    g_autoptr(VmsIdentityTable) table = NULL;
    g_autofree char *clone = NULL;
    const VmsTrait *name;
    VmsIdentityWish wish = { .origin = "fuzz", .name = "clone & co", .salt = "" };

    if (!vms_clone_xml_read(text, &traits, NULL))
        return 0;
    name = find_kind(traits, VMS_TRAIT_NAME);
    moves = list_moves(traits);
    wish.traits = traits;
    wish.moves = moves;
    wish.source = name && name->old ? name->old : "web";
    if (!vms_identity_make(&wish, &table, NULL))
        __builtin_trap();
    if (!vms_clone_xml_write(text, table, &clone, NULL))
        return 0;
    if (!vms_clone_xml_read(clone, &after, NULL))
        __builtin_trap();
    check(table, after);
    return 0;
}
