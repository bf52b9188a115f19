/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* Whether an XFS was unmounted. Its superblock does not say so: only the log does, whose last
 * record is then an unmount record. Any bytes are fine. */

typedef struct {
    /* @offset from the start of the file system; FALSE beyond its end. */
    gboolean (*read)(gconstpointer data, guint64 offset, void *buffer, gsize size);
    gconstpointer data;
} VmsXfsSource;

/* CLEAN when the log ends in an unmount record: nothing was changed since. Otherwise UNKNOWN, never
 * worse: the log of a mounted XFS has records to replay also while it is frozen, so that it cannot
 * tell a freeze from a crash; nor can an external log be read, or one that was torn. @super is the
 * start of the file system. */
VmsFsClean vms_xfs_log_judge(const VmsXfsSource *source, const guint8 *super, gsize size);
