/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/cidata.h"

/* Media of ISO 9660 by xorriso, of FAT by mtools. Has no state: any thread. */
VmsCidata *vms_media_cidata_new(void);
