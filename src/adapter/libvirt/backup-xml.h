/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/hypervisor.h"

#include <glib.h>

/* The XML of backup jobs, written and read. Pure. */

/* A pull job on @socket over all @disks (ended by a NULL target); those without a scratch file
 * take no part. INVALID when a path cannot be written in XML. Owned by the caller. */
gboolean vms_backup_xml_write(const char *socket, const VmsBackupDisk *disks, char **ret_xml,
                              GError **error);
/* The UNIX socket of a job; NULL if it has none. */
gboolean vms_backup_xml_read_socket(const char *xml, char **ret_socket, GError **error);
