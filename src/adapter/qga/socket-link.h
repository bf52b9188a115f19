/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A connected UNIX socket with a deadline on everything: no call sends SIGPIPE, none blocks beyond
 * @until_us (CLOCK_MONOTONIC). Children of a fork keep no copy of it.
 *
 * Errors: TIMEOUT; AGENT with reason AgentNotReady when nobody listens, the peer is nobody to be
 * trusted, or the connection broke. After any failure but TIMEOUT it is of no use any more. */

typedef struct VmsSocketLink VmsSocketLink;

/* @peer_uid may serve the socket, besides root and ourselves; -1: nobody else. What is known of the
 * peer is who made the socket listen: that may be the daemon that started QEMU. */
VmsSocketLink *vms_socket_link_open(const char *path, gint64 peer_uid, gint64 until_us,
                                    GError **error);
/* Ends the connection for whoever else has the descriptor too. NULL is allowed. */
void vms_socket_link_free(VmsSocketLink *link);
/* -1 in the child of a fork. */
int vms_socket_link_get_fd(const VmsSocketLink *link);

gboolean vms_socket_link_send(VmsSocketLink *link, const void *data, gsize size, gint64 until_us,
                              GError **error);
/* What has come, at least one byte. */
gboolean vms_socket_link_receive(VmsSocketLink *link, void *buffer, gsize size, gint64 until_us,
                                 gsize *ret_size, GError **error);
/* TRUE if nothing waits to be read and the peer is there: what comes next is new. */
gboolean vms_socket_link_is_quiet(const VmsSocketLink *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsSocketLink, vms_socket_link_free)
