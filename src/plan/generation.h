/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A guest that goes back in time is told so by a new generation id. Pure. */

/* @xml as libvirt writes it, with @uuid for its generation id; a copy if it has none. NULL gives
 * NULL. */
char *vms_generation_renew(const char *xml, const char *uuid);
