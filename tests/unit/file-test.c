/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/qemu-img.h"
#include "adapter/file/volume.h"
#include "base/error.h"
#include "base/fd.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root;
static VmsVolume *volume;

static gboolean
no_header(int fd, VmsImage *image, GError **error)
{
    (void)fd;
    (void)image;
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported", "the reader was asked");
}

static void
begin(void)
{
    root = g_dir_make_tmp("vms-file-XXXXXX", NULL);
    volume = vms_file_volume_new(no_header);
}

static void
finish(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", root);

    vms_volume_free(volume);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(root);
}

TestSuite(file, .init = begin, .fini = finish);

static char *
in(const char *name)
{
    return g_build_filename(root, name, NULL);
}

static char *
make(const char *name, const char *text)
{
    char *path = in(name);

    cr_assert(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
expect_text(const char *path, const char *text)
{
    g_autofree char *found = NULL;

    cr_assert(g_file_get_contents(path, &found, NULL, NULL));
    cr_assert_str_eq(found, text);
}

/* 1 MiB of data at 5 MiB in a file of 20 MiB and a bit. */
static char *
make_sparse(const char *name)
{
    g_autofree char *data = g_malloc(1 << 20);
    char *path = in(name);
    g_auto(VmsFd) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    for (gsize i = 0; i < 1 << 20; i++)
        data[i] = (char)(i * 7 + 1);
    cr_assert_eq(ftruncate(fd, (20 << 20) + 77), 0);
    cr_assert_eq(pwrite(fd, data, 1 << 20, 5 << 20), 1 << 20);
    return path;
}

Test(file, a_copy_is_the_same_and_as_sparse)
{
    g_autofree char *source = make_sparse("a");
    g_autofree char *target = in("b");
    g_autofree char *one = NULL;
    g_autofree char *two = NULL;
    g_autoptr(VmsTransfer) transfer = NULL;
    VmsProgress progress;
    VmsFileId id = { 0 };

    vms_progress_init(&progress);
    cr_assert(vms_volume_open_transfer(volume, source, target, &transfer, NULL));
    cr_assert(vms_transfer_copy(transfer, &progress, NULL));
    cr_assert(vms_transfer_finish(transfer, 0440, &id, NULL));
    g_clear_pointer(&transfer, vms_transfer_free);
    cr_assert_eq(id.size, (20 << 20) + 77);
    cr_assert_eq(id.mode, 0440);
    cr_assert_lt(id.allocated, 3 << 20);
    cr_assert_eq(progress.bytes_done, id.size);
    cr_assert(vms_volume_digest(volume, source, NULL, &one, NULL));
    cr_assert(vms_volume_digest(volume, target, NULL, &two, NULL));
    cr_assert_str_eq(one, two);
}

Test(file, zeros_become_a_hole)
{
    g_autofree char *zeros = g_malloc0(4 << 20);
    g_autofree char *source = in("a");
    g_autofree char *target = in("b");
    g_autoptr(VmsTransfer) transfer = NULL;
    VmsFileId id = { 0 };

    cr_assert(g_file_set_contents(source, zeros, 4 << 20, NULL));
    cr_assert(vms_volume_open_transfer(volume, source, target, &transfer, NULL));
    cr_assert(vms_transfer_copy(transfer, NULL, NULL));
    cr_assert(vms_transfer_finish(transfer, 0600, &id, NULL));
    cr_assert_eq(id.size, 4 << 20);
    cr_assert_eq(id.allocated, 0);
}

Test(file, a_digest_is_that_of_the_whole_file)
{
    g_autofree char *path = make_sparse("a");
    g_autofree char *text = NULL;
    g_autofree char *digest = NULL;
    g_autofree char *right = NULL;
    gsize size = 0;

    cr_assert(g_file_get_contents(path, &text, &size, NULL));
    right = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guint8 *)text, size);
    cr_assert(vms_volume_digest(volume, path, NULL, &digest, NULL));
    cr_assert_str_eq(digest, right);
}

