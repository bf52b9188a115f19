/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/follow.h"

#include <string.h>

/* Folders that are there on every host, and all above them. */
static const char *const stock[] = {
    "/var/lib/libvirt/images",
    "/var/lib/libvirt/qemu/nvram",
    "/var/lib/libvirt/qemu/channel",
    "/var/lib/libvirt/swtpm",
    "/var/log/libvirt/qemu",
    "/var/lib/vmsnap",
    "/var/run/libvirt",
    "/run/libvirt/qemu",
    "/var/tmp",
    "/usr/share",
    "/usr/local/share",
    "/etc/libvirt/qemu",
    "/dev/mapper",
    "/dev/disk",
};

VmsNewFolder *
vms_new_folder_new(const char *path, const char *like)
{
    VmsNewFolder *folder = g_new0(VmsNewFolder, 1);

    folder->path = g_strdup(path);
    folder->like = g_strdup(like);
    return folder;
}

void
vms_new_folder_free(VmsNewFolder *folder)
{
    if (!folder)
        return;
    g_free(folder->path);
    g_free(folder->like);
    g_free(folder);
}

/* ---- names ---- */

/* Bytes of other than ASCII letters are taken for letters. */
static gboolean
is_letter(char byte)
{
    return g_ascii_isalnum(byte) || (guchar)byte >= 0x80;
}

static const char *
find_word(const char *text, const char *start, const char *word)
{
    gsize length = strlen(word);

    for (const char *at = strstr(start, word); at; at = strstr(at + 1, word)) {
        gboolean begins = at == text || !is_letter(at[-1]) || !is_letter(*at);
        gboolean ends = !at[length] || !is_letter(at[length]) || !is_letter(at[length - 1]);

        if (begins && ends)
            return at;
    }
    return NULL;
}

char *
vms_follow_name(const VmsFollow *follow, const char *base)
{
    const char *from = base;
    const char *at = *follow->source ? find_word(base, base, follow->source) : NULL;
    GString *made;

    if (!at)
        return g_strconcat(follow->name, "-", base, NULL);
    made = g_string_new(NULL);
    for (; at; at = find_word(base, from, follow->source)) {
        g_string_append_len(made, from, at - from);
        g_string_append(made, follow->name);
        from = at + strlen(follow->source);
    }
    g_string_append(made, from);
    return g_string_free(made, FALSE);
}

/* ---- folders ---- */

/* @path is @folder or lies in it. */
static gboolean
is_in(const char *path, const char *folder, gsize length)
{
    return strncmp(path, folder, length) == 0 && (!path[length] || path[length] == '/');
}

static gboolean
is_stock(const char *folder, gsize length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(stock); i++) {
        if (is_in(stock[i], folder, length))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_claimed_by_other(const VmsFollow *follow, guint32 key)
{
    const VmsInventory *inventory = follow->inventory;
    guint32 claim = vms_claims_first(inventory->claims, key);

    for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(inventory->claims, key, claim)) {
        VmsFileUser user = vms_inventory_get_user(inventory, claim);

        if (user.holder.kind != VMS_HOLDER_VM || g_strcmp0(user.holder.name, follow->source) != 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_shared(const VmsFollow *follow, const char *folder, gsize length)
{
    const VmsClaims *claims = follow->inventory ? follow->inventory->claims : NULL;

    for (guint32 key = 0; claims && key < vms_claims_count_keys(claims); key++) {
        if (vms_claims_key_kind(claims, key) == VMS_IDENTITY_PATH &&
            is_in(vms_claims_key_text(claims, key), folder, length) &&
            is_claimed_by_other(follow, key))
            return TRUE;
    }
    return FALSE;
}

/* One right below the root is a place for many, whatever its name. */
static gboolean
is_own(const VmsFollow *follow, const char *folder, const char *part, gsize length)
{
    gsize whole = (gsize)(part - folder) + length;

    return part > folder + 1 && !is_stock(folder, whole) && !is_shared(follow, folder, whole);
}

static void
add_folder(GPtrArray *folders, const char *path, const char *folder, gsize length)
{
    g_autofree char *like = g_strndup(folder, length);

    for (guint i = 0; i < folders->len; i++) {
        if (g_str_equal(((const VmsNewFolder *)folders->pdata[i])->path, path))
            return;
    }
    g_ptr_array_add(folders, vms_new_folder_new(path, like));
}

char *
vms_follow_folder(const VmsFollow *follow, const char *folder, GPtrArray *folders)
{
    GString *made = g_string_new(NULL);
    gsize name = strlen(follow->source);
    gboolean moved = FALSE;

    for (const char *at = folder; *at;) {
        gsize slashes = strspn(at, "/");
        gsize length = strcspn(at + slashes, "/");
        const char *part = at + slashes;
        gboolean named = length == name && length > 0 && strncmp(part, follow->source, name) == 0;

        g_string_append_len(made, at, (gssize)slashes);
        at = part + length;
        if (named && (moved || is_own(follow, folder, part, length))) {
            g_string_append(made, follow->name);
            moved = TRUE;
        } else {
            g_string_append_len(made, part, (gssize)length);
        }
        if (moved && length > 0 && folders)
            add_folder(folders, made->str, folder, (gsize)(at - folder));
    }
    return g_string_free(made, FALSE);
}
