/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/media.h"
#include "adapter/file/volume.h"
#include "adapter/qcow2/reader.h"
#include "base/clock.h"
#include "base/error.h"
#include "support/shell.h"

#include <criterion/criterion.h>

static char *root;
static VmsVolume *volume;
static VmsMedia *media;

static void
begin(void)
{
    static const VmsMediaReader reader = { vms_reader_open, vms_reader_read, vms_reader_close };

    root = vms_shell_private_folder();
    volume = vms_file_volume_new(vms_reader_fill_image);
    media = vms_blkid_media_new(&reader);
}

static void
finish(void)
{
    vms_volume_free(volume);
    vms_media_free(media);
    vms_shell_remove(root);
}

TestSuite(media, .init = begin, .fini = finish);

/* "offset:type:clean …" of what is found on the image NAME.FORMAT. */
static char *
probe(const char *name, const char *format)
{
    g_autofree char *file = g_strconcat(name, ".", format, NULL);
    g_autofree char *path = g_build_filename(root, file, NULL);
    g_autoptr(VmsImage) image = NULL;
    g_autoptr(GPtrArray) states = NULL;
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new(NULL);

    cr_assert(vms_volume_inspect(volume, path, format, &image, &error), "%s",
              error ? error->message : "");
    cr_assert(vms_media_probe(media, image, "vda", &states, &error));
    for (guint i = 0; i < states->len; i++) {
        const VmsFsState *state = states->pdata[i];

        cr_assert_str_eq(state->disk, "vda");
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT ":%s:%d", i ? " " : "", state->offset,
                               state->type, (int)state->clean);
    }
    return g_string_free(text, FALSE);
}

/* The same in both formats. */
static void
expect(const char *name, const char *found)
{
    g_autofree char *raw = probe(name, "raw");
    g_autofree char *qcow2 = NULL;

    cr_assert_str_eq(raw, found, "%s: %s", name, raw);
    g_free(vms_shell("cd %s; qemu-img convert -f raw -O qcow2 %s.raw %s.qcow2", root, name, name));
    qcow2 = probe(name, "qcow2");
    cr_assert_str_eq(qcow2, found, "%s: %s", name, qcow2);
}

Test(media, an_empty_disk_has_nothing)
{
    g_free(vms_shell("cd %s; truncate -s 40M a.raw; truncate -s 0 b.raw", root));
    expect("a", "");
    expect("b", "");
}

Test(media, ext4_tells_whether_its_journal_is_needed)
{
    g_free(vms_shell("cd %s; mkdir m; truncate -s 64M a.raw; mkfs.ext4 -q a.raw; mount -o loop "
                     "a.raw m; echo x >m/x; cp --sparse=always a.raw live.raw; fsfreeze -f m; cp "
                     "--sparse=always a.raw frozen.raw; fsfreeze -u m; umount m",
                     root));
    expect("a", "0:ext4:1");
    expect("live", "0:ext4:2");
    expect("frozen", "0:ext4:1");
}

Test(media, btrfs_tells_whether_its_log_is_needed)
{
    g_free(vms_shell("cd %s; mkdir m; truncate -s 150M a.raw; mkfs.btrfs -q a.raw; mount -o loop "
                     "a.raw m; sync -f m; echo x >m/x; sync m/x; cp --sparse=always a.raw "
                     "live.raw; fsfreeze -f m; cp --sparse=always a.raw frozen.raw; fsfreeze -u "
                     "m; umount m",
                     root));
    expect("a", "0:btrfs:1");
    expect("live", "0:btrfs:2");
    expect("frozen", "0:btrfs:1");
}

Test(media, vfat_tells_whether_it_was_unmounted)
{
    g_free(vms_shell("cd %s; truncate -s 64M a.raw b.raw; mkfs.vfat -F 16 a.raw; mkfs.vfat -F 32 "
                     "b.raw; cp b.raw live.raw; printf '\\001' | dd of=live.raw bs=1 seek=65 "
                     "conv=notrunc status=none",
                     root));
    expect("a", "0:vfat:1");
    expect("b", "0:vfat:1");
    expect("live", "0:vfat:2");
}

