/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Both are pure. */

/* Whom QEMU runs as, from the host capabilities' "dac" security model. FALSE if the text
 * does not say. */
gboolean vms_capabilities_read_owner(const char *xml, uid_t *ret_uid, gid_t *ret_gid);
/* Of the host itself, lower case; NULL if the text does not say. */
char *vms_capabilities_read_host_uuid(const char *xml);
