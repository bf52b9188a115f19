/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qcow2/image-info.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SIZE = 4096 };

static guint8 header[SIZE];

static void
put32(gsize at, guint32 value)
{
    guint32 big = GUINT32_TO_BE(value);

    memcpy(header + at, &big, sizeof(big));
}

static void
put64(gsize at, guint64 value)
{
    guint64 big = GUINT64_TO_BE(value);

    memcpy(header + at, &big, sizeof(big));
}

/* A good version 3 image of 1 GiB with clusters of 64 KiB. */
static void
begin(void)
{
    memset(header, 0, sizeof(header));
    memcpy(header, "QFI\xfb", 4);
    put32(4, 3);
    put32(20, 16);
    put64(24, 1 << 30);
    put32(36, 2);
    put64(40, 0x30000);
    put64(48, 0x10000);
    put32(56, 1);
    put32(96, 4);
    put32(100, 112);
}

TestSuite(image_info, .init = begin);

static int
refusal(gsize size)
{
    g_auto(VmsImageInfo) info = { 0 };
    g_autoptr(GError) error = NULL;

    if (vms_image_info_parse(header, size, &info, &error))
        return 0;
    cr_assert_null(info.backing);
    return vms_error_get_code(error);
}

Test(image_info, a_plain_image_is_read)
{
    g_auto(VmsImageInfo) info = { 0 };

    cr_assert(vms_image_info_parse(header, SIZE, &info, NULL));
    cr_assert_eq(info.version, 3);
    cr_assert_eq(info.cluster_bits, 16);
    cr_assert_eq(info.virtual_size, 1 << 30);
    cr_assert_eq(info.l1_entries, 2);
    cr_assert_null(info.backing);
    cr_assert_not(info.dirty);
}

Test(image_info, other_formats_are_refused)
{
    put32(0, 0x4b444d56);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
    begin();
    put32(4, 1);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
    put32(4, 4);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
}

Test(image_info, a_short_file_is_refused)
{
    for (gsize size = 0; size < 104; size++)
        cr_assert_neq(refusal(size), 0, "%zu bytes", size);
    cr_assert_eq(refusal(104), 0);
}

Test(image_info, version_2_has_no_features)
{
    put32(4, 2);
    put64(72, G_MAXUINT64); /* extensions begin here */
    put32(76, 0);
    cr_assert_eq(refusal(SIZE), 0);
}

Test(image_info, unknown_features_are_refused)
{
    for (guint bit = 0; bit < 64; bit++) {
        gboolean fine = bit == 0 || bit == 4;

        begin();
        put32(36, 4); /* larger entries need more of them */
        put64(72, G_GUINT64_CONSTANT(1) << bit);
        cr_assert_eq(refusal(SIZE) == 0, fine, "bit %u", bit);
    }
}

Test(image_info, a_dirty_image_is_told)
{
    g_auto(VmsImageInfo) info = { 0 };

    put64(72, 1);
    cr_assert(vms_image_info_parse(header, SIZE, &info, NULL));
    cr_assert(info.dirty);
}

Test(image_info, compression_type_and_its_bit_must_agree)
{
    header[104] = 1;
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put64(72, 1 << 3);
    cr_assert_eq(refusal(SIZE), 0);
    header[104] = 2;
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
}

Test(image_info, encryption_is_refused)
{
    put32(32, 2);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
    begin();
    put32(112, 0x0537be77);
    put32(116, 16);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
}

Test(image_info, an_external_data_file_is_refused)
{
    put32(112, 0x44415441);
    put32(116, 8);
    memcpy(header + 120, "/etc/pas", 8);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED);
}

Test(image_info, cluster_sizes_have_bounds)
{
    static const guint32 bad[] = { 0, 8, 22, 64, 0xffffffff };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        put32(20, bad[i]);
        cr_assert_eq(refusal(SIZE), VMSNAP_E_IO, "%u", bad[i]);
    }
}

Test(image_info, the_first_level_must_cover_the_size)
{
    put64(24, (guint64)1 << 30); /* two entries of 512 MiB each */
    cr_assert_eq(refusal(SIZE), 0);
    put64(24, ((guint64)1 << 30) + 1);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put64(24, G_MAXUINT64);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
}

Test(image_info, a_first_level_table_above_32_mib_is_refused)
{
    put32(36, 4 * 1024 * 1024);
    cr_assert_eq(refusal(SIZE), 0);
    put32(36, 4 * 1024 * 1024 + 1);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
}

Test(image_info, tables_lie_on_clusters)
{
    put64(40, 0x30200);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put64(40, 0);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put64(40, G_MAXUINT64 - 0xffff);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    begin();
    put64(48, 0x10001);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
}

static void
put_backing(const char *name, const char *format)
{
    gsize at = 112;

    begin();
    if (format) {
        put32(at, 0xe2792aca);
        put32(at + 4, (guint32)strlen(format));
        memcpy(header + at + 8, format, strlen(format));
        at += 8 + ((strlen(format) + 7) & ~(gsize)7);
    }
    at += 8; /* the end */
    put64(8, at);
    put32(16, (guint32)strlen(name));
    memcpy(header + at, name, strlen(name));
}

Test(image_info, backing_name_and_format_are_taken_as_written)
{
    g_auto(VmsImageInfo) info = { 0 };

    put_backing("/images/base:1.qcow2", "qcow2");
    cr_assert(vms_image_info_parse(header, SIZE, &info, NULL));
    cr_assert_str_eq(info.backing, "/images/base:1.qcow2");
    cr_assert_str_eq(info.backing_format, "qcow2");
}

Test(image_info, a_backing_name_that_opens_something_else_is_refused)
{
    static const char *const names[] = { "json:{\"driver\":\"file\"}",
                                         "nbd:localhost:10809",
                                         "file:/etc/shadow",
                                         "https://x/y",
                                         "fat:rw:/etc",
                                         NULL };

    for (gsize i = 0; names[i]; i++) {
        put_backing(names[i], "raw");
        cr_assert_eq(refusal(SIZE), VMSNAP_E_UNSUPPORTED, "%s", names[i]);
    }
}

Test(image_info, a_backing_name_stays_inside_the_header)
{
    put_backing("/base", NULL);
    put32(16, 1024);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put32(16, 5);
    put64(8, SIZE - 4);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put64(8, G_MAXUINT64 - 2);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put_backing("/ba", NULL);
    put32(16, 4); /* a NUL */
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
}

Test(image_info, extensions_stay_inside_the_cluster)
{
    put32(112, 0x12345678);
    put32(116, 0xfffffff8);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
    put_backing("/base", "a-format-far-too-long");
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
}

Test(image_info, snapshots_are_counted)
{
    g_auto(VmsImageInfo) info = { 0 };

    put32(60, 3);
    cr_assert(vms_image_info_parse(header, SIZE, &info, NULL));
    cr_assert_eq(info.internal_snapshots, 3);
    put32(60, 65537);
    cr_assert_eq(refusal(SIZE), VMSNAP_E_IO);
}
