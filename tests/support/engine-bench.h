/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "support/fake-world.h"

#include <glib.h>

/* The whole engine over a machine made of numbers, real files and a real catalog. The machine has
 * two disks and NVRAM; the first byte of each, and its XML, tell of which time it is: '1', '2'. */

typedef struct {
    char *folder;
    char *world_path;
    FakeWorld *world;
    VmsEngine engine;
    VmsProgress progress;
    guint restore_flags;
    guint undo_ttl_s;
    vmsnap_consistency_policy policy; /* of snapshots */
    GError *error;                    /* of the last call that failed */
} EngineBench;

/* Off, all of time '1'. */
EngineBench *engine_bench_new(void);
void engine_bench_free(EngineBench *bench);
/* Its adapters; before a fork they are closed. */
void engine_bench_open(EngineBench *bench);
void engine_bench_close(EngineBench *bench);

/* Give it a TPM and a Secret too; the Secret is there at time '1' only. */
void engine_bench_add_parts(EngineBench *bench);

/* Overwrite what the machine has, as its guest would. */
void engine_bench_write(EngineBench *bench, char time);
/* The time of disks, parts and XML; 'x' if they differ. */
char engine_bench_time(const EngineBench *bench);
/* How many files there are besides disks and parts, in the folders of all. */
int engine_bench_extra_files(const EngineBench *bench);
/* Operations that are not finished; -1: the catalog cannot be read. */
int engine_bench_open_operations(EngineBench *bench);

/* As the functions of the engine; the error is kept. @ret_uuid: of the operation, may be NULL. */
gboolean engine_bench_snapshot(EngineBench *bench, char **ret_snapshot);
/* Of the disk with that target, or with that path which no VM has. */
gboolean engine_bench_disk_snapshot(EngineBench *bench, const char *disk, char **ret_snapshot);
gboolean engine_bench_restore(EngineBench *bench, const char *snapshot, char **ret_uuid);
gboolean engine_bench_undo(EngineBench *bench, const char *restore);
gboolean engine_bench_drop(EngineBench *bench, const char *restore);
/* How many acts of this kind; -1: it failed. */
int engine_bench_collect(EngineBench *bench, gboolean dry, const char *act);
gboolean engine_bench_delete(EngineBench *bench, const char *snapshot);
/* How many acts; -1: it failed. @ret_failed (may be NULL): how many of them failed. */
int engine_bench_recover(EngineBench *bench, int *ret_failed);

/* From here on the @number-th call (1: the next) meets @failure; 0: none does. */
void engine_bench_arm(EngineBench *bench, int number, FakeFailure failure);
/* The number after this one of those that are tried: each, or by chance one of VMS_STRIDE where
 * time is dear; the long run tries each. */
int engine_bench_next(int number);
/* TRUE if the armed call was reached. */
gboolean engine_bench_was_hit(const EngineBench *bench);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EngineBench, engine_bench_free)
