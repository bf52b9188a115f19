/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An inventory of as many VMs as asked for, and restores checked against it. Answers each line on
 * stdin with one on stdout:
 *
 *   build N     collects N VMs; "ok MS INDEX_BYTES RESIDENT_BYTES"
 *   check N     N checks of one restore that meets nothing; "ok MS FINDINGS", for one of them
 *   conflict N  the same of a restore whose MAC, disk and address others have
 */
#include "plan/restore-plan.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DISKS = 3, NICS = 2, BASES = 16 };

#define SELF "00000000-0000-4000-8000-0000000fffff"

typedef struct {
    VmsInventory *inventory;
    VmsSnapshot *snapshot;
    VmsRestoreInput input;
    guint count;
} Bench;

static gdouble
now_ms(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (gdouble)time.tv_sec * 1e3 + (gdouble)time.tv_nsec / 1e6;
}

static guint64
resident(void)
{
    g_autofree char *text = NULL;
    unsigned long total = 0;
    unsigned long pages = 0;

    if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL) ||
        sscanf(text, "%lu %lu", &total, &pages) != 2)
        return 0;
    return (guint64)pages * (guint64)sysconf(_SC_PAGESIZE);
}

/* ---- what there is ---- */

static void
name_mac(char *text, guint vm, guint nic)
{
    g_snprintf(text, 32, "52:54:%02x:%02x:%02x:%02x", nic, vm >> 16 & 0xff, vm >> 8 & 0xff,
               vm & 0xff);
}

static void
name_address(char *text, guint vm, guint nic)
{
    g_snprintf(text, 32, "10.%u.%u.%u", nic * 8 + (vm >> 16 & 7), vm >> 8 & 0xff, vm & 0xff);
}

static VmsFileId
file_of(guint vm, guint disk)
{
    return (VmsFileId){ .dev = 0xfd00 + disk, .ino = 1000 + vm };
}

static void
add_nics(VmsInventory *inventory, VmsVm *vm, guint number)
{
    for (guint i = 0; i < NICS; i++) {
        VmsNic *nic = vms_nic_new();
        char mac[32];

        (void)inventory;
        name_mac(mac, number, i);
        nic->mac = g_strdup(mac);
        g_ptr_array_add(vm->nics, nic);
    }
}

static void
add_files(VmsInventory *inventory, guint32 holder, guint number)
{
    g_autofree char *nvram = g_strdup_printf("/var/lib/libvirt/qemu/nvram/vm-%06u_VARS.fd", number);
    VmsFileId vars = file_of(number, DISKS);

    for (guint i = 0; i < DISKS; i++) {
        g_autofree char *path =
            g_strdup_printf("/var/lib/libvirt/images/vm-%06u-disk%u.qcow2", number, i);
        g_autofree char *base =
            g_strdup_printf("/var/lib/libvirt/images/base-%02u.qcow2", (number + i) % BASES);
        VmsFileId own = file_of(number, i);
        VmsFileId shared = { .dev = 0xfd10, .ino = (number + i) % BASES + 1 };

        vms_inventory_add_file(inventory, holder, path, &own, VMS_FILE_DISK);
        vms_inventory_add_file(inventory, holder, base, &shared, VMS_FILE_BACKING);
    }
    vms_inventory_add_file(inventory, holder, nvram, &vars, VMS_FILE_NVRAM);
}

static void
add_vm(VmsInventory *inventory, guint number)
{
    g_autofree char *uuid = g_strdup_printf("%08x-1111-4000-8000-0000%08x", number, number);
    g_autofree char *name = g_strdup_printf("vm-%06u", number);
    g_autoptr(VmsVm) vm = vms_vm_new(uuid, name);
    guint32 holder;

    add_nics(inventory, vm, number);
    holder = vms_inventory_add_vm(inventory, vm, "qemu+ssh://host.example/system");
    add_files(inventory, holder, number);
    for (guint i = 0; i < NICS; i++) {
        char mac[32];
        char ip[32];
        const VmsAddressClaim address = {
            .ip = ip,
            .network = "default",
            .mac = mac,
            .kind = VMS_ADDRESS_LEASE,
        };

        name_mac(mac, number, i);
        name_address(ip, number, i);
        vms_inventory_add_address(inventory, holder, &address);
    }
}

static VmsInventory *
start_inventory(void)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    VmsVm *self = vms_vm_new(SELF, "self");

    self->persistent = TRUE;
    self->state = VMSNAP_VM_OFF;
    self->inactive_xml = g_strdup("<domain/>");
    g_ptr_array_add(vms, self);
    return vms_inventory_new(vms);
}