/* A frozen one looks like one that crashed: neither is said to need a replay. */
Test(media, xfs_tells_only_that_it_was_unmounted)
{
    g_free(vms_shell("cd %s; mkdir m; truncate -s 300M a.raw; mkfs.xfs -q a.raw; cp "
                     "--sparse=always a.raw b.raw; mount -o loop,nouuid b.raw m; echo x >m/x; sync "
                     "-f m; cp --sparse=always b.raw live.raw; fsfreeze -f m; cp --sparse=always "
                     "b.raw frozen.raw; fsfreeze -u m; umount m",
                     root));
    expect("a", "0:xfs:1");
    expect("b", "0:xfs:1");
    expect("live", "0:xfs:0");
    expect("frozen", "0:xfs:0");
}

/* The log goes around, which the number of its first block tells. */
Test(media, an_xfs_log_of_many_rounds_is_read)
{
    static const char count_rounds[] =
        "import struct;f=open('off3.raw','rb');s=f.read(128);size,=struct.unpack_from('>I',s,4);"
        "first,=struct.unpack_from('>Q',s,48);per,=struct.unpack_from('>I',s,84);b=s[124];"
        "f.seek(((first>>b)*per+(first&((1<<b)-1)))*size);m,n=struct.unpack('>II',f.read(8));"
        "assert (n if m==0xfeedbabe else m)>2";

    g_free(vms_shell("cd %s; mkdir m; truncate -s 100M a.raw; mkfs.xfs --unsupported -q -l "
                     "size=1400b a.raw 2>/dev/null; for n in 1 2 3; do mount -o loop,nouuid a.raw "
                     "m; for i in 1 2 3 4 5 6 7 8; do mkdir m/d; (cd m/d; touch $(seq 1500)); sync "
                     "-f m; rm -r m/d; sync -f m; cp --sparse=always a.raw live$i.raw; done; "
                     "umount m; cp --sparse=always a.raw off$n.raw; done; python3 -c \"%s\"",
                     root, count_rounds));
    expect("off1", "0:xfs:1");
    expect("off2", "0:xfs:1");
    expect("off3", "0:xfs:1");
    for (int i = 1; i <= 8; i++) {
        g_autofree char *name = g_strdup_printf("live%d", i);

        expect(name, "0:xfs:0");
    }
}

Test(media, ntfs_tells_that_it_is_dirty)
{
    /* the flags of $VOLUME_INFORMATION, attribute 0x70 of record 3 */
    static const char set_dirty[] =
        "import sys;f=open(sys.argv[1],'r+b');b=f.read(512);c=b[13]*512;"
        "o=int.from_bytes(b[48:56],'little')*c+3*1024;f.seek(o);r=bytearray(f.read(1024));"
        "a=int.from_bytes(r[20:22],'little')\n"
        "while r[a]!=0x70: a+=int.from_bytes(r[a+4:a+8],'little')\n"
        "p=a+int.from_bytes(r[a+20:a+22],'little')+10;f.seek(o+p);f.write(bytes([r[p]|1]))";

    g_free(vms_shell(
        "cd %s; truncate -s 32M a.raw; mkntfs -q -F -f a.raw 2>/dev/null; cp a.raw dirty.raw; "
        "python3 -c \"%s\" dirty.raw",
        root, set_dirty));
    expect("a", "0:ntfs:0");
    expect("dirty", "0:ntfs:2");
}

Test(media, what_cannot_tell_says_so)
{
    g_free(vms_shell("cd %s; truncate -s 4M s.raw; mkswap -q s.raw; truncate -s 4M l.raw; printf "
                     "'LUKS\\272\\276\\000\\001' | dd of=l.raw conv=notrunc status=none",
                     root));
    expect("s", "0:swap:1");
    expect("l", "0:opaque:crypto_LUKS:0");
}

