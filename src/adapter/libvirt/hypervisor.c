/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/hypervisor.h"

#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/capabilities.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/uri.h"

#include <unistd.h>

#define AGENT_PLACES 12

gboolean
vms_domain_call_begin(VmsDomainCall *on, VmsHypervisor *hv, const char *uuid, GError **error)
{
    VmsLibvirt *self = (VmsLibvirt *)hv;

    if (!vms_call_begin(&on->call, self->connection, error))
        return FALSE;
    on->domain = virDomainLookupByUUIDString(on->call.conn, uuid);
    return on->domain ? TRUE : vms_libvirt_fail(error, uuid);
}

gboolean
vms_domain_call_recall(VmsDomainCall *on, VmsHypervisor *hv, const char *uuid, GError **error)
{
    return vms_domain_call_recall_on(on, ((VmsLibvirt *)hv)->connection, uuid, error);
}

gboolean
vms_domain_call_recall_on(VmsDomainCall *on, VmsConnection *connection, const char *uuid,
                          GError **error)
{
    if (!vms_call_begin(&on->call, connection, error))
        return FALSE;
    on->domain = vms_call_recall_domain(&on->call, uuid);
    return on->domain ? TRUE : vms_libvirt_fail(error, uuid);
}

void
vms_domain_call_clear(VmsDomainCall *on)
{
    if (on->domain)
        virDomainFree(g_steal_pointer(&on->domain));
    vms_call_clear(&on->call);
}

static void
free_libvirt(VmsHypervisor *hv)
{
    VmsLibvirt *self = (VmsLibvirt *)hv;

    vms_lanes_free(self->lanes);
    vms_connection_free(self->connection);
    vms_instances_free(self->instances);
    vms_gate_destroy(&self->agent_gate);
    g_free(self->runtime_dir);
    g_free(hv->uri);
    g_free(hv->host_uuid);
    g_free(hv->host_name);
    g_free(self);
}

static const VmsHypervisorOps ops = {
    .list_vms = vms_libvirt_list_vms,
    .each_vm = vms_libvirt_each_vm,
    .find_vm = vms_libvirt_find_vm,
    .read_state = vms_libvirt_read_state,
    .read_block = vms_libvirt_read_block,
    .read_writes = vms_libvirt_read_writes,
    .read_needs = vms_libvirt_read_needs,
    .read_traits = vms_libvirt_read_traits,
    .rewrite = vms_libvirt_rewrite,
    .list_pool_files = vms_libvirt_list_pool_files,
    .suspend = vms_libvirt_suspend,
    .resume = vms_libvirt_resume,
    .define = vms_libvirt_define,
    .start = vms_libvirt_start,
    .set_autostart = vms_libvirt_set_autostart,
    .stop = vms_libvirt_stop,
    .destroy = vms_libvirt_destroy,
    .drop_managed_save = vms_libvirt_drop_managed_save,
    .list_metadata = vms_libvirt_list_metadata,
    .drop_metadata = vms_libvirt_drop_metadata,
    .define_metadata = vms_libvirt_define_metadata,
    .begin_backup = vms_libvirt_begin_backup,
    .end_backup = vms_libvirt_end_backup,
    .read_job = vms_libvirt_read_job,
    .begin_overlays = vms_libvirt_begin_overlays,
    .begin_merge = vms_libvirt_begin_merge,
    .read_merge = vms_libvirt_read_merge,
    .end_merge = vms_libvirt_end_merge,
    .return_disk = vms_libvirt_return_disk,
    .agent_call = vms_libvirt_agent_call,
    .read_pool = vms_libvirt_read_pool,
    .refresh_pool = vms_libvirt_refresh_pool,
    .free = free_libvirt,
};

static void
read_host(VmsHypervisor *hv, virConnectPtr conn)
{
    g_autofree char *xml = virConnectGetCapabilities(conn);

    hv->qemu_uid = geteuid();
    hv->qemu_gid = getegid();
    if (!xml)
        return;
    hv->host_uuid = vms_capabilities_read_host_uuid(xml);
    if (!hv->session && !hv->remote)
        vms_capabilities_read_owner(xml, &hv->qemu_uid, &hv->qemu_gid);
}

static gboolean
read_facts(VmsLibvirt *self, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    VmsHypervisor *hv = &self->base;

    if (!vms_call_begin(&call, self->connection, error))
        return FALSE;
    hv->uri = virConnectGetURI(call.conn);
    if (!hv->uri)
        return vms_libvirt_fail(error, NULL);
    hv->remote = vms_uri_is_remote(hv->uri);
    /* root has no instance of its own: the system's libvirtd serves this path as well */
    hv->session = geteuid() != 0 && vms_uri_is_session(hv->uri);
    read_host(hv, call.conn);
    return TRUE;
}

void
vms_libvirt_name_host(VmsHypervisor *hv)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;

    if (!hv->host_name && vms_call_begin(&call, ((VmsLibvirt *)hv)->connection, NULL))
        hv->host_name = virConnectGetHostname(call.conn);
}

static VmsLibvirt *
open_without_facts(const char *uri, gboolean read_only, const VmsLog *log, GError **error)
{
    g_autoptr(VmsConnection) connection = vms_connection_new(uri, read_only, log, error);
    VmsLibvirt *self;

    if (!connection)
        return NULL;
    self = g_new0(VmsLibvirt, 1);
    self->base.ops = &ops;
    self->base.read_only = read_only;
    self->connection = g_steal_pointer(&connection);
    self->lanes = vms_lanes_new(self->connection, uri, read_only, log);
    self->log = log;
    vms_gate_init(&self->agent_gate, AGENT_PLACES);
    return self;
}

VmsHypervisor *
vms_libvirt_open(const char *uri, gboolean read_only, const VmsLog *log, GError **error)
{
    VmsLibvirt *self = open_without_facts(uri, read_only, log, error);
    g_autoptr(VmsHypervisor) hv = self ? &self->base : NULL;

    if (!hv || !read_facts(self, error))
        return NULL;
    self->instances = vms_instances_new(hv->session, hv->qemu_uid);
    return g_steal_pointer(&hv);
}

/* Not asked again: a host's capabilities are long. */
VmsHypervisor *
vms_libvirt_open_beside(const VmsHypervisor *first, const char *uri, const VmsLog *log,
                        GError **error)
{
    VmsLibvirt *self = open_without_facts(uri, first->read_only, log, error);
    VmsHypervisor *hv;

    if (!self)
        return NULL;
    hv = &self->base;
    hv->uri = g_strdup(first->uri);
    hv->host_uuid = g_strdup(first->host_uuid);
    hv->remote = first->remote;
    hv->session = first->session;
    hv->qemu_uid = first->qemu_uid;
    hv->qemu_gid = first->qemu_gid;
    self->instances = vms_instances_new(hv->session, hv->qemu_uid);
    return hv;
}

void
vms_libvirt_count_agents(VmsHypervisor *hv, const char *runtime_dir)
{
    VmsLibvirt *self = (VmsLibvirt *)hv;

    self->runtime_dir = g_strdup(runtime_dir);
    vms_lanes_spare_first(self->lanes);
}
