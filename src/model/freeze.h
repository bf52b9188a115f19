/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"

#include <glib.h>

/* A freeze that was asked for by itself, by somebody who cuts with means of his own: what is
 * known of it while it lasts, and what it proved once it is over. */

typedef struct {
    char *uuid; /* of the operation */
    char *vm_uuid;
    char *vm_name;
    gboolean detached; /* the guard owns it */
    guint hold_ms;     /* how long it may last, from the agent's answer */
    GPtrArray *disks;  /* char*: targets it is to be good for */
    VmsEvidence *evidence;
    gint64 frozen_us; /* since the epoch; 0: not yet */
    gint64 thawed_us; /* when the thaw was sent; 0: not yet, or not by us */
    gboolean ended;   /* over; the verdict below counts */
    gboolean proven;
    char *reason;  /* "ThawedEarly", …; NULL: proven, or not over */
    char *message; /* likewise */
} VmsFreeze;

VmsFreeze *vms_freeze_new(const char *uuid, const char *vm_uuid, const char *vm_name);
void vms_freeze_free(VmsFreeze *freeze);
/* It is over and was not held to its end. */
void vms_freeze_disprove(VmsFreeze *freeze, const char *reason, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsFreeze, vms_freeze_free)
