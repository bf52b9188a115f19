/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "support/fake-world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Overlays of the machine: files that are empty until the guest writes, then of one byte, which
 * stands before that of the disk beneath. */

static FakeWorld *
world_of(VmsHypervisor *hv)
{
    return ((FakeHypervisor *)hv)->world;
}

gboolean
fake_machine_is_overlay(const char *path)
{
    return g_str_has_suffix(path, ".overlay");
}

static void
put_byte(const char *path, char byte)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || pwrite(fd, &byte, 1, 0) != 1)
        g_error("%s cannot be written", path);
    close(fd);
}

void
fake_machine_write(FakeWorld *world, char time)
{
    for (guint i = 0; i < FAKE_DISKS; i++)
        put_byte(world->live[i] ? world->overlays[i] : world->disks[i], time);
}

void
fake_machine_go_on(FakeWorld *world)
{
    int time = atomic_exchange(&world->next, 0);

    if (time == 0)
        return;
    fake_machine_write(world, (char)time);
    world->written = time;
}

/* What the guest wrote goes down. */
static void
copy_down(const char *from, const char *to)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    char byte = 0;

    if (fd >= 0 && read(fd, &byte, 1) == 1)
        put_byte(to, byte);
    if (fd >= 0)
        close(fd);
}

static gboolean
begin_overlays(VmsHypervisor *hv, const char *uuid, const VmsOverlayDisk *disks, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "begin-overlays", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    for (; disks->target; disks++) {
        int index = disks->target[2] - 'a';

        if (!disks->overlay)
            continue;
        g_strlcpy(world->overlays[index], disks->overlay, sizeof(world->overlays[index]));
        world->live[index] = TRUE;
        world->configured[index] = TRUE;
    }
    return fate == FAKE_OK;
}

static gboolean
begin_merge(VmsHypervisor *hv, const char *uuid, const char *target, const char *base,
            GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "begin-merge", error);
    int index = target[2] - 'a';

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (!world->live[index] || world->merge[index] != VMS_MERGE_NONE)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "nothing to merge");
    copy_down(world->overlays[index], base);
    world->merge[index] = VMS_MERGE_READY;
    return fate == FAKE_OK;
}

/* Every pool is the folder of the first disk. */
static gboolean
read_pool(VmsHypervisor *hv, const char *pool, char **ret_folder, GError **error)
{
    (void)pool;
    (void)error;
    *ret_folder = g_path_get_dirname(world_of(hv)->disks[0]);
    return TRUE;
}

static gboolean
refresh_pool(VmsHypervisor *hv, const char *pool, GError **error)
{
    (void)pool;
    return fake_world_call(world_of(hv), "refresh-pool", error) == FAKE_OK;
}

static gboolean
read_merge(VmsHypervisor *hv, const char *uuid, const char *target, VmsMerge *ret_merge,
           GError **error)
{
    FakeWorld *world = world_of(hv);

    (void)uuid;
    if (fake_world_call(world, "read-merge", error) != FAKE_OK)
        return FALSE;
    *ret_merge = (VmsMerge)world->merge[target[2] - 'a'];
    return TRUE;
}

static gboolean
end_merge(VmsHypervisor *hv, const char *uuid, const char *target, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "end-merge", error);
    int index = target[2] - 'a';

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (world->merge[index] != VMS_MERGE_READY)
        return vms_fail(error, VMSNAP_E_BUSY, "not ready");
    world->merge[index] = VMS_MERGE_NONE;
    world->live[index] = FALSE;
    world->configured[index] = FALSE;
    return fate == FAKE_OK;
}

static gboolean
return_disk(VmsHypervisor *hv, const char *uuid, const VmsDiskReturn *disk, GError **error)
{
    FakeWorld *world = world_of(hv);
    FakeFate fate = fake_world_call(world, "return-disk", error);

    (void)uuid;
    if (fate == FAKE_REFUSED)
        return FALSE;
    if (world->gone)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "it is gone");
    world->configured[disk->target[2] - 'a'] = FALSE;
    return fate == FAKE_OK;
}

void
fake_overlay_add_ops(VmsHypervisorOps *ops)
{
    ops->begin_overlays = begin_overlays;
    ops->begin_merge = begin_merge;
    ops->read_merge = read_merge;
    ops->read_pool = read_pool;
    ops->refresh_pool = refresh_pool;
    ops->end_merge = end_merge;
    ops->return_disk = return_disk;
}
