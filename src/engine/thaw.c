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

static gboolean
is_thawed(VmsAgent *agent, gint64 until_us, GError **error)
{
    gboolean frozen = TRUE;

    if (!vms_agent_is_frozen(agent, call_limit(until_us), &frozen, error))
        return FALSE;
    return !frozen ||
           vms_refuse(error, VMSNAP_E_AGENT, "MaybeFrozen", "the guest still calls itself frozen");
}

/* One thaw, then the question. A thaw runs the guest's hooks, which take time: a second one is sent
 * only if it is needed. */
static gboolean
try_once(VmsAgent *agent, gint64 until_us, gboolean ask_first, int *total, GError **error)
{
    g_autoptr(GError) refused = NULL;
    int count = 0;

    if (ask_first && is_thawed(agent, until_us, &refused))
        return TRUE;
    if (refused && vms_error_get_code(refused) == VMSNAP_E_TIMEOUT) {
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
    }
    if (!vms_agent_thaw(agent, call_limit(until_us), &count, error))
        return FALSE;
    *total += count;
    return is_thawed(agent, until_us, error);
}

gboolean
vms_thaw_once(VmsAgent *agent, guint bound_ms, gboolean ask_first, int *ret_count, GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + (gint64)bound_ms * 1000;

    *ret_count = 0;
    return try_once(agent, until_us, ask_first, ret_count, error);
}

gboolean
vms_thaw_until_confirmed(VmsAgent *agent, guint bound_ms, gboolean late, int *ret_count,
                         GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + (gint64)bound_ms * 1000;
    g_autoptr(GError) last = NULL;
    guint wanted = late ? QUIET_ROUNDS : 1;
    guint pause_ms = FIRST_PAUSE_MS;
    gboolean tried = FALSE;
    guint quiet = 0;
    int total = 0;

    for (;;) {
        int before = total;

        g_clear_error(&last);
        if (!try_once(agent, until_us, tried, &total, &last))
            quiet = 0;
        else
            quiet = total > before ? 1 : quiet + 1;
        tried = TRUE;
        if (quiet >= wanted)
            break;
        if (vms_clock_monotonic_us() >= until_us && last) {
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
