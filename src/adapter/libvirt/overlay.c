/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/overlay-xml.h"
#include "base/error.h"

/* Never with libvirt's own metadata, and never by its own freeze. */
#define SNAPSHOT_FLAGS                                                                             \
    (VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |                    \
     VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)

gboolean
vms_libvirt_begin_overlays(VmsHypervisor *hv, const char *uuid, const VmsOverlayDisk *disks,
                           GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autofree char *xml = NULL;
    const char *word = NULL;
    virDomainSnapshotPtr snapshot;

    if (!vms_overlay_xml_write(disks, &xml, error) || !vms_domain_call_recall(&on, hv, uuid, error))
        return FALSE;
    /* libvirt would wait up to 30 s for another job to end, and our guest may be frozen. */
    if (!vms_libvirt_read_job_word(on.domain, &word, error))
        return FALSE;
    if (word)
        return vms_refuse(error, VMSNAP_E_BUSY, "BlockDevicesNotReady", "a job (%s) runs on the VM",
                          word);
    snapshot = virDomainSnapshotCreateXML(on.domain, xml, SNAPSHOT_FLAGS);
    if (!snapshot)
        return vms_libvirt_fail(error, uuid);
    virDomainSnapshotFree(snapshot);
    return TRUE;
}

gboolean
vms_libvirt_begin_merge(VmsHypervisor *hv, const char *uuid, const char *target, const char *base,
                        GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    return virDomainBlockCommit(on.domain, target, base, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) ==
                   0
               ? TRUE
               : vms_libvirt_fail(error, uuid);
}

/* The end may be reached before QEMU says that it is ready: then end_merge() is refused. */
static VmsMerge
merge_of(const virDomainBlockJobInfo *info)
{
    if (info->type != VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT)
        return VMS_MERGE_OTHER;
    return info->end > 0 && info->cur == info->end ? VMS_MERGE_READY : VMS_MERGE_RUNNING;
}

gboolean
vms_libvirt_read_merge(VmsHypervisor *hv, const char *uuid, const char *target, VmsMerge *ret_merge,
                       GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    virDomainBlockJobInfo info = { 0 };
    int found;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    found = virDomainGetBlockJobInfo(on.domain, target, &info, 0);
    if (found < 0)
        return vms_libvirt_fail(error, uuid);
    *ret_merge = found == 0 ? VMS_MERGE_NONE : merge_of(&info);
    return TRUE;
}

gboolean
vms_libvirt_end_merge(VmsHypervisor *hv, const char *uuid, const char *target, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autoptr(GError) failure = NULL;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    if (virDomainBlockJobAbort(on.domain, target, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0)
        return TRUE;
    vms_libvirt_fail(&failure, uuid);
    if (vms_libvirt_last_code() == VIR_ERR_BLOCK_COPY_ACTIVE)
        return vms_refuse(error, VMSNAP_E_BUSY, "NotReady", "%s", failure->message);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* With secrets, or they would be lost by the definition. */
static gboolean
return_disk(const VmsDomainCall *on, const VmsDiskReturn *disk, GError **error)
{
    g_autoptr(virDomain) defined = NULL;
    g_autofree char *xml =
        virDomainGetXMLDesc(on->domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    g_autofree char *changed = NULL;

    if (!xml)
        return vms_libvirt_fail_domain(error, on->domain);
    if (!vms_overlay_xml_return(xml, disk, &changed, error))
        return FALSE;
    if (!changed)
        return TRUE;
    defined = virDomainDefineXMLFlags(on->call.conn, changed, 0);
    return defined ? TRUE : vms_libvirt_fail_domain(error, on->domain);
}

gboolean
vms_libvirt_return_disk(VmsHypervisor *hv, const char *uuid, const VmsDiskReturn *disk,
                        GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    return vms_domain_call_begin(&on, hv, uuid, error) && return_disk(&on, disk, error);
}
