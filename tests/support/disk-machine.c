/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/disk-machine.h"

#include "adapter/libvirt/clone-xml.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "support/disk-others.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    VmsHypervisor hypervisor;
    const DiskPlaces *places;
} DiskMachine;

static const char *const names[] = { "disks/a.raw", "disks/b.qcow2", "nvram/web.fd" };
static const char *const formats[] = { "raw", "qcow2" };

static const DiskPlaces *
places_of(VmsHypervisor *hv)
{
    return ((DiskMachine *)hv)->places;
}

char *
disk_machine_path(const DiskPlaces *places, guint index)
{
    if (index == 0 && places->device)
        return g_strdup(places->device);
    return g_build_filename(places->data, names[index], NULL);
}

char *
disk_machine_xml_path(const DiskPlaces *places)
{
    return g_build_filename(places->host, "web.xml", NULL);
}

/* ---- power ---- */

static pid_t
read_pid(const DiskPlaces *places)
{
    g_autofree char *path = g_build_filename(places->run, "qemu", NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? (pid_t)g_ascii_strtoll(text, NULL, 10)
                                                        : 0;
}

/* The instance that runs; pid 0: off. */
static VmsProcessId
find_qemu(const DiskPlaces *places)
{
    VmsProcessId id = { 0 };
    pid_t pid = read_pid(places);

    if (pid <= 0 || !vms_process_identify(pid, &id))
        return (VmsProcessId){ 0 };
    return id;
}

gboolean
disk_machine_is_on(const DiskPlaces *places)
{
    return find_qemu(places).pid > 0;
}

/* QEMU's locks of a writer: it has consistent read, write and resize, and shares none of them. */
static void
lock_disk(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    for (int offset = 0; fd >= 0 && offset < 4; offset++) {
        struct flock held = { .l_type = F_RDLCK, .l_start = 100 + offset, .l_len = 1 };
        struct flock closed = { .l_type = F_RDLCK, .l_start = 200 + offset, .l_len = 1 };

        fcntl(fd, F_OFD_SETLK, &held);
        fcntl(fd, F_OFD_SETLK, &closed);
    }
}

/* A child that outlives us, as a daemon's would. */
static void
be_qemu(const DiskPlaces *places, int ready)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    for (int fd = 0; fd <= 2; fd++)
        dup2(nothing, fd);
    for (guint i = 0; i < DISK_MACHINE_DISKS; i++) {
        g_autofree char *path = disk_machine_path(places, i);

        lock_disk(path);
    }
    if (write(ready, "r", 1) != 1)
        _exit(1);
    close(ready);
    for (;;)
        pause();
}

static void
note_pid(const DiskPlaces *places, pid_t pid)
{
    g_autofree char *path = g_build_filename(places->run, "qemu", NULL);
    g_autofree char *text = g_strdup_printf("%d\n", (int)pid);

    g_file_set_contents(path, text, -1, NULL);
}

static void
start_qemu(const DiskPlaces *places)
{
    int ends[2];
    char byte;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    child = fork();
    if (child == 0) {
        pid_t daemon = fork();

        if (daemon == 0)
            be_qemu(places, ends[1]);
        note_pid(places, daemon);
        _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) == 1)
        while (!disk_machine_is_on(places))
            vms_clock_sleep_us(200);
    close(ends[0]);
}

void
disk_machine_power(const DiskPlaces *places, gboolean on)
{
    pid_t pid = (pid_t)find_qemu(places).pid;

    if (on && pid == 0)
        start_qemu(places);
    if (!on && pid > 0) {
        kill(pid, SIGKILL);
        while (disk_machine_is_on(places))
            vms_clock_sleep_us(200);
    }
}

/* A source is named that is not there. */
static gboolean
is_held(const DiskPlaces *places)
{
    g_autofree char *path = disk_machine_xml_path(places);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, ".vmsnap-");
}

static gboolean
set_autostart(VmsHypervisor *hv, const char *uuid, gboolean autostart, GError **error)
{
    (void)hv;
    (void)uuid;
    (void)autostart;
    (void)error;
    return TRUE;
}

static gboolean
start(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error)
{
    (void)uuid;
    (void)paused;
    if (is_held(places_of(hv)))
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "a disk of it is missing");
    disk_machine_power(places_of(hv), TRUE);
    return TRUE;
}

static gboolean
stop(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error)
{
    (void)uuid;
    (void)way;
    (void)error;
    disk_machine_power(places_of(hv), FALSE);
    return TRUE;
}

static gboolean
destroy(VmsHypervisor *hv, const char *uuid, GError **error)
{
    return stop(hv, uuid, VMS_STOP_ACPI, error);
}

static gboolean
read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
           VmsInstance *ret_instance, GError **error)
{
    VmsProcessId qemu = find_qemu(places_of(hv));

    (void)uuid;
    (void)error;
    *ret_state = qemu.pid > 0 ? VMSNAP_VM_RUNNING : VMSNAP_VM_OFF;
    *ret_instance =
        (VmsInstance){ .domain_id = qemu.pid > 0 ? (int)qemu.pid : -1, .process = qemu };
    return TRUE;
}

/* ---- configuration ---- */

