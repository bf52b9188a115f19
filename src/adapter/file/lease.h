/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

typedef enum { VMS_LEASE_FREE = 0, VMS_LEASE_WRITER, VMS_LEASE_UNKNOWN } VmsLeaseAnswer;

/* Ask the kernel whether anybody at all has the file open for writing, by a read lease that is
 * dropped at once. UNKNOWN where that cannot be asked: somebody else's file, no regular file, a
 * file system without leases. @fd must be open for reading only. */
VmsLeaseAnswer vms_lease_ask(int fd);
