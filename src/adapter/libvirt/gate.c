/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/gate.h"

#include "base/clock.h"

#include <time.h>

void
vms_gate_init(VmsGate *gate, guint places)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&gate->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->freed, &attributes);
    pthread_condattr_destroy(&attributes);
    gate->free = places;
}

void
vms_gate_destroy(VmsGate *gate)
{
    pthread_cond_destroy(&gate->freed);
    pthread_mutex_destroy(&gate->lock);
}

gboolean
vms_gate_enter(VmsGate *gate, guint limit_ms, guint *ret_left_ms)
{
    const gint64 end = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;
    const struct timespec until = { .tv_sec = end / G_USEC_PER_SEC,
                                    .tv_nsec = (end % G_USEC_PER_SEC) * 1000 };
    gboolean entered;
    gint64 left;

    pthread_mutex_lock(&gate->lock);
    while (gate->free == 0)
        if (pthread_cond_timedwait(&gate->freed, &gate->lock, &until) != 0)
            break;
    entered = gate->free > 0;
    if (entered)
        gate->free--;
    pthread_mutex_unlock(&gate->lock);
    left = end - vms_clock_monotonic_us();
    if (entered)
        *ret_left_ms = left > 0 ? (guint)(left / 1000) : 0;
    return entered;
}

void
vms_gate_leave(VmsGate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->free++;
    pthread_cond_signal(&gate->freed);
    pthread_mutex_unlock(&gate->lock);
}
