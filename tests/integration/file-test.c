/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/lease.h"
#include "adapter/file/volume.h"
#include "adapter/qcow2/reader.h"
#include "base/error.h"
#include "support/shell.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *root;
static VmsVolume *volume;

static void
begin(void)
{
    root = vms_shell_private_folder();
    volume = vms_file_volume_new(vms_reader_fill_image);
}

static void
finish(void)
{
    vms_volume_free(volume);
    vms_shell_remove(root);
    g_free(root);
}

TestSuite(file, .init = begin, .fini = finish);

static char *
in(const char *folder, const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static int
code_of_inspect(const char *path, const char *format)
{
    g_autoptr(VmsImage) image = NULL;
    g_autoptr(GError) error = NULL;

    if (vms_volume_inspect(volume, path, format, &image, &error))
        return 0;
    cr_assert_null(image);
    return vms_error_get_code(error);
}

Test(file, what_qemu_img_makes_is_read)
{
    g_autoptr(VmsImage) image = NULL;
    g_autofree char *path = in(root, "a.qcow2");

    g_free(vms_shell("cd %s; qemu-img create -q -f qcow2 base.qcow2 1G; qemu-img create -q -f "
                     "qcow2 -F qcow2 -b base.qcow2 -o cluster_size=128k a.qcow2; "
                     "qemu-img snapshot -c one a.qcow2",
                     root));
    cr_assert(vms_volume_inspect(volume, path, "qcow2", &image, NULL));
    cr_assert_str_eq(image->path, path);
    cr_assert_eq(image->virtual_size, G_GUINT64_CONSTANT(1) << 30);
    cr_assert_eq(image->cluster_size, 128 * 1024);
    cr_assert_str_eq(image->compat, "1.1");
    cr_assert_str_eq(image->backing, "base.qcow2");
    cr_assert_str_eq(image->backing_format, "qcow2");
    cr_assert_eq(image->internal_snapshots, 1);
    cr_assert_gt(image->file.ino, 0);
}

Test(file, every_kind_of_qcow2_we_support_is_read)
{
    static const char *const options[] = {
        "compat=0.10",           "cluster_size=512",
        "cluster_size=2M",       "extended_l2=on,cluster_size=128k",
        "compression_type=zstd", "lazy_refcounts=on",
        "refcount_bits=1",       "preallocation=metadata"
    };
    g_autofree char *path = in(root, "a.qcow2");

    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_free(vms_shell("qemu-img create -q -f qcow2 -o %s %s 64M", options[i], path));
        cr_assert_eq(code_of_inspect(path, "qcow2"), 0, "%s", options[i]);
    }
}

Test(file, what_we_do_not_support_is_refused)
{
    g_autofree char *path = in(root, "a.qcow2");
    g_autofree char *link = in(root, "link");
    g_autofree char *pipe = in(root, "pipe");
    g_autofree char *gone = in(root, "no/such");

    g_free(vms_shell("cd %s; qemu-img create -q -f qcow2 -o data_file=d.raw a.qcow2 1M", root));
    cr_assert_eq(code_of_inspect(path, "qcow2"), VMSNAP_E_UNSUPPORTED);
    g_free(vms_shell("cd %s; qemu-img create -q -f qcow2 a.qcow2 1M; printf '\\002' | dd "
                     "of=a.qcow2 bs=1 seek=35 conv=notrunc status=none",
                     root));
    cr_assert_eq(code_of_inspect(path, "qcow2"), VMSNAP_E_UNSUPPORTED);
    g_free(vms_shell("cd %s; qemu-img create -q -f vmdk a.qcow2 1M; ln -s a.qcow2 link; "
                     "mkfifo pipe",
                     root));
    cr_assert_eq(code_of_inspect(path, "qcow2"), VMSNAP_E_UNSUPPORTED);
    cr_assert_eq(code_of_inspect(path, "vmdk"), VMSNAP_E_UNSUPPORTED);
    cr_assert_eq(code_of_inspect(link, "raw"), VMSNAP_E_UNSUPPORTED);
    cr_assert_eq(code_of_inspect(pipe, "raw"), VMSNAP_E_UNSUPPORTED);
    cr_assert_eq(code_of_inspect(root, "raw"), VMSNAP_E_UNSUPPORTED);
    cr_assert_eq(code_of_inspect(gone, "raw"), VMSNAP_E_NOT_FOUND);
    cr_assert_eq(code_of_inspect("relative", "raw"), VMSNAP_E_INVALID);
}

