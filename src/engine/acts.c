/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/acts.h"

#include "base/error.h"

void
vms_acts_init(VmsActs *acts, VmsLog *log, const char *who)
{
    *acts = (VmsActs){ .log = log, .who = who };
    acts->list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_recovery_act_free);
}

void
vms_acts_clear(VmsActs *acts)
{
    g_clear_pointer(&acts->list, g_ptr_array_unref);
    g_clear_error(&acts->first);
}

void
vms_acts_tell(VmsActs *acts, const char *object, const char *act, const char *message)
{
    g_ptr_array_add(acts->list, vms_recovery_act_new(object, act, message));
    vms_log(acts->log, VMSNAP_LOG_INFO, "%s: %s: %s: %s", acts->who, object, act, message);
}

void
vms_acts_tell_failed(VmsActs *acts, const char *object, GError *why)
{
    vms_acts_tell(acts, object, "failed", why->message);
    if (acts->failed++ == 0)
        acts->first = why;
    else
        g_error_free(why);
}

void
vms_acts_tell_left(VmsActs *acts, const char *object, GError *why)
{
    int code = vms_error_get_code(why);

    if (code != VMSNAP_E_IN_USE && code != VMSNAP_E_BUSY) {
        vms_acts_tell_failed(acts, object, why);
        return;
    }
    vms_acts_tell(acts, object, "skipped", why->message);
    g_error_free(why);
}

gboolean
vms_acts_end(VmsActs *acts, const char *what, GPtrArray **ret_list, GError **error)
{
    *ret_list = g_steal_pointer(&acts->list);
    if (acts->failed > 0)
        g_propagate_prefixed_error(error, g_steal_pointer(&acts->first), "%u of %s: ", acts->failed,
                                   what);
    return acts->failed == 0;
}