Test(media, partitions_are_looked_into)
{
    g_free(
        vms_shell("cd %s; truncate -s 200M g.raw; printf 'start=1M,size=40M,type=U\\nstart=64M\\n' "
                  "| sfdisk -q --label gpt g.raw; truncate -s 100M e.raw; "
                  "mkfs.ext4 -q e.raw; truncate -s 40M v.raw; mkfs.vfat v.raw; dd if=v.raw "
                  "of=g.raw bs=1M seek=1 conv=notrunc,sparse status=none; dd if=e.raw of=g.raw "
                  "bs=1M seek=64 conv=notrunc,sparse status=none",
                  root));
    expect("g", "1048576:vfat:1 67108864:ext4:1");
    g_free(vms_shell("cd %s; cp g.raw m.raw; dd if=/dev/zero of=m.raw bs=1k count=40 conv=notrunc "
                     "status=none; printf "
                     "'start=1M,size=40M,type=c\\nstart=64M,size=100M,"
                     "type=83\\n' | sfdisk -q --label dos m.raw",
                     root));
    expect("m", "1048576:vfat:1 67108864:ext4:1");
}

Test(media, chains_are_read_through)
{
    g_autofree char *found = NULL;
    g_autofree char *relative = NULL;

    g_free(vms_shell("cd %s; truncate -s 64M a.raw; mkfs.ext4 -q a.raw; qemu-img create -q -f "
                     "qcow2 -F raw -b %s/a.raw b.qcow2; qemu-img create -q -f qcow2 -F qcow2 -b "
                     "%s/b.qcow2 c.qcow2; qemu-img create -q -f qcow2 -F qcow2 -b b.qcow2 "
                     "d.qcow2; qemu-io -f qcow2 -c 'write -P 4 1120 1' c.qcow2 >/dev/null",
                     root, root, root));
    found = probe("c", "qcow2");
    cr_assert_str_eq(found, "0:ext4:2", "needs_recovery is set in the overlay: %s", found);
    relative = probe("d", "qcow2");
    cr_assert_str_eq(relative, "", "a relative name is not followed");
}

Test(media, compressed_clusters_are_read_if_by_zlib)
{
    g_autofree char *zlib = NULL;
    g_autofree char *zstd = NULL;

    g_free(vms_shell("cd %s; truncate -s 64M a.raw; mkfs.ext4 -q a.raw; qemu-img convert -c -f raw "
                     "-O qcow2 a.raw a.qcow2; qemu-img convert -c -o compression_type=zstd -f raw "
                     "-O qcow2 a.raw b.qcow2",
                     root));
    zlib = probe("a", "qcow2");
    cr_assert_str_eq(zlib, "0:ext4:1");
    zstd = probe("b", "qcow2");
    cr_assert_str_eq(zstd, "", "it cannot tell");
}

Test(media, extended_entries_are_read)
{
    g_autofree char *found = NULL;

    g_free(vms_shell("cd %s; truncate -s 64M a.raw; mkfs.ext4 -q a.raw; qemu-img convert -f raw -O "
                     "qcow2 -o extended_l2=on,cluster_size=128k a.raw a.qcow2",
                     root));
    found = probe("a", "qcow2");
    cr_assert_str_eq(found, "0:ext4:1");
}

Test(media, a_probe_takes_milliseconds)
{
    gint64 best = G_MAXINT64;

    g_free(vms_shell("cd %s; truncate -s 10G a.raw; mkfs.ext4 -q a.raw; qemu-img convert -f raw -O "
                     "qcow2 a.raw a.qcow2",
                     root));
    for (guint i = 0; i < 20; i++) {
        gint64 begin_us = vms_clock_monotonic_us();
        g_autofree char *found = probe("a", "qcow2");

        cr_assert_str_eq(found, "0:ext4:1");
        best = MIN(best, vms_clock_monotonic_us() - begin_us);
    }
    cr_log_info("inspect and probe: %" G_GINT64_FORMAT " us", best);
    cr_assert_lt(best, 20000);
}