Test(file, a_block_device_has_its_own_size)
{
    g_autoptr(VmsImage) image = NULL;
    g_autofree char *device =
        vms_shell("truncate -s 8M %s/d && losetup -f --show %s/d", root, root);
    gboolean done = vms_volume_inspect(volume, device, "raw", &image, NULL);

    g_free(vms_shell("losetup -d %s", device));
    cr_assert(done);
    cr_assert_eq(image->virtual_size, 8 * 1024 * 1024);
    cr_assert(image->block_device);
}

static VmsReflink
reflink(const char *source, const char *folder, const char *fs_type)
{
    g_auto(VmsPlaceInfo) info = { 0 };

    cr_assert(vms_volume_read_place(volume, source, folder, &info, NULL));
    cr_assert_str_eq(info.fs_type, fs_type);
    cr_assert_gt(info.free_bytes, 0);
    cr_assert_leq(info.free_bytes, info.total_bytes);
    return info.reflink;
}

Test(file, whether_a_folder_can_share_blocks_is_known)
{
    g_autofree char *xfs = vms_shell_make_fs(root, "xfs", 400);
    g_autofree char *old = vms_shell_make_fs(root, "xfs -m reflink=0", 400);
    g_autofree char *ext4 = vms_shell_make_fs(root, "ext4", 64);
    g_autofree char *a = in(xfs, "a");
    g_autofree char *b = in(old, "a");
    g_autofree char *c = in(ext4, "a");
    g_autofree char *deep = in(xfs, "not/yet/there");

    g_free(vms_shell("head -c 1M /dev/urandom | tee %s %s >%s; sync %s", a, b, c, a));
    cr_assert_eq(reflink(a, deep, "xfs"), VMS_REFLINK_YES);
    cr_assert_eq(reflink(b, old, "xfs"), VMS_REFLINK_NO);
    cr_assert_eq(reflink(a, old, "xfs"), VMS_REFLINK_NO);
    cr_assert_eq(reflink(b, xfs, "xfs"), VMS_REFLINK_NO);
    cr_assert_eq(reflink(c, ext4, "ext4"), VMS_REFLINK_NO);
    cr_assert_eq(reflink(a, ext4, "ext4"), VMS_REFLINK_NO);
    cr_assert_neq(access(deep, F_OK), 0, "asking makes nothing");
}

Test(file, subvolumes_of_one_btrfs_can_share_blocks)
{
    g_autofree char *btrfs = vms_shell_make_fs(root, "btrfs", 300);
    g_autofree char *a = in(btrfs, "a");
    g_autofree char *plain = in(btrfs, "plain");
    g_autofree char *volume_path = in(btrfs, "sub");
    g_autofree char *nocow = in(btrfs, "nocow");
    g_autofree char *target = in(volume_path, "t");
    g_autoptr(VmsTransfer) transfer = NULL;

    g_free(vms_shell("cd %s; mkdir plain nocow; chattr +C nocow; btrfs -q subvolume create sub; "
                     "head -c 1M /dev/urandom >a; sync a",
                     btrfs));
    cr_assert_eq(reflink(a, plain, "btrfs"), VMS_REFLINK_YES);
    cr_assert_eq(reflink(a, volume_path, "btrfs"), VMS_REFLINK_YES);
    cr_assert_eq(reflink(a, nocow, "btrfs"), VMS_REFLINK_NO);
    cr_assert(vms_volume_open_transfer(volume, a, target, &transfer, NULL));
    cr_assert(vms_transfer_clone(transfer, NULL), "and it is true");
}

Test(file, extents_are_counted)
{
    g_autofree char *xfs = vms_shell_make_fs(root, "xfs", 400);
    g_autofree char *a = in(xfs, "a");
    g_auto(VmsPlaceInfo) info = { 0 };

    g_free(vms_shell("cd %s; for i in 1 3 5 7 9; do dd if=/dev/urandom of=a bs=64k count=1 "
                     "seek=$i conv=notrunc status=none; done; sync a",
                     xfs));
    cr_assert(vms_volume_read_place(volume, a, xfs, &info, NULL));
    cr_assert_eq(info.extents, 5);
}

