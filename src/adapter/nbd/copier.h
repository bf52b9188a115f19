/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/copier.h"

/* Copies NBD exports through libnbd. Has no state: any thread. @progress grows by the size of the
 * export in all, holes included. */
VmsCopier *vms_nbd_copier_new(void);
