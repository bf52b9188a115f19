/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* How a caller wants a VM restored. Zero is the default of each. */
typedef struct {
    guint flags; /* vmsnap_restore_flags */
    guint stop_timeout_ms;
    guint undo_ttl_s;
    guint wait_ready_ms;
} VmsRestoreRequest;
