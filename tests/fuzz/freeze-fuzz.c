/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/agent.h"
#include "adapter/qga/message.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/hold.h"
#include "engine/window.h"
#include "plan/consistency.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The whole freeze window over an agent that does what the input says: answers, answers late, loses
 * answers, says anything. However it behaves, at the end the guest is thawed, or the error says
 * that it may be frozen and the guard was left to its work; and nothing passes for frozen that was
 * not.
 *
 * Time is a number here, and so are lease and guard: this file stands in for base/clock.c and
 * engine/hold.c. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UUID "3c1f6f2e-0000-4000-8000-000000000001"

typedef struct {
    const uint8_t *data;
    size_t size;
    gint64 now_us;
    /* the guest */
    int frozen;       /* file systems */
    gboolean pending; /* a freeze waits in the channel */
    gboolean gone;    /* another instance runs, or none */
    gboolean paused;
    gboolean lied; /* said something that counts and is not so */
    gboolean cut_frozen;
    /* what became of the holding */
    gboolean held;
    gboolean settled;
    gboolean abandoned;
} World;

static World world;

/* ---- input ---- */

static guint
take(void)
{
    if (world.size == 0)
        return 0;
    world.size--;
    return *world.data++;
}

static char *
take_text(void)
{
    size_t wanted = (size_t)take() * 2;
    size_t count = MIN(wanted, world.size);
    char *text = g_strndup((const char *)world.data, count);

    world.data += count;
    world.size -= count;
    return text;
}

/* ---- in place of base/clock.c ---- */

gint64
vms_clock_monotonic_us(void)
{
    return world.now_us += 10;
}

gint64
vms_clock_realtime_us(void)
{
    return world.now_us;
}

gint64
vms_clock_boottime_us(void)
{
    return world.now_us;
}

void
vms_clock_sleep_us(gint64 us)
{
    world.now_us += MAX(us, 0);
}

char *
vms_clock_boot_id(void)
{
    return g_strdup("");
}

/* ---- in place of engine/hold.c ---- */

struct VmsHolding {
    gint64 deadline_us;
};

gboolean
vms_holding_check_settled(const VmsEngine *engine, const char *vm_uuid, GError **error)
{
    (void)engine;
    (void)vm_uuid;
    (void)error;
    return TRUE;
}

gboolean
vms_holding_take(VmsEngine *engine, const VmsHoldRequest *request, VmsEvidence *evidence,
                 VmsHolding **ret_holding, GError **error)
{
    (void)engine;
    if (take() % 16 == 1)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoGuard", "made to fail");
    *ret_holding = g_new0(VmsHolding, 1);
    (*ret_holding)->deadline_us = world.now_us + request->last_us;
    evidence->guard = VMS_GUARD_PROCESS;
    world.held = TRUE;
    return TRUE;
}

gboolean
vms_holding_is_guarded(const VmsHolding *holding)
{
    (void)holding;
    return take() % 16 != 1;
}

gint64
vms_holding_get_deadline(const VmsHolding *holding)
{
    return holding->deadline_us;
}

void
vms_holding_narrow_to_job(VmsHolding *holding)
{
    (void)holding;
}

gboolean
vms_holding_end_job(VmsHolding *holding, GError **error)
{
    (void)holding;
    (void)error;
    return TRUE;
}

gboolean
vms_holding_settle(VmsHolding *holding, GError **error)
{
    (void)error;
    world.settled = TRUE;
    g_free(holding);
    return TRUE;
}

void
vms_holding_abandon(VmsHolding *holding)
{
    world.abandoned = TRUE;
    g_free(holding);
}

/* ---- the machine ---- */

static gboolean
read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
           VmsInstance *ret_instance, GError **error)
{
    (void)hv;
    (void)uuid;
    if (take() % 32 == 1)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "made to fail");
    *ret_state = world.paused ? VMSNAP_VM_PAUSED : VMSNAP_VM_RUNNING;
    *ret_instance = (VmsInstance){ .domain_id = world.gone ? 8 : 7, .process = { 4711, 1 } };
    return TRUE;
}

