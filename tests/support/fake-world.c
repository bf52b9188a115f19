/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/fake-world.h"

#include "base/clock.h"
#include "base/error.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    VmsAgent agent;
    FakeWorld *world;
} FakeAgent;

static FakeWorld *
world_of(VmsHypervisor *hv)
{
    return ((FakeHypervisor *)hv)->world;
}

void
fake_world_log(FakeWorld *world, const char *name)
{
    int size = (int)strlen(name) + 1;
    int at = atomic_fetch_add(&world->logged, size);

    if (at + size >= (int)sizeof(world->log))
        return;
    memcpy(world->log + at, name, strlen(name));
    world->log[at + size - 1] = ' ';
}

FakeFate
fake_world_call(FakeWorld *world, const char *name, GError **error)
{
    int n = atomic_fetch_add(&world->calls, 1) + 1;

    fake_world_log(world, name);
    if (n < world->fail_first || n > world->fail_last)
        return FAKE_OK;
    if (world->failure == FAKE_KILL)
        raise(SIGKILL);
    vms_fail(error, VMSNAP_E_HYPERVISOR, "made to fail: %s", name);
    return world->failure == FAKE_LOSE ? FAKE_LOST : FAKE_REFUSED;
}

/* ---- hypervisor ---- */

static gboolean
read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
           VmsInstance *ret_instance, GError **error)
{
    FakeWorld *world = world_of(hv);

    if (fake_world_call(world, "state", error) != FAKE_OK)
        return FALSE;
    if (world->gone)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no VM %s", uuid);
    *ret_state = (vmsnap_vm_state)world->state;
    *ret_instance = (VmsInstance){ .domain_id = world->domain_id,
                                   .process = { .pid = world->domain_id < 0 ? 0 : world->pid } };
    return TRUE;
}

static gboolean
suspend(VmsHypervisor *hv, const char *uuid, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "suspend", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    world->state = VMSNAP_VM_PAUSED;
    return fate == FAKE_OK;
}

static gboolean
resume(VmsHypervisor *hv, const char *uuid, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "resume", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (fate == FAKE_OK && world->state != VMSNAP_VM_PAUSED)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "not paused");
    world->state = VMSNAP_VM_RUNNING;
    return fate == FAKE_OK;
}

static gboolean
read_job(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind, char **ret_socket,
         GError **error)
{
    FakeWorld *world = world_of(hv);

    (void)uuid;
    if (fake_world_call(world, "read-job", error) != FAKE_OK)
        return FALSE;
    *ret_kind = (VmsJobKind)world->job;
    *ret_socket = g_strdup(world->job_socket);
    return TRUE;
}

static gboolean
begin_backup(VmsHypervisor *hv, const char *uuid, const char *socket, const VmsBackupDisk *disks,
             GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "begin-backup", error);

    (void)uuid;
    (void)disks;
    if (fate == FAKE_REFUSED)
        return FALSE;
    g_strlcpy(world->job_socket, socket, sizeof(world->job_socket));
    world->job = VMS_JOB_BACKUP;
    return fate == FAKE_OK;
}

static gboolean
end_backup(VmsHypervisor *hv, const char *uuid, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "end-backup", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    world->job = VMS_JOB_NONE;
    return fate == FAKE_OK;
}

static void
free_hypervisor(VmsHypervisor *hv)
{
    g_free(hv);
}

/* ---- agent ---- */

static FakeFate
ask(VmsAgent *agent, const char *name, GError **error)
{
    FakeWorld *world = ((FakeAgent *)agent)->world;
    FakeFate fate = fake_world_call(world, name, error);

    if (fate != FAKE_OK)
        return fate;
    if (world->state != VMSNAP_VM_RUNNING) {
        vms_refuse(error, VMSNAP_E_AGENT, "AgentNotReady", "domain is not running");
        return FAKE_REFUSED;
    }
    if (!world->silent)
        return FAKE_OK;
    vms_clock_sleep_us(20000);
    vms_fail(error, VMSNAP_E_TIMEOUT, "no answer");
    return FAKE_REFUSED;
}

/* A freeze that waited in the channel comes first. */
static void
catch_up(FakeWorld *world)
{
    if (!world->silent && atomic_exchange(&world->late_freeze, 0) == 2)
        world->frozen = world->filesystems;
}

static gboolean
ping(VmsAgent *agent, guint limit_ms, GError **error)
{
    (void)limit_ms;
    return ask(agent, "ping", error) == FAKE_OK;
}

static gboolean
read_info(VmsAgent *agent, guint limit_ms, VmsAgentInfo *ret_info, GError **error)
{
    FakeWorld *world = ((FakeAgent *)agent)->world;

    (void)limit_ms;
    if (ask(agent, "info", error) != FAKE_OK)
        return FALSE;
    *ret_info = (VmsAgentInfo){ .version = g_strdup("fake"),
                                .windows = world->windows,
                                .can_freeze = world->can_freeze,
                                .can_list = TRUE };
    return TRUE;
}

static gboolean
list_filesystems(VmsAgent *agent, const VmsVm *vm, guint limit_ms, GPtrArray **ret_filesystems,
                 GError **error)
{
    FakeWorld *world = ((FakeAgent *)agent)->world;
    GPtrArray *list;

    (void)vm;
    (void)limit_ms;
    if (ask(agent, "list", error) != FAKE_OK)
        return FALSE;
    list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_guest_fs_free);
    for (int i = 0; i < world->filesystems; i++) {
        g_autofree char *name = g_strdup_printf("vda%d", i + 1);
        g_autofree char *mountpoint = g_strdup_printf("/mnt/%d", i);
        VmsGuestFs *fs = vms_guest_fs_new(mountpoint, "ext4", name);

        g_ptr_array_add(fs->disks, g_strdup("vda"));
        g_ptr_array_add(list, fs);
    }
    *ret_filesystems = list;
    return TRUE;
}

