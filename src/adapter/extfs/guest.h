/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/guest.h"

/* By a program of ours (src/look), which has libext2fs; the library has not. No state: any thread.
 */
VmsGuestDisk *vms_extfs_guest_new(void);
