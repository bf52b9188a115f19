/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/backup-xml.h"
#include "adapter/libvirt/capabilities.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/gate.h"
#include "adapter/libvirt/instance.h"
#include "adapter/libvirt/sigpipe.h"
#include "adapter/libvirt/uri.h"
#include "adapter/libvirt/words.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The pure parts of the libvirt adapter. */

/* ---- backup-xml ---- */

Test(backup_xml, names_every_disk)
{
    const VmsBackupDisk disks[] = { { "vda", "/srv/.vmsnap/a.scratch" }, { "sda", NULL }, { 0 } };
    g_autofree char *xml = NULL;

    cr_assert(vms_backup_xml_write("/run/vmsnap/a.sock", disks, &xml, NULL));
    cr_assert(strstr(xml, "<domainbackup mode=\"pull\"><server transport=\"unix\" "
                          "socket=\"/run/vmsnap/a.sock\"/>"));
    cr_assert(strstr(xml, "<disk name=\"vda\" backup=\"yes\" type=\"file\" exportname=\"vda\">"
                          "<driver type=\"qcow2\"/><scratch file=\"/srv/.vmsnap/a.scratch\"/>"));
    cr_assert(strstr(xml, "<disk name=\"sda\" backup=\"no\"/>"));
}

Test(backup_xml, what_is_written_is_read_back)
{
    static const char *const sockets[] = { "/run/a.sock", "/r&n/<a>'\"x\".sock", "/run/ä b.sock",
                                           "/run/&amp;" };
    const VmsBackupDisk none[] = { { 0 } };

    for (gsize i = 0; i < G_N_ELEMENTS(sockets); i++) {
        g_autofree char *xml = NULL;
        g_autofree char *socket = NULL;

        cr_assert(vms_backup_xml_write(sockets[i], none, &xml, NULL));
        cr_assert(vms_backup_xml_read_socket(xml, &socket, NULL));
        cr_assert_str_eq(socket, sockets[i]);
    }
}

