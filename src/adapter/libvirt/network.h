/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/hypervisor.h"
#include "port/network.h"

/* The networks of @hv, which must be libvirt's and live longer. */
VmsNetworks *vms_libvirt_networks_new(VmsHypervisor *hv);
