/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A Ready snapshot whose image is gone or another by now. */

static void
remove_image(const char *path)
{
    cr_assert_eq(unlink(path), 0);
}

static void
shorten_image(const char *path)
{
    cr_assert_eq(truncate(path, 4096), 0);
}

static void
replace_image(const char *path)
{
    struct stat st;

    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert(g_file_set_contents(path, "another", -1, NULL));
    cr_assert_eq(truncate(path, st.st_size), 0);
}

/* Neither size nor time tell of it: only who reads it all finds out. */
static void
rewrite_image(const char *path)
{
    struct timespec times[2];
    struct stat st;
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    cr_assert(fd >= 0 && fstat(fd, &st) == 0);
    cr_assert_eq(pwrite(fd, "another", 7, 4096), 7);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    cr_assert_eq(futimens(fd, times), 0);
    close(fd);
}

typedef void (*Damage)(const char *);

static const Damage damages[] = { remove_image, shorten_image, replace_image, rewrite_image };

static char *
image_path(EngineBench *bench, const char *uuid)
{
    g_autoptr(VmsSnapshot) snapshot = NULL;

    cr_assert(vms_engine_load_snapshot(&bench->engine, uuid, &snapshot, NULL));
    return g_strdup(((const VmsSnapshotDisk *)snapshot->disks->pdata[0])->image->path);
}

/* A restore refuses, and the VM never learned of it. */
static void
expect_no_restore(EngineBench *bench, const char *uuid, const char *reason)
{
    bench->world->log[0] = '\0';
    bench->world->logged = 0;
    cr_assert_not(engine_bench_restore(bench, uuid, NULL));
    cr_assert_eq(g_strcmp0(vms_error_get_reason(bench->error), reason), 0, "%s: %s",
                 vms_error_get_reason(bench->error), bench->error->message);
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_eq(bench->world->domain_id, 7);
    cr_assert_null(strstr(bench->world->log, "stop"), "%s", bench->world->log);
    cr_assert_null(strstr(bench->world->log, "define"), "%s", bench->world->log);
    cr_assert_null(strstr(bench->world->log, "exchange"), "%s", bench->world->log);
    cr_assert_eq(engine_bench_time(bench), '2');
}

/* And stays so in the catalog, for whoever asks next. */
static void
expect_lost(EngineBench *bench, const char *uuid)
{
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_engine_verify(&bench->engine, uuid, &bench->progress, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_LOST, "%s", error->message);
    engine_bench_close(bench);
    engine_bench_open(bench);
    cr_assert(vms_engine_load_snapshot(&bench->engine, uuid, &snapshot, NULL));
    cr_assert_eq(snapshot->phase, VMSNAP_SNAPSHOT_FAILED);
    cr_assert_str_eq(((const VmsCondition *)snapshot->conditions->pdata[0])->reason, "Lost");
}

static void
run_machine(EngineBench *bench)
{
    bench->world->state = VMSNAP_VM_RUNNING;
    bench->world->domain_id = 7;
}

Test(lost, an_image_of_a_vm_is_found_before_anything_stops)
{
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(EngineBench) bench = engine_bench_new();
        g_autofree char *uuid = NULL;
        g_autofree char *image = NULL;
        int off;

        cr_assert(engine_bench_snapshot(bench, &uuid));
        cr_assert(vms_engine_verify(&bench->engine, uuid, &bench->progress, NULL));
        engine_bench_write(bench, '2');
        off = bench->world->domain_id;
        run_machine(bench);
        image = image_path(bench, uuid);
        damages[i](image);
        if (damages[i] != rewrite_image)
            expect_no_restore(bench, uuid, "Lost");
        expect_lost(bench, uuid);
        expect_no_restore(bench, uuid, "NotReady");
        bench->world->state = VMSNAP_VM_OFF;
        bench->world->domain_id = off;
        cr_assert(engine_bench_snapshot(bench, NULL), "its name is free: %s",
                  bench->error ? bench->error->message : "");
        cr_assert(engine_bench_delete(bench, uuid), "%s",
                  bench->error ? bench->error->message : "");
    }
}

Test(lost, an_image_of_a_disk_too)
{
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(EngineBench) bench = engine_bench_new();
        g_autofree char *uuid = NULL;
        g_autofree char *image = NULL;

        cr_assert(engine_bench_disk_snapshot(bench, "vda", &uuid));
        cr_assert(vms_engine_verify(&bench->engine, uuid, &bench->progress, NULL));
        image = image_path(bench, uuid);
        damages[i](image);
        expect_lost(bench, uuid);
        cr_assert(engine_bench_disk_snapshot(bench, "vda", NULL), "its name is free");
        cr_assert(engine_bench_delete(bench, uuid), "%s",
                  bench->error ? bench->error->message : "");
    }
}
