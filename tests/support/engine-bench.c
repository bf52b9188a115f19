/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/engine-bench.h"

#include "adapter/file/volume.h"
#include "adapter/sqlite/catalog.h"
#include "base/error.h"
#include "engine/store.h"
#include "engine/window-queue.h"
#include "model/name.h"
#include "support/fake-files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static gboolean
no_header(int fd, VmsImage *image, GError **error)
{
    (void)fd;
    (void)image;
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported", "only raw here");
}

void
engine_bench_open(EngineBench *bench)
{
    g_autofree char *catalog = g_build_filename(bench->folder, "catalog.sqlite", NULL);
    VmsDrivers *drivers = fake_drivers_new(bench->world);

    drivers->volume = fake_volume_new(bench->world, vms_file_volume_new(no_header));
    drivers->media = fake_media_new();
    drivers->catalog = fake_catalog_new(bench->world, vms_sqlite_open(catalog, FALSE, NULL));
    bench->engine.drivers = drivers;
}

void
engine_bench_close(EngineBench *bench)
{
    VmsDrivers *drivers = g_steal_pointer(&bench->engine.drivers);

    vms_catalog_free(drivers->catalog);
    vms_media_free(drivers->media);
    vms_volume_free(drivers->volume);
    fake_drivers_free(drivers);
}

static void
write_byte(const char *path, char time)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || pwrite(fd, &time, 1, 0) != 1)
        g_error("%s cannot be written", path);
    close(fd);
}

static char
read_byte(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char byte = '-';

    if (fd < 0)
        return '-';
    if (read(fd, &byte, 1) != 1)
        byte = '?';
    close(fd);
    return byte;
}

/* Any bytes. */
static void
make_seed(const char *path)
{
    guint8 bytes[4096];

    for (gsize i = 0; i < sizeof(bytes); i++)
        bytes[i] = (guint8)i;
    if (!g_file_set_contents(path, (const char *)bytes, sizeof(bytes), NULL))
        g_error("%s cannot be made", path);
}

static gboolean
has_seed(const FakeWorld *world)
{
    return world->seed[0] && access(world->seed, F_OK) == 0;
}

void
engine_bench_write(EngineBench *bench, char time)
{
    FakeWorld *world = bench->world;

    for (guint i = 0; i < FAKE_DISKS; i++)
        write_byte(world->disks[i], time);
    write_byte(world->nvram, time);
    if (world->tpm[0])
        write_byte(world->tpm, time);
    if (world->seed[0] && time == '1')
        make_seed(world->seed);
    else if (world->seed[0])
        g_unlink(world->seed);
    g_snprintf(world->xml, sizeof(world->xml), "%c<domain><name>web</name></domain>", time);
}

char
engine_bench_time(const EngineBench *bench)
{
    const FakeWorld *world = bench->world;
    char time = world->xml[0];

    for (guint i = 0; i < FAKE_DISKS; i++) {
        if (read_byte(world->disks[i]) != time)
            return 'x';
    }
    if (world->tpm[0] && read_byte(world->tpm) != time)
        return 'x';
    if (world->seed[0] && has_seed(world) != (time == '1'))
        return 'x';
    return read_byte(world->nvram) == time ? time : 'x';
}

static int
count_files(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    int count = 0;

    if (!dir)
        return 1;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        count += count_files(child);
    }
    return count;
}

static int
count_folder(const EngineBench *bench, const char *name)
{
    g_autofree char *folder = g_build_filename(bench->folder, name, NULL);

    return count_files(folder);
}

int
engine_bench_extra_files(const EngineBench *bench)
{
    const FakeWorld *world = bench->world;
    int count = count_folder(bench, "disks") - FAKE_DISKS + count_folder(bench, "nvram") - 1;

    if (world->tpm[0])
        count += count_folder(bench, "tpm") - 1;
    if (world->seed[0])
        count += count_folder(bench, "media") - has_seed(world);
    return count;
}

