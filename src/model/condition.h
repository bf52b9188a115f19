/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* {type, status, reason, message, since}, after the conditions of Kubernetes objects. */

typedef enum {
    VMS_CONDITION_FALSE = 0,
    VMS_CONDITION_TRUE,
    VMS_CONDITION_UNKNOWN
} VmsConditionStatus;

typedef struct {
    char *type;
    VmsConditionStatus status;
    char *reason;
    char *message;
    gint64 since_us;
} VmsCondition;

VmsCondition *vms_condition_new(const char *type, VmsConditionStatus status, const char *reason,
                                const char *message, gint64 since_us);
void vms_condition_free(VmsCondition *condition);
/* Set in @conditions (VmsCondition*), replacing one of the same type. Takes @condition. */
void vms_conditions_set(GPtrArray *conditions, VmsCondition *condition);
const char *vms_condition_status_name(VmsConditionStatus status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCondition, vms_condition_free)
