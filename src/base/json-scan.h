/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A look at foreign JSON text before a parser that builds trees may see it: parsers recurse, so
 * deep nesting ends the process, and they let pass what later reads as something else (an integer
 * beyond 64 bits, a second member of the same name, a string with a NUL in it). Pure text. */

typedef struct {
    gsize size;   /* most bytes */
    guint depth;  /* most levels of nesting; at most VMS_JSON_MAX_DEPTH */
    gsize values; /* most values of any kind: each costs a tree about 100 bytes */
} VmsJsonLimits;

#define VMS_JSON_MAX_DEPTH 64

/* TRUE when @text is exactly one JSON value (RFC 8259) in valid UTF-8 within @limits, and: no NUL,
 * written or escaped; no unpaired surrogate; no two members of one name in an object, and no
 * escapes in names; integers within 64 bits, signed; other numbers finite. Otherwise INVALID with
 * reason "BadJson" and the place. */
gboolean vms_json_scan(const char *text, gsize size, const VmsJsonLimits *limits, GError **error);