int
engine_bench_open_operations(EngineBench *bench)
{
    g_autoptr(GPtrArray) operations = NULL;
    int count = 0;

    if (!vms_store_list_operations(bench->engine.drivers->catalog, &operations, NULL))
        return -1;
    for (guint i = 0; i < operations->len; i++)
        count += vms_operation_is_open(operations->pdata[i]);
    return count;
}

static void
make_file(const EngineBench *bench, const char *folder, const char *name, char *path)
{
    g_autofree char *parent = g_build_filename(bench->folder, folder, NULL);
    g_autofree char *full = g_build_filename(parent, name, NULL);
    int fd;

    g_mkdir_with_parents(parent, 0755);
    fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 65536) != 0)
        g_error("%s cannot be made", full);
    close(fd);
    g_strlcpy(path, full, 128);
}

EngineBench *
engine_bench_new(void)
{
    EngineBench *bench = g_new0(EngineBench, 1);

    bench->folder = g_dir_make_tmp("vmsnap-engine-XXXXXX", NULL);
    bench->world_path = g_build_filename(bench->folder, "world", NULL);
    bench->world = fake_world_open(bench->world_path);
    bench->world->state = VMSNAP_VM_OFF;
    bench->world->domain_id = -1;
    make_file(bench, "disks", "a.raw", bench->world->disks[0]);
    make_file(bench, "disks", "b.raw", bench->world->disks[1]);
    make_file(bench, "nvram", "web.fd", bench->world->nvram);
    engine_bench_write(bench, '1');
    bench->engine = (VmsEngine){ .uri = bench->world_path,
                                 .state_dir = g_build_filename(bench->folder, "state", NULL),
                                 .runtime_dir = g_build_filename(bench->folder, "run", NULL),
                                 .boot_id = (char *)"bbbbbbbb-0000-4000-8000-000000000001",
                                 .self_guard = TRUE };
    bench->engine.windows = vms_window_queue_new();
    vms_progress_init(&bench->progress);
    engine_bench_open(bench);
    return bench;
}

void
engine_bench_add_parts(EngineBench *bench)
{
    make_file(bench, "tpm/vm/tpm2", "state", bench->world->tpm);
    make_file(bench, "media", "seed.iso", bench->world->seed);
    engine_bench_write(bench, '1');
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        remove_tree(child);
    }
    g_remove(path);
}

void
engine_bench_free(EngineBench *bench)
{
    if (!bench)
        return;
    engine_bench_close(bench);
    fake_world_close(bench->world);
    g_clear_error(&bench->error);
    remove_tree(bench->folder);
    vms_window_queue_free(bench->engine.windows);
    g_free(bench->engine.state_dir);
    g_free(bench->engine.runtime_dir);
    g_free(bench->folder);
    g_free(bench->world_path);
    g_free(bench);
}

/* ---- operations ---- */

gboolean
engine_bench_snapshot(EngineBench *bench, char **ret_snapshot)
{
    g_autofree char *operation = vms_name_new_uuid();
    const VmsSnapshotRequest request = { .name = (char *)"daily", .policy = bench->policy };
    g_autofree char *snapshot = NULL;

    g_clear_error(&bench->error);
    if (!vms_engine_snapshot(&bench->engine, operation, FAKE_UUID, &request, &bench->progress,
                             &snapshot, &bench->error))
        return FALSE;
    if (ret_snapshot)
        *ret_snapshot = g_steal_pointer(&snapshot);
    return TRUE;
}

gboolean
engine_bench_disk_snapshot(EngineBench *bench, const char *disk, char **ret_snapshot)
{
    g_autofree char *operation = vms_name_new_uuid();
    char *targets[] = { (char *)disk, NULL };
    gboolean detached = disk[0] == '/';
    const VmsSnapshotRequest request = { .subject = VMSNAP_SNAPSHOT_KIND_DISK,
                                         .name = (char *)"daily",
                                         .disks = detached ? NULL : targets,
                                         .path = detached ? (char *)disk : NULL,
                                         .format = (char *)"raw",
                                         .policy = VMSNAP_CONSISTENCY_REQUIRE };
    g_autofree char *snapshot = NULL;

    g_clear_error(&bench->error);
    if (detached ? !vms_engine_disk_snapshot(&bench->engine, operation, &request, &bench->progress,
                                             &snapshot, &bench->error)
                 : !vms_engine_snapshot(&bench->engine, operation, FAKE_UUID, &request,
                                        &bench->progress, &snapshot, &bench->error))
        return FALSE;
    if (ret_snapshot)
        *ret_snapshot = g_steal_pointer(&snapshot);
    return TRUE;
}

