/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/clone-xml.h"
#include "base/error.h"
#include "support/fake-world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a hypervisor knows of a whole machine: its configuration, disks and power. A disk is a raw
 * file whose first byte tells of which time it is. */

static FakeWorld *
world_of(VmsHypervisor *hv)
{
    return ((FakeHypervisor *)hv)->world;
}

static VmsDisk *
new_disk(const FakeWorld *world, guint index, gboolean overlaid)
{
    g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)index);
    VmsDisk *disk = vms_disk_new(target);

    disk->source = VMS_SOURCE_FILE;
    disk->source_type = g_strdup("file");
    disk->bus = g_strdup("virtio");
    disk->format = g_strdup("raw");
    disk->path = g_strdup(world->disks[index]);
    if (overlaid) {
        g_ptr_array_add(disk->backing, vms_backing_new(disk->path, disk->format));
        g_free(disk->path);
        disk->path = g_strdup(world->overlays[index]);
        g_free(disk->format);
        disk->format = g_strdup("qcow2");
    }
    return disk;
}

static void
add_disks(const FakeWorld *world, const atomic_int *overlaid, GPtrArray *disks)
{
    for (guint i = 0; i < FAKE_DISKS; i++) {
        if (world->disks[i][0])
            g_ptr_array_add(disks, new_disk(world, i, overlaid[i] != 0));
    }
}

static void
add_drive(const FakeWorld *world, GPtrArray *disks)
{
    VmsDisk *drive = vms_disk_new("sda");

    drive->device = VMS_DEVICE_CDROM;
    drive->readonly = TRUE;
    drive->source = VMS_SOURCE_FILE;
    drive->source_type = g_strdup("file");
    drive->path = g_strdup(world->seed);
    g_ptr_array_add(disks, drive);
}

static VmsVm *
survey(FakeWorld *world)
{
    VmsVm *vm = fake_world_survey(world);

    vm->persistent = TRUE;
    vm->autostart = world->autostart != 0;
    vm->snapshots = world->metadata[0] != 0;
    vm->managed_save = world->managed_save != 0;
    vm->state_reason = g_strdup(world->restored ? "restored" : "shutdown");
    vm->inactive_xml = g_strdup(world->xml);
    vm->nvram = world->nvram[0] ? g_strdup(world->nvram) : NULL;
    vm->has_tpm = world->tpm[0] != '\0';
    vm->tpm_state = vm->has_tpm ? g_strdup(world->tpm) : NULL;
    add_disks(world, world->configured, vm->disks);
    if (world->seed[0])
        add_drive(world, vm->disks);
    if (vms_vm_is_active(vm)) {
        vm->live_xml = g_strdup(world->xml);
        vm->live_disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
        add_disks(world, world->live, vm->live_disks);
        if (world->seed[0])
            add_drive(world, vm->live_disks);
    }
    return vm;
}

/* Another VM, off, that was given a file of the first. */
static VmsVm *
other_vm(const FakeWorld *world)
{
    VmsVm *vm = vms_vm_new("99999999-0000-4000-8000-000000000009", "other");
    VmsDisk *disk = vms_disk_new("vda");

    vm->state = VMSNAP_VM_OFF;
    disk->source = VMS_SOURCE_FILE;
    disk->format = g_strdup("raw");
    disk->path = g_strdup(world->other);
    g_ptr_array_add(vm->disks, disk);
    return vm;
}

/* What stands between two tags. */
static char *
value_of(const char *xml, const char *open, const char *close)
{
    const char *from = strstr(xml, open);
    const char *to = from ? strstr(from, close) : NULL;

    return to ? g_strndup(from + strlen(open), (gsize)(to - from) - strlen(open)) : NULL;
}

static VmsVm *
clone_vm(const FakeWorld *world)
{
    g_autofree char *uuid = value_of(world->clone, "<uuid>", "</uuid>");
    g_autofree char *name = value_of(world->clone, "<name>", "</name>");
    VmsVm *vm = vms_vm_new(uuid, name);

    vm->state = VMSNAP_VM_OFF;
    vm->domain_id = -1;
    vm->inactive_xml = g_strdup(world->clone);
    return vm;
}

static gboolean
list_vms(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms, GError **error)
{
    FakeWorld *world = world_of(hv);

    (void)secrets;
    if (fake_world_call(world, "list-vms", error) != FAKE_OK)
        return FALSE;
    *ret_vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    if (!world->gone)
        g_ptr_array_add(*ret_vms, survey(world));
    if (world->other[0])
        g_ptr_array_add(*ret_vms, other_vm(world));
    if (world->clone[0])
        g_ptr_array_add(*ret_vms, clone_vm(world));
    return TRUE;
}

static gboolean
find_vm(VmsHypervisor *hv, const char *vm, gboolean secrets, VmsVm **ret_vm, GError **error)
{
    FakeWorld *world = world_of(hv);

    (void)secrets;
    if (fake_world_call(world, "find-vm", error) != FAKE_OK)
        return FALSE;
    if (world->clone[0] && strstr(world->clone, vm) && strcmp(vm, FAKE_UUID) != 0) {
        *ret_vm = clone_vm(world);
        return TRUE;
    }
    if (world->gone || (strcmp(vm, FAKE_UUID) != 0 && strcmp(vm, "web") != 0))
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no VM %s", vm);
    *ret_vm = survey(world);
    return TRUE;
}

