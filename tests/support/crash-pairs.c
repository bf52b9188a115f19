/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation killed at each of its points k, and the recovery of that killed at each of its
 * points j, over real files and a real catalog: see support/disk-bench.h.
 *
 *   crash-pairs FOLDER ACT on|off SEED PAIRS SLICE SLICES [DEVICE]
 *
 * DEVICE, of 48 KiB, stands for a disk that is a block device.
 * FOLDER is empty and on a file system to be tried. PAIRS 0: all of them, of which this process
 * does those with k % SLICES == SLICE; else so many by chance. Prints what it counted and, for a
 * pair that left anything but all old or all new, which; exit 1 then. */
#include "base/sys.h"
#include "support/disk-bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_POINTS = 2000 };

typedef struct {
    const char *device; /* NULL: none */
    const char *folder;
    DiskAct act;
    gboolean on;
    guint recovery[MOST_POINTS]; /* points of the recovery after a death at each; 0: not known */
    guint single;                /* deaths of the operation alone */
    guint pairs;
    guint old;
    guint new;
    guint wrong;
} Run;

/* What one trial came to. */
typedef enum { ENDED, DIED, DIED_TWICE, BROKEN } Fate;

/* ---- one trial ---- */

/* TRUE if it died of its @point; what it says when it does not is an exit code. */
static gboolean
run_child(DiskBench *bench, guint point, const DiskAct *act, gboolean *ret_good)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        gboolean good = disk_bench_connect(bench);

        vms_crash_arm(point, 0);
        good = good && (act ? disk_bench_act(bench, *act) : disk_bench_recover(bench, NULL) >= 0);
        if (!good && bench->error)
            (void)fprintf(stderr, "%s\n", bench->error->message);
        _exit(good ? 0 : 1);
    }
    waitpid(child, &status, 0);
    *ret_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static Fate
judge(Run *run, DiskBench *bench, guint k, guint j, const char *what)
{
    (void)fprintf(stderr, "%s %s: killed at %u, recovery at %u: %s; %s\n", disk_act_name(run->act),
                  run->on ? "on" : "off", k, j, what,
                  bench->error ? bench->error->message : "no error");
    run->wrong++;
    return BROKEN;
}

/* What something left has no journal: some of it may have gone. The next time takes the rest. */
static gboolean
collects_rest(DiskBench *bench)
{
    g_clear_pointer(&bench->left, g_free);
    return disk_bench_repeat(bench, DISK_GC);
}

/* Whatever was killed, this ends it: all old or all new, and nothing more to do. */
static Fate
settle(Run *run, DiskBench *bench, guint k, guint j)
{
    g_auto(DiskSight) sight = { 0 };
    const char *outcome;
    int failed = 0;

    if (!disk_bench_connect(bench))
        return judge(run, bench, k, j, "the catalog cannot be opened");
    vms_crash_arm(0, 0);
    if (disk_bench_recover(bench, &failed) < 0 || failed > 0)
        return judge(run, bench, k, j, "recovery failed");
    if (j == 0 && k < MOST_POINTS)
        run->recovery[k] = (guint)vms_crash_passed();
    disk_bench_look(bench, &sight);
    outcome = disk_sight_judge(&sight, run->act);
    if (!outcome) {
        g_autofree char *what =
            g_strdup_printf("time %c, %u snapshots, %u undo sets: %s", sight.time, sight.snapshots,
                            sight.undos, sight.fault ? sight.fault : "that is neither");
        return judge(run, bench, k, j, what);
    }
    if (disk_machine_is_on(&bench->places) != run->on)
        return judge(run, bench, k, j, "the VM has another power state");
    if (disk_bench_recover(bench, NULL) != 0)
        return judge(run, bench, k, j, "a second recovery found something");
    if (run->act == DISK_GC && !collects_rest(bench))
        return judge(run, bench, k, j, "collecting once more does not collect all");
    if (disk_act_clones(run->act) && outcome[0] == 'o' && !disk_bench_repeat(bench, run->act))
        return judge(run, bench, k, j, "the same clone cannot be made then");
    run->old += outcome[0] == 'o';
    run->new += outcome[0] == 'n';
    return DIED;
}

