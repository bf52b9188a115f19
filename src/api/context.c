/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/context.h"

#include "api/fail.h"
#include "api/paths.h"
#include "api/sized.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/agent-socket.h"
#include "engine/facts.h"
#include "engine/window-queue.h"
#include "model/name.h"
#include "wire/wire.h"

#include <string.h>

#define DEFAULT_JOBS 128
#define MOST_JOBS 4096
#define KNOWN_FLAGS (VMSNAP_CONTEXT_READ_ONLY | VMSNAP_CONTEXT_SELF_GUARD)

static gboolean
check_analysis(const vmsnap_context_options *options, GError **error)
{
    const char *const *uris = options->analysis_uris;

    if (uris && uris[0] && g_strcmp0(options->uri, "none") == 0)
        return vms_fail(error, VMSNAP_E_INVALID,
                        "connections for conflict analysis need one that is acted on");
    for (guint i = 0; uris && uris[i]; i++)
        if (!*uris[i] || strcmp(uris[i], "none") == 0)
            return vms_fail(error, VMSNAP_E_INVALID,
                            "\"%s\" is no connection for conflict analysis", uris[i]);
    return TRUE;
}

static gboolean
check_options(const vmsnap_context_options *options, GError **error)
{
    if ((options->flags & ~(guint)KNOWN_FLAGS) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    if (options->log_level > VMSNAP_LOG_DEBUG)
        return vms_fail(error, VMSNAP_E_INVALID, "log_level %u is not known", options->log_level);
    if (options->reserved0 != 0)
        return vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
    if (options->max_jobs > MOST_JOBS)
        return vms_fail(error, VMSNAP_E_INVALID, "max_jobs %u is more than %d", options->max_jobs,
                        MOST_JOBS);
    if (options->uri && !*options->uri)
        return vms_fail(error, VMSNAP_E_INVALID, "the URI is empty");
    if (!check_analysis(options, error))
        return FALSE;
    if (options->guard_path && !vms_name_check_path(options->guard_path, error))
        return FALSE;
    return vms_agent_socket_check(options->agent_sockets, error);
}

/* Set what needs no connection. */
static void
context_init(vmsnap_context *context, const vmsnap_context_options *options, VmsPaths *paths)
{
    VmsEngine *engine = &context->engine;

    vms_handle_init(&context->handle, VMS_MAGIC_CONTEXT, NULL);
    (void)pthread_mutex_init(&context->lock, NULL);
    (void)pthread_cond_init(&context->changed, NULL);
    context->jobs = vms_job_pool_new(options->max_jobs ? options->max_jobs : DEFAULT_JOBS);
    context->log = (VmsLog){
        .handler = options->log_handler,
        .data = options->log_data,
        .level = options->log_level ? options->log_level : VMSNAP_LOG_WARNING,
    };
    context->frozen = g_ptr_array_new_with_free_func((GDestroyNotify)vms_frozen_vm_unref);
    engine->log = &context->log;
    engine->guard_path = g_strdup(options->guard_path ? options->guard_path : VMS_GUARD_PATH);
    engine->state_dir = g_steal_pointer(&paths->state);
    engine->runtime_dir = g_steal_pointer(&paths->runtime);
    engine->boot_id = vms_clock_boot_id();
    engine->agent_sockets = g_strdupv((char **)(gpointer)options->agent_sockets);
    engine->catalog = g_strdup(paths->catalog);
    engine->digests = vms_digests_new();
    engine->windows = vms_window_queue_new();
    engine->facts = vms_facts_new();
    engine->self_guard = (options->flags & VMSNAP_CONTEXT_SELF_GUARD) != 0;
    engine->read_only = (options->flags & VMSNAP_CONTEXT_READ_ONLY) != 0 || paths->no_write;
    context->no_write = paths->no_write;
    context->no_records = paths->no_records;
}

static gboolean
connect_drivers(vmsnap_context *context, const vmsnap_context_options *options,
                const VmsPaths *paths, GError **error)
{
    const VmsWireRequest request = {
        .uri = options->uri,
        .analysis_uris = options->analysis_uris,
        .catalog = paths->catalog,
        /* By the flag alone: who has no right to our folders may still ask guests. */
        .read_only = (options->flags & VMSNAP_CONTEXT_READ_ONLY) != 0,
        .runtime_dir = context->engine.read_only ? NULL : context->engine.runtime_dir,
        .log = &context->log,
    };
    const VmsHypervisor *hv;

    if (!vms_wire_open(&request, &context->drivers, error))
        return FALSE;
    hv = context->drivers->hypervisor;
    context->engine.drivers = context->drivers;
    context->engine.uri = g_strdup(hv && hv->uri ? hv->uri : options->uri);
    return TRUE;
}

static gboolean
open_context(const vmsnap_context_options *theirs, vmsnap_context **ret_context, GError **error)
{
    vmsnap_context_options options;
    g_auto(VmsPaths) paths = { 0 };
    vmsnap_context *context;

    if (!vms_sized_copy(&options, sizeof options, theirs, error) ||
        !check_options(&options, error) ||
        !vms_paths_find(&paths, options.uri, options.state_dir, options.catalog, error))
        return FALSE;

    context = g_new0(vmsnap_context, 1);
    context_init(context, &options, &paths);
    if (!connect_drivers(context, &options, &paths, error)) {
        vmsnap_context_unref(context);
        return FALSE;
    }
    *ret_context = context;
    return TRUE;
}

int
vmsnap_context_open(const vmsnap_context_options *options, vmsnap_context **ret_context,
                    vmsnap_error **ret_error)
{
    g_autoptr(GError) error = NULL;

    if (!vms_need(ret_context != NULL, "ret_context", &error) ||
        !open_context(options, ret_context, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* FALSE when another thread closes or has closed; then it is closed when this returns. */
static gboolean
begin_close(vmsnap_context *context)
{
    gboolean ours;

    (void)pthread_mutex_lock(&context->lock);
    ours = context->state == VMS_CONTEXT_OPEN;
    if (ours)
        context->state = VMS_CONTEXT_CLOSING;
    while (!ours && context->state != VMS_CONTEXT_CLOSED)
        (void)pthread_cond_wait(&context->changed, &context->lock);
    (void)pthread_mutex_unlock(&context->lock);
    return ours;
}

static void
drop_drivers(vmsnap_context *context)
{
    VmsDrivers *drivers = g_steal_pointer(&context->drivers);

    context->engine.drivers = NULL;
    if (drivers)
        vms_wire_free(drivers);
}

static void
finish_close(vmsnap_context *context)
{
    (void)pthread_mutex_lock(&context->lock);
    while (context->calls > 0)
        (void)pthread_cond_wait(&context->changed, &context->lock);
    (void)pthread_mutex_unlock(&context->lock);

    drop_drivers(context);

    (void)pthread_mutex_lock(&context->lock);
    context->state = VMS_CONTEXT_CLOSED;
    (void)pthread_cond_broadcast(&context->changed);
    (void)pthread_mutex_unlock(&context->lock);
}

void
vms_context_watch(vmsnap_context *context, VmsFrozenVm *frozen)
{
    (void)pthread_mutex_lock(&context->lock);
    for (guint i = context->frozen->len; i > 0; i--)
        if (vms_frozen_vm_is_ended(context->frozen->pdata[i - 1]))
            g_ptr_array_remove_index_fast(context->frozen, i - 1);
    g_ptr_array_add(context->frozen, vms_frozen_vm_ref(frozen));
    (void)pthread_mutex_unlock(&context->lock);
}

/* No job runs any more, so none is added. Those that cannot be thawed stay their guards'. */
static void
end_freezes(vmsnap_context *context)
{
    for (guint i = 0; i < context->frozen->len; i++)
        vms_frozen_vm_close(context->frozen->pdata[i]);
    (void)pthread_mutex_lock(&context->lock);
    g_ptr_array_set_size(context->frozen, 0);
    (void)pthread_mutex_unlock(&context->lock);
}

void
vmsnap_context_close(vmsnap_context *context)
{
    if (!vms_handle_is(context, VMS_MAGIC_CONTEXT) || vms_handle_is_forked(&context->handle) ||
        !begin_close(context))
        return;
    vms_job_pool_close(context->jobs);
    end_freezes(context);
    finish_close(context);
}

vmsnap_context *
vmsnap_context_ref(vmsnap_context *context)
{
    return vms_handle_ref(context, VMS_MAGIC_CONTEXT);
}

/* Jobs hold their context: when the last reference goes, none runs and no call is in flight. */
void
vmsnap_context_unref(vmsnap_context *context)
{
    VmsEngine *engine;

    if (!vms_handle_drop(context, VMS_MAGIC_CONTEXT))
        return;
    end_freezes(context);
    g_ptr_array_unref(context->frozen);
    drop_drivers(context);
    vms_job_pool_unref(context->jobs);
    engine = &context->engine;
    g_free(engine->uri);
    g_free(engine->guard_path);
    g_free(engine->state_dir);
    g_free(engine->runtime_dir);
    g_free(engine->boot_id);
    g_free(engine->catalog);
    g_strfreev(engine->agent_sockets);
    vms_digests_free(engine->digests);
    vms_window_queue_free(engine->windows);
    vms_facts_free(engine->facts);
    (void)pthread_cond_destroy(&context->changed);
    (void)pthread_mutex_destroy(&context->lock);
    vms_handle_free(&context->handle);
}

int
vmsnap_context_read_status(vmsnap_context *context, vmsnap_context_status *status,
                           vmsnap_error **ret_error)
{
    vmsnap_context_status ours = VMSNAP_CONTEXT_STATUS_INIT;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_need(status != NULL, "status", &error) ||
        !vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_call_need_records(&call, &error) ||
        !vms_engine_count_open(&context->engine, &ours.open_operations, &ours.open_freezes,
                               &error) ||
        !vms_sized_fill(status, &ours, sizeof ours, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}
