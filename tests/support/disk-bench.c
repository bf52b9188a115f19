/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/disk-bench.h"

#include "adapter/blkid/media.h"
#include "adapter/file/volume.h"
#include "adapter/qcow2/reader.h"
#include "adapter/sqlite/catalog.h"
#include "base/error.h"
#include "engine/store.h"
#include "engine/window-queue.h"
#include "model/name.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmsnap/clone.h>

enum { MODE = 0640, OWNER = 101 };

static const VmsMediaReader reader = {
    .open = vms_reader_open,
    .read = vms_reader_read,
    .close = vms_reader_close,
};

/* ---- what the machine has ---- */

/* In place: the file stays the one it was. */
static gboolean
write_part(const DiskPlaces *places, guint index, char time)
{
    g_autofree char *path = disk_machine_path(places, index);
    g_autoptr(GBytes) content = disk_bench_content(index, time);
    gsize size = g_bytes_get_size(content);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, MODE);
    gboolean done;

    if (fd < 0)
        return FALSE;
    done = pwrite(fd, g_bytes_get_data(content, NULL), size, 0) == (ssize_t)size &&
           fchmod(fd, MODE) == 0 && (geteuid() != 0 || fchown(fd, OWNER, OWNER) == 0) &&
           fsync(fd) == 0;
    close(fd);
    return done;
}

gboolean
disk_bench_write(DiskBench *bench, char time)
{
    g_autofree char *xml = disk_bench_xml(&bench->places, time);

    for (guint i = 0; i <= DISK_MACHINE_DISKS; i++) {
        if (!write_part(&bench->places, i, time))
            return FALSE;
    }
    return vms_hypervisor_define(bench->engine.drivers->hypervisor, xml, &bench->error);
}

gboolean
disk_bench_make(DiskBench *bench)
{
    g_autofree char *disks = g_build_filename(bench->data, "disks", NULL);
    g_autofree char *nvram = g_build_filename(bench->data, "nvram", NULL);
    g_autofree char *made = g_build_filename(bench->data, "new", NULL);

    return (mkdir(disks, 0755) == 0 || errno == EEXIST) &&
           (mkdir(nvram, 0755) == 0 || errno == EEXIST) &&
           (mkdir(made, 0755) == 0 || errno == EEXIST) && disk_bench_write(bench, '1');
}

/* ---- the bench ---- */

DiskBench *
disk_bench_open(const char *data, const char *host, const char *run, int boot)
{
    DiskBench *bench = g_new0(DiskBench, 1);

    bench->data = g_strdup(data);
    bench->host = g_strdup(host);
    bench->run = g_strdup(run);
    bench->places = (DiskPlaces){ bench->data, bench->host, bench->run, NULL };
    bench->engine = (VmsEngine){
        .uri = bench->run,
        .state_dir = g_build_filename(host, "state", NULL),
        .runtime_dir = g_build_filename(run, "locks", NULL),
        .boot_id = g_strdup_printf("bbbbbbbb-0000-4000-8000-%012d", boot),
        .windows = vms_window_queue_new(),
        .self_guard = TRUE,
    };
    vms_progress_init(&bench->progress);
    if (disk_bench_connect(bench))
        return bench;
    disk_bench_free(bench);
    return NULL;
}

void
disk_bench_use_device(DiskBench *bench, const char *device)
{
    bench->device = g_strdup(device);
    bench->places.device = bench->device;
}

gboolean
disk_bench_connect(DiskBench *bench)
{
    g_autofree char *catalog = g_build_filename(bench->engine.state_dir, "catalog.db", NULL);
    VmsDrivers *drivers = g_new0(VmsDrivers, 1);

    drivers->hypervisor = disk_machine_new(&bench->places);
    drivers->urgent = disk_machine_new(&bench->places);
    drivers->volume = vms_file_volume_new(vms_reader_fill_image);
    drivers->media = vms_blkid_media_new(&reader);
    g_clear_error(&bench->error);
    drivers->catalog = vms_sqlite_open(catalog, FALSE, &bench->error);
    bench->engine.drivers = drivers;
    return drivers->catalog != NULL;
}

void
disk_bench_disconnect(DiskBench *bench)
{
    VmsDrivers *drivers = g_steal_pointer(&bench->engine.drivers);

    if (!drivers)
        return;
    if (drivers->catalog)
        vms_catalog_free(drivers->catalog);
    vms_media_free(drivers->media);
    vms_volume_free(drivers->volume);
    vms_hypervisor_free(drivers->urgent);
    vms_hypervisor_free(drivers->hypervisor);
    g_free(drivers);
}

void
disk_bench_free(DiskBench *bench)
{
    if (!bench)
        return;
    disk_bench_disconnect(bench);
    vms_window_queue_free(bench->engine.windows);
    g_clear_error(&bench->error);
    g_free(bench->engine.state_dir);
    g_free(bench->engine.runtime_dir);
    g_free(bench->engine.boot_id);
    g_free(bench->snapshot);
    g_free(bench->restore);
    g_free(bench->left);
    g_free(bench->clone);
    g_free(bench->data);
    g_free(bench->host);
    g_free(bench->run);
    g_free(bench->device);
    g_free(bench);
}

