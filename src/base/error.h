/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <vmsnap/error.h>

/* Errors inside the library: GError with one domain whose codes are the public ones. What does
 * not fit into a GError (reason, step, object, origin, cause) rides along as extended data, so a
 * g_propagate_error() or g_error_copy() loses nothing. */

#define VMS_ERROR (vms_error_quark())
GQuark vms_error_quark(void);

/* Fail with @code; the reason is the code's own name. Always returns FALSE. */
gboolean vms_fail(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Fail with a finer @reason, a word of the contract such as "FreezeFailed". Returns FALSE. */
gboolean vms_refuse(GError **error, int code, const char *reason, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Fail for errno @number: ENOSPC, EACCES, … become their codes, origin is "os". Returns FALSE.
 * The message is "<formatted>: <text of errno>". */
gboolean vms_fail_errno(GError **error, int number, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Add to an error made here. NULL errors are ignored; strings are copied. The step and the object
 * are set only if none is set yet: the innermost knows best. */
void vms_error_set_origin(GError *error, const char *origin, int origin_code);
void vms_error_set_step(GError *error, const char *step);
void vms_error_set_object(GError *error, const char *object);
void vms_error_set_frozen(GError *error, vmsnap_frozen frozen);
/* Takes @cause. */
void vms_error_take_cause(GError *error, GError *cause);
/* Replace the reason. */
void vms_error_set_reason(GError *error, const char *reason);

/* Read any GError: a foreign domain counts as INTERNAL with its own domain as origin. */
int vms_error_get_code(const GError *error);
const char *vms_error_get_reason(const GError *error);
const char *vms_error_get_step(const GError *error);
const char *vms_error_get_object(const GError *error);
const char *vms_error_get_origin(const GError *error);
int vms_error_get_origin_code(const GError *error);
vmsnap_frozen vms_error_get_frozen(const GError *error);
const GError *vms_error_get_cause(const GError *error);

/* "BUSY" for VMSNAP_E_BUSY; "UNKNOWN" for a stranger. */
const char *vms_code_name(int code);

/* @text with control characters and invalid UTF-8 as \xNN: fit for a log line or a message. */
char *vms_escape_text(const char *text);
