/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdatomic.h>

/* A reference count that thread checkers can see. Embed as a field, start with VMS_REF_INIT. */
typedef struct {
    atomic_int count;
} VmsRef;

#define VMS_REF_INIT                                                                               \
    {                                                                                              \
        1                                                                                          \
    }

static inline void
vms_ref_init(VmsRef *ref)
{
    atomic_init(&ref->count, 1);
}

static inline void
vms_ref_take(VmsRef *ref)
{
    atomic_fetch_add_explicit(&ref->count, 1, memory_order_relaxed);
}

/* 1 when that was the last one and the object must be freed. */
static inline int
vms_ref_drop(VmsRef *ref)
{
    return atomic_fetch_sub_explicit(&ref->count, 1, memory_order_acq_rel) == 1;
}
