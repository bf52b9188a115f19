/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/operation.h"
#include "model/vm.h"

#include <glib.h>

/* The configuration of a VM while its devices are rewritten: as @xml, but with sources that are not
 * there in place of those that @operation rewrites, so that no start succeeds, also after a crash
 * of the host that starts its VMs by itself. Owned. UNSUPPORTED when one of them is no disk of @vm,
 * or not found in @xml. */
gboolean vms_held_xml_make(const VmsVm *vm, const char *xml, const VmsOperation *operation,
                           char **ret_xml, GError **error);