/* The guest writes to the first disk only. */
static gboolean
read_writes(VmsHypervisor *hv, const char *uuid, const char *target, gint64 *ret_writes,
            GError **error)
{
    (void)hv;
    (void)uuid;
    (void)error;
    *ret_writes = strcmp(target, "vda") == 0;
    return TRUE;
}

static gboolean
read_block(VmsHypervisor *hv, const char *uuid, const char *target, VmsBlockInfo *ret_info,
           GError **error)
{
    FakeWorld *world = world_of(hv);
    struct stat st;

    (void)uuid;
    if (fake_world_call(world, "read-block", error) != FAKE_OK)
        return FALSE;
    if (stat(world->disks[target[2] - 'a'], &st) != 0)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "no file of %s", target);
    *ret_info = (VmsBlockInfo){ .capacity = (guint64)st.st_size };
    return TRUE;
}

static gboolean
define(VmsHypervisor *hv, const char *xml, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "define", error);

    if (fate == FAKE_REFUSED)
        return FALSE;
    if (xml[0] == '<') { /* of no time: another VM's */
        g_strlcpy(world->clone, xml, sizeof(world->clone));
        return fate == FAKE_OK;
    }
    g_strlcpy(world->xml, xml, sizeof(world->xml));
    world->gone = FALSE;
    return fate == FAKE_OK;
}

/* What stands before the XML tells of its time. */
static gboolean
read_traits(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits, GError **error)
{
    (void)hv;
    return vms_clone_xml_read(xml + (g_ascii_isdigit(xml[0]) ? 1 : 0), ret_traits, error);
}

static gboolean
rewrite(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table, char **ret_xml,
        GError **error)
{
    (void)hv;
    return vms_clone_xml_write(xml + (g_ascii_isdigit(xml[0]) ? 1 : 0), table, ret_xml, error);
}

static char
first_byte(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char byte = '-';

    if (fd >= 0 && read(fd, &byte, 1) != 1)
        byte = '?';
    if (fd >= 0)
        close(fd);
    return byte;
}

/* The emulator writes its state anew. */
static void
renew_tpm(const FakeWorld *world)
{
    g_autofree char *next = g_strconcat(world->tpm, ".new", NULL);
    g_autofree char *data = NULL;
    gsize size = 0;

    if (world->tpm[0] && g_file_get_contents(world->tpm, &data, &size, NULL) &&
        g_file_set_contents_full(next, data, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
        rename(next, world->tpm);
}

static gboolean
start(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "start", error);

    if (fate == FAKE_REFUSED)
        return FALSE;
    if (world->gone)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no VM %s", uuid);
    if (world->dud == FAKE_START_KILLS)
        raise(SIGKILL);
    if (world->dud == FAKE_NEVER_STARTS ||
        (world->dud == FAKE_STARTS_OLD && first_byte(world->disks[0]) == '1'))
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "the emulator does not know this machine");
    if (world->managed_save && first_byte(world->disks[0]) != '2')
        world->torn_starts++; /* its memory is of time 2 */
    world->managed_save = FALSE;
    renew_tpm(world);
    if (first_byte(world->disks[0]) != first_byte(world->disks[1]))
        world->torn_starts++;
    world->state = paused ? VMSNAP_VM_PAUSED : VMSNAP_VM_RUNNING;
    for (guint i = 0; i < FAKE_DISKS; i++)
        world->live[i] = world->configured[i];
    world->domain_id++;
    if (world->domain_id == 0)
        world->domain_id = 8;
    return fate == FAKE_OK;
}

static gboolean
set_autostart(VmsHypervisor *hv, const char *uuid, gboolean autostart, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "set-autostart", error);

    (void)uuid;
    if (fate != FAKE_REFUSED)
        world->autostart = autostart;
    return fate == FAKE_OK;
}

/* Its jobs end with it; what it is on is what is configured. */
void
fake_machine_go_off(FakeWorld *world)
{
    world->state = VMSNAP_VM_OFF;
    world->domain_id = -1;
    world->frozen = 0;
    for (guint i = 0; i < FAKE_DISKS; i++) {
        world->live[i] = FALSE;
        world->merge[i] = VMS_MERGE_NONE;
    }
}

static gboolean
stop(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "stop", error);

    (void)uuid;
    (void)way;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (!world->deaf)
        fake_machine_go_off(world);
    if (world->saves) /* somebody saves it instead */
        world->managed_save = TRUE;
    if (world->vanishes) /* and undefines it */
        world->gone = TRUE;
    return fate == FAKE_OK;
}

static gboolean
destroy(VmsHypervisor *hv, const char *uuid, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "destroy", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    fake_machine_go_off(world);
    return fate == FAKE_OK;
}

static gboolean
drop_managed_save(VmsHypervisor *hv, const char *uuid, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "drop-managed-save", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    world->managed_save = FALSE;
    return fate == FAKE_OK;
}

void
fake_machine_add_ops(VmsHypervisorOps *ops)
{
    ops->list_vms = list_vms;
    ops->find_vm = find_vm;
    ops->read_block = read_block;
    ops->read_writes = read_writes;
    ops->read_traits = read_traits;
    ops->rewrite = rewrite;
    ops->define = define;
    ops->start = start;
    ops->set_autostart = set_autostart;
    ops->stop = stop;
    ops->destroy = destroy;
    ops->drop_managed_save = drop_managed_save;
}
