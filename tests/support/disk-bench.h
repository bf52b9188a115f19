/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "support/disk-machine.h"

#include <glib.h>

/* The whole engine with the adapters it has in earnest, over a machine of real files: only the
 * hypervisor is a script. All that the machine has tells of a time, '1' or '2', by every byte of
 * it, and a snapshot is always of time '1'. */

typedef enum {
    DISK_SNAPSHOT,
    DISK_DELETE,
    DISK_RESTORE,
    DISK_UNDO,
    DISK_DROP, /* of an undo set */
    DISK_GC,   /* an undo set whose time is over, and a folder that something left */
    DISK_NEW,  /* a disk from a snapshot */
    DISK_IMAGE,
    DISK_CLONE,      /* of the VM as it is */
    DISK_CLONE_SHOT, /* of its snapshot */
    DISK_CLONE_LINK, /* likewise, over the snapshot's images */
    DISK_FLATTEN,    /* of such a clone */
    DISK_ACTS        /* how many there are */
} DiskAct;

typedef struct {
    DiskPlaces places;
    char *data;
    char *host;
    char *run;
    char *device; /* that is the first disk; NULL: it is a file */
    VmsEngine engine;
    VmsProgress progress;
    char *snapshot; /* UUID of the last one made; NULL: none */
    char *restore;  /* UUID of the last restore; NULL: none */
    char *clone;    /* UUID of the clone that is to be flattened; NULL: none */
    char *left;     /* a folder that may be there, or some of it; NULL: none */
    GError *error;  /* of the last act that failed */
} DiskBench;

#define DISK_MACHINE_MAC "52:54:00:12:34:56"
#define DISK_CLONE_NAME "copy"

/* What stands: every part of it was compared byte for byte. */
typedef struct {
    char time;       /* of disks, NVRAM and XML, with owner and mode; 'x': not all the same */
    guint snapshots; /* Ready, whole */
    guint undos;     /* undo sets, whole, of the other time */
    guint made;      /* new disks and images, whole */
    guint clones;    /* whole, and defined */
    guint linked;    /* their disks that are overlays */
    char *fault;     /* what should not be; NULL: nothing */
} DiskSight;

void disk_sight_clear(DiskSight *sight);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DiskSight, disk_sight_clear)

/* On what is there already. @boot: 1 for the first start of the host, 2 for the next. */
DiskBench *disk_bench_open(const char *data, const char *host, const char *run, int boot);
/* The first disk is a block device from now on, of just the size of what it holds. */
void disk_bench_use_device(DiskBench *bench, const char *device);
void disk_bench_free(DiskBench *bench);
/* The catalog; before a fork it is closed. */
gboolean disk_bench_connect(DiskBench *bench);
void disk_bench_disconnect(DiskBench *bench);
/* Make the machine, off, of time '1'. FALSE when something failed. */
gboolean disk_bench_make(DiskBench *bench);
/* One on folders of its own in @place, brought to where the act begins; NULL after a message.
 * @device (NULL: none) is its first disk, as in disk_bench_use_device(). */
DiskBench *disk_bench_stage(const char *place, const char *device, DiskAct act, gboolean on);
/* With everything in it. */
void disk_bench_remove_tree(const char *path);
/* As its guest and its owner would. */
gboolean disk_bench_write(DiskBench *bench, char time);

const char *disk_act_name(DiskAct act);
gboolean disk_act_find(const char *name, DiskAct *ret_act);
/* Where a new disk or image is made; owned. */
char *disk_bench_new_path(const DiskBench *bench);
/* Bring a fresh machine to where the act begins; @on: it runs then. */
gboolean disk_bench_prepare(DiskBench *bench, DiskAct act, gboolean on);
gboolean disk_bench_act(DiskBench *bench, DiskAct act);
/* The act makes a VM. */
gboolean disk_act_clones(DiskAct act);
/* How many acts it told of, or -1; @ret_failed (may be NULL): how many of them failed. */
int disk_bench_recover(DiskBench *bench, int *ret_failed);

/* ---- disk-sight.c ---- */

/* Look at everything. */
void disk_bench_look(DiskBench *bench, DiskSight *ret_sight);
/* "old" or "new" if what stands is just what the act finds or leaves, else NULL. */
const char *disk_sight_judge(const DiskSight *sight, DiskAct act);
/* The same act again, with all that it leaves: after an old state it must succeed. */
gboolean disk_bench_repeat(DiskBench *bench, DiskAct act);
/* Whether a file holds what this part of the machine holds at that time. */
gboolean disk_bench_holds(const char *path, guint index, char time);
/* What this part of the machine holds at that time. */
GBytes *disk_bench_content(guint index, char time);
char *disk_bench_xml(const DiskPlaces *places, char time);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskBench, disk_bench_free)
