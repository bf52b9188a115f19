/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/thaw.h"

#include "base/clock.h"
#include "base/error.h"

enum {
    CALL_MS = 3000,     /* longest wait for one answer */
    MIN_CALL_MS = 1000, /* hypervisors count in seconds */
    FIRST_PAUSE_MS = 20,
    LAST_PAUSE_MS = 500,
    QUIET_PAUSE_MS = 60,
    QUIET_ROUNDS = 3
};

static guint
call_limit(gint64 until_us)
{
    gint64 left_ms = (until_us - vms_clock_monotonic_us()) / 1000;

    return (guint)CLAMP(left_ms, MIN_CALL_MS, CALL_MS);
}

/* One thaw, then the question; TRUE only if the answer is thawed. */
static gboolean
try_once(VmsAgent *agent, gint64 until_us, int *total, GError **error)
{
    gboolean frozen = TRUE;
    int count = 0;

    if (!vms_agent_thaw(agent, call_limit(until_us), &count, error))
        return FALSE;
    *total += count;
    if (!vms_agent_is_frozen(agent, call_limit(until_us), &frozen, error))
        return FALSE;
    return !frozen;
}

/* TRUE when the time is up; then @last tells why the guest does not count as thawed. */
static gboolean
is_over(gint64 until_us, GError **last)
{
    if (vms_clock_monotonic_us() < until_us)
        return FALSE;
    if (!*last)
        vms_refuse(last, VMSNAP_E_AGENT, "MaybeFrozen", "the guest still calls itself frozen");
    return TRUE;
}

gboolean
vms_thaw_until_confirmed(VmsAgent *agent, guint bound_ms, gboolean late, int *ret_count,
                         GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + (gint64)bound_ms * 1000;
    g_autoptr(GError) last = NULL;
    guint wanted = late ? QUIET_ROUNDS : 1;
    guint pause_ms = FIRST_PAUSE_MS;
    guint quiet = 0;
    int total = 0;

    for (;;) {
        int before = total;

        g_clear_error(&last);
        if (!try_once(agent, until_us, &total, &last))
            quiet = 0;
        else
            quiet = total > before ? 1 : quiet + 1;
        if (quiet >= wanted)
            break;
        if (is_over(until_us, &last)) {
            g_propagate_error(error, g_steal_pointer(&last));
            return FALSE;
        }
        vms_clock_sleep_us((gint64)(quiet ? QUIET_PAUSE_MS : pause_ms) * 1000);
        pause_ms = MIN(pause_ms * 2, LAST_PAUSE_MS);
    }
    if (ret_count)
        *ret_count = total;
    return TRUE;
}
