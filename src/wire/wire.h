/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/log.h"
#include "port/drivers.h"

#include <glib.h>

/* The composition root: the only place that knows adapters. */

typedef struct {
    const char *uri;                  /* NULL: libvirt's default; "none": no hypervisor */
    const char *const *analysis_uris; /* read only, never acted on; NULL: none */
    const char *catalog;     /* "sqlite:/PATH", "memory:"; NULL: no catalog is opened (the guard) */
    const char *runtime_dir; /* NULL: agent commands are not counted host-wide (the guard) */
    gboolean read_only;
    const VmsLog *log; /* borrowed for the life of the drivers */
} VmsWireRequest;

gboolean vms_wire_open(const VmsWireRequest *request, VmsDrivers **ret_drivers, GError **error);
void vms_wire_free(VmsDrivers *drivers);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDrivers, vms_wire_free)
