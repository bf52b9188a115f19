/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/store.h"
#include "record/record.h"
#include "support/disk-bench.h"
#include "support/disk-others.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is there after whatever happened, compared byte for byte with what should be. */

enum { PART_SIZE = 48 * 1024, CLUSTER_BITS = 16, QCOW2_CLUSTERS = 4 };

void
disk_sight_clear(DiskSight *sight)
{
    g_clear_pointer(&sight->fault, g_free);
}

/* ---- what should be ---- */

static void
put32(guint8 *at, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}

static void
put64(guint8 *at, guint64 value)
{
    value = GUINT64_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}

/* Header, refcount table, refcount block and L1 table of an empty version 2 image of 1 MiB: what
 * tells of the time lies behind, where no guest sees it, and is part of the file all the same. */
static void
put_qcow2(guint8 *data)
{
    gsize cluster = (gsize)1 << CLUSTER_BITS;

    memcpy(data, "QFI\xfb", 4);
    put32(data + 4, 2);
    put32(data + 20, CLUSTER_BITS);
    put64(data + 24, 1 << 20);
    put32(data + 36, 1);
    put64(data + 40, 3 * cluster);
    put64(data + 48, cluster);
    put32(data + 56, 1);
    put64(data + cluster, 2 * cluster);
    for (gsize i = 0; i < QCOW2_CLUSTERS; i++)
        data[2 * cluster + 2 * i + 1] = 1;
}

GBytes *
disk_bench_content(guint index, char time)
{
    gsize head = index == 1 ? (gsize)QCOW2_CLUSTERS << CLUSTER_BITS : 0;
    gsize size = head + PART_SIZE;
    guint8 *data = g_malloc0(size);
    guint32 state = (guint32)time * 2654435761U + index;

    if (head)
        put_qcow2(data);
    for (gsize i = head; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        data[i] = (guint8)(state >> 24);
    }
    return g_bytes_new_take(data, size);
}

char *
disk_bench_xml(const DiskPlaces *places, char time)
{
    g_autofree char *a = disk_machine_path(places, 0);
    g_autofree char *b = disk_machine_path(places, 1);
    g_autofree char *nvram = disk_machine_path(places, DISK_MACHINE_DISKS);

    return g_strdup_printf("<domain type='kvm'>\n  <name>web</name>\n  <uuid>%s</uuid>\n"
                           "  <title>%c</title>\n  <os><nvram>%s</nvram></os>\n  <devices>\n"
                           "    <disk type='%s' device='disk'><driver name='qemu' type='raw'/>"
                           "<source %s='%s'/><target dev='vda'/></disk>\n"
                           "    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                           "<source file='%s'/><target dev='vdb'/></disk>\n"
                           "    <interface type='user'><mac address='" DISK_MACHINE_MAC
                           "'/></interface>\n  </devices>\n</domain>\n",
                           DISK_MACHINE_UUID, time, nvram, places->device ? "block" : "file",
                           places->device ? "dev" : "file", a, b);
}

gboolean
disk_bench_holds(const char *path, guint index, char time)
{
    g_autoptr(GBytes) wanted = disk_bench_content(index, time);
    g_autofree char *data = NULL;
    gsize size = 0;

    return g_file_get_contents(path, &data, &size, NULL) && size == g_bytes_get_size(wanted) &&
           memcmp(data, g_bytes_get_data(wanted, NULL), size) == 0;
}

/* ---- the machine ---- */

static gboolean
has_owner(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_mode & 07777) == 0640 &&
           (geteuid() != 0 || (st.st_uid == 101 && st.st_gid == 101));
}

static char
time_of_part(const DiskPlaces *places, guint index)
{
    g_autofree char *path = disk_machine_path(places, index);

    if (!has_owner(path))
        return 'x';
    for (char time = '1'; time <= '2'; time++) {
        if (disk_bench_holds(path, index, time))
            return time;
    }
    return 'x';
}

static char
time_of_xml(const DiskPlaces *places)
{
    g_autofree char *path = disk_machine_xml_path(places);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 'x';
    for (char time = '1'; time <= '2'; time++) {
        g_autofree char *wanted = disk_bench_xml(places, time);

        if (strcmp(text, wanted) == 0)
            return time;
    }
    return 'x';
}

/* In full, for a message: "12" for disks of two times. */
static char *
times_of(const DiskPlaces *places)
{
    GString *times = g_string_new(NULL);

    for (guint i = 0; i <= DISK_MACHINE_DISKS; i++)
        g_string_append_c(times, time_of_part(places, i));
    g_string_append_c(times, time_of_xml(places));
    return g_string_free(times, FALSE);
}

