/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/process.h"
#include "model/clone.h"
#include "model/condition.h"
#include "model/finding.h"
#include "model/host-change.h"
#include "model/image.h"
#include "model/metadata.h"
#include "model/new-disk.h"
#include "model/step.h"

#include <glib.h>

#include <vmsnap/operation.h>
#include <vmsnap/plan.h>
#include <vmsnap/vm.h>

/* An operation's record: history for people, journal for recovery. */

/* One disk an in-place restore replaces. All paths absolute. */
typedef struct {
    char *target;
    char *path;         /* the disk's own path, same before and after */
    char *next;         /* the new image made beside it; after the exchange: the old one */
    VmsFileId old_file; /* identity of what stood at path */
    char *old_format;   /* of what stood at path, as its VM says; NULL: not known */
    VmsFileId new_file; /* identity of what was made at next; ino 0: not made yet */
    gboolean existed;   /* FALSE: nothing stood at path */
    gboolean renewed;   /* whoever uses it puts a new file at path each time it changes */
    gboolean vanish; /* nothing will stand at path afterwards: undoing a disk that did not exist */
    /* A block device has no name that could be exchanged: it is rewritten. Its old contents are
     * kept at next, and old_file is that file's identity (ino 0: not kept yet); new_file is the
     * device's. */
    char *source;  /* the file whose contents it gets; NULL: no device, files are exchanged */
    gboolean torn; /* it may hold a part of either contents: next has the old ones, whole */
} VmsExchange;

/* A disk whose VM runs on a file of ours, an overlay, while its own image is cloned; or may: this
 * stands in the record before the file is made, until nobody needs it. */
typedef struct {
    char *target;
    char *path;      /* the overlay */
    char *base;      /* the disk's own image, as the XML names it */
    char *format;    /* of the base */
    VmsFileId owner; /* owner, group and mode of the base while its VM is off */
    gboolean landed; /* the base may hold all of it already: QEMU was asked to, or we did it */
} VmsOverlay;

/* How far recovery has to think. The order is the order of the operation's life. */
typedef enum {
    VMS_JOURNAL_PREPARING = 0, /* only new files that carry our token were made */
    VMS_JOURNAL_PREPARED,      /* new files complete and synced, their identities recorded */
    VMS_JOURNAL_STOPPING,      /* the VM may have been stopped by us */
    VMS_JOURNAL_EXCHANGING,    /* some disks may be exchanged, the XML may be defined */
    VMS_JOURNAL_COMMITTED,     /* the new state stands; finish */
    VMS_JOURNAL_ROLLING_BACK,  /* decided to go back; finish going back */
    VMS_JOURNAL_CLOSED         /* nothing left to do */
} VmsJournalState;

typedef struct {
    char *uuid;
    char *type; /* "snapshot", "restore", "undo", "delete", "disk-restore", … */
    vmsnap_operation_phase phase;
    vmsnap_mode mode; /* 0 where there is none */
    char *vm_uuid;    /* NULL: none; of a clone: the new VM */
    char *vm_name;
    char *disk; /* of a disk snapshot: "web/vda", or the path when no VM has it; of a new disk: its
                   path; NULL: none */
    char *snapshot; /* UUID of the snapshot it is about; NULL: none */
    char *snapshot_name;
    char *undo_of; /* undo, or delete of an undo set: UUID of the restore */
    gint64 created_us;
    gint64 finished_us; /* 0: not yet */
    /* owner */
    VmsProcessId owner;
    char *boot_id;
    char *runtime_dir; /* where its owner holds the VM's lock while it runs */
    /* journal */
    VmsJournalState journal;
    GPtrArray *folders;   /* char*: folders it may have made */
    GPtrArray *files;     /* char*: files it may have made, removed on the way back */
    char *socket;         /* of a backup job it may have begun; NULL: none */
    GPtrArray *exchanges; /* VmsExchange* */
    GPtrArray *overlays;  /* VmsOverlay* */
    GPtrArray *hosts;     /* VmsHostChange* */
    VmsNewDisk *made;     /* the new disk or image; NULL: none */
    VmsClone *clone;      /* of the VM it makes; NULL: none */
    char *old_xml;        /* inactive XML before; NULL: none */
    char *new_xml;
    char *held_xml;          /* which no start succeeds with, while devices are rewritten */
    GPtrArray *old_metadata; /* VmsMetadata*: what goes with the old disks */
    GPtrArray *new_metadata; /* what comes with the new ones */
    char *nvram;             /* path of the VM's NVRAM file when that is replaced */
    vmsnap_vm_state power_before;
    gboolean start_after; /* the VM is to be started again */
    gboolean start_paused;
    /* result */
    char *plan_hash;       /* NULL: no plan */
    GPtrArray *steps;      /* VmsStep*, in order */
    GPtrArray *resources;  /* VmsFinding* */
    GPtrArray *conditions; /* VmsCondition* */
    guint64 space_needed;
    guint64 space_free;
    gint64 expected_downtime_us; /* -1: none, or not known */
    gint64 downtime_us;          /* 0: none */
    guint64 progress_done;       /* bytes, as of the last record */
    guint64 progress_total;      /* 0: not known */
    gint64 undo_ttl_s;           /* how long what it replaces is to be kept; 0: a day */
    gint64 undo_until_us;        /* 0: nothing to undo */
    gboolean undone;             /* its undo set was used or dropped */
    int error_code;              /* of a failed one */
    char *error_reason;
    char *error_message;
} VmsOperation;

/* One thing recovery did. */
typedef struct {
    char *object; /* "operation 1f0c…", "VM web" */
    char *act; /* "rolled-back", "finished", "thawed", "resumed", "ended-job", "started", "skipped",
                  "failed" */
    char *message;
} VmsRecoveryAct;

VmsRecoveryAct *vms_recovery_act_new(const char *object, const char *act, const char *message);
void vms_recovery_act_free(VmsRecoveryAct *act);
VmsExchange *vms_exchange_new(const char *target, const char *path, const char *next);
void vms_exchange_free(VmsExchange *exchange);
/* TRUE if any disk of it is a block device. */
gboolean vms_operation_rewrites(const VmsOperation *operation);
VmsOverlay *vms_overlay_new(const char *target, const char *path, const char *base,
                            const char *format);
void vms_overlay_free(VmsOverlay *overlay);
VmsOperation *vms_operation_new(const char *uuid, const char *type);
void vms_operation_free(VmsOperation *operation);
const char *vms_operation_phase_name(vmsnap_operation_phase phase);
gboolean vms_operation_is_open(const VmsOperation *operation); /* Pending or InProgress */
/* TRUE for one that only reads the VM's disks, of a VM or a disk: several share the VM's lock. */
gboolean vms_operation_takes_snapshot(const VmsOperation *operation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsRecoveryAct, vms_recovery_act_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsExchange, vms_exchange_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsOverlay, vms_overlay_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsOperation, vms_operation_free)
