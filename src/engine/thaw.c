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
vms_thaw_once(const VmsThaw *thaw, int *ret_count, GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + (gint64)thaw->bound_ms * 1000;

    *ret_count = 0;
    return try_once(thaw->agent, until_us, thaw->sent, ret_count, error);
}

static gboolean
is_gone(const VmsThaw *thaw)
{
    return thaw->is_gone && thaw->is_gone(thaw->data);
}

/* How many tries in a row confirmed it; one that still had to thaw begins anew. */
static guint
quiet_after(guint quiet, const GError *failed, gboolean thawed)
{
    if (failed)
        return 0;
    return thawed ? 1 : quiet + 1;
}

gboolean
vms_thaw_run(const VmsThaw *thaw, int *ret_count, GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + (gint64)thaw->bound_ms * 1000;
    g_autoptr(GError) last = NULL;
    guint wanted = thaw->late ? QUIET_ROUNDS : 1;
    guint pause_ms = FIRST_PAUSE_MS;
    gboolean sent = thaw->sent;
    guint quiet = 0;
    int total = 0;

    for (;;) {
        int before = total;

        g_clear_error(&last);
        try_once(thaw->agent, until_us, sent, &total, &last);
        quiet = quiet_after(quiet, last, total > before);
        sent = TRUE;
        if (quiet >= wanted || (last && is_gone(thaw)))
            break;
        if (last && vms_clock_monotonic_us() >= until_us) {
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

gboolean
vms_thaw_until_confirmed(VmsAgent *agent, guint bound_ms, gboolean late, int *ret_count,
                         GError **error)
{
    const VmsThaw thaw = { .agent = agent, .bound_ms = bound_ms, .late = late };

    return vms_thaw_run(&thaw, ret_count, error);
}
