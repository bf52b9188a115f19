/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/power.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/late-watch.h"

#define STOP_DEFAULT_MS 60000
#define STOP_POLL_US (50 * 1000)
#define START_LIMIT_US (60 * G_USEC_PER_SEC)
/* How long a start may take to fail on a locked image; somebody may try it again and again, with
 * little time between. */
#define DOOMED_US (20 * G_USEC_PER_SEC)
#define DOOMED_POLL_US 5000
/* Nobody else starts it afterwards: what passes by itself is waited for. */
#define START_TRIES 3
#define START_PAUSE_US (200 * 1000)
#define RECALL_US (10 * G_USEC_PER_SEC)

static gboolean
is_off(VmsEngine *engine, const char *uuid, gboolean *ret_off, vmsnap_vm_state *ret_state,
       GError **error)
{
    VmsInstance instance = { .domain_id = -1 };

    if (!vms_hypervisor_read_state(engine->drivers->hypervisor, uuid, ret_state, &instance, error))
        return FALSE;
    *ret_off = instance.domain_id < 0;
    return TRUE;
}

/* Wait until it is off or the moment comes. *ret_off tells which. */
static gboolean
wait_off(VmsEngine *engine, const char *uuid, gint64 until_us, VmsProgress *progress,
         gboolean *ret_off, GError **error)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;

    for (;;) {
        if (!is_off(engine, uuid, ret_off, &state, error) || *ret_off)
            return *ret_off;
        if (!vms_progress_check(progress, error))
            return FALSE;
        if (vms_clock_monotonic_us() >= until_us)
            return TRUE;
        vms_clock_sleep_us(STOP_POLL_US);
    }
}

/* The agent first: it runs the guest's own shutdown. Then the power button, which a guest
 * without agent knows. An answer is no promise, so both get their share of the time. */
static gboolean
ask_to_stop(VmsEngine *engine, const char *uuid, guint limit_ms, VmsProgress *progress,
            gboolean *ret_off, GError **error)
{
    static const VmsStopWay ways[] = { VMS_STOP_AGENT, VMS_STOP_ACPI };
    gint64 start = vms_clock_monotonic_us();
    gint64 share = (gint64)limit_ms * 1000 / (gint64)G_N_ELEMENTS(ways);

    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        gint64 until = start + share * (i + 1);

        if (!vms_hypervisor_stop(engine->drivers->hypervisor, uuid, ways[i], NULL) &&
            i + 1 < G_N_ELEMENTS(ways))
            continue;
        if (!wait_off(engine, uuid, until, progress, ret_off, error))
            return FALSE;
        if (*ret_off)
            return TRUE;
    }
    return TRUE;
}

gboolean
vms_power_stop(VmsEngine *engine, const char *uuid, const VmsRestoreRequest *request,
               VmsProgress *progress, GError **error)
{
    guint limit_ms = request->stop_timeout_ms ? request->stop_timeout_ms : STOP_DEFAULT_MS;
    gboolean force = (request->flags & VMSNAP_RESTORE_FORCE_STOP) != 0;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    gboolean off = FALSE;

    if (!is_off(engine, uuid, &off, &state, error))
        return FALSE;
    if (off)
        return TRUE;
    if (state == VMSNAP_VM_RUNNING && !ask_to_stop(engine, uuid, limit_ms, progress, &off, error))
        return FALSE;
    if (off)
        return TRUE;
    if (force)
        return vms_hypervisor_destroy(engine->drivers->hypervisor, uuid, error);
    if (state != VMSNAP_VM_RUNNING)
        return vms_refuse(error, VMSNAP_E_BUSY, "StopFailed",
                          "a VM that is %s cannot stop by itself; force was not allowed",
                          vms_vm_state_name(state));
    return vms_refuse(error, VMSNAP_E_TIMEOUT, "StopFailed",
                      "the guest did not stop within %u ms; force was not allowed", limit_ms);
}

/* The hypervisor goes on with a start whose caller died, and shows the VM as paused until then. */
static gboolean
wait_started(VmsEngine *engine, const char *uuid, GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + START_LIMIT_US;

    for (;;) {
        g_autoptr(VmsVm) vm = NULL;

        if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, uuid, FALSE, &vm, error))
            return FALSE;
        if (vm->state != VMSNAP_VM_PAUSED || g_strcmp0(vm->state_reason, "starting-up") != 0)
            return TRUE;
        if (vms_clock_monotonic_us() >= until_us)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "VM %s does not come out of its start",
                            vm->name);
        vms_clock_sleep_us(STOP_POLL_US);
    }
}

gboolean
vms_power_ensure_on(VmsEngine *engine, const char *uuid, gboolean paused, GError **error)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    gboolean off = FALSE;

    if (!wait_started(engine, uuid, error) || !is_off(engine, uuid, &off, &state, error))
        return FALSE;
    return !off || vms_hypervisor_start(engine->drivers->hypervisor, uuid, paused, error);
}

gboolean
vms_power_bring_up(VmsEngine *engine, VmsOperation *operation, gboolean paused, GError **error)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autoptr(GError) failed = NULL;
    gboolean off = FALSE;

    for (guint i = 0; i < START_TRIES; i++) {
        if (i > 0)
            vms_clock_sleep_us(START_PAUSE_US);
        g_clear_error(&failed);
        if (vms_power_ensure_on(engine, operation->vm_uuid, paused, &failed))
            return TRUE;
    }
    if (!is_off(engine, operation->vm_uuid, &off, &state, NULL)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (off)
        vms_conditions_set(operation->conditions,
                           vms_condition_new("VirtualMachineReady", VMS_CONDITION_FALSE,
                                             "StartFailed", failed->message,
                                             vms_clock_realtime_us()));
    return TRUE;
}

gboolean
vms_power_recall_stop(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    /* A paused guest does not run towards its end. */
    gboolean paused = operation->power_before == VMSNAP_VM_PAUSED;
    gint64 until_us = vms_clock_monotonic_us() + (paused ? 0 : RECALL_US);
    g_autoptr(GError) alone = NULL;
    gboolean off = FALSE;

    if (!paused && vms_late_watch(engine, operation, &alone))
        return TRUE;
    if (alone)
        vms_log(engine->log, VMSNAP_LOG_INFO, "no guard watches for a late stop: %s",
                alone->message);
    if (!wait_off(engine, operation->vm_uuid, until_us, NULL, &off, error))
        return FALSE;
    return !off || vms_power_bring_up(engine, operation, paused, error);
}

static gboolean
refuse_started(GError **error)
{
    return vms_refuse(error, VMSNAP_E_BUSY, "StartedBehind",
                      "the VM is running: it was started behind our back");
}

gboolean
vms_power_wait_off(VmsEngine *engine, const char *uuid, GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + DOOMED_US;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    gboolean off = FALSE;

    for (;;) {
        if (!is_off(engine, uuid, &off, &state, error))
            return FALSE;
        if (off)
            return TRUE;
        if (vms_clock_monotonic_us() >= until_us)
            return refuse_started(error);
        vms_clock_sleep_us(DOOMED_POLL_US);
    }
}

gboolean
vms_power_check_off(VmsEngine *engine, const char *uuid, GError **error)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    gboolean off = FALSE;

    if (!is_off(engine, uuid, &off, &state, error))
        return FALSE;
    return off || refuse_started(error);
}
