/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/evidence.h"

#include "model/image.h"

#include <stdarg.h>

VmsGuestFs *
vms_guest_fs_new(const char *mountpoint, const char *type, const char *name)
{
    VmsGuestFs *fs = g_new0(VmsGuestFs, 1);

    fs->mountpoint = g_strdup(mountpoint);
    fs->type = g_strdup(type);
    fs->name = g_strdup(name);
    fs->disks = g_ptr_array_new_with_free_func(g_free);
    return fs;
}

void
vms_guest_fs_free(VmsGuestFs *fs)
{
    if (!fs)
        return;
    g_free(fs->mountpoint);
    g_free(fs->type);
    g_free(fs->name);
    g_ptr_array_unref(fs->disks);
    g_free(fs);
}

VmsDiskFacts *
vms_disk_facts_new(const char *target, gint64 writes, gboolean open)
{
    VmsDiskFacts *facts = g_new0(VmsDiskFacts, 1);

    facts->target = g_strdup(target);
    facts->writes = writes;
    facts->open = open;
    return facts;
}

void
vms_disk_facts_free(VmsDiskFacts *facts)
{
    if (!facts)
        return;
    g_free(facts->target);
    g_free(facts->frozen_with);
    g_free(facts);
}

VmsEvidence *
vms_evidence_new(void)
{
    VmsEvidence *evidence = g_new0(VmsEvidence, 1);

    evidence->filesystems = g_ptr_array_new_with_free_func((GDestroyNotify)vms_guest_fs_free);
    evidence->freeze_list = g_ptr_array_new_with_free_func(g_free);
    evidence->exceptions = g_ptr_array_new_with_free_func(g_free);
    evidence->warnings = g_ptr_array_new_with_free_func(g_free);
    evidence->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_facts_free);
    evidence->accepted = g_ptr_array_new_with_free_func(g_free);
    evidence->fs_states = g_ptr_array_new_with_free_func((GDestroyNotify)vms_fs_state_free);
    evidence->frozen_count = -1;
    evidence->thawed_count = -1;
    evidence->before.domain_id = -1;
    evidence->after.domain_id = -1;
    return evidence;
}

void
vms_evidence_free(VmsEvidence *evidence)
{
    if (!evidence)
        return;
    g_free(evidence->agent_version);
    g_free(evidence->freeze_error);
    g_free(evidence->freeze_reason);
    g_free(evidence->thaw_error);
    g_free(evidence->state_reason);
    g_free(evidence->group);
    g_ptr_array_unref(evidence->filesystems);
    g_ptr_array_unref(evidence->freeze_list);
    g_ptr_array_unref(evidence->exceptions);
    g_ptr_array_unref(evidence->warnings);
    g_ptr_array_unref(evidence->disks);
    g_ptr_array_unref(evidence->accepted);
    g_ptr_array_unref(evidence->fs_states);
    g_free(evidence);
}

void
vms_evidence_warn(VmsEvidence *evidence, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(evidence->warnings, g_strdup_vprintf(format, args));
    va_end(args);
}
