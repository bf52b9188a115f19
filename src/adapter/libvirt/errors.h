/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* libvirt's errors in our words. All of these read the calling thread's last libvirt error, so
 * they come directly after the failing call: every other call resets it, even
 * virDomainGetName(). */

/* Fail with what libvirt said; @object (may be NULL) names whom it is about. Returns FALSE. */
gboolean vms_libvirt_fail(GError **error, const char *object);
/* The same about a domain whose name is not at hand. */
gboolean vms_libvirt_fail_domain(GError **error, virDomainPtr domain);
/* The same for a guest agent's command: what QEMU or the agent refuse is an AGENT error. */
gboolean vms_libvirt_fail_agent(GError **error, const char *object);
/* The same for opening a connection to @uri. */
gboolean vms_libvirt_fail_open(GError **error, const char *uri);

/* The last error's number; VIR_ERR_OK if there is none. */
int vms_libvirt_last_code(void);
/* TRUE when the last error says that this driver cannot do it at all. */
gboolean vms_libvirt_last_unsupported(void);

/* The mapping itself, for tests. */
int vms_libvirt_code_of(const virError *failure);
int vms_libvirt_agent_code_of(const virError *failure);
