/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/window-bench.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/window-queue.h"

#include <glib/gstdio.h>
#include <string.h>

#define OPERATION "aaaaaaaa-0000-4000-8000-000000000001"

static gboolean
cut(void *data, GError **error)
{
    Bench *bench = data;

    fake_world_log(bench->world, "cut");
    if (bench->cut_us)
        vms_clock_sleep_us(bench->cut_us);
    return !bench->cut_fails || vms_fail(error, VMSNAP_E_NO_SPACE, "the cut was made to fail");
}

Bench *
bench_new(void)
{
    Bench *bench = g_new0(Bench, 1);

    bench->folder = g_dir_make_tmp("vmsnap-window-XXXXXX", NULL);
    bench->world_path = g_build_filename(bench->folder, "world", NULL);
    bench->world = fake_world_open(bench->world_path);
    bench->drivers = fake_drivers_new(bench->world);
    bench->engine = (VmsEngine){ .drivers = bench->drivers,
                                 .uri = bench->world_path,
                                 .state_dir = bench->folder,
                                 .runtime_dir = bench->folder,
                                 .windows = vms_window_queue_new(),
                                 .boot_id = (char *)"bbbbbbbb-0000-4000-8000-000000000001",
                                 .self_guard = TRUE };
    bench->vm = fake_world_survey(bench->world);
    bench->evidence = vms_evidence_new();
    bench->window = (VmsWindow){
        .vm = bench->vm, .operation_uuid = OPERATION, .suspend = TRUE, .cut = cut, .data = bench
    };
    return bench;
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
bench_free(Bench *bench)
{
    if (!bench)
        return;
    vms_watch_release(bench->watch, NULL);
    vms_window_queue_free(bench->engine.windows);
    vms_vm_free(bench->vm);
    vms_evidence_free(bench->evidence);
    fake_drivers_free(bench->drivers);
    fake_world_close(bench->world);
    g_clear_error(&bench->error);
    remove_tree(bench->folder);
    g_free(bench->folder);
    g_free(bench->world_path);
    g_free(bench);
}

gboolean
bench_run(Bench *bench)
{
    static const VmsBackupDisk disks[] = { { .target = "vda", .scratch = "/x" }, { 0 } };

    bench->window.backup = bench->window.backup_socket ? disks : NULL;
    vms_vm_free(bench->vm);
    bench->vm = fake_world_survey(bench->world);
    bench->window.vm = bench->vm;
    vms_evidence_free(bench->evidence);
    bench->evidence = vms_evidence_new();
    g_clear_error(&bench->error);
    return vms_window_run(&bench->engine, &bench->window, bench->evidence, &bench->watch,
                          &bench->error);
}

gboolean
bench_has_lease(const Bench *bench)
{
    g_autoptr(VmsLease) lease = NULL;

    return vms_lease_read(bench->folder, FAKE_UUID, &lease, NULL);
}

gboolean
bench_is_clean(const Bench *bench)
{
    return bench->world->frozen == 0 && bench->world->state == VMSNAP_VM_RUNNING &&
           bench->world->job == VMS_JOB_NONE && !bench_has_lease(bench);
}