/* Asked for when another instance runs: how it came to be. */
static gboolean
find_vm(VmsHypervisor *hv, const char *name, gboolean secrets, VmsVm **ret_vm, GError **error)
{
    static const char *const reasons[] = { "booted", "restored", "migrated", "unknown" };
    VmsVm *vm;

    (void)hv;
    (void)secrets;
    if (take() % 16 == 1)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "made to fail");
    vm = vms_vm_new(name, "web");
    vm->state = world.paused ? VMSNAP_VM_PAUSED : VMSNAP_VM_RUNNING;
    vm->domain_id = world.gone ? 8 : 7;
    g_free(vm->state_reason);
    vm->state_reason = g_strdup(reasons[take() % G_N_ELEMENTS(reasons)]);
    *ret_vm = vm;
    return TRUE;
}

static gboolean
suspend(VmsHypervisor *hv, const char *uuid, GError **error)
{
    (void)hv;
    (void)uuid;
    if (take() % 16 == 1)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "made to fail");
    world.paused = TRUE;
    return TRUE;
}

static gboolean
resume(VmsHypervisor *hv, const char *uuid, GError **error)
{
    (void)hv;
    (void)uuid;
    if (take() % 16 == 1)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "made to fail");
    world.paused = FALSE;
    return TRUE;
}

/* ---- the agent ---- */

static int
freeze_all(void)
{
    int count = world.frozen ? 0 : 2;

    world.frozen = 2;
    world.pending = FALSE;
    return count;
}

/* A freeze that waits comes first, whatever is asked. */
static char *
execute(const char *request)
{
    int count;

    if (world.pending)
        freeze_all();
    if (strstr(request, "guest-fsfreeze-freeze"))
        return g_strdup_printf("{\"return\": %d}", freeze_all());
    if (strstr(request, "guest-fsfreeze-thaw")) {
        count = world.frozen;
        world.frozen = 0;
        return g_strdup_printf("{\"return\": %d}", count);
    }
    if (strstr(request, "guest-fsfreeze-status"))
        return g_strdup_printf("{\"return\": \"%s\"}", world.frozen ? "frozen" : "thawed");
    if (strstr(request, "guest-info"))
        return g_strdup("{\"return\": {\"version\": \"7\", \"supported_commands\": ["
                        "{\"name\": \"guest-fsfreeze-freeze\", \"enabled\": true},"
                        "{\"name\": \"guest-fsfreeze-thaw\", \"enabled\": true},"
                        "{\"name\": \"guest-fsfreeze-status\", \"enabled\": true},"
                        "{\"name\": \"guest-get-fsinfo\", \"enabled\": true}]}}");
    if (strstr(request, "guest-get-osinfo"))
        return g_strdup_printf("{\"return\": {\"id\": \"%s\"}}",
                               take() % 4 == 1 ? "mswindows" : "debian");
    if (strstr(request, "guest-get-fsinfo"))
        return g_strdup("{\"return\": [{\"name\": \"vda1\", \"mountpoint\": \"/\", \"type\": "
                        "\"ext4\", \"disk\": []}, {\"name\": \"vda2\", \"mountpoint\": \"/home\", "
                        "\"type\": \"xfs\", \"disk\": []}]}");
    return g_strdup("{\"return\": {}}");
}

/* What the input says may be a lie, which nobody can find out. */
static void
note_lie(const char *request, const char *reply)
{
    int count = 0;
    gboolean frozen = FALSE;

    if (strstr(request, "guest-fsfreeze-status"))
        world.lied |= !!vms_qga_parse_status(reply, &frozen, NULL);
    else if (strstr(request, "guest-fsfreeze-freeze") || strstr(request, "guest-fsfreeze-thaw"))
        world.lied |= !!vms_qga_parse_count(reply, &count, NULL);
    else if (strstr(request, "guest-get-fsinfo") || strstr(request, "guest-info"))
        world.lied |= strstr(reply, "return") != NULL;
    /* "I am frozen already" is believed: who says so is not thawed by us */
    world.lied |= strstr(reply, "frozen state") != NULL;
}

/* It is not heard of within the limit; the freeze may be done all the same, or later. */
static gboolean
stay_silent(const char *request, guint limit_ms, guint how, GError **error)
{
    g_autofree char *unheard = NULL;

    if (how == 1)
        unheard = execute(request);
    else if (how == 2 && strstr(request, "guest-fsfreeze-freeze"))
        world.pending = TRUE;
    world.now_us += (gint64)limit_ms * 1000;
    return vms_fail(error, VMSNAP_E_TIMEOUT, "no answer");
}

