/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/context.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
vms_need(gboolean given, const char *what, GError **error)
{
    if (given)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_INVALID, "MissingArgument", "%s must be given", what);
}

gboolean
vms_call_enter(VmsCall *call, const void *handle, VmsMagic magic, GError **error)
{
    const VmsHandle *head = handle;
    vmsnap_context *context;
    gboolean open;

    if (!vms_need(vms_handle_is(handle, magic), "a live handle of the right kind", error))
        return FALSE;
    if (vms_handle_is_forked(head))
        return vms_fail(error, VMSNAP_E_FORKED, "the handle belongs to the parent process");

    context = head->context ? head->context : (vmsnap_context *)handle;
    (void)pthread_mutex_lock(&context->lock);
    open = context->state == VMS_CONTEXT_OPEN;
    if (open)
        context->calls++;
    (void)pthread_mutex_unlock(&context->lock);
    if (!open)
        return vms_fail(error, VMSNAP_E_CLOSED, "the context was closed");
    call->context = context;
    return TRUE;
}

void
vms_call_leave(VmsCall *call)
{
    vmsnap_context *context = g_steal_pointer(&call->context);

    if (!context)
        return;
    (void)pthread_mutex_lock(&context->lock);
    context->calls--;
    (void)pthread_cond_broadcast(&context->changed);
    (void)pthread_mutex_unlock(&context->lock);
}

gboolean
vms_call_need_hypervisor(const VmsCall *call, GError **error)
{
    if (call->context->drivers->hypervisor)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoHypervisor",
                      "the context has no hypervisor (URI \"none\")");
}

gboolean
vms_call_need_records(const VmsCall *call, GError **error)
{
    if (!call->context->no_records)
        return TRUE;
    return vms_fail(error, VMSNAP_E_PERMISSION, "the catalog in %s may not be read by this user",
                    call->context->engine.state_dir);
}

gboolean
vms_call_need_local(const VmsCall *call, GError **error)
{
    const VmsHypervisor *hv = call->context->drivers->hypervisor;

    if (!hv || !hv->remote)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "RemoteHost",
                      "%s is another host: its image files are out of reach from here", hv->uri);
}

/* QEMU's user must pass the runtime folder to its socket folder, so also the state folder where
 * one lies in the other; what is in there is closed to him by itself. */
static gboolean
open_to_qemu(const VmsEngine *engine, GError **error)
{
    g_auto(VmsFd) dir = VMS_FD_NONE;
    struct stat status;

    if (!g_str_has_prefix(engine->runtime_dir, engine->state_dir))
        return TRUE;
    dir = vms_sys_open_dir(engine->state_dir, error);
    if (dir < 0)
        return FALSE;
    if (fstat(dir, &status) != 0)
        return vms_fail_errno(error, errno, "cannot look at %s", engine->state_dir);
    if ((status.st_mode & 0011) == 0011)
        return TRUE;
    return vms_sys_chmod(dir, (status.st_mode & 07777) | 0011, engine->state_dir, error);
}

/* Made when the first thing is written, not before: looking needs no rights. */
static gboolean
make_folders(const vmsnap_context *context, GError **error)
{
    const VmsEngine *engine = &context->engine;
    const VmsHypervisor *hv = context->drivers->hypervisor;

    if (!vms_sys_make_dirs(engine->state_dir, 0700, error) ||
        !vms_sys_make_dirs(engine->runtime_dir, 0711, error))
        return FALSE;
    return !hv || hv->qemu_uid == geteuid() || open_to_qemu(engine, error);
}

gboolean
vms_call_need_write(const VmsCall *call, GError **error)
{
    const VmsEngine *engine = &call->context->engine;

    if (call->context->no_write)
        return vms_fail(error, VMSNAP_E_PERMISSION, "this user may not write to %s",
                        engine->state_dir);
    if (engine->read_only)
        return vms_refuse(error, VMSNAP_E_PERMISSION, "ReadOnly",
                          "the context was opened read-only");
    if (!vms_call_need_local(call, error))
        return FALSE;
    return make_folders(call->context, error);
}
