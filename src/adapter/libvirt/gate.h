/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <pthread.h>

/* Lets at most so many callers through at a time. */
typedef struct {
    pthread_mutex_t lock; /* guards free */
    pthread_cond_t freed;
    guint free;
} VmsGate;

void vms_gate_init(VmsGate *gate, guint places);
void vms_gate_destroy(VmsGate *gate);
/* FALSE when no place became free in time. @ret_left_ms gets what is left of the limit. */
gboolean vms_gate_enter(VmsGate *gate, guint limit_ms, guint *ret_left_ms);
void vms_gate_leave(VmsGate *gate);
