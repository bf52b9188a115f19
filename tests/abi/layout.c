/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The layout of everything that crosses the ABI, by number. It compiles or it does not; a line
 * that has been released is never changed or removed. LP64 only, like the library. */

#include <assert.h>
#include <stddef.h>

#include <vmsnap/vmsnap.h>

#define GROWING(type, bytes) static_assert(sizeof(type) >= (bytes), "size of " #type)
#define ENUM(type) static_assert(sizeof(type) == 4, "size of " #type)
#define FIELD(type, field, offset, bytes)                                                          \
    static_assert(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (bytes),      \
                  "layout of " #type "." #field)
#define NUMBER(name, value) static_assert((name) == (value), "value of " #name)

/* Structs: the size they were born with, then each field. */
GROWING(vmsnap_context_options, 80);
FIELD(vmsnap_context_options, struct_size, 0, 8);
FIELD(vmsnap_context_options, uri, 8, 8);
FIELD(vmsnap_context_options, analysis_uris, 16, 8);
FIELD(vmsnap_context_options, catalog, 24, 8);
FIELD(vmsnap_context_options, state_dir, 32, 8);
FIELD(vmsnap_context_options, guard_path, 40, 8);
FIELD(vmsnap_context_options, log_handler, 48, 8);
FIELD(vmsnap_context_options, log_data, 56, 8);
FIELD(vmsnap_context_options, log_level, 64, 4);
FIELD(vmsnap_context_options, flags, 68, 4);
FIELD(vmsnap_context_options, max_jobs, 72, 4);
FIELD(vmsnap_context_options, reserved0, 76, 4);
FIELD(vmsnap_context_options, agent_sockets, 80, 8);

GROWING(vmsnap_context_status, 24);
FIELD(vmsnap_context_status, struct_size, 0, 8);
FIELD(vmsnap_context_status, open_operations, 8, 8);
FIELD(vmsnap_context_status, open_freezes, 16, 8);

GROWING(vmsnap_adopt_options, 24);
FIELD(vmsnap_adopt_options, struct_size, 0, 8);
FIELD(vmsnap_adopt_options, name, 8, 8);
FIELD(vmsnap_adopt_options, flags, 16, 4);
FIELD(vmsnap_adopt_options, reserved0, 20, 4);

GROWING(vmsnap_collect_options, 16);
FIELD(vmsnap_collect_options, struct_size, 0, 8);
FIELD(vmsnap_collect_options, flags, 8, 4);
FIELD(vmsnap_collect_options, reserved0, 12, 4);

GROWING(vmsnap_fact, 48);
FIELD(vmsnap_fact, struct_size, 0, 8);
FIELD(vmsnap_fact, value, 8, 8);
FIELD(vmsnap_fact, holder, 16, 8);
FIELD(vmsnap_fact, vm_uuid, 24, 8);
FIELD(vmsnap_fact, network, 32, 8);
FIELD(vmsnap_fact, kind, 40, 4);
FIELD(vmsnap_fact, reserved0, 44, 4);

GROWING(vmsnap_freeze_options, 40);
FIELD(vmsnap_freeze_options, struct_size, 0, 8);
FIELD(vmsnap_freeze_options, disks, 8, 8);
FIELD(vmsnap_freeze_options, accept_unfrozen, 16, 8);
FIELD(vmsnap_freeze_options, hold_ms, 24, 4);
FIELD(vmsnap_freeze_options, freeze_call_ms, 28, 4);
FIELD(vmsnap_freeze_options, wait_ready_ms, 32, 4);
FIELD(vmsnap_freeze_options, flags, 36, 4);

GROWING(vmsnap_thaw_options, 16);
FIELD(vmsnap_thaw_options, struct_size, 0, 8);
FIELD(vmsnap_thaw_options, flags, 8, 4);
FIELD(vmsnap_thaw_options, reserved0, 12, 4);

GROWING(vmsnap_progress, 40);
FIELD(vmsnap_progress, struct_size, 0, 8);
FIELD(vmsnap_progress, sequence, 8, 8);
FIELD(vmsnap_progress, bytes_done, 16, 8);
FIELD(vmsnap_progress, bytes_total, 24, 8);
FIELD(vmsnap_progress, stage, 32, 4);
FIELD(vmsnap_progress, reserved0, 36, 4);

GROWING(vmsnap_restore_options, 24);
FIELD(vmsnap_restore_options, struct_size, 0, 8);
FIELD(vmsnap_restore_options, flags, 8, 4);
FIELD(vmsnap_restore_options, stop_timeout_ms, 12, 4);
FIELD(vmsnap_restore_options, undo_ttl_s, 16, 4);
FIELD(vmsnap_restore_options, wait_ready_ms, 20, 4);

GROWING(vmsnap_new_disk_options, 56);
FIELD(vmsnap_new_disk_options, struct_size, 0, 8);
FIELD(vmsnap_new_disk_options, to, 8, 8);
FIELD(vmsnap_new_disk_options, target, 16, 8);
FIELD(vmsnap_new_disk_options, format, 24, 8);
FIELD(vmsnap_new_disk_options, size, 32, 8);
FIELD(vmsnap_new_disk_options, method, 40, 4);
FIELD(vmsnap_new_disk_options, flags, 44, 4);
FIELD(vmsnap_new_disk_options, wait_ready_ms, 48, 4);
FIELD(vmsnap_new_disk_options, reserved0, 52, 4);

GROWING(vmsnap_clone_options, 64);
FIELD(vmsnap_clone_options, struct_size, 0, 8);
FIELD(vmsnap_clone_options, name, 8, 8);
FIELD(vmsnap_clone_options, rules, 16, 8);
FIELD(vmsnap_clone_options, prefix, 24, 8);
FIELD(vmsnap_clone_options, suffix, 32, 8);
FIELD(vmsnap_clone_options, seed, 40, 8);
FIELD(vmsnap_clone_options, method, 48, 4);
FIELD(vmsnap_clone_options, run_policy, 52, 4);
FIELD(vmsnap_clone_options, flags, 56, 4);
FIELD(vmsnap_clone_options, wait_ready_ms, 60, 4);

GROWING(vmsnap_snapshot_options, 88);
FIELD(vmsnap_snapshot_options, struct_size, 0, 8);
FIELD(vmsnap_snapshot_options, name, 8, 8);
FIELD(vmsnap_snapshot_options, description, 16, 8);
FIELD(vmsnap_snapshot_options, labels, 24, 8);
FIELD(vmsnap_snapshot_options, disks, 32, 8);
FIELD(vmsnap_snapshot_options, store, 40, 8);
FIELD(vmsnap_snapshot_options, consistency, 48, 4);
FIELD(vmsnap_snapshot_options, method, 52, 4);
FIELD(vmsnap_snapshot_options, wait_ready_ms, 56, 4);
FIELD(vmsnap_snapshot_options, freeze_call_ms, 60, 4);
FIELD(vmsnap_snapshot_options, freeze_budget_ms, 64, 4);
FIELD(vmsnap_snapshot_options, flags, 68, 4);
FIELD(vmsnap_snapshot_options, accept_unfrozen, 72, 8);
FIELD(vmsnap_snapshot_options, keep_ip, 80, 4);
FIELD(vmsnap_snapshot_options, reserved0, 84, 4);

/* Enums are 32 bits wide; their numbers never change. */
ENUM(vmsnap_verdict);
NUMBER(VMSNAP_VERDICT_OFFLINE, 1);
NUMBER(VMSNAP_VERDICT_FROZEN, 2);
NUMBER(VMSNAP_VERDICT_CRASH, 3);
NUMBER(VMSNAP_VERDICT_BLOCKED, 4);

ENUM(vmsnap_context_flags);
NUMBER(VMSNAP_CONTEXT_READ_ONLY, 1);
NUMBER(VMSNAP_CONTEXT_SELF_GUARD, 2);

ENUM(vmsnap_snapshot_kind);
NUMBER(VMSNAP_SNAPSHOT_KIND_VM, 0);
NUMBER(VMSNAP_SNAPSHOT_KIND_DISK, 1);

ENUM(vmsnap_freeze_flags);
NUMBER(VMSNAP_FREEZE_DETACHED, 1);

ENUM(vmsnap_thaw_flags);
NUMBER(VMSNAP_THAW_FORCE, 1);

ENUM(vmsnap_code);
NUMBER(VMSNAP_OK, 0);
NUMBER(VMSNAP_E_INTERNAL, -1);
NUMBER(VMSNAP_E_INVALID, -2);
NUMBER(VMSNAP_E_UNSUPPORTED, -3);
NUMBER(VMSNAP_E_NOT_FOUND, -4);
NUMBER(VMSNAP_E_EXISTS, -5);
NUMBER(VMSNAP_E_BUSY, -6);
NUMBER(VMSNAP_E_TIMEOUT, -7);
NUMBER(VMSNAP_E_CANCELLED, -8);
NUMBER(VMSNAP_E_AGENT, -9);
NUMBER(VMSNAP_E_INCONSISTENT, -10);
NUMBER(VMSNAP_E_CONFLICT, -11);
NUMBER(VMSNAP_E_PLAN_STALE, -12);
NUMBER(VMSNAP_E_IN_USE, -13);
NUMBER(VMSNAP_E_NO_SPACE, -14);
NUMBER(VMSNAP_E_LOST, -15);
NUMBER(VMSNAP_E_PERMISSION, -16);
NUMBER(VMSNAP_E_HYPERVISOR, -17);
NUMBER(VMSNAP_E_IO, -18);
NUMBER(VMSNAP_E_UNCERTAIN, -19);
NUMBER(VMSNAP_E_FORKED, -20);
NUMBER(VMSNAP_E_CLOSED, -21);

ENUM(vmsnap_frozen);
NUMBER(VMSNAP_FROZEN_NO, 0);
NUMBER(VMSNAP_FROZEN_YES, 1);
NUMBER(VMSNAP_FROZEN_UNKNOWN, 2);

ENUM(vmsnap_stage);
NUMBER(VMSNAP_STAGE_STARTING, 0);
NUMBER(VMSNAP_STAGE_WAITING, 1);
NUMBER(VMSNAP_STAGE_SURVEYING, 2);
NUMBER(VMSNAP_STAGE_PREPARING, 3);
NUMBER(VMSNAP_STAGE_FREEZING, 4);
NUMBER(VMSNAP_STAGE_CAPTURING, 5);
NUMBER(VMSNAP_STAGE_THAWING, 6);
NUMBER(VMSNAP_STAGE_COPYING, 7);
NUMBER(VMSNAP_STAGE_STOPPING, 8);
NUMBER(VMSNAP_STAGE_EXCHANGING, 9);
NUMBER(VMSNAP_STAGE_RESTARTING, 10);
NUMBER(VMSNAP_STAGE_FINISHING, 11);
NUMBER(VMSNAP_STAGE_ROLLING_BACK, 12);
NUMBER(VMSNAP_STAGE_DONE, 13);

ENUM(vmsnap_log_level);
NUMBER(VMSNAP_LOG_ERROR, 1);
NUMBER(VMSNAP_LOG_WARNING, 2);
NUMBER(VMSNAP_LOG_INFO, 3);
NUMBER(VMSNAP_LOG_DEBUG, 4);

ENUM(vmsnap_operation_phase);
NUMBER(VMSNAP_OPERATION_PENDING, 1);
NUMBER(VMSNAP_OPERATION_IN_PROGRESS, 2);
NUMBER(VMSNAP_OPERATION_COMPLETED, 3);
NUMBER(VMSNAP_OPERATION_FAILED, 4);
NUMBER(VMSNAP_OPERATION_CANCELLED, 5);

ENUM(vmsnap_mode);
NUMBER(VMSNAP_MODE_DRY_RUN, 1);
NUMBER(VMSNAP_MODE_STRICT, 2);
NUMBER(VMSNAP_MODE_BEST_EFFORT, 3);

ENUM(vmsnap_on_straggler);
NUMBER(VMSNAP_STRAGGLER_ABORT, 0);
NUMBER(VMSNAP_STRAGGLER_DROP, 1);

ENUM(vmsnap_severity);
NUMBER(VMSNAP_SEVERITY_INFO, 0);
NUMBER(VMSNAP_SEVERITY_WARNING, 1);
NUMBER(VMSNAP_SEVERITY_CONFLICT, 2);

ENUM(vmsnap_restore_flags);
NUMBER(VMSNAP_RESTORE_FORCE_STOP, 1);
NUMBER(VMSNAP_RESTORE_ALLOW_PARTIAL, 2);
NUMBER(VMSNAP_RESTORE_DROP_MANAGED_SAVE, 4);
NUMBER(VMSNAP_RESTORE_NO_START, 8);

ENUM(vmsnap_fact_kind);
NUMBER(VMSNAP_FACT_MAC, 1);
NUMBER(VMSNAP_FACT_ADDRESS, 2);
NUMBER(VMSNAP_FACT_PATH, 3);
NUMBER(VMSNAP_FACT_UUID, 4);
NUMBER(VMSNAP_FACT_NAME, 5);
NUMBER(VMSNAP_FACT_VOLUME, 6);

ENUM(vmsnap_undo_state);
NUMBER(VMSNAP_UNDO_KEPT, 1);
NUMBER(VMSNAP_UNDO_EXPIRED, 2);
NUMBER(VMSNAP_UNDO_LOST, 3);

ENUM(vmsnap_snapshot_flags);
NUMBER(VMSNAP_SNAPSHOT_WITH_DIGEST, 1);

ENUM(vmsnap_adopt_flags);
NUMBER(VMSNAP_ADOPT_DRY_RUN, 1);
NUMBER(VMSNAP_ADOPT_ACCEPT_TIMES, 2);

ENUM(vmsnap_drop_flags);
NUMBER(VMSNAP_DROP_NEWER, 1);

ENUM(vmsnap_collect_flags);
NUMBER(VMSNAP_COLLECT_DRY_RUN, 1);

ENUM(vmsnap_new_disk_method);
NUMBER(VMSNAP_NEW_DISK_AUTO, 0);
NUMBER(VMSNAP_NEW_DISK_FULL, 1);
NUMBER(VMSNAP_NEW_DISK_REFLINK, 2);
NUMBER(VMSNAP_NEW_DISK_LINKED, 3);

ENUM(vmsnap_new_disk_flags);
NUMBER(VMSNAP_NEW_DISK_IMAGE, 1);
NUMBER(VMSNAP_NEW_DISK_KEEP_OWNER, 2);

ENUM(vmsnap_clone_method);
NUMBER(VMSNAP_CLONE_FULL, 0);
NUMBER(VMSNAP_CLONE_LINKED, 1);

ENUM(vmsnap_run_policy);
NUMBER(VMSNAP_RUN_POLICY_ALWAYS_OFF, 0);
NUMBER(VMSNAP_RUN_POLICY_INHERIT, 1);

ENUM(vmsnap_clone_flags);
NUMBER(VMSNAP_CLONE_KEEP_SERIAL, 1);
NUMBER(VMSNAP_CLONE_START, 2);
NUMBER(VMSNAP_CLONE_ALLOW_PARTIAL, 4);

ENUM(vmsnap_consistency_policy);
NUMBER(VMSNAP_CONSISTENCY_REQUIRE, 0);
NUMBER(VMSNAP_CONSISTENCY_PREFER, 1);
NUMBER(VMSNAP_CONSISTENCY_SKIP, 2);

ENUM(vmsnap_grade);
NUMBER(VMSNAP_GRADE_NONE, 0);
NUMBER(VMSNAP_GRADE_OFFLINE, 1);
NUMBER(VMSNAP_GRADE_FROZEN, 2);
NUMBER(VMSNAP_GRADE_CRASH, 3);

ENUM(vmsnap_snapshot_phase);
NUMBER(VMSNAP_SNAPSHOT_PENDING, 1);
NUMBER(VMSNAP_SNAPSHOT_IN_PROGRESS, 2);
NUMBER(VMSNAP_SNAPSHOT_READY, 3);
NUMBER(VMSNAP_SNAPSHOT_FAILED, 4);
NUMBER(VMSNAP_SNAPSHOT_TERMINATING, 5);

ENUM(vmsnap_method);
NUMBER(VMSNAP_METHOD_AUTO, 0);
NUMBER(VMSNAP_METHOD_REFLINK, 1);
NUMBER(VMSNAP_METHOD_COPY, 2);
NUMBER(VMSNAP_METHOD_BACKUP, 3);

ENUM(vmsnap_keep_ip);
NUMBER(VMSNAP_KEEP_IP_ALWAYS, 0);
NUMBER(VMSNAP_KEEP_IP_NEVER, 1);

ENUM(vmsnap_vm_state);
NUMBER(VMSNAP_VM_UNKNOWN, 0);
NUMBER(VMSNAP_VM_RUNNING, 1);
NUMBER(VMSNAP_VM_PAUSED, 2);
NUMBER(VMSNAP_VM_OFF, 3);
NUMBER(VMSNAP_VM_STOPPING, 4);
NUMBER(VMSNAP_VM_CRASHED, 5);
NUMBER(VMSNAP_VM_PMSUSPENDED, 6);

int
main(void)
{
    return 0;
}
