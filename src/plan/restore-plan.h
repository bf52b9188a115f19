/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/inventory.h"
#include "model/needs.h"
#include "model/place.h"
#include "plan/plan.h"

#include <glib.h>

#include <vmsnap/restore.h>

/* Planning an in-place restore. Pure: everything it decides from is in the input. */

/* What was read about one disk of the snapshot. */
typedef struct {
    const VmsSnapshotDisk *stored;
    char *path;          /* where the disk stands, or will */
    gboolean referenced; /* the VM's configuration refers to this path */
    gboolean exists;
    gboolean ours;      /* what stands there was put there by an operation of this catalog */
    char *obstacle;     /* something else than an image stands at path: what; NULL: nothing */
    gboolean device;    /* a block device stands at path */
    char *folder;       /* where new and old contents go: path's own, or of a device the store's */
    VmsFileId file;     /* at path */
    VmsImageUse use;    /* of path */
    VmsPlaceInfo place; /* of the stored image towards folder */
    VmsFileId image;    /* of the stored image, now; ino 0: not there */
    char *image_fault;  /* why the stored image cannot be used; NULL: it can */
} VmsRestoreDisk;

/* The same about one of its parts. */
typedef struct {
    const VmsPart *stored;
    gboolean exists;
    gboolean same;  /* a Secret whose content is the stored one */
    VmsFileId file; /* where it belongs */
    char *obstacle; /* something else than a file stands there: what; NULL: nothing */
    char *fault;    /* why the stored copy cannot be used; NULL: it can */
} VmsRestorePart;

/* An image that is built on another file. */
typedef struct {
    char *holder; /* "volume pool/name", "snapshot daily" */
    char *path;   /* what it is built on */
    VmsFileId file;
} VmsRestoreBase;

typedef struct {
    const VmsSnapshot *snapshot;
    const VmsInventory *inventory;
    const VmsVm *vm;                  /* NULL: there is none by that name */
    const char *asked;                /* the name or UUID the caller gave */
    gint64 qemu_pid;                  /* of the VM; 0: not running, or not known */
    GPtrArray *disks;                 /* VmsRestoreDisk* */
    GPtrArray *parts;                 /* VmsRestorePart*; NULL: none */
    VmsNeeds *needs;                  /* of the snapshot's configuration; NULL: none, as the next */
    GPtrArray *bases;                 /* VmsRestoreBase*: of images that no VM has as a disk */
    GPtrArray *later;                 /* char*: names of the VM's snapshots since this one */
    GPtrArray *networks;              /* VmsNetwork*; NULL: not read, the snapshot needs none */
    gint64 now_us;                    /* since the epoch */
    guint flags;                      /* vmsnap_restore_flags */
    const VmsRestoreRequest *request; /* all that was asked; NULL: the defaults */
    const char *record;               /* the snapshot, as it is stored; NULL: not read */
} VmsRestoreInput;

void vms_restore_disk_free(VmsRestoreDisk *disk);
void vms_restore_part_free(VmsRestorePart *part);
/* TRUE for one that a restore puts in its place; a Secret that is there stays. */
gboolean vms_restore_part_is_put(const VmsRestorePart *part);
VmsRestoreBase *vms_restore_base_new(const char *path, const VmsFileId *file, const char *format,
                                     ...) G_GNUC_PRINTF(3, 4);
void vms_restore_base_free(VmsRestoreBase *base);

/* TRUE for one that is to have a host entry, there already or not. */
gboolean vms_restore_puts_address(const VmsRestoreInput *input, const VmsAddress *address);

/* Bytes a microsecond that a device is taken to be rewritten with: 100 MB a second. */
#define VMS_RESTORE_REWRITE_RATE 100

/* TRUE for a block device, which is rewritten in place: its name cannot be exchanged. */
gboolean vms_restore_rewrites(const VmsRestoreDisk *disk);
/* How the new disk is made: TRUE if its bytes are copied (or cloned), FALSE if converted. */
gboolean vms_restore_keeps_format(const VmsRestoreDisk *disk);
/* What the new disk needs beside the old one; of a device, what the old contents need. */
guint64 vms_restore_space(const VmsRestoreDisk *disk);

/* TRUE if the VM runs and is to run again afterwards. */
gboolean vms_restore_starts(const VmsRestoreInput *input);

VmsPlan *vms_restore_make_plan(const VmsRestoreInput *input);
