/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Descriptors with open file description locks on them. Such a lock lives as long as any copy of
 * its descriptor, so a child that the host forked would keep it: the child's copies are closed in
 * the fork, and a lock is given up by name, not only by closing. The same is right for connections
 * whose peer must see that we died. */

typedef struct VmsLockFd VmsLockFd;

/* Remember what @open(@data) opens; no fork comes between the two. @open returns -1 on failure,
 * with the error set, and must not fork or come here again. NULL on failure. */
VmsLockFd *vms_lock_fd_open(int (*open)(gpointer data, GError **error), gpointer data,
                            GError **error);
/* -1 in the child of a fork. */
int vms_lock_fd_get(const VmsLockFd *lock_fd);
/* The descriptor, now the caller's to close; from here on children of a fork keep copies. Frees
 * @lock_fd. */
int vms_lock_fd_release(VmsLockFd *lock_fd);
/* Unlock, close, forget; in the child of a fork only forget. NULL is allowed. */
void vms_lock_fd_free(VmsLockFd *lock_fd);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsLockFd, vms_lock_fd_free)
