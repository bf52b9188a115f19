/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>

/* rewrite() of port/volume.h. Of what is written nothing can be taken back here: the caller has the
 * old contents. A process that dies in it leaves some pieces of either. */
gboolean vms_rewrite_device(const char *path, const char *source, const char *other,
                            VmsProgress *progress, GError **error);