static gboolean
call(VmsChannel *channel, const char *request, guint limit_ms, char **ret_reply, GError **error)
{
    guint how = take() % 16;
    g_autofree char *unheard = NULL;

    (void)channel;
    world.now_us += (gint64)(take() % 8) * 50000;
    if (world.gone || world.paused)
        return vms_refuse(error, VMSNAP_E_AGENT, "AgentNotReady", "not running");
    switch (how) {
    case 1:
    case 2:
    case 3:
        return stay_silent(request, limit_ms, how, error);
    case 4:
        unheard = execute(request);
        G_GNUC_FALLTHROUGH;
    case 5:
        *ret_reply = take_text();
        note_lie(request, *ret_reply);
        return TRUE;
    case 6:
        *ret_reply = g_strdup("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}");
        return TRUE;
    case 7:
        unheard = execute(request);
        G_GNUC_FALLTHROUGH;
    case 8:
        return vms_refuse(error, VMSNAP_E_AGENT, "AgentNotReady", "hung up");
    case 9:
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "lost");
    case 10:
        world.gone = TRUE;
        world.frozen = 0;
        world.pending = FALSE;
        return vms_fail(error, VMSNAP_E_TIMEOUT, "no answer");
    default:
        *ret_reply = execute(request);
        return TRUE;
    }
}

static void
free_channel(VmsChannel *channel)
{
    (void)channel;
}

static VmsAgent *
open_agent(VmsHypervisor *hv, const char *vm_uuid, const char *socket)
{
    static const VmsChannelOps ops = { .call = call, .free = free_channel };
    static VmsChannel channel = { .ops = &ops };

    (void)hv;
    (void)vm_uuid;
    (void)socket;
    return vms_qga_new(&channel);
}

/* ---- the window ---- */

static gboolean
cut(void *data, GError **error)
{
    (void)data;
    world.cut_frozen = world.frozen > 0;
    world.now_us += (gint64)(take() % 16) * 1000000;
    return take() % 8 != 1 || vms_fail(error, VMSNAP_E_NO_SPACE, "made to fail");
}

static VmsVm *
make_vm(void)
{
    VmsVm *vm = vms_vm_new(UUID, "web");

    vm->state = VMSNAP_VM_RUNNING;
    vm->domain_id = 7;
    vm->has_agent_channel = TRUE;
    vm->agent_connected = TRUE;
    return vm;
}

static void
must(gboolean good)
{
    if (!good)
        __builtin_trap();
}

static void
check_grade(const VmsEvidence *evidence)
{
    g_autoptr(VmsVerdict) verdict = NULL;

    g_ptr_array_add(evidence->disks, vms_disk_facts_new("vda", 1, FALSE));
    verdict = vms_consistency_judge(evidence);
    must(verdict->grade != VMSNAP_GRADE_FROZEN || world.cut_frozen || world.lied);
}

/* Thawed, or told and left to the guard. */
static void
check_end(gboolean done, const GError *error)
{
    gboolean unsure = !done && vms_error_get_frozen(error) != VMSNAP_FROZEN_NO;

    must(done || error);
    must(!world.held || world.settled != world.abandoned);
    must(!unsure || world.abandoned);
    must(!world.paused || world.abandoned);
    if (!world.lied)
        must((!world.frozen && !world.pending) || (unsure && world.abandoned));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const VmsHypervisorOps ops = {
        .find_vm = find_vm, .read_state = read_state, .suspend = suspend, .resume = resume
    };
    VmsHypervisor hv = { .ops = &ops };
    VmsDrivers drivers = { .hypervisor = &hv, .urgent = &hv, .open_agent = open_agent };
    VmsEngine engine = { .drivers = &drivers,
                         .state_dir = (char *)"/nonexistent",
                         .boot_id = (char *)"" };
    VmsWindow window = { .operation_uuid = UUID, .cut = cut };
    g_autoptr(VmsEvidence) evidence = vms_evidence_new();
    g_autoptr(VmsVm) vm = make_vm();
    g_autoptr(VmsWatch) watch = NULL;
    g_autoptr(GError) error = NULL;
    gboolean done;

    world = (World){ .data = data, .size = size, .now_us = 1000000 };
    window.vm = vm;
    window.policy = (vmsnap_consistency_policy)(take() % 3);
    window.suspend = take() % 2 != 0;
    window.freeze_call_ms = take() * 40;
    window.freeze_budget_ms = take() * 40;
    done = vms_window_run(&engine, &window, evidence, &watch, &error);
    check_end(done, error);
    if (done)
        check_grade(evidence);
    return 0;
}
