/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/step.h"

VmsStep *
vms_step_new(const char *name, gboolean reversible)
{
    VmsStep *step = g_new0(VmsStep, 1);

    step->name = g_strdup(name);
    step->reversible = reversible;
    return step;
}

void
vms_step_free(VmsStep *step)
{
    if (!step)
        return;
    g_free(step->name);
    g_free(step);
}
