/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/seed.h"

#include <criterion/criterion.h>
#include <string.h>

/* Media of 64 KiB; what is asked for beyond is not there. */
static guint8 media[64 * 1024];

static gboolean
read_media(gconstpointer data, guint64 offset, void *buffer, gsize size)
{
    if (offset > sizeof(media) || size > sizeof(media) - offset)
        return FALSE;
    memcpy(buffer, (const guint8 *)data + offset, size);
    return TRUE;
}

static gboolean
has_file(void)
{
    const VmsSeedSource source = { .read = read_media, .data = media };

    return vms_seed_has_file(&source);
}

static void
begin(void)
{
    memset(media, 0, sizeof(media));
}

TestSuite(seed, .init = begin);

Test(seed, labels_are_those_of_cloud_init)
{
    cr_assert(vms_seed_is_label("cidata"));
    cr_assert(vms_seed_is_label("CIDATA"));
    cr_assert(vms_seed_is_label("config-2"));
    cr_assert_not(vms_seed_is_label("Cidata"));
    cr_assert_not(vms_seed_is_label("cidata2"));
    cr_assert_not(vms_seed_is_label(""));
}

Test(seed, names_are_those_of_answer_files)
{
    cr_assert(vms_seed_is_name("Autounattend.xml"));
    cr_assert(vms_seed_is_name("UNATTEND.XML;1"));
    cr_assert(vms_seed_is_name("AUTOUNAT.XML;1"));
    cr_assert_not(vms_seed_is_name("unattend.xm"));
    cr_assert_not(vms_seed_is_name("unattend.xml.bak"));
    cr_assert_not(vms_seed_is_name(""));
}

enum { SECTOR = 2048 };

static void
put32(guint8 *at, guint32 value)
{
    for (guint i = 0; i < 4; i++)
        at[i] = (guint8)(value >> (8 * i));
}

static guint8 *
make_descriptor(guint number, guint8 kind, guint root)
{
    guint8 *descriptor = media + (16 + number) * SECTOR;

    descriptor[0] = kind;
    memcpy(descriptor + 1, "CD001", 5);
    put32(descriptor + 156 + 2, root);
    put32(descriptor + 156 + 10, SECTOR);
    return descriptor;
}

static guint8 *
add_entry(guint8 *at, const char *name, gboolean wide)
{
    gsize size = strlen(name) * (wide ? 2 : 1);

    at[0] = (guint8)((33 + size + 1) & ~(gsize)1);
    at[32] = (guint8)size;
    for (gsize i = 0; i < strlen(name); i++)
        at[33 + (wide ? 2 * i + 1 : i)] = (guint8)name[i];
    return at + at[0];
}

Test(seed, iso_is_looked_through)
{
    make_descriptor(0, 1, 20);
    make_descriptor(1, 255, 0);
    add_entry(add_entry(media + 20 * SECTOR, "USER_DAT.;1", FALSE), "SETUP.XML;1", FALSE);
    cr_assert_not(has_file());
    add_entry(add_entry(media + 20 * SECTOR, "USER_DAT.;1", FALSE), "UNATTEND.XML;1", FALSE);
    cr_assert(has_file());
}

Test(seed, joliet_has_the_long_name)
{
    guint8 *wide;

    make_descriptor(0, 1, 20);
    wide = make_descriptor(1, 2, 21);
    make_descriptor(2, 255, 0);
    add_entry(media + 20 * SECTOR, "A.XML;1", FALSE);
    add_entry(media + 21 * SECTOR, "autounattend.xml", TRUE);
    cr_assert_not(has_file(), "it does not say that it is Joliet");
    memcpy(wide + 88, "%/E", 3);
    cr_assert(has_file());
}

static guint8 *
make_fat(void)
{
    media[0x0c] = 2;    /* 512 bytes a sector */
    media[0x0d] = 4;    /* sectors a cluster */
    media[0x0e] = 1;    /* reserved */
    media[0x10] = 2;    /* tables */
    media[0x11] = 0x40; /* entries of the root */
    media[0x16] = 3;    /* sectors of a table */
    media[0x1fe] = 0x55;
    media[0x1ff] = 0xaa;
    return media + 7 * 512;
}

static void
add_long_piece(guint8 *entry, guint8 number, const char *piece)
{
    static const guint8 at[] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };

    memset(entry, 0xff, 32);
    entry[0] = number;
    entry[11] = 0x0f;
    for (gsize i = 0; i < sizeof(at) && i <= strlen(piece); i++) {
        entry[at[i]] = (guint8)piece[i];
        entry[at[i] + 1] = 0;
    }
}

Test(seed, fat_is_looked_through)
{
    guint8 *root = make_fat();

    memcpy(root, "README     ", 11);
    cr_assert_not(has_file());
    memcpy(root + 32, "UNATTENDXML", 11);
    cr_assert(has_file());
    root[32] = 0xe5;
    cr_assert_not(has_file(), "it was removed");
    add_long_piece(root + 64, 0x42, "xml");
    add_long_piece(root + 96, 1, "autounattend.");
    memcpy(root + 128, "AUTOUN~1XML", 11);
    cr_assert(has_file());
}

/* FAT32 says where its root begins. */
Test(seed, fat32_has_its_root_anywhere)
{
    guint8 *boot = media;

    make_fat();
    boot[0x11] = 0;
    boot[0x16] = 0;
    boot[0x24] = 3;
    boot[0x2c] = 3;
    memcpy(media + 7 * 512 + 4 * 512, "UNATTENDXML", 11);
    cr_assert(has_file());
    boot[0x2c] = 1;
    cr_assert_not(has_file());
}

Test(seed, numbers_may_be_anything)
{
    for (guint value = 0; value < 256; value++) {
        memset(media, (int)value, sizeof(media));
        has_file();
        make_fat();
        make_descriptor(0, 1, value * 77777);
        has_file();
    }
}