/* ---- what is restored ---- */

static void
add_disk(Bench *bench, guint vm, guint number)
{
    VmsRestoreDisk *disk = g_new0(VmsRestoreDisk, 1);
    g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)number);
    g_autofree char *path =
        g_strdup_printf("/var/lib/libvirt/images/vm-%06u-disk%u.qcow2", vm, number);
    VmsSnapshotDisk *stored = vms_snapshot_disk_new(target);

    stored->name = g_strdup_printf("self/%s", target);
    stored->source = g_strdup(path);
    stored->origin = vms_image_new(path, "qcow2");
    stored->image = vms_image_new("/var/lib/libvirt/images/.vmsnap/x", "qcow2");
    g_ptr_array_add(bench->snapshot->disks, stored);
    disk->stored = stored;
    disk->path = g_strdup(path);
    disk->exists = TRUE;
    disk->referenced = TRUE;
    disk->file = file_of(vm, number);
    disk->place.free_bytes = G_MAXINT64;
    g_ptr_array_add(bench->input.disks, disk);
}

/* A snapshot with what the VM of that number has. */
static void
prepare(Bench *bench, guint vm)
{
    bench->snapshot = vms_snapshot_new("33333333-3333-4333-8333-333333333333", "daily");
    bench->snapshot->vm_uuid = g_strdup(SELF);
    bench->snapshot->vm_name = g_strdup("self");
    bench->snapshot->phase = VMSNAP_SNAPSHOT_READY;
    bench->snapshot->inactive_xml = g_strdup("<domain/>");
    bench->input.snapshot = bench->snapshot;
    bench->input.inventory = bench->inventory;
    bench->input.vm = vms_inventory_find_vm(bench->inventory, SELF);
    bench->input.asked = "self";
    bench->input.disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_disk_free);
    for (guint i = 0; i < DISKS; i++)
        add_disk(bench, vm, i);
    for (guint i = 0; i < NICS; i++) {
        char mac[32];

        name_mac(mac, vm, i);
        g_ptr_array_add(bench->snapshot->macs, g_strdup(mac));
    }
}

static void
forget(Bench *bench)
{
    g_ptr_array_unref(bench->input.disks);
    vms_snapshot_free(bench->snapshot);
    bench->input = (VmsRestoreInput){ 0 };
}

/* What the check of addresses costs, whatever a restore asks today. */
static guint
count_addresses(const Bench *bench, guint vm)
{
    guint count = 0;

    for (guint i = 0; i < NICS; i++) {
        g_autoptr(GArray) users = NULL;
        char ip[32];

        name_address(ip, vm, i);
        users = vms_inventory_list_addresses(bench->inventory, ip);
        count += users->len;
    }
    return count;
}

/* ---- orders ---- */

static void
build(Bench *bench, guint count)
{
    guint64 before = resident();
    gdouble start = now_ms();

    bench->inventory = start_inventory();
    bench->count = count;
    for (guint i = 0; i < count; i++)
        add_vm(bench->inventory, i);
    printf("ok %.3f %" G_GSIZE_FORMAT " %" G_GUINT64_FORMAT "\n", now_ms() - start,
           vms_inventory_size(bench->inventory), resident() - before);
}

static void
check(Bench *bench, guint rounds, guint vm)
{
    guint findings = 0;
    gdouble spent = 0;

    for (guint i = 0; i < rounds; i++) {
        g_autoptr(VmsPlan) plan = NULL;
        gdouble start;

        prepare(bench, vm >= bench->count ? vm + i : (vm + i * 7919) % bench->count);
        start = now_ms();
        plan = vms_restore_make_plan(&bench->input);
        findings = count_addresses(bench, vm);
        spent += now_ms() - start;
        for (guint j = 0; j < plan->findings->len; j++)
            findings += ((const VmsFinding *)plan->findings->pdata[j])->reason != NULL;
        forget(bench);
    }
    printf("ok %.6f %u\n", spent / rounds, findings);
}

int
main(void)
{
    Bench bench = { 0 };
    char word[16] = "";
    guint number = 0;

    while (scanf("%15s %u", word, &number) == 2) {
        if (strcmp(word, "build") == 0)
            build(&bench, number);
        else if (bench.inventory && number > 0)
            check(&bench, number, strcmp(word, "check") == 0 ? 1U << 18 : 1);
        else
            printf("error 0 build first\n");
        (void)fflush(stdout);
    }
    vms_inventory_free(bench.inventory);
    return 0;
}
