/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/volume.h"

gboolean vms_transfer_open(const char *source, const char *target, VmsTransfer **ret_transfer,
                           GError **error);
