/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What a libvirt URI tells about where it leads. Pure, but for this host's own name. */

/* TRUE unless the URI certainly leads to the host we run on. */
gboolean vms_uri_is_remote(const char *uri);
/* TRUE for a user's own instance, ".../session". */
gboolean vms_uri_is_session(const char *uri);
/* The same URI, told not to ask for passwords on a terminal; NULL for NULL. Owned by the caller. */
char *vms_uri_without_prompt(const char *uri);