Test(file, an_unfinished_transfer_leaves_nothing)
{
    g_autofree char *source = make("a", "text");
    g_autofree char *target = in("b");
    g_autoptr(VmsTransfer) transfer = NULL;
    struct stat st = { 0 };

    cr_assert(vms_volume_open_transfer(volume, source, target, &transfer, NULL));
    cr_assert_eq(stat(target, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    g_clear_pointer(&transfer, vms_transfer_free);
    cr_assert_neq(access(target, F_OK), 0);
}

Test(file, an_unfinished_transfer_spares_a_file_of_others)
{
    g_autofree char *source = make("a", "text");
    g_autofree char *target = in("b");
    g_autofree char *other = make("c", "other");
    g_autoptr(VmsTransfer) transfer = NULL;

    cr_assert(vms_volume_open_transfer(volume, source, target, &transfer, NULL));
    cr_assert_eq(rename(other, target), 0);
    g_clear_pointer(&transfer, vms_transfer_free);
    expect_text(target, "other");
}

Test(file, a_cancelled_copy_leaves_nothing)
{
    g_autofree char *source = make_sparse("a");
    g_autofree char *target = in("b");
    g_autoptr(VmsTransfer) transfer = NULL;
    g_autoptr(GError) error = NULL;
    VmsProgress progress;

    vms_progress_init(&progress);
    vms_progress_cancel(&progress);
    cr_assert(vms_volume_open_transfer(volume, source, target, &transfer, NULL));
    cr_assert_not(vms_transfer_copy(transfer, &progress, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CANCELLED);
    g_clear_pointer(&transfer, vms_transfer_free);
    cr_assert_neq(access(target, F_OK), 0);
}

Test(file, a_transfer_never_overwrites)
{
    g_autofree char *source = make("a", "text");
    g_autofree char *target = make("b", "precious");
    g_autoptr(VmsTransfer) transfer = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_volume_open_transfer(volume, source, target, &transfer, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_EXISTS);
    expect_text(target, "precious");
}

Test(file, an_empty_target_needs_no_source)
{
    g_autofree char *target = in("b");
    g_autoptr(VmsTransfer) transfer = NULL;

    cr_assert(vms_volume_open_transfer(volume, NULL, target, &transfer, NULL));
    cr_assert_eq(write(vms_transfer_get_fd(transfer), "x", 1), 1);
    cr_assert_not(vms_transfer_clone(transfer, NULL));
    cr_assert_not(vms_transfer_copy(transfer, NULL, NULL));
    cr_assert(vms_transfer_finish(transfer, 0600, NULL, NULL));
    g_clear_pointer(&transfer, vms_transfer_free);
    expect_text(target, "x");
}

Test(file, two_files_are_exchanged)
{
    g_autofree char *a = make("a", "a");
    g_autofree char *folder = in("sub");
    g_autofree char *b = NULL;

    cr_assert(vms_volume_make_folder(volume, folder, 0711, NULL));
    b = make("sub/b", "b");
    cr_assert(vms_volume_exchange(volume, a, b, NULL));
    expect_text(a, "b");
    expect_text(b, "a");
}

Test(file, renaming_goes_between_folders_and_never_replaces)
{
    g_autofree char *a = make("a", "a");
    g_autofree char *b = make("b", "b");
    g_autofree char *folder = in("sub");
    g_autofree char *c = in("sub/c");
    g_autoptr(GError) error = NULL;

    cr_assert(vms_volume_make_folder(volume, folder, 0711, NULL));
    cr_assert_not(vms_volume_rename(volume, a, b, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_EXISTS);
    cr_assert(vms_volume_rename(volume, a, c, NULL));
    expect_text(c, "a");
    cr_assert_neq(access(a, F_OK), 0);
}

Test(file, removing_what_is_gone_is_success)
{
    g_autofree char *a = make("a", "a");
    g_autofree char *deep = in("no/such/thing");
    g_autofree char *folder = in("sub");
    g_autofree char *inner = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_volume_remove(volume, a, NULL));
    cr_assert(vms_volume_remove(volume, a, NULL));
    cr_assert(vms_volume_remove(volume, deep, NULL));
    cr_assert(vms_volume_remove_folder(volume, deep, NULL));
    cr_assert(vms_volume_remove_folder(volume, NULL, NULL));
    cr_assert(vms_volume_make_folder(volume, folder, 0711, NULL));
    inner = make("sub/x", "x");
    cr_assert_not(vms_volume_remove_folder(volume, folder, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_IN_USE);
    cr_assert(vms_volume_remove(volume, inner, NULL));
    cr_assert(vms_volume_remove_folder(volume, folder, NULL));
    cr_assert_neq(access(folder, F_OK), 0);
}

Test(file, a_path_is_canonical_above_its_last_component)
{
    g_autofree char *folder = in("real");
    g_autofree char *link = in("link");
    g_autofree char *way = in("link/a");
    g_autofree char *right = in("real/a");
    g_autoptr(VmsImage) image = NULL;

    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(symlink("real", link), 0);
    g_free(make("real/a", "12345"));
    cr_assert(vms_volume_inspect(volume, way, "raw", &image, NULL));
    cr_assert_str_eq(image->path, right);
    cr_assert_eq(image->virtual_size, 5);
    cr_assert_eq(image->file.links, 1);
}

Test(file, a_missing_image_is_lost)
{
    g_autofree char *path = in("a");
    g_autoptr(GError) error = NULL;
    VmsFileId id = { 0 };

    cr_assert_not(vms_volume_identify(volume, path, &id, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_NOT_FOUND);
    cr_assert_str_eq(vms_error_get_reason(error), "ImageMissing");
}

Test(file, only_qcow2_asks_the_header_reader)
{
    g_autofree char *path = make("a", "text");
    g_autoptr(VmsImage) image = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_volume_inspect(volume, path, "qcow2", &image, &error));
    cr_assert(strstr(error->message, "the reader was asked"));
    cr_assert(strstr(error->message, path));
    cr_assert(vms_volume_inspect(volume, path, "raw", &image, NULL));
    cr_assert_not(vms_volume_inspect(volume, path, NULL, &image, NULL));
}

Test(file, identity_tells_change)
{
    g_autofree char *path = make("a", "text");
    VmsFileId before = { 0 };
    VmsFileId after = { 0 };

    cr_assert(vms_volume_identify(volume, path, &before, NULL));
    cr_assert(vms_volume_identify(volume, path, &after, NULL));
    cr_assert(vms_file_id_unchanged(&before, &after));
    g_free(make("a", "more text"));
    cr_assert(vms_volume_identify(volume, path, &after, NULL));
    cr_assert_not(vms_file_id_unchanged(&before, &after));
}

Test(file, sources_are_named_to_qemu_img_without_a_guess)
{
    g_autoptr(VmsImage) image = vms_image_new("/a,b=c,,.raw", "raw");
    g_autofree char *text = vms_qemu_img_describe(image);
    g_autofree char *device = NULL;

    cr_assert_str_eq(text, "driver=raw,file.driver=file,file.filename=/a,,b=c,,,,.raw");
    image->block_device = TRUE;
    device = vms_qemu_img_describe(image);
    cr_assert_str_eq(device, "driver=raw,file.driver=host_device,file.filename=/a,,b=c,,,,.raw");
}

Test(file, a_folder_that_is_not_there_yet_is_judged_by_the_one_above)
{
    g_autofree char *source = make("a", "text");
    g_autofree char *folder = in("not/there/yet");
    g_auto(VmsPlaceInfo) info = { 0 };

    cr_assert(vms_volume_read_place(volume, source, folder, &info, NULL));
    cr_assert_gt(info.total_bytes, 0);
    cr_assert_not_null(info.fs_type);
    cr_assert_not(vms_volume_read_place(volume, source, "relative", &info, NULL));
}