/* ---- what belongs to records ---- */

typedef struct {
    DiskBench *bench;
    DiskSight *sight;
    GHashTable *owned; /* paths that may be there */
} Look;

static void G_GNUC_PRINTF(2, 3) blame(const Look *look, const char *format, ...)
{
    va_list args;

    if (look->sight->fault)
        return;
    va_start(args, format);
    look->sight->fault = g_strdup_vprintf(format, args);
    va_end(args);
}

static void
own(const Look *look, const char *path)
{
    g_hash_table_add(look->owned, g_strdup(path));
}

static void
check_part(const Look *look, const char *path, guint index, char time, const char *what)
{
    own(look, path);
    if (!disk_bench_holds(path, index, time))
        blame(look, "%s %s does not hold time %c", what, path, time);
}

/* Takes @name. */
static void
check_lock(const Look *look, char *name)
{
    g_autofree char *own_name = name;
    g_autoptr(VmsLock) lock = NULL;

    if (!vms_lock_take(look->bench->engine.runtime_dir, name, "sight", 0, NULL, &lock, NULL))
        blame(look, "lock %s is not free", name);
}

static guint
index_of(const char *target)
{
    return g_str_has_prefix(target, "vd") ? (guint)(target[2] - 'a') : DISK_MACHINE_DISKS;
}

static void
check_manifest(const Look *look, const VmsSnapshot *snapshot)
{
    g_autofree char *path = vms_layout_manifest(snapshot->folders->pdata[0]);
    g_autofree char *text = NULL;
    g_autoptr(VmsSnapshot) told = NULL;

    own(look, path);
    if (g_file_get_contents(path, &text, NULL, NULL))
        told = vms_record_read_snapshot(text, NULL);
    if (!told || g_strcmp0(told->uuid, snapshot->uuid) != 0)
        blame(look, "manifest %s is not that of its snapshot", path);
}

static void
check_snapshot(const Look *look, const VmsSnapshot *snapshot)
{
    if (snapshot->phase == VMSNAP_SNAPSHOT_FAILED)
        return;
    if (snapshot->phase != VMSNAP_SNAPSHOT_READY) {
        blame(look, "snapshot %s is %s", snapshot->uuid, vms_snapshot_phase_name(snapshot->phase));
        return;
    }
    look->sight->snapshots++;
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        check_part(look, disk->image->path, index_of(disk->target), '1', "image");
    }
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];

        check_part(look, part->stored, DISK_MACHINE_DISKS, '1', "image");
    }
    if (snapshot->parts->len != 1)
        blame(look, "snapshot %s is without its NVRAM", snapshot->uuid);
    for (guint i = 0; i < snapshot->folders->len; i++)
        own(look, snapshot->folders->pdata[i]);
    check_manifest(look, snapshot);
}

/* As sha256sum wrote it. */
static gboolean
sum_holds(const VmsNewDisk *made)
{
    g_autofree char *name = g_path_get_basename(made->path);
    g_autofree char *data = NULL;
    g_autofree char *text = NULL;
    g_autofree char *sha256 = NULL;
    g_autofree char *wanted = NULL;
    gsize size = 0;

    if (!g_file_get_contents(made->path, &data, &size, NULL) ||
        !g_file_get_contents(made->sum, &text, NULL, NULL))
        return FALSE;
    sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, size);
    wanted = g_strdup_printf("%s  %s\n", sha256, name);
    return strcmp(text, wanted) == 0;
}

static void
check_made(const Look *look, const VmsNewDisk *made)
{
    check_part(look, made->path, 0, '1', "new disk");
    look->sight->made++;
    if (!made->sum)
        return;
    own(look, made->sum);
    if (!sum_holds(made))
        blame(look, "the digest beside %s is another", made->path);
}

/* Over the image it was made from, or for a guest the same as that. */
static void
check_over(const Look *look, const VmsNewDisk *made)
{
    VmsVolume *volume = look->bench->engine.drivers->volume;
    g_autoptr(VmsImage) image = NULL;
    g_autoptr(VmsImage) base = NULL;
    gboolean same = FALSE;

    own(look, made->path);
    if (!vms_volume_inspect(volume, made->path, "qcow2", &image, NULL) ||
        !vms_volume_inspect(volume, made->base,
                            g_str_has_suffix(made->base, ".raw") ? "raw" : "qcow2", &base, NULL)) {
        blame(look, "%s or what it is made from cannot be read", made->path);
        return;
    }
    if (image->backing) {
        look->sight->linked++;
        same = strcmp(image->backing, made->base) == 0;
    } else {
        vms_volume_compare(volume, image, base, &same, NULL);
    }
    if (!same)
        blame(look, "%s does not hold what %s does", made->path, made->base);
}

