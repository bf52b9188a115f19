/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Whether media hold what a guest configures itself from: by their label, or by the name of a file
 * in their root folder. Pure but for reading; any bytes are fine. */

typedef struct {
    /* FALSE beyond the end. */
    gboolean (*read)(gconstpointer data, guint64 offset, void *buffer, gsize size);
    gconstpointer data;
} VmsSeedSource;

/* "cidata", "CIDATA", "config-2". */
gboolean vms_seed_is_label(const char *label);
/* "Autounattend.xml", "unattend.xml" in any case, as file systems store them: "UNATTEND.XML;1". */
gboolean vms_seed_is_name(const char *name);
/* TRUE when ISO 9660, with or without Joliet, or FAT has such a file in its root. */
gboolean vms_seed_has_file(const VmsSeedSource *source);
