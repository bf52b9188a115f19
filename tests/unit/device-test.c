/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/rewrite.h"
#include "base/error.h"
#include "plan/held-xml.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Rewriting a block device: a file of its size stands for it. */

enum { SECTOR = 512, SIZE = 3 * 1024 * 1024 };

static char *root;

static void
begin(void)
{
    root = g_dir_make_tmp("vms-device-XXXXXX", NULL);
}

static void
finish(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", root);

    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(root);
}

TestSuite(device, .init = begin, .fini = finish);

/* A file of @size bytes, each of them @byte. */
static char *
make(const char *name, gsize size, char byte)
{
    char *path = g_build_filename(root, name, NULL);
    g_autofree char *data = g_malloc(size);

    memset(data, byte, size);
    cr_assert(g_file_set_contents(path, data, (gssize)size, NULL));
    return path;
}

static void
put(const char *path, gsize at, char byte, gsize size)
{
    g_autofree char *data = NULL;
    gsize length = 0;

    cr_assert(g_file_get_contents(path, &data, &length, NULL));
    memset(data + at, byte, size);
    cr_assert(g_file_set_contents(path, data, (gssize)length, NULL));
}

/* Of @size bytes @byte from the beginning, and zeros from there on. */
static void
expect(const char *path, char byte, gsize size)
{
    g_autofree char *data = NULL;
    gsize length = 0;

    cr_assert(g_file_get_contents(path, &data, &length, NULL));
    cr_assert_eq(length, SIZE);
    for (gsize i = 0; i < length; i++)
        cr_assert_eq(data[i], i < size ? byte : 0, "at %zu", i);
}

Test(device, gets_all_of_the_new_contents_and_zeros_behind)
{
    g_autofree char *path = make("device", SIZE, 'o');
    g_autofree char *source = make("new", SIZE - 5 * SECTOR, 'n');
    g_autoptr(GError) error = NULL;

    cr_assert(vms_rewrite_device(path, source, NULL, NULL, &error));
    expect(path, 'n', SIZE - 5 * SECTOR);
}

Test(device, a_smaller_one_is_not_written)
{
    g_autofree char *path = make("device", SIZE, 'o');
    g_autofree char *source = make("new", SIZE + 1, 'n');
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_rewrite_device(path, source, NULL, NULL, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "TargetTooSmall");
    expect(path, 'o', SIZE);
}

Test(device, a_mixture_of_both_contents_goes_back)
{
    g_autofree char *path = make("device", SIZE, 'o');
    g_autofree char *old = make("old", SIZE, 'o');
    g_autofree char *new = make("new", SIZE - 5 * SECTOR, 'n');
    g_autoptr(GError) error = NULL;

    put(path, 0, 'n', SECTOR);
    put(path, SIZE / 2, 'n', 3 * SECTOR);
    put(path, SIZE - 5 * SECTOR, 0, SECTOR);
    cr_assert(vms_rewrite_device(path, old, new, NULL, &error));
    expect(path, 'o', SIZE);
}

Test(device, what_somebody_else_wrote_is_not_written_over)
{
    g_autofree char *path = make("device", SIZE, 'o');
    g_autofree char *old = make("old", SIZE, 'o');
    g_autofree char *new = make("new", SIZE, 'n');
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autoptr(GError) error = NULL;

    put(path, 0, 'n', SIZE / 2);
    put(path, SIZE - 1, 'x', 1);
    cr_assert(g_file_get_contents(path, &before, NULL, NULL));
    cr_assert_not(vms_rewrite_device(path, old, new, NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_UNCERTAIN);
    cr_assert(g_file_get_contents(path, &after, NULL, NULL));
    cr_assert_eq(memcmp(before, after, SIZE), 0);
}

Test(device, cancelled_it_stops)
{
    g_autofree char *path = make("device", SIZE, 'o');
    g_autofree char *source = make("new", SIZE, 'n');
    g_autoptr(GError) error = NULL;
    VmsProgress progress;

    vms_progress_init(&progress);
    vms_progress_cancel(&progress);
    cr_assert_not(vms_rewrite_device(path, source, NULL, &progress, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CANCELLED);
    expect(path, 'o', SIZE);
}

/* ---- the configuration meanwhile ---- */

static void
add_disk(VmsVm *vm, const char *path, const char *volume)
{
    VmsDisk *disk = vms_disk_new("vda");

    disk->path = g_strdup(path);
    disk->volume = g_strdup(volume);
    g_ptr_array_add(vm->disks, disk);
}

static VmsExchange *
add_exchange(VmsOperation *operation, const char *path, const char *source)
{
    VmsExchange *item = vms_exchange_new("vda", path, "/srv/old");

    item->source = g_strdup(source);
    g_ptr_array_add(operation->exchanges, item);
    return item;
}

Test(device, its_vm_is_held_back_by_sources_that_are_not_there)
{
    g_autoptr(VmsVm) vm = vms_vm_new("3c1f6f2e-0000-4000-8000-000000000001", "web");
    g_autoptr(VmsOperation) operation =
        vms_operation_new("12345678-0000-4000-8000-000000000001", "restore");
    g_autofree char *held = NULL;
    g_autoptr(GError) error = NULL;

    add_disk(vm, "/dev/a&b", NULL);
    add_disk(vm, "/dev/vg/c", "pool/c");
    add_disk(vm, "/srv/d.raw", NULL);
    add_exchange(operation, "/dev/a&b", "/srv/new");
    add_exchange(operation, "/dev/vg/c", "/srv/new");
    add_exchange(operation, "/srv/d.raw", NULL);
    cr_assert(vms_held_xml_make(vm,
                                "<source dev='/dev/a&amp;b'/><source pool='pool' volume='c'/>"
                                "<source dev='/dev/a&amp;bc'/><source file='/srv/d.raw'/>",
                                operation, &held, &error));
    cr_assert_str_eq(held, "<source dev='/dev/a&amp;b.vmsnap-12345678'/>"
                           "<source pool='pool' volume='c.vmsnap-12345678'/>"
                           "<source dev='/dev/a&amp;bc'/><source file='/srv/d.raw'/>");
}

Test(device, without_its_source_the_vm_cannot_be_held_back)
{
    g_autoptr(VmsVm) vm = vms_vm_new("3c1f6f2e-0000-4000-8000-000000000001", "web");
    g_autoptr(VmsOperation) operation =
        vms_operation_new("12345678-0000-4000-8000-000000000001", "restore");
    g_autofree char *held = NULL;
    g_autoptr(GError) error = NULL;

    add_exchange(operation, "/dev/a", "/srv/new");
    cr_assert_not(vms_held_xml_make(vm, "<source dev='/dev/a'/>", operation, &held, &error));
    g_clear_error(&error);
    add_disk(vm, "/dev/a", NULL);
    cr_assert_not(vms_held_xml_make(vm, "<source dev='/dev/b'/>", operation, &held, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "TargetUnsupported");
}
