/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>
#include <libnbd.h>

/* One connection to an export, spoken to without ever blocking for long: libnbd's synchronous
 * calls have neither limit nor cancellation. */

typedef struct nbd_handle VmsNbd;

/* Connected, with the base:allocation context if the server has it. */
VmsNbd *vms_link_open(const char *socket, const char *name, VmsProgress *progress, GError **error);
void vms_link_close(VmsNbd *nbd);

/* Let the connection work for a moment. FALSE when it is dead. */
gboolean vms_link_turn(VmsNbd *nbd, GError **error);

/* Fail with what libnbd says. */
gboolean vms_link_fail(GError **error, const char *what);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNbd, vms_link_close)
