/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/seed.h"

#include <string.h>

enum {
    SECTOR = 2048,         /* of ISO 9660 */
    FIRST_DESCRIPTOR = 16, /* sectors */
    DESCRIPTORS_MAX = 16,
    ROOT_MAX = 64 * 1024, /* bytes of a root folder that are looked through */
    NAME_MAX_CHARS = 64,  /* longer ones are not looked for */
    FAT_ENTRY = 32,
    FAT_LONG_CHARS = 13 /* of a long name in one entry */
};

static guint16
get16(const guint8 *at)
{
    return (guint16)(at[0] | at[1] << 8);
}

static guint32
get32(const guint8 *at)
{
    return get16(at) | (guint32)get16(at + 2) << 16;
}

gboolean
vms_seed_is_label(const char *label)
{
    static const char *const labels[] = { "cidata", "CIDATA", "config-2", NULL };

    return g_strv_contains(labels, label);
}

gboolean
vms_seed_is_name(const char *name)
{
    /* The second is what is left of the first where names are short. */
    static const char *const names[] = { "autounattend.xml", "autounat.xml", "unattend.xml" };
    gsize size = strcspn(name, ";");

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strlen(names[i]) == size && g_ascii_strncasecmp(names[i], name, size) == 0)
            return TRUE;
    }
    return FALSE;
}

/* The ASCII part of a name in 16-bit characters; others become '?', none of ours has any. */
static void
narrow(const guint8 *from, gsize chars, gboolean big, char *to)
{
    for (gsize i = 0; i < chars; i++) {
        guint16 wide = big ? (guint16)(from[2 * i] << 8 | from[2 * i + 1]) : get16(from + 2 * i);

        to[i] = (char)(wide < 0x80 ? wide : '?');
    }
    to[chars] = '\0';
}

/* ---- ISO 9660 ---- */

static gboolean
iso_entry_matches(const guint8 *entry, gboolean joliet)
{
    char name[NAME_MAX_CHARS + 1];
    gsize size = entry[32];

    if (size / (joliet ? 2 : 1) > NAME_MAX_CHARS || 33 + size > entry[0])
        return FALSE;
    if (joliet) {
        narrow(entry + 33, size / 2, TRUE, name);
    } else {
        memcpy(name, entry + 33, size);
        name[size] = '\0';
    }
    return vms_seed_is_name(name);
}

/* Entries do not cross sectors: what is left of one is zeros. */
static gboolean
iso_sector_matches(const guint8 *sector, gboolean joliet)
{
    for (gsize at = 0; at + 33 < SECTOR && sector[at] > 33; at += sector[at]) {
        if (at + sector[at] > SECTOR)
            return FALSE;
        if (iso_entry_matches(sector + at, joliet))
            return TRUE;
    }
    return FALSE;
}

