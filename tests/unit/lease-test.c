/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/lease.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#define VM_A "9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001"
#define VM_B "9e107d9d-372b-4c9a-8ad4-a1d1b6b1a002"
#define OPERATION "0b1e5d6c-0000-4000-8000-000000000001"

static char *dir;

static void
make_dir(void)
{
    dir = g_dir_make_tmp("vms-lease-XXXXXX", NULL);
}

static void
remove_dir(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", dir);

    cr_assert_eq(system(command), 0);
    g_free(dir);
}

TestSuite(lease, .init = make_dir, .fini = remove_dir);

static void
must_write(const char *vm, VmsLeaseState state)
{
    g_autoptr(VmsLease) lease = vms_lease_new("qemu:///system", vm, OPERATION);
    g_autoptr(GError) error = NULL;

    lease->state = state;
    lease->freezes = TRUE;
    lease->instance = (VmsInstance){ .domain_id = 7, .process = { 4711, 123456 } };
    lease->owner = (VmsProcessId){ 4712, G_MAXUINT64 };
    lease->boot_id = g_strdup("b");
    lease->backup_socket = g_strdup("/run/vmsnap/qemu-64055/x.sock");
    lease->agent_socket = g_strdup("/run/agents/web.sock");
    lease->deadline_us = G_MAXINT64;
    cr_assert(vms_lease_write(dir, lease, &error), "%s", error ? error->message : "");
}

static char *
file_of(const char *vm)
{
    g_autofree char *name = g_strconcat(vm, ".json", NULL);

    return g_build_filename(dir, "leases", name, NULL);
}

Test(lease, reading_gives_what_was_written)
{
    g_autoptr(VmsLease) lease = NULL;

    must_write(VM_A, VMS_LEASE_INTENDED);
    must_write(VM_A, VMS_LEASE_SUSPENDED);
    cr_assert(vms_lease_read(dir, VM_A, &lease, NULL));
    cr_assert_str_eq(lease->uri, "qemu:///system");
    cr_assert_str_eq(lease->vm_uuid, VM_A);
    cr_assert_str_eq(lease->operation, OPERATION);
    cr_assert_eq(lease->state, VMS_LEASE_SUSPENDED);
    cr_assert(lease->freezes && !lease->suspends);
    cr_assert_eq(lease->instance.domain_id, 7);
    cr_assert_eq(lease->instance.process.pid, 4711);
    cr_assert_eq(lease->instance.process.start, 123456);
    cr_assert_eq(lease->owner.start, G_MAXUINT64);
    cr_assert_eq(lease->guard.pid, 0);
    cr_assert_str_eq(lease->backup_socket, "/run/vmsnap/qemu-64055/x.sock");
    cr_assert_str_eq(lease->agent_socket, "/run/agents/web.sock");
    cr_assert_eq(lease->deadline_us, G_MAXINT64);
}

Test(lease, files_are_private)
{
    g_autofree char *path = file_of(VM_A);
    struct stat info;

    umask(0);
    must_write(VM_A, VMS_LEASE_INTENDED);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
}

Test(lease, none_is_not_found_and_no_failure_to_remove)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) leases = NULL;

    cr_assert_not(vms_lease_read(dir, VM_A, &lease, &error));
    cr_assert_eq(error->code, VMSNAP_E_NOT_FOUND);
    cr_assert(vms_lease_remove(dir, VM_A, NULL));
    cr_assert(vms_lease_list(dir, &leases, NULL, NULL));
    cr_assert_eq(leases->len, 0);
    must_write(VM_B, VMS_LEASE_JOB);
    g_clear_error(&error);
    cr_assert_not(vms_lease_read(dir, VM_A, &lease, &error));
    cr_assert_eq(error->code, VMSNAP_E_NOT_FOUND);
    cr_assert(vms_lease_remove(dir, VM_A, NULL));
}

