/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What can still be made out of a stored text that cannot be read: cut off, overwritten, or of a
 * later version. For people to look at, and never to be acted on: nothing of it is certain. */

/* The value of the first "key":"value" with no escapes in it, if it is one line; owned. NULL: there
 * is none. */
char *vms_salvage_text(const char *text, const char *key);
/* Paths of places that the library makes, each once, 256 at most (char*). */
GPtrArray *vms_salvage_paths(const char *text);
