/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <vmsnap/error.h>

/* The one place where an error inside becomes an error outside: returns the code, and if the
 * caller wants it (@ret_error) makes the vmsnap_error with the same code. NULL counts as
 * INTERNAL. */
int vms_api_fail(vmsnap_error **ret_error, const GError *error);
