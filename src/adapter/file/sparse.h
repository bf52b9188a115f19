/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>

/* Called with each piece of a file in order; @data NULL stands for @size bytes of a hole. */
typedef gboolean (*VmsSparseVisit)(gpointer closure, guint64 offset, const guint8 *data, gsize size,
                                   GError **error);

/* Walk @size bytes of @fd, holes unread. @progress grows by @size in all. */
gboolean vms_sparse_walk(int fd, guint64 size, VmsSparseVisit visit, gpointer closure,
                         VmsProgress *progress, GError **error);

/* Size of what is behind @fd, a regular file or a block device. */
gboolean vms_sparse_size(int fd, guint64 *ret_size, GError **error);
