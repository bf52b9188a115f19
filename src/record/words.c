/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/words.h"

#include "model/lease.h"
#include "model/operation.h"
#include "model/snapshot.h"

#include <vmsnap/check.h>
#include <vmsnap/clone.h>
#include <vmsnap/restore.h>

const VmsWord vms_words_snapshot_phase[] = {
    { VMSNAP_SNAPSHOT_PENDING, "Pending" },
    { VMSNAP_SNAPSHOT_IN_PROGRESS, "InProgress" },
    { VMSNAP_SNAPSHOT_READY, "Ready" },
    { VMSNAP_SNAPSHOT_FAILED, "Failed" },
    { VMSNAP_SNAPSHOT_TERMINATING, "Terminating" },
    { 0, NULL },
};

const VmsWord vms_words_operation_phase[] = {
    { VMSNAP_OPERATION_PENDING, "Pending" },     { VMSNAP_OPERATION_IN_PROGRESS, "InProgress" },
    { VMSNAP_OPERATION_COMPLETED, "Completed" }, { VMSNAP_OPERATION_FAILED, "Failed" },
    { VMSNAP_OPERATION_CANCELLED, "Cancelled" }, { 0, NULL },
};

const VmsWord vms_words_subject[] = {
    { VMSNAP_SNAPSHOT_KIND_VM, "vm" },
    { VMSNAP_SNAPSHOT_KIND_DISK, "disk" },
    { 0, NULL },
};

const VmsWord vms_words_part[] = {
    { VMS_PART_NVRAM, "nvram" },
    { VMS_PART_TPM, "tpm" },
    { VMS_PART_SECRET, "secret" },
    { 0, NULL },
};

const VmsWord vms_words_policy[] = {
    { VMSNAP_CONSISTENCY_REQUIRE, "require" },
    { VMSNAP_CONSISTENCY_PREFER, "prefer" },
    { VMSNAP_CONSISTENCY_SKIP, "skip" },
    { 0, NULL },
};

const VmsWord vms_words_grade[] = {
    { VMSNAP_GRADE_NONE, "none" },
    { VMSNAP_GRADE_OFFLINE, "offline" },
    { VMSNAP_GRADE_FROZEN, "frozen" },
    { VMSNAP_GRADE_CRASH, "crash" },
    { 0, NULL },
};

const VmsWord vms_words_method[] = {
    { VMSNAP_METHOD_AUTO, "auto" },
    { VMSNAP_METHOD_REFLINK, "reflink" },
    { VMSNAP_METHOD_COPY, "copy" },
    { VMSNAP_METHOD_BACKUP, "backup" },
    { 0, NULL },
};

const VmsWord vms_words_keep_ip[] = {
    { VMSNAP_KEEP_IP_ALWAYS, "always" },
    { VMSNAP_KEEP_IP_NEVER, "never" },
    { 0, NULL },
};

const VmsWord vms_words_address_kind[] = {
    { VMS_ADDRESS_HOST_ENTRY, "host-entry" },
    { VMS_ADDRESS_LEASE, "lease" },
    { VMS_ADDRESS_AGENT, "agent" },
    { 0, NULL },
};

const VmsWord vms_words_mode[] = {
    { 0, "none" },
    { VMSNAP_MODE_DRY_RUN, "dry-run" },
    { VMSNAP_MODE_STRICT, "strict" },
    { VMSNAP_MODE_BEST_EFFORT, "best-effort" },
    { 0, NULL },
};

const VmsWord vms_words_vm_state[] = {
    { VMSNAP_VM_UNKNOWN, "unknown" },         { VMSNAP_VM_RUNNING, "running" },
    { VMSNAP_VM_PAUSED, "paused" },           { VMSNAP_VM_OFF, "off" },
    { VMSNAP_VM_STOPPING, "stopping" },       { VMSNAP_VM_CRASHED, "crashed" },
    { VMSNAP_VM_PMSUSPENDED, "pmsuspended" }, { 0, NULL },
};

const VmsWord vms_words_condition_status[] = {
    { VMS_CONDITION_FALSE, "False" },
    { VMS_CONDITION_TRUE, "True" },
    { VMS_CONDITION_UNKNOWN, "Unknown" },
    { 0, NULL },
};

const VmsWord vms_words_resource_status[] = {
    { VMS_RESOURCE_READY, "Ready" },       { VMS_RESOURCE_MISSING, "Missing" },
    { VMS_RESOURCE_CONFLICT, "Conflict" }, { VMS_RESOURCE_REPLACED, "Replaced" },
    { VMS_RESOURCE_REMOVED, "Removed" },   { VMS_RESOURCE_KEPT, "Kept" },
    { VMS_RESOURCE_NEW, "New" },           { 0, NULL },
};

