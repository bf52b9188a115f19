/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Files of an ext2, ext3 or ext4 file system by libext2fs: nothing is mounted or written, no
 * journal replayed. Not in the library: libext2fs was not made for file systems that somebody wrote
 * to do harm, so this runs in a process that has nothing to lose (src/look). One thread. */

typedef struct {
    /* Of the file system; FALSE beyond its end. */
    gboolean (*read)(gconstpointer data, guint64 offset, void *buffer, gsize size);
    gconstpointer data;
} VmsExtfsSource;

/* Add what says who the machine is (VmsLeftover*) to @leftovers, up to VMS_LEFTOVERS_MAX. What
 * cannot be read is passed over: FALSE when it is no such file system, or a broken one. */
gboolean vms_extfs_look(const VmsExtfsSource *source, guint partition, const char *const *macs,
                        GPtrArray *leftovers);
