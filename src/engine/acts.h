/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/log.h"
#include "model/operation.h"

#include <glib.h>

/* What a long walk over many things does to each: told one by one, also when some of it fails. */
typedef struct {
    VmsLog *log;     /* borrowed */
    const char *who; /* for the log */
    GPtrArray *list; /* VmsRecoveryAct* */
    GError *first;   /* of what failed */
    guint failed;
} VmsActs;

void vms_acts_init(VmsActs *acts, VmsLog *log, const char *who);
void vms_acts_clear(VmsActs *acts);
void vms_acts_tell(VmsActs *acts, const char *object, const char *act, const char *message);
/* What is used, or locked, is "skipped": it is left for the next time. All else has "failed". Takes
 * @why. */
void vms_acts_tell_left(VmsActs *acts, const char *object, GError *why);
/* "failed", whatever the reason. Takes @why. */
void vms_acts_tell_failed(VmsActs *acts, const char *object, GError *why);
/* Gives the list away; FALSE with the first reason when something failed, "@count of @what". */
gboolean vms_acts_end(VmsActs *acts, const char *what, GPtrArray **ret_list, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsActs, vms_acts_clear)