static VmsDisk *
new_disk(const DiskPlaces *places, guint index)
{
    g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)index);
    VmsDisk *disk = vms_disk_new(target);

    disk->source = index == 0 && places->device ? VMS_SOURCE_BLOCK : VMS_SOURCE_FILE;
    disk->source_type = g_strdup(disk->source == VMS_SOURCE_BLOCK ? "block" : "file");
    disk->bus = g_strdup("virtio");
    disk->format = g_strdup(formats[index]);
    disk->path = disk_machine_path(places, index);
    return disk;
}

static gboolean
survey(const DiskPlaces *places, VmsVm **ret_vm, GError **error)
{
    g_autoptr(VmsVm) vm = vms_vm_new(DISK_MACHINE_UUID, "web");
    g_autofree char *path = disk_machine_xml_path(places);
    VmsProcessId qemu = find_qemu(places);

    if (!g_file_get_contents(path, &vm->inactive_xml, NULL, NULL))
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no VM web");
    vm->state = qemu.pid > 0 ? VMSNAP_VM_RUNNING : VMSNAP_VM_OFF;
    vm->domain_id = qemu.pid > 0 ? (int)qemu.pid : -1;
    vm->state_reason = g_strdup("shutdown");
    vm->persistent = TRUE;
    vm->nvram = disk_machine_path(places, DISK_MACHINE_DISKS);
    for (guint i = 0; i < DISK_MACHINE_DISKS; i++)
        g_ptr_array_add(vm->disks, new_disk(places, i));
    if (qemu.pid > 0) {
        vm->live_xml = g_strdup(vm->inactive_xml);
        vm->live_disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
        for (guint i = 0; i < DISK_MACHINE_DISKS; i++)
            g_ptr_array_add(vm->live_disks, new_disk(places, i));
    }
    *ret_vm = g_steal_pointer(&vm);
    return TRUE;
}

static gboolean
find_vm(VmsHypervisor *hv, const char *vm, gboolean secrets, VmsVm **ret_vm, GError **error)
{
    (void)secrets;
    if (strcmp(vm, DISK_MACHINE_UUID) != 0 && strcmp(vm, "web") != 0)
        return disk_others_find(places_of(hv)->host, vm, ret_vm, error);
    return survey(places_of(hv), ret_vm, error);
}

static gboolean
list_vms(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms, GError **error)
{
    VmsVm *vm = NULL;

    (void)secrets;
    if (!survey(places_of(hv), &vm, error))
        return FALSE;
    *ret_vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    g_ptr_array_add(*ret_vms, vm);
    disk_others_list(places_of(hv)->host, *ret_vms);
    return TRUE;
}

static gboolean
define(VmsHypervisor *hv, const char *xml, GError **error)
{
    g_autofree char *path = NULL;

    if (!strstr(xml, "<uuid>" DISK_MACHINE_UUID "</uuid>"))
        return disk_others_define(places_of(hv)->host, xml, error);
    path = disk_machine_xml_path(places_of(hv));
    return disk_others_write(path, xml, error);
}

static gboolean
read_writes(VmsHypervisor *hv, const char *uuid, const char *target, gint64 *ret_writes,
            GError **error)
{
    (void)hv;
    (void)uuid;
    (void)target;
    (void)error;
    *ret_writes = 1;
    return TRUE;
}

static gboolean
read_block(VmsHypervisor *hv, const char *uuid, const char *target, VmsBlockInfo *ret_info,
           GError **error)
{
    g_autofree char *path = disk_machine_path(places_of(hv), (guint)(target[2] - 'a'));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END); /* of a device too */

    (void)uuid;
    if (fd >= 0)
        close(fd);
    if (end < 0)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "no file of %s", target);
    *ret_info = (VmsBlockInfo){ .capacity = target[2] == 'a' ? (guint64)end : 1 << 20 };
    return TRUE;
}

static gboolean
read_job(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind, char **ret_socket,
         GError **error)
{
    (void)hv;
    (void)uuid;
    (void)error;
    *ret_kind = VMS_JOB_NONE;
    if (ret_socket)
        *ret_socket = NULL;
    return TRUE;
}

static void
free_machine(VmsHypervisor *hv)
{
    g_free(hv);
}

/* There never is any: what becomes of it is tested over a VM made of numbers. */
static gboolean
list_metadata(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list, GError **error)
{
    (void)hv;
    (void)uuid;
    (void)error;
    *ret_list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_metadata_free);
    return TRUE;
}

static gboolean
read_traits(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits, GError **error)
{
    (void)hv;
    return vms_clone_xml_read(xml, ret_traits, error);
}

static gboolean
rewrite(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table, char **ret_xml,
        GError **error)
{
    (void)hv;
    return vms_clone_xml_write(xml, table, ret_xml, error);
}

VmsHypervisor *
disk_machine_new(const DiskPlaces *places)
{
    static const VmsHypervisorOps ops = {
        .list_vms = list_vms,
        .list_metadata = list_metadata,
        .find_vm = find_vm,
        .read_state = read_state,
        .read_block = read_block,
        .read_writes = read_writes,
        .read_job = read_job,
        .read_traits = read_traits,
        .rewrite = rewrite,
        .define = define,
        .start = start,
        .set_autostart = set_autostart,
        .stop = stop,
        .destroy = destroy,
        .free = free_machine,
    };
    DiskMachine *self = g_new0(DiskMachine, 1);

    self->hypervisor.ops = &ops;
    self->hypervisor.qemu_uid = getuid();
    self->hypervisor.qemu_gid = getgid();
    self->places = places;
    return &self->hypervisor;
}