static gboolean
iso_root_matches(const VmsSeedSource *source, const guint8 *descriptor, gboolean joliet)
{
    guint64 start = (guint64)get32(descriptor + 156 + 2) * SECTOR;
    guint32 size = MIN(get32(descriptor + 156 + 10), (guint32)ROOT_MAX);
    guint8 sector[SECTOR];

    for (guint32 at = 0; at < size; at += SECTOR) {
        if (!source->read(source->data, start + at, sector, SECTOR))
            return FALSE;
        if (iso_sector_matches(sector, joliet))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_joliet(const guint8 *descriptor)
{
    const guint8 *escape = descriptor + 88;

    return escape[0] == '%' && escape[1] == '/' &&
           (escape[2] == '@' || escape[2] == 'C' || escape[2] == 'E');
}

static gboolean
iso_matches(const VmsSeedSource *source)
{
    const guint8 primary = 1;
    const guint8 supplementary = 2;
    guint8 descriptor[SECTOR];

    for (guint64 i = 0; i < DESCRIPTORS_MAX; i++) {
        if (!source->read(source->data, (FIRST_DESCRIPTOR + i) * SECTOR, descriptor, SECTOR) ||
            memcmp(descriptor + 1, "CD001", 5) != 0)
            return FALSE;
        if (descriptor[0] == primary && iso_root_matches(source, descriptor, FALSE))
            return TRUE;
        if (descriptor[0] == supplementary && is_joliet(descriptor) &&
            iso_root_matches(source, descriptor, TRUE))
            return TRUE;
    }
    return FALSE;
}

/* ---- FAT ---- */

/* Where the root folder lies; of FAT32 its first cluster is looked into. */
typedef struct {
    guint64 start;
    guint64 size;
} FatRoot;

static gboolean
find_fat_root(const guint8 *boot, FatRoot *root)
{
    guint64 sector = get16(boot + 11);
    guint64 cluster = boot[13] * sector;
    guint64 reserved = get16(boot + 14);
    guint64 tables = boot[16];
    guint64 entries = get16(boot + 17);
    guint64 table = get16(boot + 22) ? get16(boot + 22) : get32(boot + 36);
    guint64 first = get32(boot + 44);

    if (get16(boot + 510) != 0xaa55 || sector < 512 || sector > 4096 || cluster == 0 || tables == 0)
        return FALSE;
    root->start = (reserved + tables * table) * sector;
    root->size = entries * FAT_ENTRY;
    if (entries > 0)
        return TRUE;
    if (first < 2)
        return FALSE;
    root->start += (first - 2) * cluster;
    root->size = cluster;
    return TRUE;
}

/* One piece of a long name, 13 characters of it; pieces come last first, before the short name. */
static void
add_long_piece(const guint8 *entry, char *name)
{
    gsize number = entry[0] & 0x1f;
    gsize at = (number - 1) * FAT_LONG_CHARS;
    char piece[FAT_LONG_CHARS + 1];

    if (number == 0 || at + FAT_LONG_CHARS > NAME_MAX_CHARS)
        return;
    narrow(entry + 1, 5, FALSE, piece);
    narrow(entry + 14, 6, FALSE, piece + 5);
    narrow(entry + 28, 2, FALSE, piece + 11);
    memcpy(name + at, piece, FAT_LONG_CHARS);
}

/* "UNATTENDXML" is UNATTEND.XML. */
static gboolean
short_name_matches(const guint8 *entry)
{
    g_autofree char *base = g_strndup((const char *)entry, 8);
    g_autofree char *suffix = g_strndup((const char *)entry + 8, 3);
    g_autofree char *name = g_strdup_printf("%s.%s", g_strchomp(base), g_strchomp(suffix));

    return vms_seed_is_name(name);
}

static gboolean
fat_entries_match(const guint8 *entries, gsize size)
{
    const guint8 long_name = 0x0f;
    const guint8 removed = 0xe5;
    char name[NAME_MAX_CHARS + 1] = { 0 };

    for (gsize at = 0; at + FAT_ENTRY <= size && entries[at] != 0; at += FAT_ENTRY) {
        const guint8 *entry = entries + at;

        if (entry[0] != removed && entry[11] == long_name) {
            add_long_piece(entry, name);
            continue;
        }
        if (entry[0] != removed && (vms_seed_is_name(name) || short_name_matches(entry)))
            return TRUE;
        memset(name, 0, sizeof(name));
    }
    return FALSE;
}

static gboolean
fat_matches(const VmsSeedSource *source)
{
    guint8 boot[512];
    FatRoot root = { 0 };
    g_autofree guint8 *entries = NULL;
    gsize size;

    if (!source->read(source->data, 0, boot, sizeof(boot)) || !find_fat_root(boot, &root))
        return FALSE;
    size = (gsize)MIN(root.size, (guint64)ROOT_MAX);
    entries = g_try_malloc(size);
    return entries && source->read(source->data, root.start, entries, size) &&
           fat_entries_match(entries, size);
}

gboolean
vms_seed_has_file(const VmsSeedSource *source)
{
    return iso_matches(source) || fat_matches(source);
}
