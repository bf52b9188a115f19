/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/hypervisor.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The libvirt adapter against libvirt's own in-process driver: no QEMU, but every call that is
 * not about disks or agents is real. */

#define URI "test:///default"
#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER_UUID "0b7e3f2a-0000-4000-8000-0000000000aa"
#define XML(name, uuid)                                                                            \
    "<domain type='test'><name>" name "</name><uuid>" uuid                                         \
    "</uuid><memory unit='KiB'>8192</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>"      \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"                           \
    "<source file='/srv/a &amp; b.qcow2'/><target dev='vda' bus='virtio'/></disk>"                 \
    "<disk type='volume' device='disk'><source pool='default-pool' volume='vol1'/>"                \
    "<target dev='vdb' bus='virtio'/></disk>"                                                      \
    "<interface type='network'><mac address='52:54:00:AB:CD:EF'/><source network='default'/>"      \
    "</interface></devices></domain>"

static void
ignore_error(void *data, virErrorPtr failure)
{
    (void)data;
    (void)failure;
}

static VmsHypervisor *
open_test(gboolean read_only)
{
    g_autoptr(GError) error = NULL;
    VmsHypervisor *hv = vms_libvirt_open(URI, read_only, NULL, &error);

    cr_assert(hv, "%s", error ? error->message : "");
    return hv;
}

static void
expect_error(gboolean done, GError **error, int code)
{
    cr_assert_not(done);
    cr_assert(*error);
    cr_assert_eq(vms_error_get_code(*error), code, "%d: %s", vms_error_get_code(*error),
                 (*error)->message);
    g_clear_error(error);
}

static vmsnap_vm_state
state_of(VmsHypervisor *hv, const char *uuid)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance instance;

    cr_assert(vms_hypervisor_read_state(hv, uuid, &state, &instance, NULL));
    cr_assert_eq(instance.domain_id >= 0, state != VMSNAP_VM_OFF);
    cr_assert_eq(instance.process.pid, 0, "there is no QEMU");
    return state;
}

Test(libvirt, tells_where_it_leads)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);

    cr_assert_str_eq(hv->uri, URI);
    cr_assert_not(hv->remote);
    cr_assert_not(hv->session);
    cr_assert_not(hv->read_only);
    cr_assert_eq(hv->qemu_uid, geteuid());
}

Test(libvirt, lists_vms_by_name)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(GPtrArray) vms = NULL;
    g_autoptr(GError) error = NULL;
    const VmsVm *vm;

    cr_assert(vms_hypervisor_define(hv, XML("aaa", OTHER_UUID), &error), "%s",
              error ? error->message : "");
    cr_assert(vms_hypervisor_list_vms(hv, TRUE, &vms, &error), "%s", error ? error->message : "");
    cr_assert_eq(vms->len, 2);
    vm = vms->pdata[0];
    cr_assert_str_eq(vm->name, "aaa");
    cr_assert_eq(vm->state, VMSNAP_VM_OFF);
    cr_assert_eq(vm->domain_id, -1);
    cr_assert_null(vm->live_xml);
    cr_assert_null(vm->live_disks);
    vm = vms->pdata[1];
    cr_assert_str_eq(vm->name, "test");
    cr_assert_str_eq(vm->uuid, TEST_UUID);
    cr_assert_eq(vm->state, VMSNAP_VM_RUNNING);
    cr_assert_geq(vm->domain_id, 0);
    cr_assert(vm->live_xml && vm->inactive_xml && vm->live_disks && vm->live_nics);
    cr_assert(vm->persistent);
    cr_assert_null(vm->job);
}