const VmsWord vms_words_severity[] = {
    { VMSNAP_SEVERITY_INFO, "info" },
    { VMSNAP_SEVERITY_WARNING, "warning" },
    { VMSNAP_SEVERITY_CONFLICT, "conflict" },
    { 0, NULL },
};

const VmsWord vms_words_act[] = {
    { VMS_ACT_PROCEED, "proceed" },     { VMS_ACT_REFUSE, "refuse" }, { VMS_ACT_REMOVE, "remove" },
    { VMS_ACT_LEAVE_OFF, "leave-off" }, { VMS_ACT_KEEP, "keep" },     { 0, NULL },
};

const VmsWord vms_words_restore_flag[] = {
    { VMSNAP_RESTORE_FORCE_STOP, "force-stop" },
    { VMSNAP_RESTORE_ALLOW_PARTIAL, "allow-partial" },
    { VMSNAP_RESTORE_DROP_MANAGED_SAVE, "drop-managed-save" },
    { VMSNAP_RESTORE_NO_START, "no-start" },
    { 0, NULL },
};

const VmsWord vms_words_clone_flag[] = {
    { VMSNAP_CLONE_KEEP_SERIAL, "keep-serial" },
    { VMSNAP_CLONE_START, "start" },
    { VMSNAP_CLONE_ALLOW_PARTIAL, "allow-partial" },
    { 0, NULL },
};

const VmsWord vms_words_clone_method[] = {
    { VMSNAP_CLONE_FULL, "full" },
    { VMSNAP_CLONE_LINKED, "linked" },
    { 0, NULL },
};

const VmsWord vms_words_run_policy[] = {
    { VMSNAP_RUN_POLICY_ALWAYS_OFF, "always-off" },
    { VMSNAP_RUN_POLICY_INHERIT, "inherit" },
    { 0, NULL },
};

const VmsWord vms_words_fs_clean[] = {
    { VMS_FS_UNKNOWN, "unknown" },
    { VMS_FS_CLEAN, "clean" },
    { VMS_FS_NEEDS_REPLAY, "needs-replay" },
    { 0, NULL },
};

const VmsWord vms_words_guard[] = {
    { VMS_GUARD_NONE, "none" },
    { VMS_GUARD_PROCESS, "process" },
    { VMS_GUARD_SELF, "self" },
    { 0, NULL },
};

const VmsWord vms_words_metadata[] = {
    { VMS_METADATA_SNAPSHOT, "snapshot" },
    { VMS_METADATA_CHECKPOINT, "checkpoint" },
    { 0, NULL },
};

const VmsWord vms_words_journal[] = {
    { VMS_JOURNAL_PREPARING, "preparing" }, { VMS_JOURNAL_PREPARED, "prepared" },
    { VMS_JOURNAL_STOPPING, "stopping" },   { VMS_JOURNAL_EXCHANGING, "exchanging" },
    { VMS_JOURNAL_COMMITTED, "committed" }, { VMS_JOURNAL_ROLLING_BACK, "rolling-back" },
    { VMS_JOURNAL_CLOSED, "closed" },       { 0, NULL },
};

const VmsWord vms_words_new_disk_way[] = {
    { VMS_NEW_DISK_CLONE, "reflink" },
    { VMS_NEW_DISK_COPY, "copy" },
    { VMS_NEW_DISK_CONVERT, "convert" },
    { VMS_NEW_DISK_OVERLAY, "linked" },
    { 0, NULL },
};

const VmsWord vms_words_lease_state[] = {
    { VMS_LEASE_INTENDED, "intended" },   { VMS_LEASE_FROZEN, "frozen" },
    { VMS_LEASE_SUSPENDED, "suspended" }, { VMS_LEASE_JOB, "job" },
    { VMS_LEASE_STOPPED, "stopped" },     { 0, NULL },
};

const VmsWord vms_words_verdict[] = {
    { VMSNAP_VERDICT_OFFLINE, "offline" },
    { VMSNAP_VERDICT_FROZEN, "frozen" },
    { VMSNAP_VERDICT_CRASH, "crash" },
    { VMSNAP_VERDICT_BLOCKED, "blocked" },
    { 0, NULL },
};

const char *
vms_words_find(const VmsWord *words, int value)
{
    for (; words->word; words++) {
        if (words->value == value)
            return words->word;
    }
    return NULL;
}

gboolean
vms_words_parse(const VmsWord *words, const char *word, int *ret_value)
{
    for (; words->word; words++) {
        if (g_str_equal(words->word, word)) {
            *ret_value = words->value;
            return TRUE;
        }
    }
    return FALSE;
}