Test(backup_xml, refuses_paths_that_xml_cannot_hold)
{
    const VmsBackupDisk newline[] = { { "vda", "/srv/a\nb" }, { 0 } };
    const VmsBackupDisk bytes[] = { { "vda", "/srv/\xff" }, { 0 } };
    g_autoptr(GError) error = NULL;
    char *xml = NULL;

    cr_assert_not(vms_backup_xml_write("/run/a.sock", newline, &xml, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_INVALID);
    cr_assert_not(vms_backup_xml_write("/run/a.sock", bytes, &xml, NULL));
    cr_assert_not(vms_backup_xml_write("/run/\x01", newline, &xml, NULL));
    cr_assert_null(xml);
}

Test(backup_xml, a_tcp_server_has_no_socket)
{
    g_autofree char *socket = NULL;

    cr_assert(vms_backup_xml_read_socket("<domainbackup mode='pull'><server name='localhost' "
                                         "port='10809'/></domainbackup>",
                                         &socket, NULL));
    cr_assert_null(socket);
    cr_assert_not(vms_backup_xml_read_socket("<domain/>", &socket, NULL));
}

/* ---- capabilities ---- */

#define HOST(text) "<capabilities><host>" text "</host></capabilities>"
#define SELINUX "<secmodel><model>selinux</model><baselabel type='kvm'>+1:+1</baselabel></secmodel>"

Test(capabilities, name_the_owner_of_qemu)
{
    uid_t uid = 1;
    gid_t gid = 1;

    cr_assert(vms_capabilities_read_owner(
        HOST(SELINUX "<secmodel><model>dac</model><baselabel type='kvm'>+64055:+108</baselabel>"
                     "<baselabel type='qemu'>+64055:+108</baselabel></secmodel>"),
        &uid, &gid));
    cr_assert_eq(uid, 64055);
    cr_assert_eq(gid, 108);
}

Test(capabilities, name_the_host)
{
    g_autofree char *uuid = vms_capabilities_read_host_uuid(HOST("<uuid>AB-CD</uuid>"));

    cr_assert_str_eq(uuid, "ab-cd");
    cr_assert_null(vms_capabilities_read_host_uuid(HOST("")));
    cr_assert_null(vms_capabilities_read_host_uuid("<uuid>ab</uuid>"));
}

Test(capabilities, that_do_not_say_leave_the_outputs_alone)
{
    static const char *const texts[] = {
        "",
        HOST(""),
        HOST(SELINUX),
        HOST("<secmodel><model>dac</model></secmodel>"),
        HOST("<secmodel><model>dac</model><baselabel type='kvm'>+64055</baselabel></secmodel>"),
        HOST("<secmodel><model>dac</model><baselabel type='kvm'>qemu:qemu</baselabel></secmodel>"),
        HOST("<secmodel><model>dac</model><baselabel "
             "type='kvm'>+4294967296:+1</baselabel></secmodel>"),
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        uid_t uid = 7;
        gid_t gid = 8;

        cr_assert_not(vms_capabilities_read_owner(texts[i], &uid, &gid), "%s", texts[i]);
        cr_assert(uid == 7 && gid == 8);
    }
}

/* ---- uri ---- */

Test(libvirt_uri, only_a_local_socket_is_not_remote)
{
    static const char *const local[] = { "qemu:///system",
                                         "qemu:///session",
                                         "test:///default",
                                         "qemu+unix:///system?socket=/run/x",
                                         "qemu:///embed?root=/var/x",
                                         "qemu://localhost/system" };
    static const char *const remote[] = { "qemu+ssh://root@host/system", "qemu+tls://host/system",
                                          "qemu+tcp://127.0.0.1/system", "qemu://host/system",
                                          "qemu+ssh:///system",          "not a uri" };

    for (gsize i = 0; i < G_N_ELEMENTS(local); i++)
        cr_assert_not(vms_uri_is_remote(local[i]), "%s", local[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(remote); i++)
        cr_assert(vms_uri_is_remote(remote[i]), "%s", remote[i]);
}

Test(libvirt_uri, knows_a_session)
{
    cr_assert(vms_uri_is_session("qemu:///session"));
    cr_assert(vms_uri_is_session("qemu:///session?socket=/x"));
    cr_assert_not(vms_uri_is_session("qemu:///system"));
    cr_assert_not(vms_uri_is_session(NULL));
}

Test(libvirt_uri, ssh_is_told_not_to_ask)
{
    static const char *const pairs[][2] = {
        { "qemu+ssh://h/system", "qemu+ssh://h/system?no_tty=1" },
        { "qemu+ssh://h/system?x=1", "qemu+ssh://h/system?x=1&no_tty=1" },
        { "qemu+ssh://h/system?no_tty=0", "qemu+ssh://h/system?no_tty=0" },
        { "qemu:///system", "qemu:///system" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *uri = vms_uri_without_prompt(pairs[i][0]);

        cr_assert_str_eq(uri, pairs[i][1]);
    }
    cr_assert_null(vms_uri_without_prompt(NULL));
}

/* ---- errors ---- */

static virError
failure(int number, int domain, int int1)
{
    return (virError){ .code = number, .domain = domain, .int1 = int1 };
}

Test(libvirt_errors, become_our_codes)
{
    static const struct {
        int number, int1, code;
    } rows[] = {
        { VIR_ERR_NO_DOMAIN, 0, VMSNAP_E_NOT_FOUND },
        { VIR_ERR_OPERATION_TIMEOUT, 0, VMSNAP_E_BUSY },
        { VIR_ERR_RESOURCE_BUSY, 0, VMSNAP_E_BUSY },
        { VIR_ERR_SYSTEM_ERROR, EACCES, VMSNAP_E_PERMISSION },
        { VIR_ERR_SYSTEM_ERROR, EPERM, VMSNAP_E_PERMISSION },
        { VIR_ERR_SYSTEM_ERROR, ECONNREFUSED, VMSNAP_E_HYPERVISOR },
        { VIR_ERR_OPERATION_DENIED, 0, VMSNAP_E_PERMISSION },
        { VIR_ERR_AUTH_FAILED, 0, VMSNAP_E_PERMISSION },
        { VIR_ERR_AUTH_UNAVAILABLE, 0, VMSNAP_E_PERMISSION },
        { VIR_ERR_ACCESS_DENIED, 0, VMSNAP_E_PERMISSION },
        { VIR_ERR_AGENT_UNRESPONSIVE, 0, VMSNAP_E_AGENT },
        { VIR_ERR_INTERNAL_ERROR, EACCES, VMSNAP_E_HYPERVISOR },
        { VIR_ERR_OPERATION_INVALID, 0, VMSNAP_E_HYPERVISOR },
        { 4711, 0, VMSNAP_E_HYPERVISOR },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        virError one = failure(rows[i].number, VIR_FROM_QEMU, rows[i].int1);

        cr_assert_eq(vms_libvirt_code_of(&one), rows[i].code, "%d", rows[i].number);
    }
}

Test(libvirt_errors, of_an_agent_command_are_the_agents_unless_the_way_failed)
{
    virError refused = failure(VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, 0);
    virError lost = failure(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, 0);
    virError gone = failure(VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, 0);
    virError held = failure(VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU, 0);

    cr_assert_eq(vms_libvirt_agent_code_of(&refused), VMSNAP_E_AGENT);
    cr_assert_eq(vms_libvirt_agent_code_of(&lost), VMSNAP_E_HYPERVISOR);
    cr_assert_eq(vms_libvirt_agent_code_of(&gone), VMSNAP_E_NOT_FOUND);
    cr_assert_eq(vms_libvirt_agent_code_of(&held), VMSNAP_E_BUSY);
}

/* ---- words ---- */

Test(libvirt_words, for_states_and_reasons)
{
    cr_assert_eq(vms_words_state(VIR_DOMAIN_BLOCKED), VMSNAP_VM_RUNNING);
    cr_assert_eq(vms_words_state(VIR_DOMAIN_SHUTDOWN), VMSNAP_VM_STOPPING);
    cr_assert_eq(vms_words_state(VIR_DOMAIN_SHUTOFF), VMSNAP_VM_OFF);
    cr_assert_eq(vms_words_state(99), VMSNAP_VM_UNKNOWN);
    cr_assert_eq(vms_words_state(-1), VMSNAP_VM_UNKNOWN);
    cr_assert_str_eq(vms_words_reason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED), "crashed");
    cr_assert_str_eq(vms_words_reason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SAVED), "saved");
    cr_assert_str_eq(vms_words_reason(VIR_DOMAIN_SHUTOFF, 0), "unknown");
    cr_assert_str_eq(vms_words_reason(VIR_DOMAIN_SHUTOFF, 1000), "unknown");
    cr_assert_str_eq(vms_words_reason(VIR_DOMAIN_SHUTOFF, -1), "unknown");
    cr_assert_str_eq(vms_words_reason(99, 1), "unknown");
}

Test(libvirt_words, tell_a_migration)
{
    cr_assert(vms_words_is_migrating(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));
    cr_assert(vms_words_is_migrating(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY));
    cr_assert_not(vms_words_is_migrating(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED));
    cr_assert_not(vms_words_is_migrating(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED));
    cr_assert_str_eq(vms_words_job(VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN), "migration");
    cr_assert_str_eq(vms_words_job(VIR_DOMAIN_JOB_OPERATION_BACKUP), "backup");
    cr_assert_str_eq(vms_words_job(77), "unknown");
}

/* ---- gate ---- */

Test(gate, lets_so_many_in_and_no_more)
{
    guint left = 0;
    VmsGate gate;

    vms_gate_init(&gate, 2);
    cr_assert(vms_gate_enter(&gate, 1000, &left));
    cr_assert(left > 900 && left <= 1000, "%u", left);
    cr_assert(vms_gate_enter(&gate, 0, &left));
    cr_assert_not(vms_gate_enter(&gate, 20, &left));
    vms_gate_leave(&gate);
    cr_assert(vms_gate_enter(&gate, 20, &left));
    vms_gate_destroy(&gate);
}

/* ---- instance ---- */

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

Test(instance, is_told_by_the_argument_after_uuid)
{
    static const char good[] = "qemu\0-name\0guest=a\0-uuid\0" UUID "\0-smp\0"
                               "1";
    static const char upper[] = "qemu\0-uuid\0"
                                "4DEA22B3-1D52-D8F3-2516-782E98AB3FA0";
    static const char elsewhere[] = "qemu\0-name\0" UUID "\0-uuid\0"
                                    "other";
    static const char cut[] = "qemu\0-uuid";

    cr_assert(vms_instances_is_qemu(good, sizeof(good), UUID));
    cr_assert(vms_instances_is_qemu(upper, sizeof(upper) - 1, UUID));
    cr_assert_not(vms_instances_is_qemu(elsewhere, sizeof(elsewhere), UUID));
    cr_assert_not(vms_instances_is_qemu(cut, sizeof(cut) - 1, UUID));
    cr_assert_not(vms_instances_is_qemu("", 0, UUID));
}

Test(instance, of_no_process_has_no_pid)
{
    VmsInstances *instances = vms_instances_new(FALSE, 0);

    cr_assert_eq(vms_instances_find(instances, UUID, "no-such-vm", 1).pid, 0);
    cr_assert_eq(vms_instances_find(instances, UUID, "../../etc/passwd", 1).pid, 0);
    vms_instances_free(instances);
}

/* ---- sigpipe ---- */

static gboolean
is_blocked(void)
{
    sigset_t now;

    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, SIGPIPE) == 1;
}

static void
break_a_pipe(void)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_eq(write(ends[1], "x", 1), -1);
    cr_assert_eq(errno, EPIPE);
    close(ends[1]);
}

Test(sigpipe, of_our_calls_never_reaches_the_host)
{
    cr_assert_not(is_blocked());
    {
        g_auto(VmsSigpipe) sigpipe = VMS_SIGPIPE_NONE;

        vms_sigpipe_block(&sigpipe);
        cr_assert(is_blocked());
        break_a_pipe(); /* would end this process, now or below */
    }
    cr_assert_not(is_blocked());
}

Test(sigpipe, that_was_pending_before_stays)
{
    sigset_t pipe_only, pending, old;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    break_a_pipe();
    {
        g_auto(VmsSigpipe) sigpipe = VMS_SIGPIPE_NONE;

        vms_sigpipe_block(&sigpipe);
    }
    sigpending(&pending);
    cr_assert(sigismember(&pending, SIGPIPE) == 1);
    cr_assert(is_blocked());
}