Test(libvirt, finds_a_vm_by_name_and_by_uuid)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(VmsVm) by_name = NULL;
    g_autoptr(VmsVm) by_uuid = NULL;
    g_autoptr(GError) error = NULL;
    const VmsDisk *disk;

    cr_assert(vms_hypervisor_define(hv, XML("aaa", OTHER_UUID), NULL));
    cr_assert(vms_hypervisor_find_vm(hv, "aaa", TRUE, &by_name, NULL));
    cr_assert(vms_hypervisor_find_vm(hv, OTHER_UUID, TRUE, &by_uuid, NULL));
    cr_assert_str_eq(by_name->uuid, by_uuid->uuid);
    cr_assert_str_eq(by_name->state_reason, "unknown");
    disk = vms_vm_find_disk(by_name, "vda");
    cr_assert_str_eq(disk->path, "/srv/a & b.qcow2");
    disk = vms_vm_find_disk(by_name, "vdb");
    cr_assert_str_eq(disk->volume, "default-pool/vol1");
    cr_assert_eq(disk->source, VMS_SOURCE_OTHER, "no such volume: nothing is known about it");
    cr_assert_str_eq(((const VmsNic *)by_name->nics->pdata[0])->mac, "52:54:00:ab:cd:ef");
    expect_error(vms_hypervisor_find_vm(hv, "nobody", TRUE, &by_uuid, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(
        vms_hypervisor_find_vm(hv, "0b7e3f2a-0000-4000-8000-0000000000ab", TRUE, &by_uuid, &error),
        &error, VMSNAP_E_NOT_FOUND);
}

#define VOLUME                                                                                     \
    "<volume><name>vol1</name><capacity>1048576</capacity><target><format type='raw'/></target>"   \
    "</volume>"

Test(libvirt, tells_the_file_of_a_volume)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    virConnectPtr conn = virConnectOpen(URI);
    virStoragePoolPtr pool = virStoragePoolLookupByName(conn, "default-pool");
    virStorageVolPtr volume = virStorageVolCreateXML(pool, VOLUME, 0);
    g_autoptr(VmsVm) vm = NULL;
    const VmsDisk *disk;

    cr_assert(volume);
    cr_assert(vms_hypervisor_define(hv, XML("aaa", OTHER_UUID), NULL));
    cr_assert(vms_hypervisor_find_vm(hv, "aaa", TRUE, &vm, NULL));
    disk = vms_vm_find_disk(vm, "vdb");
    cr_assert_eq(disk->source, VMS_SOURCE_FILE);
    cr_assert_str_eq(disk->path, "/default-pool/vol1");
    cr_assert_str_eq(disk->source_type, "volume");
    virStorageVolFree(volume);
    virStoragePoolFree(pool);
    virConnectClose(conn);
}

Test(libvirt, walks_through_the_power_states)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(GError) error = NULL;

    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_RUNNING);
    cr_assert(vms_hypervisor_suspend(hv, TEST_UUID, NULL));
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_PAUSED);
    cr_assert(vms_hypervisor_resume(hv, TEST_UUID, NULL));
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_RUNNING);
    cr_assert(vms_hypervisor_destroy(hv, TEST_UUID, NULL));
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_OFF);
    cr_assert(vms_hypervisor_destroy(hv, TEST_UUID, &error), "off already: %s",
              error ? error->message : "");
    cr_assert(vms_hypervisor_start(hv, TEST_UUID, FALSE, NULL));
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_RUNNING);
    expect_error(vms_hypervisor_start(hv, TEST_UUID, FALSE, &error), &error, VMSNAP_E_HYPERVISOR);
    /* this driver cannot be asked for one way of stopping */
    expect_error(vms_hypervisor_stop(hv, TEST_UUID, VMS_STOP_ACPI, &error), &error,
                 VMSNAP_E_HYPERVISOR);
}

Test(libvirt, says_why_a_vm_is_off)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(VmsVm) vm = NULL;

    cr_assert(vms_hypervisor_destroy(hv, TEST_UUID, NULL));
    cr_assert(vms_hypervisor_find_vm(hv, "test", FALSE, &vm, NULL));
    cr_assert_eq(vm->state, VMSNAP_VM_OFF);
    cr_assert_str_eq(vm->state_reason, "destroyed");
}

Test(libvirt, names_whom_an_error_is_about_and_where_it_arose)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_hypervisor_suspend(hv, OTHER_UUID, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_NOT_FOUND);
    cr_assert_str_eq(vms_error_get_origin(error), "libvirt");
    cr_assert_eq(vms_error_get_origin_code(error), 42);
    cr_assert_str_eq(vms_error_get_object(error), OTHER_UUID);
    cr_assert(strlen(error->message) > 0);
}

