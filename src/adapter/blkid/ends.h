/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/blkid/media.h"

/* See port/media.h, same_ends(). */
gboolean vms_ends_compare(const VmsMediaReader *reader, const VmsImage *image, const VmsImage *copy,
                          gboolean *ret_same, GError **error);
