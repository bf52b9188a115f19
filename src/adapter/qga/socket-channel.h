/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/channel.h"

#include <glib.h>

/* The guest agent behind a UNIX socket of its own, on which QEMU listens: no other program is in
 * between. Such a socket serves one client at a time; others wait.
 *
 * Connected by the first call and kept until the channel is freed. Before its first command, and
 * whenever the stream may hold something else than the next reply (a call timed out, a reply was
 * damaged, bytes came unasked), the two ends are brought into step: 0xFF, which ends what the agent
 * may have read in part, and guest-sync-delimited with a random number. What comes before its
 * answer is the late reply of an earlier call and is dropped.
 *
 * A reply is one line of at most VMS_QGA_REPLY_BYTES without a NUL; one that is not is AGENT with
 * reason BadReply and ends the connection. */

#define VMS_QGA_REPLY_BYTES ((gsize)1024 * 1024)

/* @peer_uid: see vms_socket_link_open(). */
VmsChannel *vms_qga_socket_channel_new(const char *path, gint64 peer_uid);
