/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"
#include "model/finding.h"
#include "model/vm.h"

#include <glib.h>

#include <vmsnap/check.h>
#include <vmsnap/snapshot.h>

/* What a preflight found. */

typedef struct {
    char *target;
    char *path;
    char *format;
    vmsnap_method method; /* what would be used; AUTO: none can */
    char *why;            /* why this method, or why none */
    guint64 virtual_size;
    guint64 space_needed;
    guint64 space_free; /* 0: none, or not known: a block device whose store is not named */
    gint64 writes;      /* bytes written since the VM started; -1: not known, or off */
    char *sharer;       /* another running VM that has it open; NULL: none */
} VmsCheckDisk;

typedef struct {
    char *vm_name;
    char *vm_uuid;
    vmsnap_vm_state state;
    vmsnap_verdict verdict;
    char *state_reason;
    gboolean managed_save;
    gboolean agent_channel;
    gboolean agent_connected;
    char *agent_version;    /* NULL: no answer, or not asked */
    char *job;              /* a job that somebody runs on it; NULL: none */
    char *locked_by;        /* NULL: nobody */
    GPtrArray *filesystems; /* VmsGuestFs* */
    GPtrArray *disks;       /* VmsCheckDisk* */
    GPtrArray *exceptions;  /* char*: what would not be frozen, and why that is no flaw */
    GPtrArray *findings;    /* VmsFinding*: reasons against, warnings */
} VmsCheckResult;

VmsCheckDisk *vms_check_disk_new(const char *target);
void vms_check_disk_free(VmsCheckDisk *disk);
VmsCheckResult *vms_check_result_new(void);
void vms_check_result_free(VmsCheckResult *check);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCheckDisk, vms_check_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCheckResult, vms_check_result_free)