Test(file, a_clone_shares_blocks_and_holds_the_same)
{
    g_autofree char *xfs = vms_shell_make_fs(root, "xfs", 400);
    g_autofree char *a = in(xfs, "a");
    g_autofree char *b = in(xfs, "b");
    g_autoptr(VmsTransfer) transfer = NULL;
    g_auto(VmsPlaceInfo) before = { 0 };
    g_auto(VmsPlaceInfo) after = { 0 };
    VmsFileId id = { 0 };

    g_free(vms_shell("head -c 64M /dev/urandom >%s; sync -f %s", a, a));
    cr_assert(vms_volume_read_place(volume, a, xfs, &before, NULL));
    cr_assert(vms_volume_open_transfer(volume, a, b, &transfer, NULL));
    cr_assert(vms_transfer_clone(transfer, NULL));
    cr_assert(vms_transfer_finish(transfer, 0400, &id, NULL));
    g_clear_pointer(&transfer, vms_transfer_free);
    cr_assert(vms_volume_read_place(volume, a, xfs, &after, NULL));
    cr_assert_lt(before.free_bytes - after.free_bytes, 4 * 1024 * 1024);
    cr_assert_eq(id.size, 64 * 1024 * 1024);
    cr_assert_eq(id.mode, 0400);
    g_free(vms_shell("cmp %s %s", a, b));
}

Test(file, a_clone_that_cannot_be_leaves_nothing)
{
    g_autofree char *a = in(root, "a");
    g_autofree char *b = in(root, "b");
    g_autoptr(VmsTransfer) transfer = NULL;
    g_autoptr(GError) error = NULL;

    g_free(vms_shell("echo x >%s", a));
    cr_assert(vms_volume_open_transfer(volume, a, b, &transfer, NULL));
    if (vms_transfer_clone(transfer, &error))
        cr_skip_test("the folder for temporary files can share blocks");
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_UNSUPPORTED);
    g_clear_pointer(&transfer, vms_transfer_free);
    cr_assert_neq(access(b, F_OK), 0);
}

/* A process that has an image open until its standard input ends. */
typedef struct {
    GPid pid;
    int in;
} Opener;

static Opener
open_by_qemu(const char *options, const char *path)
{
    g_autofree char *script = g_strdup_printf("exec qemu-io -f qcow2 %s %s", options, path);
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    Opener opener = { 0 };

    cr_assert(g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                       NULL, &opener.pid, &opener.in, NULL, NULL, NULL));
    g_free(vms_shell("for i in $(seq 100); do ls -l /proc/%d/fd | grep -q %s && exit 0; "
                     "sleep 0.02; done; exit 1",
                     (int)opener.pid, path));
    g_usleep(50000); /* locks come right after the opening */
    return opener;
}

static void
close_by_qemu(Opener opener)
{
    close(opener.in);
    g_free(vms_shell("while [ -e /proc/%d/fd/0 ]; do sleep 0.01; done", (int)opener.pid));
}

static int
code_of_hold(const char *path, VmsHoldKind kind)
{
    g_autoptr(VmsHold) hold = NULL;
    g_autoptr(GError) error = NULL;

    if (vms_volume_hold(volume, path, kind, &hold, &error))
        return 0;
    cr_assert_str_eq(vms_error_get_reason(error), "OpenElsewhere");
    cr_assert(strstr(error->message, "qemu-io"), "%s", error->message);
    return vms_error_get_code(error);
}

Test(file, a_writer_is_seen_and_named)
{
    g_autofree char *path = in(root, "a.qcow2");
    g_auto(VmsImageUse) use = { 0 };
    Opener opener;

    g_free(vms_shell("qemu-img create -q -f qcow2 %s 64M", path));
    opener = open_by_qemu("", path);
    cr_assert(vms_volume_read_use(volume, path, &use, NULL));
    cr_assert(use.writer);
    cr_assert(use.reader);
    cr_assert_eq(use.holders->len, 1);
    cr_assert(strstr(use.holders->pdata[0], "qemu-io"));
    cr_assert_eq(code_of_hold(path, VMS_HOLD_READ), VMSNAP_E_BUSY);
    cr_assert_eq(code_of_hold(path, VMS_HOLD_REPLACE), VMSNAP_E_BUSY);
    close_by_qemu(opener);
    cr_assert_eq(code_of_hold(path, VMS_HOLD_REPLACE), 0);
}

