/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/journal.h"
#include "engine/taking.h"
#include "plan/consistency.h"

#include <vmsnap/job.h>

#define AGENT_PING_MS 1000
#define READY_POLL_US (200 * 1000)

gboolean
vms_taking_survey(VmsTaking *self, const char *vm, GError **error)
{
    const VmsSurveyRequest request = {
        .vm = vm,
        .disks = (const char *const *)self->request->disks,
        .store = self->request->store,
        .method = self->request->method,
        .disk_only = self->request->subject == VMSNAP_SNAPSHOT_KIND_DISK,
    };
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    vms_progress_enter(self->progress, VMSNAP_STAGE_SURVEYING);
    g_clear_pointer(&self->survey, vms_survey_free);
    /* When it is surveyed again, its own overlays are known. */
    if (!self->work.operation && !vms_journal_check_settled(self->engine, vm, error))
        return FALSE;
    return vms_survey_vm(self->engine, &request, &self->survey, error) &&
           vms_consistency_before(self->survey->vm, self->request->policy, &wish, NULL, error) &&
           vms_survey_check_disks(self->survey, error) &&
           (self->request->policy != VMSNAP_CONSISTENCY_REQUIRE ||
            vms_survey_check_sharers(self->survey, error)) &&
           vms_survey_check_space(self->survey, error);
}

/* An agent that is connected may still be starting: only an answer counts. */
static gboolean
agent_answers(const VmsTaking *self)
{
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    const VmsVm *vm = self->survey->vm;
    g_autoptr(VmsAgent) agent = NULL;

    if (self->request->policy == VMSNAP_CONSISTENCY_SKIP ||
        (!vm->has_agent_channel && !vm->agent_socket) || vm->state != VMSNAP_VM_RUNNING)
        return TRUE;
    agent = self->engine->drivers->open_agent(hv, vm->uuid, vm->agent_socket);
    return vms_agent_ping(agent, AGENT_PING_MS, NULL);
}

/* What passes by itself: a job that ends, an agent that comes up; not what must be recovered. */
static gboolean
is_passing(const GError *error)
{
    if (g_strcmp0(vms_error_get_reason(error), "Unfinished") == 0)
        return FALSE;
    return vms_error_get_code(error) == VMSNAP_E_BUSY ||
           g_strcmp0(vms_error_get_reason(error), "AgentNotReady") == 0;
}

/* Survey until the VM is ready or the caller's patience ends; nothing is frozen or made. Then the
 * last reason stands, and prefer goes on without a freeze. */
gboolean
vms_taking_survey_when_ready(VmsTaking *self, const char *vm, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + (gint64)self->request->wait_ready_ms * 1000;

    for (;;) {
        g_autoptr(GError) failed = NULL;
        gboolean last = vms_clock_monotonic_us() >= until;
        gboolean surveyed = vms_taking_survey(self, vm, &failed);

        if (surveyed && (last || agent_answers(self)))
            return TRUE;
        if (!surveyed && (last || !is_passing(failed))) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_progress_enter(self->progress, VMSNAP_STAGE_WAITING);
        if (!vms_progress_check(self->progress, error))
            return FALSE;
        vms_clock_sleep_us(READY_POLL_US);
    }
}
