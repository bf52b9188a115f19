/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/identity-choose.h"

#include "base/error.h"
#include "base/sys.h"

#include <string.h>

enum {
    BYTES = 32,
    TRIES = 10000,
    LEAST_CID = 3, /* those below mean the host and its like */
    MOST_CID = 0x7fffffff,
    LEAST_PORT = 20000, /* above those of graphics, below those of who calls out */
    MOST_PORT = 32000,
    NAME_BYTES = 255
};

VmsValueClass
vms_value_class_of(VmsTraitKind kind)
{
    switch (kind) {
    case VMS_TRAIT_UUID:
    case VMS_TRAIT_GENID:
    case VMS_TRAIT_SMBIOS_UUID:
    case VMS_TRAIT_INTERFACE_ID:
    case VMS_TRAIT_INSTANCE_ID:
        return VMS_VALUE_UUID;
    case VMS_TRAIT_MAC:
        return VMS_VALUE_MAC;
    case VMS_TRAIT_SMBIOS_SERIAL:
    case VMS_TRAIT_SERIAL:
        return VMS_VALUE_SERIAL;
    case VMS_TRAIT_WWN:
        return VMS_VALUE_WWN;
    case VMS_TRAIT_CID:
        return VMS_VALUE_CID;
    case VMS_TRAIT_PORT:
    case VMS_TRAIT_GRAPHICS:
        return VMS_VALUE_PORT;
    case VMS_TRAIT_CLOUD_ID:
        return VMS_VALUE_CLOUD_ID;
    case VMS_TRAIT_SOCKET:
    case VMS_TRAIT_FILE:
    case VMS_TRAIT_DISK:
    case VMS_TRAIT_NVRAM:
    case VMS_TRAIT_TPM:
    case VMS_TRAIT_SECRET:
    case VMS_TRAIT_STORE:
    case VMS_TRAIT_CHANNEL:
        return VMS_VALUE_PATH;
    case VMS_TRAIT_NAME:
    case VMS_TRAIT_PORT_ID:
    case VMS_TRAIT_LINK:
    case VMS_TRAIT_ADDRESS:
    case VMS_TRAIT_CLOUD_HOSTNAME:
        break;
    }
    return VMS_VALUE_OTHER;
}

/* Case tells paths apart, and serials, but a serial that differs in nothing else is none. */
char *
vms_value_key(VmsValueClass class, const char *value)
{
    g_autofree char *lower = class == VMS_VALUE_PATH ? NULL : g_ascii_strdown(value, -1);

    return g_strdup_printf("%d:%s", (int)class, lower ? lower : value);
}

void
vms_chooser_init(VmsChooser *chooser, const VmsIdentityWish *wish)
{
    chooser->wish = wish;
    chooser->given = vms_identity_taken_new();
    chooser->chosen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    vms_identity_take(chooser->given, wish->traits);
}

void
vms_chooser_clear(VmsChooser *chooser)
{
    g_clear_pointer(&chooser->given, g_hash_table_unref);
    g_clear_pointer(&chooser->chosen, g_hash_table_unref);
}

/* ---- who has it ---- */

static VmsIdentity
claim_of(VmsValueClass class)
{
    switch (class) {
    case VMS_VALUE_UUID:
        return VMS_IDENTITY_UUID;
    case VMS_VALUE_MAC:
        return VMS_IDENTITY_MAC;
    case VMS_VALUE_SERIAL:
        return VMS_IDENTITY_SERIAL;
    case VMS_VALUE_WWN:
        return VMS_IDENTITY_WWN;
    case VMS_VALUE_CID:
        return VMS_IDENTITY_CID;
    case VMS_VALUE_PATH:
        return VMS_IDENTITY_PATH;
    case VMS_VALUE_PORT:
    case VMS_VALUE_CLOUD_ID:
    case VMS_VALUE_OTHER:
        break;
    }
    return VMS_IDENTITY_NONE;
}

/* Whoever is only spoken of counts: the card of a lease or a host entry has an address waiting. */
static gboolean
is_known(const VmsInventory *inventory, VmsValueClass class, const char *value)
{
    VmsIdentity kind = claim_of(class);

    return inventory && kind != VMS_IDENTITY_NONE &&
           vms_claims_find_key(inventory->claims, kind, value) != VMS_CLAIM_NONE;
}

/* TRUE and it is given, if nobody has it. */
static gboolean
take_if_free(VmsChooser *chooser, VmsValueClass class, const char *value)
{
    g_autofree char *key = vms_value_key(class, value);

    if (g_hash_table_contains(chooser->given, key) ||
        (chooser->wish->taken && g_hash_table_contains(chooser->wish->taken, key)) ||
        is_known(chooser->wish->inventory, class, value))
        return FALSE;
    g_hash_table_add(chooser->given, g_steal_pointer(&key));
    return TRUE;
}

/* ---- chance ---- */

/* With its length, so that no two lists of texts are one. */
static void
mix(GChecksum *sum, const char *text)
{
    guint64 size = GUINT64_TO_LE((guint64)strlen(text));

    g_checksum_update(sum, (const guchar *)&size, sizeof(size));
    g_checksum_update(sum, (const guchar *)text, -1);
}

