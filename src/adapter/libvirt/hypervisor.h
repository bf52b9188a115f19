/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/log.h"
#include "port/hypervisor.h"

#include <glib.h>

/* A hypervisor behind libvirt. @uri NULL: libvirt's own default. @log (may be NULL) must outlive
 * it. Fails when the first connection cannot be made; later ones are remade by themselves. */
VmsHypervisor *vms_libvirt_open(const char *uri, gboolean read_only, const VmsLog *log,
                                GError **error);
/* A second connection by the @uri of the first. */
VmsHypervisor *vms_libvirt_open_beside(const VmsHypervisor *first, const char *uri,
                                       const VmsLog *log, GError **error);
/* Fill hv->host_name, which is for comparing hosts. Not for every connection: where a host's name
 * does not resolve, libvirt says so on the process's stderr. */
void vms_libvirt_name_host(VmsHypervisor *hv);
/* It will ask many VMs at once: agent commands take the host's places in this folder, thaws
 * excepted, and never the connection of other calls. Once, before any call. */
void vms_libvirt_count_agents(VmsHypervisor *hv, const char *runtime_dir);
