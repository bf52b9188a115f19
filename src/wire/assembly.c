/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/media.h"
#include "adapter/extfs/guest.h"
#include "adapter/file/volume.h"
#include "adapter/libvirt/hypervisor.h"
#include "adapter/libvirt/network.h"
#include "adapter/media/cidata.h"
#include "adapter/memory/catalog.h"
#include "adapter/nbd/copier.h"
#include "adapter/qcow2/reader.h"
#include "adapter/qga/agent.h"
#include "adapter/qga/socket-channel.h"
#include "adapter/sqlite/catalog.h"
#include "base/error.h"
#include "port/channel.h"
#include "wire/wire.h"

#include <string.h>

static const VmsMediaReader media_reader = {
    .open = vms_reader_open,
    .read = vms_reader_read,
    .close = vms_reader_close,
};

/* Who else may serve the VM's agent socket: its QEMU; -1 where that cannot be told. */
static gint64
qemu_user(VmsHypervisor *hv, const char *vm_uuid)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance instance = { .domain_id = -1 };

    if (!hv || !vms_hypervisor_read_state(hv, vm_uuid, &state, &instance, NULL))
        return -1;
    return vms_process_user(&instance.process);
}

static VmsAgent *
open_agent(VmsHypervisor *hv, const char *vm_uuid, const char *socket)
{
    VmsChannel *channel = socket ? vms_qga_socket_channel_new(socket, qemu_user(hv, vm_uuid))
                                 : vms_channel_new_hypervisor(hv, vm_uuid);

    return vms_qga_new(channel);
}

static gboolean
open_catalog(const VmsWireRequest *request, VmsDrivers *drivers, GError **error)
{
    const char *catalog = request->catalog;

    if (!catalog)
        return TRUE;
    if (strcmp(catalog, "memory:") == 0)
        drivers->catalog = vms_memory_catalog_new();
    else if (g_str_has_prefix(catalog, "sqlite:/"))
        drivers->catalog = vms_sqlite_open(catalog + strlen("sqlite:"), request->read_only, error);
    else
        return vms_fail(error, VMSNAP_E_INVALID, "catalog '%s' is not sqlite:/PATH", catalog);
    return drivers->catalog != NULL;
}

/* Two connections: what must never wait behind a survey has one of its own, because libvirtd
 * serves only a few calls of a connection at a time. */
static gboolean
open_hypervisor(const VmsWireRequest *request, VmsDrivers *drivers, GError **error)
{
    if (request->uri && strcmp(request->uri, "none") == 0)
        return TRUE;
    drivers->hypervisor = vms_libvirt_open(request->uri, request->read_only, request->log, error);
    if (!drivers->hypervisor)
        return FALSE;
    drivers->networks = vms_libvirt_networks_new(drivers->hypervisor);
    drivers->urgent =
        vms_libvirt_open_beside(drivers->hypervisor, request->uri, request->log, error);
    if (!drivers->urgent)
        return FALSE;
    if (request->runtime_dir) {
        vms_libvirt_count_agents(drivers->hypervisor, request->runtime_dir);
        vms_libvirt_count_agents(drivers->urgent, request->runtime_dir);
    }
    return TRUE;
}

static void
further_free(VmsFurther *further)
{
    vms_networks_free(further->networks);
    vms_hypervisor_free(further->hypervisor);
    g_free(further);
}

/* By name and UUID, or by name where neither connection leaves this host. A driver that imitates
 * hosts gives none a UUID. */
static gboolean
is_same_host(const VmsHypervisor *a, const VmsHypervisor *b)
{
    if (!a->host_name || g_strcmp0(a->host_name, b->host_name) != 0 || !a->host_uuid ||
        !b->host_uuid)
        return FALSE;
    return strcmp(a->host_uuid, b->host_uuid) == 0 || (!a->remote && !b->remote);
}

static gboolean
open_further(const char *uri, const VmsWireRequest *request, VmsDrivers *drivers, GError **error)
{
    VmsHypervisor *hv = vms_libvirt_open(uri, TRUE, request->log, error);
    VmsFurther *further;

    if (!hv) {
        g_prefix_error(error, "connection %s for conflict analysis: ", uri);
        return FALSE;
    }
    further = g_new0(VmsFurther, 1);
    further->hypervisor = hv;
    further->networks = vms_libvirt_networks_new(hv);
    vms_libvirt_name_host(hv);
    further->same_host = is_same_host(drivers->hypervisor, hv);
    g_ptr_array_add(drivers->further, further);
    return TRUE;
}

static gboolean
open_all_further(const VmsWireRequest *request, VmsDrivers *drivers, GError **error)
{
    if (!request->analysis_uris || !drivers->hypervisor)
        return TRUE;
    vms_libvirt_name_host(drivers->hypervisor);
    drivers->further = g_ptr_array_new_with_free_func((GDestroyNotify)further_free);
    for (guint i = 0; request->analysis_uris[i]; i++)
        if (!open_further(request->analysis_uris[i], request, drivers, error))
            return FALSE;
    return TRUE;
}

gboolean
vms_wire_open(const VmsWireRequest *request, VmsDrivers **ret_drivers, GError **error)
{
    g_autoptr(VmsDrivers) drivers = g_new0(VmsDrivers, 1);

    if (!open_hypervisor(request, drivers, error) || !open_all_further(request, drivers, error) ||
        !open_catalog(request, drivers, error))
        return FALSE;
    drivers->volume = vms_file_volume_new(vms_reader_fill_image);
    drivers->media = vms_blkid_media_new(&media_reader);
    drivers->cidata = vms_media_cidata_new();
    drivers->guest = vms_extfs_guest_new();
    drivers->copier = vms_nbd_copier_new();
    drivers->open_agent = open_agent;
    *ret_drivers = g_steal_pointer(&drivers);
    return TRUE;
}

void
vms_wire_free(VmsDrivers *drivers)
{
    if (!drivers)
        return;
    vms_catalog_free(drivers->catalog);
    vms_copier_free(drivers->copier);
    vms_guest_disk_free(drivers->guest);
    vms_cidata_free(drivers->cidata);
    vms_media_free(drivers->media);
    vms_volume_free(drivers->volume);
    vms_networks_free(drivers->networks);
    g_clear_pointer(&drivers->further, g_ptr_array_unref);
    vms_hypervisor_free(drivers->urgent);
    vms_hypervisor_free(drivers->hypervisor);
    g_free(drivers);
}
