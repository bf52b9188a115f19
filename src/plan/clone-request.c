/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/clone-request.h"

VmsCloneRequest *
vms_clone_request_copy(const VmsCloneRequest *request)
{
    VmsCloneRequest *copy = g_new0(VmsCloneRequest, 1);

    *copy = *request;
    copy->name = g_strdup(request->name);
    copy->rules = g_strdupv(request->rules);
    copy->prefix = g_strdup(request->prefix);
    copy->suffix = g_strdup(request->suffix);
    copy->seed = g_strdup(request->seed);
    return copy;
}

void
vms_clone_request_free(VmsCloneRequest *request)
{
    if (!request)
        return;
    g_free(request->name);
    g_strfreev(request->rules);
    g_free(request->prefix);
    g_free(request->suffix);
    g_free(request->seed);
    g_free(request);
}