/* Of the time of what it was made from, and with an owner and a mode as that. */
static void
check_cloned(const Look *look, const VmsNewDisk *made, guint index, char time)
{
    if (!has_owner(made->path))
        blame(look, "%s has another owner or mode", made->path);
    if (made->way == VMS_NEW_DISK_OVERLAY)
        check_over(look, made);
    else
        check_part(look, made->path, index, time, "file of a clone");
}

static void
check_clone_xml(const Look *look, const VmsOperation *operation)
{
    g_autofree char *path = disk_others_path(look->bench->host, operation->vm_name);
    g_autofree char *uuid = g_strdup_printf("<uuid>%s</uuid>", operation->vm_uuid);
    g_autofree char *text = NULL;

    own(look, path);
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        blame(look, "clone %s is not defined", operation->vm_name);
        return;
    }
    if (!strstr(text, uuid) || strstr(text, DISK_MACHINE_UUID) || strstr(text, DISK_MACHINE_MAC))
        blame(look, "clone %s is somebody else", operation->vm_name);
    for (guint i = 0; i < operation->clone->files->len; i++) {
        const VmsNewDisk *made = operation->clone->files->pdata[i];

        if (!strstr(text, made->path) || strstr(text, made->base))
            blame(look, "clone %s does not have %s", operation->vm_name, made->path);
    }
}

static void
check_clone(const Look *look, const VmsOperation *operation)
{
    const GPtrArray *files = operation->clone->files;

    look->sight->clones++;
    if (files->len != DISK_MACHINE_DISKS + 1)
        blame(look, "clone %s has %u files", operation->vm_name, files->len);
    for (guint i = 0; i < files->len; i++)
        check_cloned(look, files->pdata[i], i, operation->snapshot ? '1' : '2');
    check_clone_xml(look, operation);
}

static void
check_operation(const Look *look, const VmsOperation *operation)
{
    if (vms_operation_is_open(operation))
        blame(look, "operation %s is open", operation->uuid);
    if (operation->made && operation->phase == VMSNAP_OPERATION_COMPLETED)
        check_made(look, operation->made);
    if (operation->clone)
        check_lock(look, vms_lock_name_vm(operation->vm_uuid));
    if (operation->clone && operation->phase == VMSNAP_OPERATION_COMPLETED)
        check_clone(look, operation);
    if (strcmp(operation->type, "restore") != 0 || operation->undone ||
        operation->phase != VMSNAP_OPERATION_COMPLETED)
        return;
    look->sight->undos++;
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        check_part(look, item->next, index_of(item->target), '2', "old disk");
    }
    for (guint i = 0; i < operation->folders->len; i++)
        own(look, operation->folders->pdata[i]);
}

static void
check_records(const Look *look)
{
    VmsCatalog *catalog = look->bench->engine.drivers->catalog;
    g_autoptr(GPtrArray) snapshots = NULL;
    g_autoptr(GPtrArray) operations = NULL;
    g_autoptr(GError) error = NULL;

    if (!vms_store_list_snapshots(catalog, VMSNAP_SNAPSHOT_KIND_VM, &snapshots, &error) ||
        !vms_store_list_operations(catalog, &operations, &error))
        blame(look, "catalog: %s", error->message);
    for (guint i = 0; snapshots && i < snapshots->len; i++)
        check_snapshot(look, snapshots->pdata[i]);
    for (guint i = 0; operations && i < operations->len; i++)
        check_operation(look, operations->pdata[i]);
}

/* ---- what nobody owns ---- */

static void
check_tree(const Look *look, const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        gboolean parent = strcmp(name, ".vmsnap") == 0;

        if (parent && (look->sight->snapshots || look->sight->undos || look->bench->left))
            own(look, child);
        if (g_strcmp0(look->bench->left, child) == 0)
            continue;
        if (!g_hash_table_contains(look->owned, child))
            blame(look, "%s is left", child);
        check_tree(look, child);
    }
}

/* VMs that nobody made. */
static void
check_vms(const Look *look)
{
    g_autoptr(GDir) dir = g_dir_open(look->bench->host, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(look->bench->host, name, NULL);

        if (g_str_has_suffix(name, ".xml") && strcmp(name, "web.xml") != 0 &&
            !g_hash_table_contains(look->owned, path))
            blame(look, "VM %s is left", name);
    }
}