/* Kill the act at @k (0: not), its recovery at @j (0: not), and recover. */
static Fate
die(Run *run, DiskBench *bench, guint k, guint j)
{
    gboolean good = FALSE;
    gboolean again = j > 0;
    Fate fate;

    disk_bench_disconnect(bench);
    if (!run_child(bench, k, &run->act, &good))
        return good ? ENDED : judge(run, bench, k, j, "it failed without being killed");
    if (j > 0)
        again = run_child(bench, j, NULL, &good);
    fate = settle(run, bench, k, j);
    return fate == DIED && again ? DIED_TWICE : fate;
}

static Fate
try(Run *run, guint k, guint j)
{
    static guint number = 0;
    g_autofree char *place = g_strdup_printf("%s/%d-%u", run->folder, (int)getpid(), number++);
    g_autoptr(DiskBench) bench = disk_bench_stage(place, run->device, run->act, run->on);
    Fate fate = BROKEN;

    if (bench) {
        fate = die(run, bench, k, j);
        disk_machine_power(&bench->places, FALSE);
    } else {
        run->wrong++;
    }
    disk_bench_remove_tree(place);
    run->single += j == 0 && fate == DIED;
    run->pairs += fate == DIED_TWICE;
    return fate;
}

/* ---- which ---- */

static void
try_all(Run *run, guint slice, guint slices)
{
    Fate fate = DIED;

    for (guint k = slice + 1; fate == DIED && k < MOST_POINTS; k += slices) {
        Fate twice = DIED_TWICE;

        fate = try(run, k, 0);
        for (guint j = 1; fate == DIED && twice == DIED_TWICE; j++)
            twice = try(run, k, j);
        if (twice == BROKEN)
            fate = DIED; /* it is told; the others all the same */
    }
}

static guint
count_points(Run *run)
{
    g_autofree char *place = g_strdup_printf("%s/%d-count", run->folder, (int)getpid());
    g_autoptr(DiskBench) bench = disk_bench_stage(place, run->device, run->act, run->on);
    guint points = 0;

    if (bench) {
        vms_crash_arm(0, 0);
        if (disk_bench_act(bench, run->act))
            points = (guint)vms_crash_passed();
        else
            (void)fprintf(stderr, "%s\n", bench->error->message);
        disk_machine_power(&bench->places, FALSE);
    }
    disk_bench_remove_tree(place);
    return points;
}

static guint
try_some(Run *run, guint32 seed, guint pairs)
{
    g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
    guint points = count_points(run);

    for (guint i = 0; i < pairs && points > 0 && run->wrong < 5; i++) {
        guint k = (guint)g_rand_int_range(chance, 1, (gint32)points + 1);

        if (run->recovery[k] == 0)
            try(run, k, 0);
        if (run->recovery[k] > 0)
            try(run, k, (guint)g_rand_int_range(chance, 1, (gint32)run->recovery[k] + 1));
    }
    run->wrong += points == 0;
    return points;
}

int
main(int argc, char **argv)
{
    Run run = { 0 };
    guint pairs;

    if (argc < 8 || argc > 9 || !disk_act_find(argv[2], &run.act)) {
        (void)fprintf(stderr, "usage: crash-pairs FOLDER ACT on|off SEED PAIRS SLICE SLICES "
                              "[DEVICE]\n");
        return 2;
    }
    run.folder = argv[1];
    run.device = argv[8]; /* or the NULL behind the last */
    run.on = strcmp(argv[3], "on") == 0;
    pairs = (guint)g_ascii_strtoull(argv[5], NULL, 10);
    if (pairs == 0)
        try_all(&run, (guint)g_ascii_strtoull(argv[6], NULL, 10),
                (guint)g_ascii_strtoull(argv[7], NULL, 10));
    else
        try_some(&run, (guint32)g_ascii_strtoull(argv[4], NULL, 10), pairs);
    (void)printf("%u %u %u %u %u\n", run.single, run.pairs, run.old, run.new, run.wrong);
    return run.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
