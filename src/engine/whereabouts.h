/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/hypervisor.h"

#include <glib.h>

/* Where the guest of an instance is now: what was frozen in it is frozen wherever it went on. */

typedef enum {
    VMS_GUEST_GONE, /* ended, and its freeze with it */
    VMS_GUEST_AWAY, /* saved to a file, or migrated: it may come back as it was */
    VMS_GUEST_HERE  /* runs or stands still; perhaps come back, as another instance */
} VmsWhereabouts;

/* FALSE with an error when the hypervisor cannot tell. @ret_state is set when it is HERE. */
gboolean vms_whereabouts_find(VmsHypervisor *hv, const char *uuid, const VmsInstance *was,
                              VmsWhereabouts *ret_where, vmsnap_vm_state *ret_state,
                              GError **error);
