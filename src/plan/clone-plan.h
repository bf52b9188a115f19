/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/inventory.h"
#include "model/needs.h"
#include "plan/naming.h"
#include "plan/new-disk-plan.h"
#include "plan/plan.h"

#include <glib.h>

#include <vmsnap/clone.h>

/* Planning a clone. Pure: everything it decides from is in the input. */

/* One file that the source has of its own, and the one that the clone gets instead. */
typedef struct {
    const char *kind;        /* of resource: "VirtualDisk", "NVRAM", "TPM", "Secret" */
    char *name;              /* "web/vda"; of others than disks the path */
    char *source;            /* its path in the source's configuration */
    const VmsNamed *named;   /* NULL: a TPM's state, whose path has the VM's UUID in it */
    const VmsPart *part;     /* NULL: a disk */
    VmsSnapshotDisk *own;    /* what stands for a part as an image; NULL: a disk */
    VmsNewDiskInput input;   /* what is read of the image, and of the place */
    VmsNewDiskChoice choice; /* how it is made */
    char *fault;             /* why it cannot be copied at all; NULL: it can */
    char *fault_reason;
    /* of a Secret: */
    char *medium_fault;      /* why it cannot be made anew; NULL: it can */
    GPtrArray *medium_moved; /* char*: files in which MAC addresses are exchanged; NULL: none */
    GPtrArray *medium_kept;  /* char*: files left as they are that name the source; NULL: none */
    /* of a disk: */
    GPtrArray *leftovers;  /* VmsLeftover*: what its guest has of the source; NULL: not looked */
    char *leftovers_fault; /* why that cannot be told; NULL: it can, or was not looked */
} VmsCloneItem;

typedef struct {
    const VmsSnapshot *snapshot; /* stored, or what stands for the VM as it is now */
    const VmsVm *vm;             /* the VM that is cloned as it is; NULL: a stored snapshot is */
    const VmsInventory *inventory;
    const VmsCloneRequest *request;
    GPtrArray *resources; /* VmsNamed*: the VM first */
    GPtrArray *items;     /* VmsCloneItem*: disks first */
    VmsNeeds *needs;      /* of the configuration */
    GPtrArray *naming;    /* VmsFinding*: what is wrong with names */
    GPtrArray *against;   /* VmsFinding*: what stands against a snapshot of a running VM now */
    char **macs;          /* of the source; NULL-ended */
    const char *record;   /* the snapshot as it is stored; NULL: it is not */
} VmsCloneInput;

VmsCloneItem *vms_clone_item_new(const char *kind, const char *name, const char *source);
void vms_clone_item_free(VmsCloneItem *item);
void vms_clone_input_clear(VmsCloneInput *input);

/* Where the clone's file will stand; NULL where only its UUID tells. */
const char *vms_clone_item_path(const VmsCloneItem *item);
/* The clone's name. */
const char *vms_clone_name(const VmsCloneInput *input);
/* The configuration that the clone's is made from. */
const char *vms_clone_xml(const VmsCloneInput *input);
/* TRUE if the source has to be cut first: it runs. */
gboolean vms_clone_needs_cut(const VmsCloneInput *input);
/* TRUE if the clone is to run in the end. */
gboolean vms_clone_starts(const VmsCloneInput *input);

/* TRUE if it is to start with the host. */
gboolean vms_clone_autostarts(const VmsCloneInput *input);

VmsPlan *vms_clone_make_plan(const VmsCloneInput *input);

/* plan/clone-findings.c: what stands against it, by the clone's rows of plan/conflict.c. */
void vms_clone_find_all(VmsPlan *plan, const VmsCloneInput *input);
/* The same for what is no part of the hash: whether a snapshot of the source is possible now. */
void vms_clone_find_now(VmsPlan *plan, const VmsCloneInput *input);
/* plan/clone-guest.c: warnings of what was found in a disk, VmsFinding*. */
void vms_clone_find_leftovers(const VmsCloneItem *item, GPtrArray *findings);
/* Those of @told once more. */
void vms_clone_tell_leftovers(const VmsPlan *told, VmsPlan *plan);
/* plan/clone-hash.c */
void vms_clone_hash(VmsPlan *plan, const VmsCloneInput *input);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCloneItem, vms_clone_item_free)
