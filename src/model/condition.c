/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/condition.h"

VmsCondition *
vms_condition_new(const char *type, VmsConditionStatus status, const char *reason,
                  const char *message, gint64 since_us)
{
    VmsCondition *condition = g_new0(VmsCondition, 1);

    condition->type = g_strdup(type);
    condition->status = status;
    condition->reason = g_strdup(reason);
    condition->message = g_strdup(message);
    condition->since_us = since_us;
    return condition;
}

void
vms_condition_free(VmsCondition *condition)
{
    if (!condition)
        return;
    g_free(condition->type);
    g_free(condition->reason);
    g_free(condition->message);
    g_free(condition);
}

void
vms_conditions_set(GPtrArray *conditions, VmsCondition *condition)
{
    for (guint i = 0; i < conditions->len; i++) {
        VmsCondition *old = conditions->pdata[i];

        if (g_strcmp0(old->type, condition->type) == 0) {
            conditions->pdata[i] = condition;
            vms_condition_free(old);
            return;
        }
    }
    g_ptr_array_add(conditions, condition);
}

const char *
vms_condition_status_name(VmsConditionStatus status)
{
    switch (status) {
    case VMS_CONDITION_FALSE:
        return "False";
    case VMS_CONDITION_TRUE:
        return "True";
    case VMS_CONDITION_UNKNOWN:
        break;
    }
    return "Unknown";
}
