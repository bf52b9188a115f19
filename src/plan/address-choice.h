/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/network.h"
#include "model/vm.h"

#include <glib.h>

#include <vmsnap/snapshot.h>

/* Which addresses of a VM a snapshot notes. Pure. */

typedef struct {
    const VmsVm *vm;
    const GPtrArray *networks; /* VmsNetwork*, those its NICs are on */
    const GPtrArray *told;     /* VmsAddress* of its agent; NULL: not asked */
    vmsnap_keep_ip keep_ip;
    gint64 now_us; /* since the epoch */
} VmsAddressInput;

/* VmsAddress*. Of a NIC on a network: its host entries, else the lease it holds, which is to become
 * one, unless dynamic addresses are not kept; and whatever else the guest says that it has. */
GPtrArray *vms_address_choose(const VmsAddressInput *input);
/* TRUE if the networks leave an address of some NIC unknown, that its agent may know. */
gboolean vms_address_asks_agent(const VmsAddressInput *input);
