/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/message.h"

#include <string.h>

/* virtio-blk keeps this much of a serial. */
#define VIRTIO_SERIAL 20

static const VmsDisk *
find_by_address(const GPtrArray *disks, const VmsQgaDisk *seen)
{
    for (guint i = 0; i < disks->len; i++) {
        const VmsDisk *disk = g_ptr_array_index(disks, i);

        if (disk->address && (g_strcmp0(disk->address, seen->address) == 0 ||
                              g_strcmp0(disk->address, seen->drive) == 0))
            return disk;
    }
    return NULL;
}

/* Guests put vendor and model before it: "0QEMU_QEMU_HARDDISK_serial". What it only ends in may be
 * another's: "21" is not "1". */
static gboolean
is_serial(const char *ours, const char *seen)
{
    gsize length = ours ? strlen(ours) : 0;
    gsize before;

    if (length == 0 || !seen)
        return FALSE;
    if (strlen(seen) == VIRTIO_SERIAL && strncmp(seen, ours, VIRTIO_SERIAL) == 0)
        return TRUE;
    if (!g_str_has_suffix(seen, ours))
        return FALSE;
    before = strlen(seen) - length;
    return before == 0 || !g_ascii_isalnum(seen[before - 1]);
}

/* Only if exactly one disk has it: what two share tells nothing. */
static const VmsDisk *
find_by_serial(const GPtrArray *disks, const VmsQgaDisk *seen)
{
    const VmsDisk *found = NULL;

    for (guint i = 0; i < disks->len; i++) {
        const VmsDisk *disk = g_ptr_array_index(disks, i);

        if (!is_serial(disk->serial, seen->serial))
            continue;
        if (found)
            return NULL;
        found = disk;
    }
    return found;
}

static gboolean
any_address(const GPtrArray *disks)
{
    for (guint i = 0; i < disks->len; i++)
        if (((const VmsDisk *)g_ptr_array_index(disks, i))->address)
            return TRUE;
    return FALSE;
}

/* Named vdX (or, without @virtio, sdX) by the guest. */
static gboolean
is_named(const VmsDisk *disk, gboolean virtio)
{
    if (disk->device != VMS_DEVICE_DISK && disk->device != VMS_DEVICE_LUN)
        return FALSE;
    return (g_strcmp0(disk->bus, "virtio") == 0) == virtio;
}

/* "vda1" or "/dev/vda": the how-manieth disk of its kind; -1: no such name. */
static int
order_of(const char *name, gboolean virtio)
{
    const char *prefix = virtio ? "vd" : "sd";

    if (g_str_has_prefix(name, "/dev/"))
        name += strlen("/dev/");
    if (!g_str_has_prefix(name, prefix) || !g_ascii_islower(name[2]) || g_ascii_islower(name[3]))
        return -1;
    return name[2] - 'a';
}

/* Last resort, for agents that tell no address: guests name disks in the order they find them. */
static const VmsDisk *
find_by_order(const GPtrArray *disks, const char *name)
{
    for (int virtio = 0; name && virtio <= 1; virtio++) {
        int order = order_of(name, virtio);

        for (guint i = 0; order >= 0 && i < disks->len; i++) {
            const VmsDisk *disk = g_ptr_array_index(disks, i);

            if (is_named(disk, virtio) && order-- == 0)
                return disk;
        }
    }
    return NULL;
}

static const VmsDisk *
find_disk(const GPtrArray *disks, const VmsQgaDisk *seen)
{
    const VmsDisk *disk = find_by_address(disks, seen);
    const VmsDisk *by_serial = find_by_serial(disks, seen);

    /* A guest may number its buses in another way than the hypervisor: a serial of ours tells. */
    if (by_serial)
        disk = by_serial;
    if (!disk && !(seen->address && any_address(disks)))
        disk = find_by_order(disks, seen->dev);
    return disk;
}

static void
add_target(VmsGuestFs *fs, const char *target)
{
    if (!g_ptr_array_find_with_equal_func(fs->disks, target, g_str_equal, NULL))
        g_ptr_array_add(fs->disks, g_strdup(target));
}

static VmsGuestFs *
map_fs(const VmsQgaFs *seen, const GPtrArray *disks)
{
    VmsGuestFs *fs = vms_guest_fs_new(seen->mountpoint, seen->type, seen->name);
    const VmsDisk *disk;

    for (guint i = 0; i < seen->disks->len; i++) {
        disk = find_disk(disks, g_ptr_array_index(seen->disks, i));
        if (disk)
            add_target(fs, disk->target);
        else
            fs->unmapped = TRUE;
    }
    if (seen->disks->len > 0)
        return fs;
    disk = find_by_order(disks, seen->name);
    if (disk)
        add_target(fs, disk->target);
    else /* a loop mount lies in a file of another file system */
        fs->unmapped = !g_str_has_prefix(seen->name, "loop");
    return fs;
}

GPtrArray *
vms_qga_map(const GPtrArray *filesystems, const VmsVm *vm)
{
    GPtrArray *mapped = g_ptr_array_new_with_free_func((GDestroyNotify)vms_guest_fs_free);
    const GPtrArray *disks = vms_vm_current_disks(vm);

    for (guint i = 0; i < filesystems->len; i++)
        g_ptr_array_add(mapped, map_fs(g_ptr_array_index(filesystems, i), disks));
    return mapped;
}
