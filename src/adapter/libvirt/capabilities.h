/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Whom QEMU runs as, from the host capabilities' "dac" security model. Pure. FALSE if the text
 * does not say. */
gboolean vms_capabilities_read_owner(const char *xml, uid_t *ret_uid, gid_t *ret_gid);