Test(libvirt, of_a_vm_that_is_gone_no_call_succeeds)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(GError) error = NULL;
    const VmsBackupDisk none[] = { { NULL, NULL } };
    vmsnap_vm_state state;
    VmsInstance instance;
    VmsBlockInfo block;
    VmsJobKind kind;
    gint64 writes;
    char *text;

    expect_error(vms_hypervisor_resume(hv, OTHER_UUID, &error), &error, VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_start(hv, OTHER_UUID, TRUE, &error), &error, VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_destroy(hv, OTHER_UUID, &error), &error, VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_stop(hv, OTHER_UUID, VMS_STOP_AGENT, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_drop_managed_save(hv, OTHER_UUID, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_read_state(hv, OTHER_UUID, &state, &instance, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_read_block(hv, OTHER_UUID, "vda", &block, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_read_writes(hv, OTHER_UUID, "vda", &writes, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_begin_backup(hv, OTHER_UUID, "/run/x", none, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_read_job(hv, OTHER_UUID, &kind, &text, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    expect_error(vms_hypervisor_agent_call(hv, OTHER_UUID, "{}", 1000, &text, &error), &error,
                 VMSNAP_E_NOT_FOUND);
    cr_assert(vms_hypervisor_end_backup(hv, OTHER_UUID, NULL), "its jobs went with it");
}

/* Makes and starts, or ends and removes, the other VM over a connection of its own. */
static void
set_other(gboolean there)
{
    virConnectPtr conn = virConnectOpen(URI);
    virDomainPtr domain;

    cr_assert(conn);
    domain = there ? virDomainCreateXML(conn, XML("aaa", OTHER_UUID), 0)
                   : virDomainLookupByUUIDString(conn, OTHER_UUID);
    cr_assert(domain);
    cr_assert(there || virDomainDestroy(domain) == 0); /* it was never defined */
    virDomainFree(domain);
    virConnectClose(conn);
}

Test(libvirt, recalls_a_domain_only_as_long_as_it_is_there)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(GError) error = NULL;

    virSetErrorFunc(NULL, ignore_error);
    set_other(TRUE);
    cr_assert(vms_hypervisor_suspend(hv, OTHER_UUID, NULL));
    cr_assert(vms_hypervisor_suspend(hv, TEST_UUID, NULL), "another one in between");
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_PAUSED);
    cr_assert(vms_hypervisor_resume(hv, OTHER_UUID, NULL));
    cr_assert_eq(state_of(hv, OTHER_UUID), VMSNAP_VM_RUNNING);
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_PAUSED);
    set_other(FALSE);
    expect_error(vms_hypervisor_suspend(hv, OTHER_UUID, &error), &error, VMSNAP_E_NOT_FOUND);
    set_other(TRUE);
    cr_assert(vms_hypervisor_suspend(hv, OTHER_UUID, NULL), "a new one of the same UUID");
    cr_assert_eq(state_of(hv, OTHER_UUID), VMSNAP_VM_PAUSED);
}

Test(libvirt, without_jobs_reports_none)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    VmsJobKind kind = VMS_JOB_OTHER;
    char *socket = NULL;

    cr_assert(vms_hypervisor_read_job(hv, TEST_UUID, &kind, &socket, NULL));
    cr_assert_eq(kind, VMS_JOB_NONE);
    cr_assert_null(socket);
    cr_assert(vms_hypervisor_end_backup(hv, TEST_UUID, NULL));
    cr_assert(vms_hypervisor_drop_managed_save(hv, TEST_UUID, NULL));
}

Test(libvirt, read_only_may_look_and_nothing_else)
{
    g_autoptr(VmsHypervisor) hv = open_test(TRUE);
    g_autoptr(GPtrArray) vms = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(hv->read_only);
    cr_assert(vms_hypervisor_list_vms(hv, TRUE, &vms, &error), "%s", error ? error->message : "");
    cr_assert_eq(vms->len, 1);
    expect_error(vms_hypervisor_suspend(hv, TEST_UUID, &error), &error, VMSNAP_E_PERMISSION);
    expect_error(vms_hypervisor_destroy(hv, TEST_UUID, &error), &error, VMSNAP_E_PERMISSION);
    expect_error(vms_hypervisor_define(hv, XML("a", OTHER_UUID), &error), &error,
                 VMSNAP_E_PERMISSION);
}

Test(libvirt, refuses_xml_that_libvirt_refuses)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    g_autoptr(GError) error = NULL;

    expect_error(vms_hypervisor_define(hv, "<domain/>", &error), &error, VMSNAP_E_HYPERVISOR);
    expect_error(vms_hypervisor_define(hv, XML("test", OTHER_UUID), &error), &error,
                 VMSNAP_E_HYPERVISOR);
}

Test(libvirt, that_cannot_be_reached_is_an_error)
{
    g_autoptr(GError) error = NULL;

    expect_error(vms_libvirt_open("qemu+unix:///system?socket=/nonexistent", FALSE, NULL, &error) !=
                     NULL,
                 &error, VMSNAP_E_HYPERVISOR);
    expect_error(vms_libvirt_open("nonsense:///x", FALSE, NULL, &error) != NULL, &error,
                 VMSNAP_E_HYPERVISOR);
}

/* ---- several at once ---- */

#define ROUNDS 300

/* Somebody else, who makes and removes VMs all the time. */
static void *
churn(void *data)
{
    virConnectPtr conn = virConnectOpen(URI);

    (void)data;
    for (int i = 0; conn && i < ROUNDS; i++) {
        virDomainPtr domain = virDomainDefineXML(conn, XML("churn", OTHER_UUID));

        if (domain) {
            virDomainUndefine(domain);
            virDomainFree(domain);
        }
    }
    if (conn)
        virConnectClose(conn);
    return NULL;
}

/* Returns how often it failed. */
static void *
use(void *data)
{
    VmsHypervisor *hv = data;
    gintptr failures = 0;

    for (int i = 0; i < ROUNDS; i++) {
        g_autoptr(GPtrArray) vms = NULL;
        vmsnap_vm_state state;
        VmsInstance instance;

        if (!vms_hypervisor_list_vms(hv, TRUE, &vms, NULL) || vms->len < 1 || vms->len > 2 ||
            !vms_hypervisor_read_state(hv, TEST_UUID, &state, &instance, NULL))
            failures++;
    }
    return (void *)failures;
}

Test(libvirt, serves_threads_while_vms_come_and_go)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    pthread_t threads[4];
    pthread_t other;

    virSetErrorFunc(NULL, ignore_error); /* for the other connection's sake */
    cr_assert_eq(pthread_create(&other, NULL, churn, NULL), 0);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use, hv), 0);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
        void *failures = NULL;

        pthread_join(threads[i], &failures);
        cr_assert_null(failures, "%" G_GINTPTR_FORMAT " failures", (gintptr)failures);
    }
    pthread_join(other, NULL);
}

/* ---- what the host keeps ---- */

static int
in_child(VmsHypervisor *hv)
{
    g_autoptr(GError) error = NULL;

    if (vms_hypervisor_suspend(hv, TEST_UUID, &error))
        return 1;
    if (vms_error_get_code(error) != VMSNAP_E_FORKED)
        return 2;
    vms_hypervisor_free(hv);
    return 0;
}

Test(libvirt, is_not_used_by_a_forked_child)
{
    g_autoptr(VmsHypervisor) hv = open_test(FALSE);
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(in_child(hv));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_RUNNING);
}

Test(libvirt, leaves_the_signals_of_the_host_alone)
{
    sigset_t before, after;
    struct sigaction action;
    g_autoptr(VmsHypervisor) hv = NULL;

    pthread_sigmask(SIG_BLOCK, NULL, &before);
    hv = open_test(FALSE);
    cr_assert_eq(state_of(hv, TEST_UUID), VMSNAP_VM_RUNNING);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number < SIGRTMAX; number++)
        cr_assert_eq(sigismember(&before, number), sigismember(&after, number), "%d", number);
    cr_assert_eq(sigaction(SIGPIPE, NULL, &action), 0);
    cr_assert_eq(action.sa_handler, SIG_DFL);
}
