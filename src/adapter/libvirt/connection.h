/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/sigpipe.h"
#include "base/log.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* One connection to libvirt that outlives its daemon: when it has died, the next call opens it
 * anew. It never asks for a password, prints nothing once it is open, and registers no event
 * loop: that is the host process's. All functions may be called from any thread. */

typedef struct VmsConnection VmsConnection;

/* @uri NULL: libvirt's own default. */
VmsConnection *vms_connection_new(const char *uri, gboolean read_only, const VmsLog *log,
                                  GError **error);
/* NULL is allowed. In a forked child it only forgets. */
void vms_connection_free(VmsConnection *connection);

/* What every libvirt call is made within: SIGPIPE blocked on this thread, a living connection
 * held. */
typedef struct {
    VmsConnection *connection;
    virConnectPtr conn;
    VmsSigpipe sigpipe;
} VmsCall;

#define VMS_CALL_NONE                                                                              \
    {                                                                                              \
        .connection = NULL                                                                         \
    }

/* Fails when the daemon cannot be reached. The libvirt error of a failing call must be read
 * before the call is cleared. */
gboolean vms_call_begin(VmsCall *call, VmsConnection *connection, GError **error);
void vms_call_clear(VmsCall *call);

/* The domain, without a question to libvirt if it is the one found last: between freeze and thaw
 * every round trip counts. Its name and id may be old; NULL with libvirt's error if it is gone.
 * Release with virDomainFree() before the call is cleared. */
virDomainPtr vms_call_recall_domain(VmsCall *call, const char *uuid);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsConnection, vms_connection_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsCall, vms_call_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
