/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* One step of a plan, and of the operation that runs it. */
typedef struct {
    char *name; /* "prepare-disk vda" */
    gboolean reversible;
} VmsStep;

VmsStep *vms_step_new(const char *name, gboolean reversible);
void vms_step_free(VmsStep *step);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsStep, vms_step_free)