/* ---- acts ---- */

static const char *const act_names[] = {
    "snapshot",     "delete", "restore", "undo",           "drop",         "gc",
    "disk-restore", "image",  "clone",   "clone-snapshot", "clone-linked", "flatten",
};

G_STATIC_ASSERT(G_N_ELEMENTS(act_names) == DISK_ACTS);

const char *
disk_act_name(DiskAct act)
{
    return act_names[act];
}

gboolean
disk_act_find(const char *name, DiskAct *ret_act)
{
    for (guint i = 0; i < DISK_ACTS; i++) {
        if (strcmp(name, act_names[i]) == 0) {
            *ret_act = (DiskAct)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
take(DiskBench *bench)
{
    g_autofree char *operation = vms_name_new_uuid();
    g_autofree char *store = g_build_filename(bench->data, "disks", NULL);
    const VmsSnapshotRequest request = { .name = (char *)"daily",
                                         .store = bench->device ? store : NULL };
    g_autofree char *snapshot = NULL;

    if (!vms_engine_snapshot(&bench->engine, operation, DISK_MACHINE_UUID, &request,
                             &bench->progress, &snapshot, &bench->error))
        return FALSE;
    g_free(bench->snapshot);
    bench->snapshot = g_steal_pointer(&snapshot);
    return TRUE;
}

static gboolean
restore(DiskBench *bench)
{
    const VmsRestoreRequest request = { .stop_timeout_ms = 200 };
    g_autoptr(VmsPlan) plan = NULL;
    VmsRestoreOrder order = { .snapshot_uuid = bench->snapshot,
                              .request = &request,
                              .mode = VMSNAP_MODE_STRICT };

    g_free(bench->restore);
    bench->restore = vms_name_new_uuid();
    order.operation_uuid = bench->restore;
    if (!vms_engine_plan_restore(&bench->engine, bench->snapshot, NULL, &request, &plan,
                                 &bench->error))
        return FALSE;
    order.hash = plan->hash;
    order.identity = plan->identity;
    return vms_engine_restore(&bench->engine, &order, &bench->progress, &bench->error);
}

char *
disk_bench_new_path(const DiskBench *bench)
{
    return g_build_filename(bench->data, "new", "c.raw", NULL);
}

static gboolean
make_new(DiskBench *bench, const char *operation, guint flags)
{
    g_autofree char *to = disk_bench_new_path(bench);
    const VmsNewDiskRequest request = { .to = to, .target = (char *)"vda", .flags = flags };

    return vms_engine_new_disk(&bench->engine, operation, bench->snapshot, &request,
                               &bench->progress, &bench->error);
}

gboolean
disk_act_clones(DiskAct act)
{
    return act == DISK_CLONE || act == DISK_CLONE_SHOT || act == DISK_CLONE_LINK;
}

static gboolean
make_clone(DiskBench *bench, const char *operation, DiskAct act)
{
    const VmsCloneRequest request = { .name = (char *)DISK_CLONE_NAME,
                                      .method = act == DISK_CLONE_LINK ? VMSNAP_CLONE_LINKED
                                                                       : VMSNAP_CLONE_FULL };
    g_autoptr(VmsPlan) plan = NULL;
    const VmsCloneSource source = { .vm_uuid = act == DISK_CLONE ? DISK_MACHINE_UUID : NULL,
                                    .snapshot_uuid = act == DISK_CLONE ? NULL : bench->snapshot };

    return vms_engine_plan_clone(&bench->engine, &source, &request, &plan, &bench->error) &&
           vms_engine_clone(&bench->engine, operation, plan, VMSNAP_MODE_STRICT, &bench->progress,
                            &bench->error);
}

static gboolean
collect(DiskBench *bench)
{
    g_autoptr(GPtrArray) acts = NULL;

    return vms_engine_collect(&bench->engine, FALSE, &bench->progress, &acts, &bench->error);
}

gboolean
disk_bench_act(DiskBench *bench, DiskAct act)
{
    g_autofree char *operation = vms_name_new_uuid();
    const VmsRestoreRequest request = { .stop_timeout_ms = 200 };

    g_clear_error(&bench->error);
    switch (act) {
    case DISK_SNAPSHOT:
        return take(bench);
    case DISK_RESTORE:
        return restore(bench);
    case DISK_DELETE:
        return vms_engine_delete_snapshot(&bench->engine, operation, bench->snapshot,
                                          &bench->progress, &bench->error);
    case DISK_UNDO:
        return vms_engine_undo(&bench->engine, operation, bench->restore, &request,
                               &bench->progress, &bench->error);
    case DISK_DROP:
        return vms_engine_drop_undo(&bench->engine, operation, bench->restore, &bench->progress,
                                    &bench->error);
    case DISK_GC:
        return collect(bench);
    case DISK_NEW:
        return make_new(bench, operation, 0);
    case DISK_IMAGE:
        return make_new(bench, operation, VMSNAP_NEW_DISK_IMAGE);
    case DISK_CLONE:
    case DISK_CLONE_SHOT:
    case DISK_CLONE_LINK:
        return make_clone(bench, operation, act);
    case DISK_FLATTEN:
        return vms_engine_flatten(&bench->engine, operation, bench->clone, &bench->progress,
                                  &bench->error);
    case DISK_ACTS:
        break;
    }
    return FALSE;
}

/* A snapshot that was deleted while somebody had put a file beside its images, which has gone
 * since; one of the images' names is taken again. */
static gboolean
leave_folder(DiskBench *bench)
{
    g_autofree char *disks = g_build_filename(bench->data, "disks", ".vmsnap", NULL);
    g_autofree char *theirs = NULL;
    g_autofree char *ours = NULL;

    if (!disk_bench_act(bench, DISK_SNAPSHOT))
        return FALSE;
    bench->left = g_build_filename(disks, bench->snapshot, NULL);
    theirs = g_build_filename(bench->left, "theirs", NULL);
    ours = g_build_filename(bench->left, "vda.raw", NULL);
    return g_file_set_contents(theirs, "x", 1, NULL) && disk_bench_act(bench, DISK_DELETE) &&
           unlink(theirs) == 0 && g_file_set_contents(ours, "x", 1, NULL);
}

static gboolean
make_linked(DiskBench *bench)
{
    g_autoptr(VmsVm) vm = NULL;

    if (!disk_bench_act(bench, DISK_CLONE_LINK) ||
        !vms_hypervisor_find_vm(bench->engine.drivers->hypervisor, DISK_CLONE_NAME, FALSE, &vm,
                                &bench->error))
        return FALSE;
    bench->clone = g_strdup(vm->uuid);
    return TRUE;
}

static gboolean
expire(DiskBench *bench)
{
    g_auto(VmsWork) work = { 0 };

    if (!vms_store_load_operation(bench->engine.drivers->catalog, bench->restore, &work.operation,
                                  &work.operation_version, &bench->error))
        return FALSE;
    work.operation->undo_until_us = 1;
    return vms_store_save(bench->engine.drivers->catalog, &work, &bench->error);
}

static gboolean
keeps_undo_set(DiskAct act)
{
    return act == DISK_UNDO || act == DISK_DROP || act == DISK_GC;
}

gboolean
disk_bench_prepare(DiskBench *bench, DiskAct act, gboolean on)
{
    if (act == DISK_GC && !leave_folder(bench))
        return FALSE;
    if (act != DISK_SNAPSHOT &&
        (!disk_bench_act(bench, DISK_SNAPSHOT) || !disk_bench_write(bench, '2')))
        return FALSE;
    if (keeps_undo_set(act) && !disk_bench_act(bench, DISK_RESTORE))
        return FALSE;
    if ((act == DISK_GC && !expire(bench)) || (act == DISK_FLATTEN && !make_linked(bench)))
        return FALSE;
    if (on)
        disk_machine_power(&bench->places, TRUE);
    return TRUE;
}

void
disk_bench_remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
            disk_bench_remove_tree(child);
        else
            g_remove(child);
    }
    g_rmdir(path);
}

DiskBench *
disk_bench_stage(const char *place, const char *device, DiskAct act, gboolean on)
{
    g_autofree char *data = g_build_filename(place, "data", NULL);
    g_autofree char *host = g_build_filename(place, "host", NULL);
    g_autofree char *locks = g_build_filename(place, "run", NULL);
    g_autoptr(DiskBench) bench = NULL;

    if (g_mkdir_with_parents(data, 0755) != 0 || g_mkdir_with_parents(host, 0755) != 0 ||
        g_mkdir_with_parents(locks, 0755) != 0)
        return NULL;
    bench = disk_bench_open(data, host, locks, 1);
    if (bench && device)
        disk_bench_use_device(bench, device);
    if (!bench || !disk_bench_make(bench) || !disk_bench_prepare(bench, act, on)) {
        (void)fprintf(stderr, "not prepared: %s\n",
                      bench && bench->error ? bench->error->message : "?");
        return NULL;
    }
    return g_steal_pointer(&bench);
}

int
disk_bench_recover(DiskBench *bench, int *ret_failed)
{
    g_autoptr(GPtrArray) acts = NULL;
    int failed = 0;

    g_clear_error(&bench->error);
    vms_engine_recover(&bench->engine, &bench->progress, &acts, &bench->error);
    if (!acts)
        return -1;
    for (guint i = 0; i < acts->len; i++) {
        const VmsRecoveryAct *act = acts->pdata[i];

        failed += strcmp(act->act, "failed") == 0 || strcmp(act->act, "skipped") == 0;
    }
    if (ret_failed)
        *ret_failed = failed;
    return (int)acts->len;
}
