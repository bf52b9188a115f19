/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "api/handle.h"
#include "engine/engine.h"
#include "plan/plan.h"

/* A plan, which holds what is needed to run it: the same request again. */
struct vmsnap_plan {
    VmsHandle handle;
    VmsPlan *plan;
    char *json;
};

/* Takes @plan. */
vmsnap_plan *vms_plan_handle_new(vmsnap_context *context, VmsPlan *plan);
/* INVALID unless @plan is of an operation of this @type, and @mode one to run it in. */
gboolean vms_plan_check_start(const VmsPlan *plan, const char *type, uint32_t mode, GError **error);