Test(file, a_reader_hinders_replacing_only)
{
    g_autofree char *path = in(root, "a.qcow2");
    g_auto(VmsImageUse) use = { 0 };
    Opener opener;

    g_free(vms_shell("qemu-img create -q -f qcow2 %s 64M", path));
    opener = open_by_qemu("-r", path);
    cr_assert(vms_volume_read_use(volume, path, &use, NULL));
    cr_assert_not(use.writer);
    cr_assert(use.reader);
    cr_assert_eq(code_of_hold(path, VMS_HOLD_READ), 0);
    cr_assert_eq(code_of_hold(path, VMS_HOLD_REPLACE), VMSNAP_E_BUSY);
    close_by_qemu(opener);
}

Test(file, an_image_nobody_uses_is_free)
{
    g_autofree char *path = in(root, "a.qcow2");
    g_auto(VmsImageUse) use = { 0 };

    g_free(vms_shell("qemu-img create -q -f qcow2 %s 64M", path));
    cr_assert(vms_volume_read_use(volume, path, &use, NULL));
    cr_assert_not(use.writer);
    cr_assert_not(use.reader);
    cr_assert_not(use.unknown);
    cr_assert_eq(use.holders->len, 0);
}

Test(file, qemu_cannot_open_what_we_hold)
{
    g_autofree char *path = in(root, "a.qcow2");
    g_autoptr(VmsHold) hold = NULL;

    g_free(vms_shell("qemu-img create -q -f qcow2 %s 64M", path));
    cr_assert(vms_volume_hold(volume, path, VMS_HOLD_READ, &hold, NULL));
    cr_assert_neq(vms_shell_status("qemu-io -f qcow2 -c 'write 0 4k' %s 2>/dev/null", path), 0);
    cr_assert_eq(vms_shell_status("qemu-io -r -f qcow2 -c 'read 0 4k' %s", path), 0);
    g_clear_pointer(&hold, vms_hold_free);
    cr_assert(vms_volume_hold(volume, path, VMS_HOLD_REPLACE, &hold, NULL));
    cr_assert_neq(vms_shell_status("qemu-io -r -f qcow2 -c 'read 0 4k' %s 2>/dev/null", path), 0);
    g_clear_pointer(&hold, vms_hold_free);
    cr_assert_eq(vms_shell_status("qemu-io -f qcow2 -c 'write 0 4k' %s", path), 0);
}

