/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include "api/fail.h"
#include "record/view.h"

/* Deeper causes than this say nothing new. */
#define CAUSE_LIMIT 8

struct vmsnap_error {
    int code;
    int origin_code;
    vmsnap_frozen frozen;
    char *reason;
    char *message;
    char *step;
    char *object;
    char *origin;
    char *json;
    vmsnap_error *cause;
};

static vmsnap_error *
error_new(const GError *error, guint depth)
{
    const GError *cause = vms_error_get_cause(error);
    vmsnap_error *made = g_new0(vmsnap_error, 1);

    made->code = vms_error_get_code(error);
    made->reason = g_strdup(vms_error_get_reason(error));
    made->message = vms_escape_text(error->message ? error->message : "");
    made->step = g_strdup(vms_error_get_step(error));
    made->object = g_strdup(vms_error_get_object(error));
    made->origin = g_strdup(vms_error_get_origin(error));
    made->origin_code = vms_error_get_origin_code(error);
    made->frozen = vms_error_get_frozen(error);
    made->json = vms_view_error(error);
    if (cause && depth < CAUSE_LIMIT)
        made->cause = error_new(cause, depth + 1);
    return made;
}

int
vms_api_fail(vmsnap_error **ret_error, const GError *error)
{
    g_autoptr(GError) defect = NULL;

    if (!error || vms_error_get_code(error) >= 0) {
        (void)vms_fail(&defect, VMSNAP_E_INTERNAL, "%s",
                       error ? error->message : "a call failed without a reason");
        error = defect;
    }
    if (ret_error)
        *ret_error = error_new(error, 0);
    return vms_error_get_code(error);
}

vmsnap_code
vmsnap_error_get_code(const vmsnap_error *error)
{
    return error ? (vmsnap_code)error->code : VMSNAP_OK;
}

const char *
vmsnap_error_get_reason(const vmsnap_error *error)
{
    return error && error->reason ? error->reason : "";
}

const char *
vmsnap_error_get_message(const vmsnap_error *error)
{
    return error && error->message ? error->message : "";
}

const char *
vmsnap_error_get_step(const vmsnap_error *error)
{
    return error ? error->step : NULL;
}

const char *
vmsnap_error_get_object(const vmsnap_error *error)
{
    return error ? error->object : NULL;
}

const char *
vmsnap_error_get_origin(const vmsnap_error *error)
{
    return error && error->origin ? error->origin : "";
}

int
vmsnap_error_get_origin_code(const vmsnap_error *error)
{
    return error ? error->origin_code : 0;
}

vmsnap_frozen
vmsnap_error_get_frozen(const vmsnap_error *error)
{
    return error ? error->frozen : VMSNAP_FROZEN_NO;
}

const vmsnap_error *
vmsnap_error_get_cause(const vmsnap_error *error)
{
    return error ? error->cause : NULL;
}

const char *
vmsnap_error_get_json(const vmsnap_error *error)
{
    return error && error->json ? error->json : "{}";
}

void
vmsnap_error_free(vmsnap_error *error)
{
    while (error) {
        vmsnap_error *cause = error->cause;

        g_free(error->reason);
        g_free(error->message);
        g_free(error->step);
        g_free(error->object);
        g_free(error->origin);
        g_free(error->json);
        g_free(error);
        error = cause;
    }
}

const char *
vmsnap_code_get_name(int code)
{
    return vms_code_name(code);
}
