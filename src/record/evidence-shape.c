/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/evidence.h"
#include "model/image.h"
#include "record/field.h"

static const VmsField process_fields[] = {
    VMS_PLAIN(VmsProcessId, pid, INT),
    VMS_PLAIN(VmsProcessId, start, UINT),
    { .key = NULL },
};

const VmsShape vms_shape_process = {
    .name = "process",
    .size = sizeof(VmsProcessId),
    .fields = process_fields,
};

static const VmsField instance_fields[] = {
    VMS_PLAIN(VmsInstance, domain_id, INT32),
    VMS_NESTED(VmsInstance, process, STRUCT, vms_shape_process),
    { .key = NULL },
};

const VmsShape vms_shape_instance = {
    .name = "instance",
    .size = sizeof(VmsInstance),
    .fields = instance_fields,
};

static gpointer
make_guest_fs(void)
{
    return vms_guest_fs_new(NULL, NULL, NULL);
}

static const VmsField guest_fs_fields[] = {
    VMS_TEXT(VmsGuestFs, mountpoint, VMS_CHECK_NONE),
    VMS_TEXT(VmsGuestFs, type, VMS_CHECK_NONE),
    VMS_TEXT(VmsGuestFs, name, VMS_CHECK_NONE),
    VMS_TEXTS(VmsGuestFs, disks, VMS_CHECK_WORD),
    VMS_PLAIN(VmsGuestFs, unmapped, BOOL),
    { .key = NULL },
};

static const VmsShape guest_fs_shape = {
    .name = "guest file system",
    .size = sizeof(VmsGuestFs),
    .fields = guest_fs_fields,
    .make = make_guest_fs,
    .free = (GDestroyNotify)vms_guest_fs_free,
};

static const VmsField times_fields[] = {
    VMS_PLAIN(VmsTimes, freeze_sent, INT),  VMS_PLAIN(VmsTimes, freeze_acked, INT),
    VMS_PLAIN(VmsTimes, suspend_sent, INT), VMS_PLAIN(VmsTimes, suspended, INT),
    VMS_PLAIN(VmsTimes, cut_start, INT),    VMS_PLAIN(VmsTimes, cut_end, INT),
    VMS_PLAIN(VmsTimes, resumed, INT),      VMS_PLAIN(VmsTimes, thaw_sent, INT),
    VMS_PLAIN(VmsTimes, thaw_acked, INT),   { .key = NULL },
};

static const VmsShape times_shape = {
    .name = "times",
    .size = sizeof(VmsTimes),
    .fields = times_fields,
};

static gpointer
make_disk_facts(void)
{
    return vms_disk_facts_new(NULL, -1, FALSE);
}

static const VmsField disk_facts_fields[] = {
    VMS_TEXT_NEEDED(VmsDiskFacts, target, VMS_CHECK_WORD),
    VMS_PLAIN(VmsDiskFacts, writes, INT),
    VMS_PLAIN(VmsDiskFacts, open, BOOL),
    VMS_TEXT(VmsDiskFacts, frozen_with, VMS_CHECK_NONE),
    { .key = NULL },
};

static const VmsShape disk_facts_shape = {
    .name = "disk facts",
    .size = sizeof(VmsDiskFacts),
    .fields = disk_facts_fields,
    .make = make_disk_facts,
    .free = (GDestroyNotify)vms_disk_facts_free,
};

static gpointer
make_evidence(void)
{
    return vms_evidence_new();
}

static const VmsField evidence_fields[] = {
    VMS_TEXT(VmsEvidence, agent_version, VMS_CHECK_NONE),
    VMS_PLAIN(VmsEvidence, windows, BOOL),
    VMS_NESTED(VmsEvidence, filesystems, OBJECTS, guest_fs_shape),
    VMS_TEXTS(VmsEvidence, freeze_list, VMS_CHECK_NONE),
    VMS_PLAIN(VmsEvidence, frozen_count, INT32),
    VMS_PLAIN(VmsEvidence, thawed_count, INT32),
    VMS_PLAIN(VmsEvidence, frozen_before, BOOL),
    VMS_PLAIN(VmsEvidence, thaw_failed, BOOL),
    VMS_TEXT(VmsEvidence, thaw_error, VMS_CHECK_NONE),
    VMS_TEXT(VmsEvidence, freeze_error, VMS_CHECK_NONE),
    VMS_TEXT(VmsEvidence, freeze_reason, VMS_CHECK_NONE),
    VMS_NESTED(VmsEvidence, times, STRUCT, times_shape),
    VMS_NESTED(VmsEvidence, before, STRUCT, vms_shape_instance),
    VMS_NESTED(VmsEvidence, after, STRUCT, vms_shape_instance),
    VMS_ENUM(VmsEvidence, state_before, vms_words_vm_state),
    VMS_TEXT(VmsEvidence, state_reason, VMS_CHECK_NONE),
    VMS_PLAIN(VmsEvidence, managed_save, BOOL),
    VMS_PLAIN_LATER(VmsEvidence, detached, BOOL),
    VMS_PLAIN_LATER(VmsEvidence, unasked, BOOL),
    VMS_ENUM(VmsEvidence, guard, vms_words_guard),
    VMS_PLAIN(VmsEvidence, guard_shares_cgroup, BOOL),
    VMS_PLAIN(VmsEvidence, overdue, BOOL),
    VMS_TEXT(VmsEvidence, group, VMS_CHECK_UUID),
    VMS_PLAIN(VmsEvidence, group_size, UINT32),
    VMS_PLAIN(VmsEvidence, group_skew_us, INT),
    VMS_PLAIN(VmsEvidence, group_span_us, INT),
    VMS_TEXTS(VmsEvidence, exceptions, VMS_CHECK_NONE),
    VMS_TEXTS(VmsEvidence, warnings, VMS_CHECK_NONE),
    VMS_NESTED(VmsEvidence, disks, OBJECTS, disk_facts_shape),
    VMS_TEXTS(VmsEvidence, accepted, VMS_CHECK_NONE),
    VMS_NESTED(VmsEvidence, fs_states, OBJECTS, vms_shape_fs_state),
    { .key = NULL },
};

const VmsShape vms_shape_evidence = {
    .name = "evidence",
    .size = sizeof(VmsEvidence),
    .fields = evidence_fields,
    .make = make_evidence,
    .free = (GDestroyNotify)vms_evidence_free,
};