Test(lease, a_removed_one_is_gone)
{
    g_autoptr(VmsLease) lease = NULL;

    must_write(VM_A, VMS_LEASE_FROZEN);
    cr_assert(vms_lease_remove(dir, VM_A, NULL));
    cr_assert_not(vms_lease_read(dir, VM_A, &lease, NULL));
}

Test(lease, a_damaged_one_does_not_hide_the_others)
{
    static const char *const wrong[] = { "", "{", "{\"schema\":1,\"kind\":\"lease\"}",
                                         "[[[[[[[[[[[[[[[[" };
    g_autofree char *path = file_of(VM_A);

    must_write(VM_B, VMS_LEASE_FROZEN);
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GPtrArray) leases = NULL;
        g_autoptr(GPtrArray) damaged = NULL;
        g_autoptr(VmsLease) lease = NULL;
        g_autoptr(GError) error = NULL;

        cr_assert(g_file_set_contents(path, wrong[i], -1, NULL));
        cr_assert(vms_lease_list(dir, &leases, &damaged, NULL));
        cr_assert_eq(leases->len, 1);
        cr_assert_eq(damaged->len, 1);
        cr_assert(strstr(damaged->pdata[0], VM_A));
        cr_assert_not(vms_lease_read(dir, VM_A, &lease, &error));
        cr_assert_str_eq(vms_error_get_reason(error), "DamagedRecord");
    }
}

Test(lease, one_of_another_vm_is_not_believed)
{
    g_autofree char *from = file_of(VM_A);
    g_autofree char *to = file_of(VM_B);
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) error = NULL;

    must_write(VM_A, VMS_LEASE_FROZEN);
    cr_assert_eq(g_rename(from, to), 0);
    cr_assert_not(vms_lease_read(dir, VM_B, &lease, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "DamagedRecord");
}

Test(lease, other_files_are_passed_over)
{
    static const char *const names[] = { "x.json", ".hidden", "../other" };
    g_autoptr(GPtrArray) leases = NULL;
    g_autoptr(GPtrArray) damaged = NULL;

    must_write(VM_A, VMS_LEASE_FROZEN);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, "leases", names[i], NULL);
        cr_assert(g_file_set_contents(path, "{}", -1, NULL));
    }
    cr_assert(vms_lease_list(dir, &leases, &damaged, NULL));
    cr_assert_eq(leases->len, 1);
    cr_assert_eq(damaged->len, 0);
}

Test(lease, names_that_are_no_uuid_are_refused)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(VmsLease) strange = vms_lease_new("qemu:///system", "../x", OPERATION);
    g_autoptr(VmsLease) unreadable = vms_lease_new("qemu:///system", VM_A, "no uuid");

    cr_assert_not(vms_lease_read(dir, "../x", &lease, NULL));
    cr_assert_not(vms_lease_remove(dir, "../x", NULL));
    cr_assert_not(vms_lease_write(dir, strange, NULL));
    cr_assert_not(vms_lease_write(dir, unreadable, NULL));
}

Test(lease, sweeping_takes_only_what_is_half_written_of_this_vm)
{
    static const char *const names[] = { "." VM_A ".json.0123456789abcdef.tmp",
                                         "." VM_B ".json.0123456789abcdef.tmp" };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsLease) lease = NULL;

    cr_assert(vms_lease_sweep(dir, VM_A, &error)); /* no folder yet */
    must_write(VM_A, VMS_LEASE_INTENDED);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, "leases", names[i], NULL);

        cr_assert(g_file_set_contents(path, "{", -1, NULL));
    }
    cr_assert(vms_lease_sweep(dir, VM_A, &error), "%s", error ? error->message : "");
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, "leases", names[i], NULL);

        cr_assert_eq(g_file_test(path, G_FILE_TEST_EXISTS), i == 1, "%s", names[i]);
    }
    cr_assert(vms_lease_read(dir, VM_A, &lease, NULL));
}