gboolean
engine_bench_restore(EngineBench *bench, const char *snapshot, char **ret_uuid)
{
    g_autofree char *operation = vms_name_new_uuid();
    const VmsRestoreRequest request = { .flags = bench->restore_flags,
                                        .stop_timeout_ms = 200,
                                        .undo_ttl_s = bench->undo_ttl_s };
    g_autoptr(VmsPlan) plan = NULL;
    VmsRestoreOrder order = { .operation_uuid = operation,
                              .snapshot_uuid = snapshot,
                              .request = &request,
                              .mode = VMSNAP_MODE_STRICT };

    g_clear_error(&bench->error);
    if (!vms_engine_plan_restore(&bench->engine, snapshot, NULL, &request, &plan, &bench->error))
        return FALSE;
    order.hash = plan->hash;
    order.identity = plan->identity;
    if (ret_uuid)
        *ret_uuid = g_strdup(operation);
    return vms_engine_restore(&bench->engine, &order, &bench->progress, &bench->error);
}

gboolean
engine_bench_undo(EngineBench *bench, const char *restore)
{
    g_autofree char *operation = vms_name_new_uuid();
    const VmsRestoreRequest request = { .stop_timeout_ms = 200 };

    g_clear_error(&bench->error);
    return vms_engine_undo(&bench->engine, operation, restore, &request, &bench->progress,
                           &bench->error);
}

gboolean
engine_bench_drop(EngineBench *bench, const char *restore)
{
    g_autofree char *operation = vms_name_new_uuid();

    g_clear_error(&bench->error);
    return vms_engine_drop_undo(&bench->engine, operation, restore, &bench->progress,
                                &bench->error);
}

int
engine_bench_collect(EngineBench *bench, gboolean dry, const char *act)
{
    g_autoptr(GPtrArray) acts = NULL;
    int count = 0;

    g_clear_error(&bench->error);
    if (!vms_engine_collect(&bench->engine, dry, &bench->progress, &acts, &bench->error))
        return -1;
    for (guint i = 0; i < acts->len; i++)
        count += strcmp(((const VmsRecoveryAct *)acts->pdata[i])->act, act) == 0;
    return count;
}

gboolean
engine_bench_delete(EngineBench *bench, const char *snapshot)
{
    g_autofree char *operation = vms_name_new_uuid();

    g_clear_error(&bench->error);
    return vms_engine_delete_snapshot(&bench->engine, operation, snapshot, &bench->progress,
                                      &bench->error);
}

int
engine_bench_recover(EngineBench *bench, int *ret_failed)
{
    g_autoptr(GPtrArray) acts = NULL;
    int failed = 0;

    g_clear_error(&bench->error);
    vms_engine_recover(&bench->engine, &bench->progress, &acts, &bench->error);
    if (!acts)
        return -1;
    for (guint i = 0; i < acts->len; i++)
        failed += strcmp(((const VmsRecoveryAct *)acts->pdata[i])->act, "failed") == 0;
    if (ret_failed)
        *ret_failed = failed;
    return (int)acts->len;
}

/* ---- failures ---- */

void
engine_bench_arm(EngineBench *bench, int number, FakeFailure failure)
{
    FakeWorld *world = bench->world;

    world->failure = failure;
    world->fail_first = number > 0 ? world->calls + number : 0;
    world->fail_last = world->fail_first;
}

int
engine_bench_next(int number)
{
    const char *words = g_getenv("VMS_STRIDE");
    int stride = words ? (int)strtol(words, NULL, 10) : 1;

    return number + g_random_int_range(1, 2 * stride);
}

gboolean
engine_bench_was_hit(const EngineBench *bench)
{
    return bench->world->fail_first > 0 && bench->world->calls >= bench->world->fail_first;
}
