/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/volume.h"

/* What a folder offers to a source file; without side effect. */
gboolean vms_place_read(const char *source, const char *folder, VmsPlaceInfo *ret_info,
                        GError **error);
