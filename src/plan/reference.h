/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/needs.h"

#include <glib.h>

/* A configuration without what is not there. Pure. */

/* @xml without the devices that the @lacks (VmsLack*) name; drives stay, empty. The rest says
 * what it said. INVALID for what is not well-formed. */
gboolean vms_reference_remove(const char *xml, const GPtrArray *lacks, char **ret_xml,
                              GError **error);
