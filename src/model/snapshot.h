/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/condition.h"
#include "model/evidence.h"
#include "model/finding.h"
#include "model/image.h"
#include "model/network.h"
#include "model/part.h"

#include <glib.h>

#include <vmsnap/snapshot.h>

/* A snapshot's record. While it is being made the engine fills it; once stored it is only read. */

/* One disk of a snapshot. */
typedef struct {
    char *target;
    char *name;       /* "web/vda", or the path of a disk that no VM has */
    char *source;     /* path of the disk when it was cut */
    VmsImage *origin; /* the source as it was: format, cluster size, virtual size, owner */
    vmsnap_method method;
    gboolean by_overlay; /* the guest wrote to an overlay while it was cloned */
    VmsImage *image;     /* the stored image: path, format, file identity */
    char *sha256;        /* of the stored file; NULL until verify made it */
    vmsnap_grade grade;
    gint64 cut_offset_us; /* from the first disk's cut */
    char *serial;
    char *bus;
    guint boot_order;
} VmsSnapshotDisk;

/* Media a VM refers to but does not own. */
typedef struct {
    char *path;
    char *role; /* "cdrom", "kernel", "initrd", "loader", "readonly-disk" */
    gboolean present;
    VmsFileId file;
    char *sha256; /* NULL above 64 MiB */
} VmsDependency;

typedef struct {
    char *uuid;
    char *name;
    vmsnap_snapshot_kind subject;
    char *description; /* NULL: none */
    GPtrArray *labels; /* char* "key=value", in the caller's order */
    char *vm_uuid;     /* NULL: of a disk that no VM has; so for the name */
    char *vm_name;
    char *disk; /* of a disk snapshot: "web/vda" or a path; NULL: of a VM */
    gint64 created_us;
    vmsnap_snapshot_phase phase;
    char *operation; /* UUID of the operation that made it */
    vmsnap_consistency_policy policy;
    vmsnap_grade grade;
    gboolean partial;
    vmsnap_keep_ip keep_ip;
    char *inactive_xml;      /* NULL for a transient VM */
    char *live_xml;          /* NULL when it was off */
    GPtrArray *folders;      /* char*: folders this snapshot made, removed with it */
    GPtrArray *disks;        /* VmsSnapshotDisk* */
    GPtrArray *parts;        /* VmsPart*: NVRAM, TPM state, Secrets */
    GPtrArray *macs;         /* char* */
    GPtrArray *networks;     /* char* */
    GPtrArray *addresses;    /* VmsAddress* */
    GPtrArray *dependencies; /* VmsDependency* */
    GPtrArray *resources;    /* VmsFinding* */
    GPtrArray *conditions;   /* VmsCondition* */
    VmsEvidence *evidence;   /* NULL until the cut */
} VmsSnapshot;

VmsSnapshotDisk *vms_snapshot_disk_new(const char *target);
void vms_snapshot_disk_free(VmsSnapshotDisk *disk);
VmsDependency *vms_dependency_new(const char *path, const char *role);
void vms_dependency_free(VmsDependency *dependency);
VmsSnapshot *vms_snapshot_new(const char *uuid, const char *name);
void vms_snapshot_free(VmsSnapshot *snapshot);
void vms_snapshot_name_vm(VmsSnapshot *snapshot, const VmsVm *vm);
const VmsSnapshotDisk *vms_snapshot_find_disk(const VmsSnapshot *snapshot, const char *target);

/* The condition that says whether it is there: "VirtualMachineSnapshotReady" … */
const char *vms_snapshot_ready_type(const VmsSnapshot *snapshot);

const char *vms_snapshot_kind_name(vmsnap_snapshot_kind kind);    /* "VirtualDiskSnapshot" … */
const char *vms_grade_name(vmsnap_grade grade);                   /* "offline" … */
const char *vms_policy_name(vmsnap_consistency_policy policy);    /* "require" … */
const char *vms_method_name(vmsnap_method method);                /* "reflink" … */
const char *vms_snapshot_phase_name(vmsnap_snapshot_phase phase); /* "Ready" … */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsSnapshotDisk, vms_snapshot_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDependency, vms_dependency_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsSnapshot, vms_snapshot_free)
