/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Where systemd's manager listens for root. */
#define VMS_SCOPE_ADDRESS "unix:path=/run/systemd/private"

/* Ask systemd for a scope of our own, so that stopping the owner's service does not stop us. For
 * root under systemd only. Best effort: FALSE means that we stay where we are, which the owner sees
 * for himself. */
gboolean vms_scope_enter(const char *address);