static gboolean
is_frozen(VmsAgent *agent, guint limit_ms, gboolean *ret_frozen, GError **error)
{
    FakeWorld *world = ((FakeAgent *)agent)->world;

    (void)limit_ms;
    if (ask(agent, "is-frozen", error) != FAKE_OK)
        return FALSE;
    catch_up(world);
    *ret_frozen = world->frozen > 0;
    return TRUE;
}

static gboolean
freeze(VmsAgent *agent, const char *const *mountpoints, guint limit_ms, int *ret_count,
       GError **error)
{
    FakeWorld *world = ((FakeAgent *)agent)->world;
    FakeFate fate = ask(agent, "freeze", error);

    (void)limit_ms;
    (void)mountpoints;
    if (fate == FAKE_REFUSED) {
        int sent = 1;

        atomic_compare_exchange_strong(&world->late_freeze, &sent, 2);
        return FALSE;
    }
    if (world->frozen_by_other)
        return vms_refuse(error, VMSNAP_E_AGENT, "FreezeFailed",
                          "disabled: the agent is in frozen state");
    world->frozen = world->filesystems - world->missed;
    *ret_count = world->frozen;
    vms_clock_sleep_us((gint64)world->hang_ms * 1000);
    return fate == FAKE_OK;
}

static gboolean
thaw(VmsAgent *agent, guint limit_ms, int *ret_count, GError **error)
{
    FakeWorld *world = ((FakeAgent *)agent)->world;
    FakeFate fate = ask(agent, "thaw", error);

    (void)limit_ms;
    if (fate == FAKE_REFUSED)
        return FALSE;
    *ret_count = atomic_exchange(&world->frozen, 0);
    if (*ret_count > 0) {
        world->thawed_us = vms_clock_monotonic_us();
        fake_machine_go_on(world);
    }
    return fate == FAKE_OK;
}

static void
free_agent(VmsAgent *agent)
{
    g_free(agent);
}

/* ---- together ---- */

static VmsAgent *
open_agent(VmsHypervisor *hv, const char *vm_uuid, const char *socket)
{
    static const VmsAgentOps ops = {
        .ping = ping,
        .read_info = read_info,
        .list_filesystems = list_filesystems,
        .is_frozen = is_frozen,
        .freeze = freeze,
        .thaw = thaw,
        .free = free_agent,
    };
    FakeAgent *self = g_new0(FakeAgent, 1);

    (void)vm_uuid;
    self->agent.ops = &ops;
    self->world = world_of(hv);
    g_strlcpy(self->world->agent_socket, socket ? socket : "", sizeof self->world->agent_socket);
    return &self->agent;
}

static VmsHypervisor *
new_hypervisor(FakeWorld *world)
{
    static VmsHypervisorOps ops = {
        .read_state = read_state,
        .suspend = suspend,
        .resume = resume,
        .read_job = read_job,
        .begin_backup = begin_backup,
        .end_backup = end_backup,
        .free = free_hypervisor,
    };
    FakeHypervisor *self = g_new0(FakeHypervisor, 1);

    fake_machine_add_ops(&ops);
    fake_overlay_add_ops(&ops);
    fake_metadata_add_ops(&ops);
    self->hypervisor.ops = &ops;
    self->world = world;
    return &self->hypervisor;
}

VmsDrivers *
fake_drivers_new(FakeWorld *world)
{
    VmsDrivers *drivers = g_new0(VmsDrivers, 1);

    drivers->hypervisor = new_hypervisor(world);
    drivers->urgent = new_hypervisor(world);
    drivers->networks = fake_networks_new(world);
    drivers->open_agent = open_agent;
    return drivers;
}

void
fake_drivers_free(VmsDrivers *drivers)
{
    if (!drivers)
        return;
    vms_networks_free(drivers->networks);
    vms_hypervisor_free(drivers->hypervisor);
    vms_hypervisor_free(drivers->urgent);
    g_free(drivers);
}

FakeWorld *
fake_world_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat status = { 0 };
    FakeWorld *world;

    if (fd < 0 || fstat(fd, &status) != 0 || ftruncate(fd, sizeof(FakeWorld)) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    world = mmap(NULL, sizeof(FakeWorld), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (world == MAP_FAILED)
        return NULL;
    if (status.st_size == 0) {
        world->state = VMSNAP_VM_RUNNING;
        world->domain_id = 7;
        world->pid = 4711;
        world->filesystems = 2;
        world->can_freeze = TRUE;
    }
    return world;
}

void
fake_world_close(FakeWorld *world)
{
    munmap(world, sizeof(FakeWorld));
}

static VmsNic *
new_nic(void)
{
    VmsNic *nic = vms_nic_new();

    nic->type = g_strdup("network");
    nic->mac = g_strdup(FAKE_MAC);
    nic->network = g_strdup("lan");
    return nic;
}

VmsVm *
fake_world_survey(FakeWorld *world)
{
    VmsVm *vm = vms_vm_new(FAKE_UUID, "web");

    vm->state = (vmsnap_vm_state)world->state;
    vm->domain_id = world->domain_id;
    vm->has_agent_channel = TRUE;
    vm->agent_connected = TRUE;
    vm->migrating = world->migrating != 0;
    if (world->network)
        g_ptr_array_add(vm->nics, new_nic());
    return vm;
}
