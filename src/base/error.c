/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>

/* What rides along with each error of our domain. */
typedef struct {
    char *reason;
    char *step;
    char *object;
    char *origin; /* NULL: ours */
    int origin_code;
    vmsnap_frozen frozen;
    GError *cause;
} VmsErrorPrivate;

static void
vms_error_private_init(VmsErrorPrivate *priv)
{
    if (priv) /* never NULL: tells the compiler, which looks into GLib's macro */
        *priv = (VmsErrorPrivate){ .frozen = VMSNAP_FROZEN_NO };
}

static void
vms_error_private_copy(const VmsErrorPrivate *from, VmsErrorPrivate *to)
{
    *to = (VmsErrorPrivate){
        .reason = g_strdup(from->reason),
        .step = g_strdup(from->step),
        .object = g_strdup(from->object),
        .origin = g_strdup(from->origin),
        .origin_code = from->origin_code,
        .frozen = from->frozen,
        .cause = from->cause ? g_error_copy(from->cause) : NULL,
    };
}

static void
vms_error_private_clear(VmsErrorPrivate *priv)
{
    if (!priv)
        return;
    g_free(priv->reason);
    g_free(priv->step);
    g_free(priv->object);
    g_free(priv->origin);
    g_clear_error(&priv->cause);
}

G_DEFINE_EXTENDED_ERROR(VmsError, vms_error)

/* NULL for a foreign domain. */
static VmsErrorPrivate *
private_of(const GError *error)
{
    if (!error || error->domain != VMS_ERROR)
        return NULL;
    return vms_error_get_private(error);
}

static void
set_text(GError **error, int code, const char *reason, char *text)
{
    g_autofree char *owned = text;
    g_autofree char *message = vms_escape_text(owned);

    if (!error)
        return;
    g_set_error_literal(error, VMS_ERROR, code, message);
    if (reason)
        vms_error_set_reason(*error, reason);
}

gboolean
vms_fail(GError **error, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_text(error, code, NULL, g_strdup_vprintf(format, args));
    va_end(args);
    return FALSE;
}

gboolean
vms_refuse(GError **error, int code, const char *reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_text(error, code, reason, g_strdup_vprintf(format, args));
    va_end(args);
    return FALSE;
}

static int
code_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return VMSNAP_E_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return VMSNAP_E_PERMISSION;
    case EEXIST:
        return VMSNAP_E_EXISTS;
    case ENOENT:
    case ENOTDIR:
        return VMSNAP_E_NOT_FOUND;
    case EBUSY:
    case ETXTBSY:
    case EAGAIN:
        return VMSNAP_E_BUSY;
    case EOPNOTSUPP:
    case EXDEV:
    case ENOSYS:
        return VMSNAP_E_UNSUPPORTED;
    case ETIMEDOUT:
        return VMSNAP_E_TIMEOUT;
    default:
        return VMSNAP_E_IO;
    }
}

gboolean
vms_fail_errno(GError **error, int number, const char *format, ...)
{
    g_autofree char *what = NULL;
    int code = code_of_errno(number);
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    set_text(error, code, code == VMSNAP_E_NO_SPACE ? "OutOfSpace" : NULL,
             g_strdup_printf("%s: %s", what, g_strerror(number)));
    if (error)
        vms_error_set_origin(*error, "os", number);
    return FALSE;
}

void
vms_error_set_origin(GError *error, const char *origin, int origin_code)
{
    VmsErrorPrivate *priv = private_of(error);

    if (!priv)
        return;
    g_free(priv->origin);
    priv->origin = g_strdup(origin);
    priv->origin_code = origin_code;
}

void
vms_error_set_step(GError *error, const char *step)
{
    VmsErrorPrivate *priv = private_of(error);

    if (priv && !priv->step)
        priv->step = g_strdup(step);
}

void
vms_error_set_object(GError *error, const char *object)
{
    VmsErrorPrivate *priv = private_of(error);

    if (priv && !priv->object)
        priv->object = vms_escape_text(object);
}

void
vms_error_set_frozen(GError *error, vmsnap_frozen frozen)
{
    VmsErrorPrivate *priv = private_of(error);

    if (priv)
        priv->frozen = frozen;
}

void
vms_error_take_cause(GError *error, GError *cause)
{
    VmsErrorPrivate *priv = private_of(error);

    if (!priv) {
        g_clear_error(&cause);
        return;
    }
    g_clear_error(&priv->cause);
    priv->cause = cause;
}

void
vms_error_set_reason(GError *error, const char *reason)
{
    VmsErrorPrivate *priv = private_of(error);

    if (!priv)
        return;
    g_free(priv->reason);
    priv->reason = g_strdup(reason);
}

int
vms_error_get_code(const GError *error)
{
    return private_of(error) ? error->code : VMSNAP_E_INTERNAL;
}

const char *
vms_error_get_reason(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    if (priv && priv->reason)
        return priv->reason;
    return vms_code_name(vms_error_get_code(error));
}

const char *
vms_error_get_step(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    return priv ? priv->step : NULL;
}

const char *
vms_error_get_object(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    return priv ? priv->object : NULL;
}

const char *
vms_error_get_origin(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    if (priv)
        return priv->origin ? priv->origin : "vmsnap";
    return error ? g_quark_to_string(error->domain) : "vmsnap";
}

int
vms_error_get_origin_code(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    if (priv)
        return priv->origin_code;
    return error ? error->code : 0;
}

vmsnap_frozen
vms_error_get_frozen(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    return priv ? priv->frozen : VMSNAP_FROZEN_NO;
}

const GError *
vms_error_get_cause(const GError *error)
{
    const VmsErrorPrivate *priv = private_of(error);

    return priv ? priv->cause : NULL;
}

const char *
vms_code_name(int code)
{
    static const char *const names[] = {
        "OK",         "INTERNAL",  "INVALID",   "UNSUPPORTED", "NOT_FOUND",    "EXISTS",
        "BUSY",       "TIMEOUT",   "CANCELLED", "AGENT",       "INCONSISTENT", "CONFLICT",
        "PLAN_STALE", "IN_USE",    "NO_SPACE",  "LOST",        "PERMISSION",   "HYPERVISOR",
        "IO",         "UNCERTAIN", "FORKED",    "CLOSED",
    };

    if (code > 0 || code <= -(int)G_N_ELEMENTS(names))
        return "UNKNOWN";
    return names[-code];
}

char *
vms_escape_text(const char *text)
{
    GString *out = g_string_new(NULL);
    const char *at = text ? text : "";

    while (*at) {
        gunichar letter = g_utf8_get_char_validated(at, -1);

        if (letter == (gunichar)-1 || letter == (gunichar)-2) {
            g_string_append_printf(out, "\\x%02x", (guchar)*at++);
        } else if (g_unichar_iscntrl(letter)) {
            g_string_append_printf(out, "\\x%02x", letter);
            at = g_utf8_next_char(at);
        } else {
            g_string_append_unichar(out, letter);
            at = g_utf8_next_char(at);
        }
    }
    return g_string_free(out, FALSE);
}