static void
fill(const VmsIdentityWish *wish, const char *key, guint attempt, guint8 bytes[BYTES])
{
    g_autoptr(GChecksum) sum = NULL;
    gsize size = BYTES;
    g_autofree char *count = NULL;

    if (!wish->salt && vms_sys_random(bytes, BYTES))
        return;
    sum = g_checksum_new(G_CHECKSUM_SHA256);
    count = wish->salt ? g_strdup_printf("%u", attempt) : g_uuid_string_random();
    mix(sum, "libvmsnap identity 1");
    mix(sum, wish->origin ? wish->origin : "");
    mix(sum, wish->name);
    mix(sum, wish->salt ? wish->salt : "");
    mix(sum, key);
    mix(sum, count);
    g_checksum_get_digest(sum, bytes, &size);
}

static char *
hex(const guint8 *bytes, gsize count)
{
    GString *text = g_string_sized_new(2 * count);

    for (gsize i = 0; i < count; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

/* A random one by its version, whatever it follows from. */
static char *
write_uuid(const guint8 *bytes)
{
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-4%x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5],
                           (guint)bytes[6] & 0xf, bytes[7], ((guint)bytes[8] & 0x3f) | 0x80,
                           bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14],
                           bytes[15]);
}

static guint32
number(const guint8 *bytes, guint32 least, guint32 most)
{
    guint32 value = 0;

    memcpy(&value, bytes, sizeof(value));
    return least + GUINT32_FROM_LE(value) % (most - least + 1);
}

/* 20 characters are what every kind of disk shows its guest in full. */
enum { SERIAL_BYTES = 10 };

static char *
write_value(VmsValueClass class, const char *old, const guint8 *bytes)
{
    g_autofree char *digits = hex(bytes, SERIAL_BYTES);

    switch (class) {
    case VMS_VALUE_UUID:
        return write_uuid(bytes);
    case VMS_VALUE_MAC: /* libvirt's own prefix, which is locally administered */
        return g_strdup_printf("52:54:00:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2]);
    case VMS_VALUE_WWN:
        return g_strdup_printf("5525400%.9s", digits);
    case VMS_VALUE_CID:
        return g_strdup_printf("%u", number(bytes, LEAST_CID, MOST_CID));
    case VMS_VALUE_PORT:
        return g_strdup_printf("%u", number(bytes, LEAST_PORT, MOST_PORT));
    case VMS_VALUE_CLOUD_ID:
        return g_strconcat("iid-", digits, NULL);
    case VMS_VALUE_SERIAL:
    case VMS_VALUE_PATH:
    case VMS_VALUE_OTHER:
        break;
    }
    return old && g_uuid_string_is_valid(old) ? write_uuid(bytes) : g_steal_pointer(&digits);
}

gboolean
vms_chooser_choose(VmsChooser *chooser, VmsValueClass class, const char *old, const char *where,
                   char **ret_value, GError **error)
{
    g_autofree char *key = old ? vms_value_key(class, old) : g_strdup_printf("?%s", where);
    const char *known = g_hash_table_lookup(chooser->chosen, key);
    guint8 bytes[BYTES];

    if (known) {
        *ret_value = g_strdup(known);
        return TRUE;
    }
    for (guint i = 0; i < TRIES; i++) {
        g_autofree char *value = NULL;

        fill(chooser->wish, key, i, bytes);
        value = write_value(class, old, bytes);
        if (!take_if_free(chooser, class, value))
            continue;
        g_hash_table_insert(chooser->chosen, g_steal_pointer(&key), g_strdup(value));
        *ret_value = g_steal_pointer(&value);
        return TRUE;
    }
    return vms_fail(error, VMSNAP_E_INTERNAL, "no free value was found for %s", where);
}

/* ---- paths ---- */

/* The @count-th way to call it. */
static char *
vary(const char *folder, const char *base, guint count)
{
    const char *dot = strrchr(base, '.');
    gsize stem = dot && dot > base ? (gsize)(dot - base) : strlen(base);
    const char *slash = *folder && !g_str_has_suffix(folder, "/") ? "/" : "";

    if (count == 1)
        return g_strconcat(folder, slash, base, NULL);
    return g_strdup_printf("%s%s%.*s-%u%s", folder, slash, (int)stem, base, count, base + stem);
}

char *
vms_chooser_follow(VmsChooser *chooser, const char *old, gsize limit, GPtrArray *folders)
{
    const VmsIdentityWish *wish = chooser->wish;
    VmsFollow follow = { .source = wish->source, .name = wish->name, .inventory = wish->inventory };
    g_autofree char *key = vms_value_key(VMS_VALUE_PATH, old);
    const char *known = g_hash_table_lookup(chooser->chosen, key);
    const char *slash = strrchr(old, '/');
    g_autofree char *within = slash ? g_strndup(old, MAX(1, (gsize)(slash - old))) : g_strdup("");
    g_autofree char *folder = NULL;
    g_autofree char *base = NULL;
    guint8 bytes[BYTES];

    if (known)
        return g_strdup(known);
    folder = vms_follow_folder(&follow, within, folders);
    base = vms_follow_name(&follow, slash ? slash + 1 : old);
    fill(wish, key, 0, bytes);
    for (guint i = 1; i <= TRIES; i++) {
        g_autofree char *path = vary(folder, base, i);

        if (i == 1 && (strlen(path) > limit || strlen(base) > NAME_BYTES)) {
            g_free(base);
            base = hex(bytes, 4);
            g_free(path);
            path = vary(folder, base, i);
        }
        if (!take_if_free(chooser, VMS_VALUE_PATH, path) && i < TRIES)
            continue;
        g_hash_table_insert(chooser->chosen, g_steal_pointer(&key), g_strdup(path));
        return g_steal_pointer(&path);
    }
    return NULL;
}
