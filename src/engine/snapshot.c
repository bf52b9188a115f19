/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/taking.h"

#include <vmsnap/job.h>

static gboolean
take(VmsTaking *self, GError **error)
{
    if (!vms_taking_cut(self, error))
        return FALSE;
    if (self->group)
        vms_group_tell(self->group, self->work.snapshot->evidence);
    return vms_taking_copy(self, error) && vms_cut_finish(self->cuts, error) &&
           vms_taking_judge(self, error);
}

static gboolean
run(VmsTaking *self, const char *vm_uuid, char **ret_snapshot_uuid, GError **error)
{
    g_autofree char *lock_name = vms_lock_name_vm(vm_uuid);
    const VmsReadiness ready = { .lock_name = lock_name,
                                 .vm = vm_uuid,
                                 .shared = TRUE,
                                 .look = vms_taking_survey,
                                 .probe = vms_taking_probe };
    gboolean done;

    vms_progress_enter(self->progress, VMSNAP_STAGE_WAITING);
    done = vms_engine_check_acting(self->engine, TRUE, error) &&
           vms_taking_when_ready(self, &ready, error) && vms_taking_run(self, take, error);
    *ret_snapshot_uuid = vms_taking_dup_uuid(self);
    return done;
}

gboolean
vms_engine_snapshot(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                    const VmsSnapshotRequest *request, VmsProgress *progress,
                    char **ret_snapshot_uuid, GError **error)
{
    g_auto(VmsTaking) self = {
        .engine = engine, .request = request, .progress = progress, .operation_uuid = operation_uuid
    };

    return run(&self, vm_uuid, ret_snapshot_uuid, error);
}

gboolean
vms_group_snapshot(VmsEngine *engine, const VmsGroupMember *member, VmsGroup *group, guint number,
                   VmsProgress *progress, GError **error)
{
    g_auto(VmsTaking) self = { .engine = engine,
                               .request = member->request,
                               .progress = progress,
                               .operation_uuid = member->operation,
                               .group = group,
                               .number = number };

    return run(&self, member->vm_uuid, (char **)&member->snapshot, error);
}
