/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation whose n-th call that changes a file fails, for all n: see support/disk-bench.h.
 *
 *   write-faults FOLDER ACT on|off ENOSPC|EIO once|sticky FIRST STEP
 *
 * FOLDER is empty. Tries n = FIRST, FIRST + STEP, … until the operation is through before its n-th
 * call. One that succeeds all the same must have done all; one that fails must have left all as it
 * was, and say why, or be UNCERTAIN, which recover settles. Prints how many failed, were uncertain,
 * succeeded all the same, were wrong. */
#include "base/error.h"
#include "support/disk-bench.h"
#include "support/faulty-calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *folder;
    DiskAct act;
    gboolean on;
    guint failed;
    guint uncertain;
    guint succeeded;
    guint wrong;
} Run;

static int number;
static gboolean sticky;
static guint calls;
static guint fatal;
static char hit[256]; /* the call that failed first */

/* A full file system still lets names go, and flushes what has its place. */
static gboolean
needs_space(const char *call)
{
    static const char *const free_of[] = { "sync", "unlink", "chmod", "chown" };

    for (guint i = 0; i < G_N_ELEMENTS(free_of); i++) {
        if (strcmp(call, free_of[i]) == 0)
            return FALSE;
    }
    return TRUE;
}

static int
fail_call(const char *call, int fd)
{
    if (fd <= 2 || (number == ENOSPC && !needs_space(call)))
        return FAULTY_GO_ON;
    calls++;
    if (calls == fatal)
        g_snprintf(hit, sizeof(hit), "%s %s", call, faulty_calls_path(fd));
    return calls == fatal || (sticky && calls > fatal) ? number : FAULTY_GO_ON;
}

static void
blame(Run *run, const char *what, const DiskSight *sight, const GError *error)
{
    (void)fprintf(stderr, "%s %s, %s %s at call %u (%s): %s: time %c, %u, %u, %s; %s\n",
                  disk_act_name(run->act), run->on ? "on" : "off", sticky ? "sticky" : "once",
                  g_strerror(number), fatal, hit, what, sight->time, sight->snapshots, sight->undos,
                  sight->fault ? sight->fault : "-", error ? error->message : "no error");
    run->wrong++;
}

/* What the caller heard must be true, and useful. */
static void
check_error(Run *run, const DiskSight *sight, const GError *error)
{
    int code = vms_error_get_code(error);

    if (code == VMSNAP_E_INTERNAL || !error->message || !error->message[0])
        blame(run, "an error that tells nothing", sight, error);
    if (number == ENOSPC && code != VMSNAP_E_NO_SPACE && code != VMSNAP_E_UNCERTAIN &&
        code != VMSNAP_E_HYPERVISOR)
        blame(run, "not told that space is missing", sight, error);
}

static void
check(Run *run, DiskBench *bench, gboolean good)
{
    g_autoptr(GError) error = g_steal_pointer(&bench->error);
    gboolean uncertain = !good && vms_error_get_code(error) == VMSNAP_E_UNCERTAIN;
    g_auto(DiskSight) sight = { 0 };
    const char *outcome;
    int failed = 0;
    int acts = disk_bench_recover(bench, &failed);

    disk_bench_look(bench, &sight);
    outcome = disk_sight_judge(&sight, run->act);
    if (acts < 0 || failed > 0)
        blame(run, "it cannot be recovered", &sight, error);
    else if (!outcome)
        blame(run, "neither old nor new", &sight, error);
    else if (!uncertain && acts > 0)
        blame(run, "something was left without a word", &sight, error);
    else if (!uncertain && strcmp(outcome, good ? "new" : "old") != 0)
        blame(run, good ? "done, but not there" : "failed, but there", &sight, error);
    else if (disk_machine_is_on(&bench->places) != run->on)
        blame(run, "another power state", &sight, error);
    else if (disk_act_clones(run->act) && outcome[0] == 'o' && !disk_bench_repeat(bench, run->act))
        blame(run, "the same clone cannot be made then", &sight, bench->error);
    if (error)
        check_error(run, &sight, error);
    run->uncertain += uncertain;
    run->failed += !good && !uncertain;
    run->succeeded += good;
}

/* FALSE when the operation makes no n-th call. */
static gboolean
try(Run *run, guint n)
{
    g_autofree char *place = g_strdup_printf("%s/%d-%u", run->folder, (int)getpid(), n);
    g_autoptr(DiskBench) bench = disk_bench_stage(place, NULL, run->act, run->on);
    gboolean good;

    if (!bench) {
        run->wrong++;
        return FALSE;
    }
    calls = 0;
    fatal = n;
    faulty_calls_hook(fail_call);
    good = disk_bench_act(bench, run->act);
    faulty_calls_hook(NULL);
    if (calls >= fatal)
        check(run, bench, good);
    disk_machine_power(&bench->places, FALSE);
    disk_bench_remove_tree(place);
    return calls >= fatal;
}

int
main(int argc, char **argv)
{
    Run run = { 0 };
    guint step;

    if (argc != 8 || !disk_act_find(argv[2], &run.act)) {
        (void)fprintf(stderr, "usage: write-faults FOLDER ACT on|off ENOSPC|EIO once|sticky FIRST "
                              "STEP\n");
        return 2;
    }
    run.folder = argv[1];
    run.on = strcmp(argv[3], "on") == 0;
    number = strcmp(argv[4], "ENOSPC") == 0 ? ENOSPC : EIO;
    sticky = strcmp(argv[5], "sticky") == 0;
    step = (guint)g_ascii_strtoull(argv[7], NULL, 10);
    for (guint n = (guint)g_ascii_strtoull(argv[6], NULL, 10); try(&run, n); n += step)
        ;
    (void)printf("%u %u %u %u\n", run.failed, run.uncertain, run.succeeded, run.wrong);
    return run.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
