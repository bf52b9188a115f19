/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation over real files whose writes somebody records, and the look at what a loss of power
 * would have left of it: tests/system/test_power_loss.py.
 *
 *   replay-driver DATA HOST RUN prepare ACT on|off     prints the UUIDs that the act needs
 *   replay-driver DATA HOST RUN act ACT SNAPSHOT RESTORE [DEFECT]
 *   replay-driver DATA HOST RUN settle ACT             prints old, new, or what is wrong
 *   replay-driver defects                              prints "DEFECT ACT" lines
 *
 * A defect is a sync that is said to be done and is not: the order of things that a careless
 * program would have. RUN is forgotten at a restart of the host. */
#include "base/sys.h"
#include "support/disk-bench.h"
#include "support/faulty-calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- seeded defects ---- */

typedef enum { ALL = 0, FILES, FOLDERS } What;

typedef struct {
    const char *name;
    DiskAct act;
    What what;
    const char *path;  /* part of the path; NULL: any */
    const char *since; /* the crash point at whose first passing it begins; NULL: the start */
    const char *until; /* NULL: the end */
} Defect;

static const Defect defects[] = {
    { "files-unsynced", DISK_RESTORE, FILES, "/data/", NULL, NULL },
    { "folders-unsynced", DISK_RESTORE, FOLDERS, "/data/", NULL, NULL },
    { "catalog-unsynced", DISK_RESTORE, ALL, "catalog.db", NULL, NULL },
    { "intent-late", DISK_RESTORE, ALL, "catalog.db", "journal-before", "journal-after" },
    { "exchange-before-journal", DISK_RESTORE, ALL, "catalog.db", "replace-before-journal",
      "journal-after" },
    { "commit-before-exchange", DISK_RESTORE, FOLDERS, "/data/", "replace-before-exchange",
      "replace-before-define" },
    { "rename-before-sync", DISK_RESTORE, FILES, "/web.xml.", NULL, NULL },
    { "catalog-before-data", DISK_SNAPSHOT, FILES, "/data/", NULL, NULL },
    { "manifest-unsynced", DISK_SNAPSHOT, FILES, "snapshot.json", NULL, NULL },
    { "ready-unsynced", DISK_SNAPSHOT, ALL, "catalog.db", "sys-write-done", NULL },
    { "delete-before-intent", DISK_DELETE, ALL, "catalog.db", "journal-before", "journal-after" },
    { "forgotten-before-removed", DISK_DELETE, FOLDERS, "/data/", NULL, NULL },
    { "old-set-dropped-before-commit", DISK_UNDO, ALL, "catalog.db", "replace-before-commit",
      "replace-after-commit" },
};

static const Defect *defect;
static gboolean begun;
static gboolean on;
static guint forgotten; /* syncs */

static void
note_point(guint64 count, const char *name)
{
    (void)count;
    if (defect->since && !begun && strcmp(name, defect->since) == 0)
        on = begun = TRUE;
    if (defect->until && strcmp(name, defect->until) == 0)
        on = FALSE;
}

static int
forget_sync(const char *call, int fd)
{
    struct stat st;

    if (!on || strcmp(call, "sync") != 0 || fstat(fd, &st) != 0)
        return FAULTY_GO_ON;
    if ((defect->what == FILES && !S_ISREG(st.st_mode)) ||
        (defect->what == FOLDERS && !S_ISDIR(st.st_mode)))
        return FAULTY_GO_ON;
    if (defect->path && !strstr(faulty_calls_path(fd), defect->path))
        return FAULTY_GO_ON;
    forgotten++;
    return FAULTY_SKIP;
}

static gboolean
seed_defect(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(defects); i++) {
        if (strcmp(name, defects[i].name) != 0)
            continue;
        defect = &defects[i];
        on = !defect->since;
        vms_crash_hook(note_point);
        faulty_calls_hook(forget_sync);
        return TRUE;
    }
    return FALSE;
}

static int
list_defects(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(defects); i++)
        (void)printf("%s %s\n", defects[i].name, disk_act_name(defects[i].act));
    return EXIT_SUCCESS;
}

/* ---- what is asked for ---- */

static int
say_failed(const DiskBench *bench, const char *what)
{
    (void)printf("%s failed: %s\n", what, bench->error ? bench->error->message : "?");
    return EXIT_FAILURE;
}

static int
prepare(DiskBench *bench, DiskAct act, gboolean power)
{
    if (!disk_bench_make(bench) || !disk_bench_prepare(bench, act, power))
        return say_failed(bench, "prepare");
    (void)printf("%s %s\n", bench->snapshot ? bench->snapshot : "-",
                 bench->restore ? bench->restore : "-");
    return EXIT_SUCCESS;
}

static int
run(DiskBench *bench, DiskAct act, char **words)
{
    bench->snapshot = g_strdup(words[0]);
    bench->restore = g_strdup(words[1]);
    if (words[2] && !seed_defect(words[2]))
        return say_failed(bench, words[2]);
    if (!disk_bench_act(bench, act))
        return say_failed(bench, "act");
    faulty_calls_hook(NULL);
    if (defect && forgotten == 0)
        return say_failed(bench, "a defect that forgets no sync");
    disk_machine_power(&bench->places, FALSE); /* so that the file systems can be unmounted */
    return EXIT_SUCCESS;
}

/* Twice: the second time there must be nothing left to do. */
static int
settle(DiskBench *bench, DiskAct act)
{
    g_auto(DiskSight) sight = { 0 };
    const char *outcome;
    int failed = 0;

    if (disk_bench_recover(bench, &failed) < 0 || failed > 0)
        return say_failed(bench, "recovery");
    if (disk_bench_recover(bench, NULL) != 0)
        return say_failed(bench, "a second recovery found something: it");
    disk_bench_look(bench, &sight);
    disk_machine_power(&bench->places, FALSE);
    outcome = disk_sight_judge(&sight, act);
    if (outcome)
        (void)printf("%s\n", outcome);
    else
        (void)printf("wrong: time %c, %u snapshots, %u undo sets: %s\n", sight.time,
                     sight.snapshots, sight.undos, sight.fault ? sight.fault : "that is neither");
    return EXIT_SUCCESS;
}

static int
usage(void)
{
    (void)fprintf(stderr, "usage: replay-driver DATA HOST RUN prepare|act|settle ACT …\n");
    return 2;
}

int
main(int argc, char **argv)
{
    g_autoptr(DiskBench) bench = NULL;
    DiskAct act = DISK_ACTS;
    gboolean settling;

    if (argc == 2 && strcmp(argv[1], "defects") == 0)
        return list_defects();
    if (argc < 6 || !disk_act_find(argv[5], &act))
        return usage();
    settling = strcmp(argv[4], "settle") == 0;
    bench = disk_bench_open(argv[1], argv[2], argv[3], settling ? 2 : 1);
    if (!bench) {
        (void)printf("wrong: the catalog cannot be opened\n");
        return EXIT_SUCCESS;
    }
    if (settling)
        return settle(bench, act);
    if (strcmp(argv[4], "prepare") == 0 && argc == 7)
        return prepare(bench, act, strcmp(argv[6], "on") == 0);
    if (strcmp(argv[4], "act") == 0 && argc >= 8)
        return run(bench, act, argv + 6);
    return usage();
}