/* A host may fork a worker at any time; it lives on while the hold ends. */
Test(file, a_forked_child_does_not_keep_what_we_held)
{
    g_autofree char *path = in(root, "a.qcow2");
    g_autoptr(VmsHold) hold = NULL;
    pid_t child;

    g_free(vms_shell("qemu-img create -q -f qcow2 %s 64M", path));
    cr_assert(vms_volume_hold(volume, path, VMS_HOLD_REPLACE, &hold, NULL));
    child = fork();
    if (child == 0) {
        alarm(20);
        pause();
        _exit(0);
    }
    g_clear_pointer(&hold, vms_hold_free);
    cr_expect_eq(vms_shell_status("qemu-io -f qcow2 -c 'write 0 4k' %s", path), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

Test(file, what_a_dead_host_held_is_free_while_its_child_lives)
{
    g_autofree char *path = in(root, "a.qcow2");
    pid_t host, child = 0;
    int ready[2];

    g_free(vms_shell("qemu-img create -q -f qcow2 %s 64M", path));
    cr_assert_eq(pipe(ready), 0);
    host = fork();
    if (host == 0) {
        VmsHold *hold = NULL;
        if (!vms_volume_hold(volume, path, VMS_HOLD_REPLACE, &hold, NULL))
            _exit(1);
        child = fork();
        if (child != 0 && write(ready[1], &child, sizeof child) != sizeof child)
            _exit(1);
        alarm(20);
        pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &child, sizeof child), sizeof child);
    cr_expect_neq(vms_shell_status("qemu-io -f qcow2 -c 'write 0 4k' %s 2>/dev/null", path), 0);
    kill(host, SIGKILL);
    waitpid(host, NULL, 0);
    cr_expect_eq(vms_shell_status("qemu-io -f qcow2 -c 'write 0 4k' %s", path), 0);
    kill(child, SIGKILL);
}

Test(file, two_holds_for_reading_go_together)
{
    g_autofree char *path = in(root, "a");
    g_autoptr(VmsHold) one = NULL;
    g_autoptr(VmsHold) two = NULL;
    g_autoptr(VmsHold) three = NULL;

    g_free(vms_shell("truncate -s 1M %s", path));
    cr_assert(vms_volume_hold(volume, path, VMS_HOLD_READ, &one, NULL));
    cr_assert(vms_volume_hold(volume, path, VMS_HOLD_READ, &two, NULL));
    cr_assert_not(vms_volume_hold(volume, path, VMS_HOLD_REPLACE, &three, NULL));
    g_clear_pointer(&one, vms_hold_free);
    g_clear_pointer(&two, vms_hold_free);
    cr_assert(vms_volume_hold(volume, path, VMS_HOLD_REPLACE, &three, NULL));
    cr_assert_not(vms_volume_hold(volume, path, VMS_HOLD_READ, &two, NULL));
}

Test(file, a_loop_device_counts_as_writer)
{
    g_autofree char *path = in(root, "a");
    g_autofree char *device = vms_shell("truncate -s 8M %s && losetup -f --show %s", path, path);
    g_auto(VmsImageUse) use = { 0 };
    g_autoptr(VmsHold) hold = NULL;
    gboolean held;

    cr_assert(vms_volume_read_use(volume, path, &use, NULL));
    held = vms_volume_hold(volume, path, VMS_HOLD_READ, &hold, NULL);
    g_free(vms_shell("losetup -d %s", device));
    cr_assert(use.writer);
    cr_assert_not(held);
}

static void *
open_often(void *data)
{
    for (guint i = 0; i < 20000; i++) {
        int fd = open(data, O_RDWR | O_CLOEXEC);

        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

/* SIGIO has its default here: it would end the program. */
Test(file, asking_for_writers_never_signals_the_host)
{
    g_autofree char *path = in(root, "a");
    g_auto(VmsFd) fd = VMS_FD_NONE;
    pthread_t thread;

    g_free(vms_shell("truncate -s 1M %s", path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(vms_lease_ask(fd), VMS_LEASE_FREE);
    cr_assert_eq(pthread_create(&thread, NULL, open_often, path), 0);
    for (guint i = 0; i < 20000; i++)
        vms_lease_ask(fd);
    pthread_join(thread, NULL);
}

Test(file, scratch_is_reserved_private_and_owned)
{
    g_autofree char *path = in(root, "s.qcow2");
    g_autoptr(VmsImage) image = NULL;

    cr_assert(vms_volume_make_scratch(volume, path, G_GUINT64_CONSTANT(3) << 30, 16 << 20, 64055,
                                      64056, NULL));
    cr_assert(vms_volume_inspect(volume, path, "qcow2", &image, NULL));
    cr_assert_eq(image->virtual_size, G_GUINT64_CONSTANT(3) << 30);
    cr_assert_eq(image->file.uid, 64055);
    cr_assert_eq(image->file.gid, 64056);
    cr_assert_eq(image->file.mode, 0600);
    cr_assert_geq(image->file.allocated, 16 << 20);
    cr_assert_lt(image->file.size, 1 << 20);
}

Test(file, scratch_that_does_not_fit_leaves_nothing)
{
    g_autofree char *ext4 = vms_shell_make_fs(root, "ext4", 32);
    g_autofree char *path = in(ext4, "s.qcow2");
    g_autoptr(GError) error = NULL;

    cr_assert_not(
        vms_volume_make_scratch(volume, path, G_GUINT64_CONSTANT(1) << 30, 64 << 20, 0, 0, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_NO_SPACE);
    cr_assert_neq(access(path, F_OK), 0);
}

static VmsImage *
inspect(const char *path, const char *format)
{
    VmsImage *image = NULL;

    cr_assert(vms_volume_inspect(volume, path, format, &image, NULL));
    return image;
}

Test(file, conversion_keeps_contents_and_the_wanted_form)
{
    g_autofree char *path = in(root, "a, b,c.raw");
    g_autofree char *target = in(root, "file,:b.qcow2");
    g_autoptr(VmsImage) source = NULL;
    g_autoptr(VmsImage) made = NULL;
    g_autoptr(VmsImage) like = vms_image_new("/x", "qcow2");
    VmsProgress progress;

    vms_progress_init(&progress);
    like->cluster_size = 128 * 1024;
    like->compat = g_strdup("0.10");
    g_free(vms_shell("cd %s; head -c 20M /dev/urandom >'%s'; truncate -s 100M '%s'", root, path,
                     path));
    source = inspect(path, "raw");
    cr_assert(vms_volume_convert(volume, source, target, like, "qcow2", &progress, NULL));
    made = inspect(target, "qcow2");
    cr_assert_eq(made->cluster_size, 128 * 1024);
    cr_assert_str_eq(made->compat, "0.10");
    cr_assert_eq(made->virtual_size, 100 << 20);
    cr_assert_eq(made->file.mode, 0600);
    cr_assert_null(made->backing);
    cr_assert_eq(progress.bytes_done, 100 << 20);
    g_free(vms_shell("qemu-img compare -f raw -F qcow2 '%s' '%s'", path, target));
}

Test(file, conversion_flattens_a_chain)
{
    g_autofree char *path = in(root, "top.qcow2");
    g_autofree char *target = in(root, "flat.raw");
    g_autoptr(VmsImage) source = NULL;

    g_free(vms_shell("cd %s; qemu-img create -q -f qcow2 base.qcow2 64M; qemu-io -f qcow2 -c "
                     "'write -P 7 0 1M' base.qcow2 >/dev/null; qemu-img create -q -f qcow2 -F "
                     "qcow2 -b base.qcow2 top.qcow2",
                     root));
    source = inspect(path, "qcow2");
    cr_assert(vms_volume_convert(volume, source, target, NULL, "raw", NULL, NULL));
    g_free(vms_shell("qemu-img compare -f qcow2 -F raw %s %s", path, target));
}

Test(file, conversion_that_fails_leaves_nothing)
{
    g_autofree char *ext4 = vms_shell_make_fs(root, "ext4", 32);
    g_autofree char *path = in(root, "a.raw");
    g_autofree char *target = in(ext4, "b.raw");
    g_autoptr(VmsImage) source = NULL;
    g_autoptr(GError) error = NULL;
    VmsProgress progress;

    g_free(vms_shell("head -c 60M /dev/urandom >%s", path));
    source = inspect(path, "raw");
    cr_assert_not(vms_volume_convert(volume, source, target, NULL, "raw", NULL, &error));
    cr_assert_neq(access(target, F_OK), 0);
    vms_progress_init(&progress);
    vms_progress_cancel(&progress);
    g_clear_error(&error);
    cr_assert_not(vms_volume_convert(volume, source, target, NULL, "raw", &progress, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CANCELLED);
    cr_assert_neq(access(target, F_OK), 0);
    g_clear_error(&error);
    cr_assert_not(vms_volume_convert(volume, source, path, NULL, "raw", NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_EXISTS);
    cr_assert_eq(access(path, F_OK), 0);
}

Test(file, an_adopted_file_loses_stale_labels)
{
    g_autofree char *xfs = vms_shell_make_fs(root, "xfs", 400);
    g_autofree char *path = in(xfs, "a");
    VmsFileId like = { .uid = 64055, .gid = 108, .mode = 0640 };
    VmsFileId now = { 0 };
    g_autofree char *names = NULL;

    g_free(vms_shell("echo x >%s; python3 -c \"import os; f='%s'; "
                     "os.setxattr(f,'trusted.libvirt.security.dac',b'+0:+0'); "
                     "os.setxattr(f,'trusted.libvirt.security.ref_dac',b'1'); "
                     "os.setxattr(f,'user.mine',b'1')\"",
                     path, path));
    cr_assert(vms_volume_adopt(volume, path, &like, NULL));
    cr_assert(vms_volume_identify(volume, path, &now, NULL));
    cr_assert_eq(now.uid, 64055);
    cr_assert_eq(now.gid, 108);
    cr_assert_eq(now.mode, 0640);
    names = vms_shell("python3 -c \"import os; print(os.listxattr('%s'))\"", path);
    cr_assert_str_eq(names, "['user.mine']");
}
