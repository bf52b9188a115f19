/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* Changes of names and of owners, durable when they return. See port/volume.h. */

gboolean vms_exchange_files(const char *a, const char *b, GError **error);
gboolean vms_exchange_rename(const char *from, const char *to, GError **error);
gboolean vms_exchange_remove(const char *path, GError **error);
gboolean vms_exchange_remove_folder(const char *path, GError **error);
gboolean vms_exchange_adopt(const char *path, const VmsFileId *like, GError **error);
