/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>

/* sha256 of a file's whole contents, lower-case hexadecimal; holes count as zeros. */
gboolean vms_digest_file(const char *path, VmsProgress *progress, char **ret_sha256,
                         GError **error);