static void
check_left(const Look *look)
{
    static const char *const trees[] = { "disks", "nvram", "new" };
    g_autofree char *leases = g_build_filename(look->bench->engine.state_dir, "leases", NULL);

    for (guint i = 0; i <= DISK_MACHINE_DISKS; i++) {
        g_autofree char *path = disk_machine_path(&look->bench->places, i);

        own(look, path);
    }
    for (guint i = 0; i < G_N_ELEMENTS(trees); i++) {
        g_autofree char *path = g_build_filename(look->bench->data, trees[i], NULL);

        check_tree(look, path);
    }
    check_tree(look, leases);
    check_vms(look);
}

static void
check_locks(const Look *look)
{
    const DiskBench *bench = look->bench;
    g_autofree char *path = disk_bench_new_path(bench);

    check_lock(look, vms_lock_name_vm(DISK_MACHINE_UUID));
    check_lock(look, vms_lock_name_disk(path));
    check_lock(look, vms_lock_name_snapshot(bench->snapshot ? bench->snapshot : ""));
    check_lock(look, vms_lock_name_new_vm(DISK_CLONE_NAME));
}

void
disk_bench_look(DiskBench *bench, DiskSight *ret_sight)
{
    g_autoptr(GHashTable) owned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const Look look = { bench, ret_sight, owned };
    g_autofree char *times = times_of(&bench->places);

    *ret_sight = (DiskSight){ .time = times[0] };
    for (const char *each = times; *each; each++) {
        if (*each == times[0] && *each != 'x')
            continue;
        ret_sight->time = 'x';
        blame(&look, "times are %s", times);
    }
    check_records(&look);
    check_left(&look);
    check_locks(&look);
}

const char *
disk_sight_judge(const DiskSight *sight, DiskAct act)
{
    static const DiskSight olds[DISK_ACTS] = {
        [DISK_SNAPSHOT] = { .time = '1' },
        [DISK_DELETE] = { .time = '2', .snapshots = 1 },
        [DISK_RESTORE] = { .time = '2', .snapshots = 1 },
        [DISK_UNDO] = { .time = '1', .snapshots = 1, .undos = 1 },
        [DISK_DROP] = { .time = '1', .snapshots = 1, .undos = 1 },
        [DISK_GC] = { .time = '1', .snapshots = 1, .undos = 1 },
        [DISK_NEW] = { .time = '2', .snapshots = 1 },
        [DISK_IMAGE] = { .time = '2', .snapshots = 1 },
        [DISK_CLONE] = { .time = '2', .snapshots = 1 },
        [DISK_CLONE_SHOT] = { .time = '2', .snapshots = 1 },
        [DISK_CLONE_LINK] = { .time = '2', .snapshots = 1 },
        [DISK_FLATTEN] = { .time = '2', .snapshots = 1, .clones = 1, .linked = DISK_MACHINE_DISKS },
    };
    static const DiskSight news[DISK_ACTS] = {
        [DISK_SNAPSHOT] = { .time = '1', .snapshots = 1 },
        [DISK_DELETE] = { .time = '2' },
        [DISK_RESTORE] = { .time = '1', .snapshots = 1, .undos = 1 },
        [DISK_UNDO] = { .time = '2', .snapshots = 1 },
        [DISK_DROP] = { .time = '1', .snapshots = 1 },
        [DISK_GC] = { .time = '1', .snapshots = 1 },
        [DISK_NEW] = { .time = '2', .snapshots = 1, .made = 1 },
        [DISK_IMAGE] = { .time = '2', .snapshots = 1, .made = 1 },
        [DISK_CLONE] = { .time = '2', .snapshots = 1, .clones = 1 },
        [DISK_CLONE_SHOT] = { .time = '2', .snapshots = 1, .clones = 1 },
        [DISK_CLONE_LINK] = { .time = '2',
                              .snapshots = 1,
                              .clones = 1,
                              .linked = DISK_MACHINE_DISKS },
        [DISK_FLATTEN] = { .time = '2', .snapshots = 1, .clones = 1 },
    };
    const DiskSight *each[] = { &olds[act], &news[act] };

    for (guint i = 0; !sight->fault && i < G_N_ELEMENTS(each); i++) {
        if (sight->time == each[i]->time && sight->snapshots == each[i]->snapshots &&
            sight->undos == each[i]->undos && sight->made == each[i]->made &&
            sight->clones == each[i]->clones && sight->linked == each[i]->linked)
            return i == 0 ? "old" : "new";
    }
    return NULL;
}

gboolean
disk_bench_repeat(DiskBench *bench, DiskAct act)
{
    g_auto(DiskSight) sight = { 0 };

    if (!disk_bench_act(bench, act))
        return FALSE;
    disk_bench_look(bench, &sight);
    return g_strcmp0(disk_sight_judge(&sight, act), "new") == 0;
}
