/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/taking.h"

#include <vmsnap/job.h>

static gboolean
take(VmsTaking *self, GError **error)
{
    return vms_taking_cut(self, error) && vms_taking_copy(self, error) &&
           vms_cut_finish(self->cuts, error) && vms_taking_judge(self, error);
}

gboolean
vms_engine_snapshot(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                    const VmsSnapshotRequest *request, VmsProgress *progress,
                    char **ret_snapshot_uuid, GError **error)
{
    g_auto(VmsTaking) self = { .engine = engine, .request = request, .progress = progress };
    g_autofree char *lock_name = vms_lock_name_vm(vm_uuid);
    g_autoptr(VmsLock) lock = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_WAITING);
    return vms_engine_check_acting(engine, TRUE, error) &&
           vms_lock_share(engine->runtime_dir, lock_name, operation_uuid, request->wait_ready_ms,
                          progress, &lock, error) &&
           vms_taking_survey_when_ready(&self, vm_uuid, error) &&
           vms_taking_run(&self, operation_uuid, take, ret_snapshot_uuid, error);
}
