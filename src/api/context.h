/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "api/handle.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/freeze.h"
#include "engine/job.h"
#include "port/drivers.h"

#include <glib.h>
#include <pthread.h>

#include <vmsnap/context.h>

typedef enum { VMS_CONTEXT_OPEN = 0, VMS_CONTEXT_CLOSING, VMS_CONTEXT_CLOSED } VmsContextState;

/* Everything but what the lock guards is set before the handle is given out and only read then. */
struct vmsnap_context {
    VmsHandle handle;
    VmsLog log;
    VmsDrivers *drivers; /* freed when closed */
    VmsEngine engine;
    VmsJobPool *jobs;
    gboolean no_write;    /* the state folder may not be written by this user */
    gboolean no_records;  /* the catalog may not be read: what stands for it is empty */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    VmsContextState state;
    guint calls;       /* in flight, which use the drivers */
    GPtrArray *frozen; /* VmsFrozenVm*: what must be over when we close */
};

/* One call in flight: keeps the drivers from being closed under it. */
typedef struct {
    vmsnap_context *context;
} VmsCall;

/* Begin a call on @handle, which is of kind @magic: INVALID for NULL or a stranger, FORKED in the
 * child of a fork, CLOSED after vmsnap_context_close(). */
gboolean vms_call_enter(VmsCall *call, const void *handle, VmsMagic magic, GError **error);
void vms_call_leave(VmsCall *call);
/* The call reads or writes image files: they must be on this host. */
gboolean vms_call_need_local(const VmsCall *call, GError **error);
/* The call changes something: refused when read-only or remote; makes our folders. */
gboolean vms_call_need_write(const VmsCall *call, GError **error);
/* The call asks the hypervisor: UNSUPPORTED without one. */
gboolean vms_call_need_hypervisor(const VmsCall *call, GError **error);
/* The call reads records: PERMISSION where the catalog may not be read. */
gboolean vms_call_need_records(const VmsCall *call, GError **error);
/* End it, if it is not over before, when the context is closed. */
void vms_context_watch(vmsnap_context *context, VmsFrozenVm *frozen);
/* INVALID unless @given: for pointers that a caller must pass. */
gboolean vms_need(gboolean given, const char *what, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsCall, vms_call_leave)
