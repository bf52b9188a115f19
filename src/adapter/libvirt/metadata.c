/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/metadata.h"

#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"

#include <stdlib.h>

/* libvirt's own snapshots and checkpoints. A driver that knows none of them has none. */

static void
add(GPtrArray *found, VmsMetadataKind kind, const char *name, char *xml, gboolean current)
{
    VmsMetadata *item = vms_metadata_new(kind, name, xml);

    item->current = current;
    free(xml);
    g_ptr_array_add(found, item);
}

static gboolean
list_snapshots(virDomainPtr domain, GPtrArray *found, GError **error)
{
    virDomainSnapshotPtr *items = NULL;
    int count = virDomainListAllSnapshots(domain, &items, VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL);
    gboolean done = TRUE;

    if (count < 0)
        return vms_libvirt_last_unsupported() || vms_libvirt_fail_domain(error, domain);
    for (int i = 0; i < count; i++) {
        char *xml =
            done ? virDomainSnapshotGetXMLDesc(items[i], VIR_DOMAIN_SNAPSHOT_XML_SECURE) : NULL;

        if (xml)
            add(found, VMS_METADATA_SNAPSHOT, virDomainSnapshotGetName(items[i]), xml,
                virDomainSnapshotIsCurrent(items[i], 0) == 1);
        else if (done)
            done = vms_libvirt_fail_domain(error, domain);
        virDomainSnapshotFree(items[i]);
    }
    free(items);
    return done;
}

static gboolean
list_checkpoints(virDomainPtr domain, GPtrArray *found, GError **error)
{
    virDomainCheckpointPtr *items = NULL;
    int count = virDomainListAllCheckpoints(domain, &items, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);
    gboolean done = TRUE;

    if (count < 0)
        return vms_libvirt_last_unsupported() || vms_libvirt_fail_domain(error, domain);
    for (int i = 0; i < count; i++) {
        char *xml =
            done ? virDomainCheckpointGetXMLDesc(items[i], VIR_DOMAIN_CHECKPOINT_XML_SECURE) : NULL;

        if (xml)
            add(found, VMS_METADATA_CHECKPOINT, virDomainCheckpointGetName(items[i]), xml, FALSE);
        else if (done)
            done = vms_libvirt_fail_domain(error, domain);
        virDomainCheckpointFree(items[i]);
    }
    free(items);
    return done;
}

/* Snapshots first: they cannot be made again while there is a checkpoint. */
gboolean
vms_libvirt_list_metadata(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_metadata_free);

    if (!vms_domain_call_begin(&on, hv, uuid, error) || !list_snapshots(on.domain, found, error) ||
        !list_checkpoints(on.domain, found, error))
        return FALSE;
    *ret_list = g_steal_pointer(&found);
    return TRUE;
}

static gboolean
drop_snapshot(virDomainPtr domain, const char *name, GError **error)
{
    virDomainSnapshotPtr item = virDomainSnapshotLookupByName(domain, name, 0);
    gboolean done;

    if (!item)
        return vms_libvirt_last_code() == VIR_ERR_NO_DOMAIN_SNAPSHOT ||
               vms_libvirt_fail_domain(error, domain);
    done = virDomainSnapshotDelete(item, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) == 0 ||
           vms_libvirt_fail_domain(error, domain);
    virDomainSnapshotFree(item);
    return done;
}

static gboolean
drop_checkpoint(virDomainPtr domain, const char *name, GError **error)
{
    virDomainCheckpointPtr item = virDomainCheckpointLookupByName(domain, name, 0);
    gboolean done;

    if (!item)
        return vms_libvirt_last_code() == VIR_ERR_NO_DOMAIN_CHECKPOINT ||
               vms_libvirt_fail_domain(error, domain);
    done = virDomainCheckpointDelete(item, VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY) == 0 ||
           vms_libvirt_fail_domain(error, domain);
    virDomainCheckpointFree(item);
    return done;
}

gboolean
vms_libvirt_drop_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                          GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    return item->kind == VMS_METADATA_CHECKPOINT ? drop_checkpoint(on.domain, item->name, error)
                                                 : drop_snapshot(on.domain, item->name, error);
}

gboolean
vms_libvirt_define_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                            GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    virDomainSnapshotPtr snapshot;
    virDomainCheckpointPtr checkpoint;
    unsigned int flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE |
                         (item->current ? (unsigned int)VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT : 0U);

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    if (item->kind == VMS_METADATA_CHECKPOINT) {
        checkpoint = virDomainCheckpointCreateXML(on.domain, item->xml,
                                                  VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE);
        if (!checkpoint)
            return vms_libvirt_fail_domain(error, on.domain);
        virDomainCheckpointFree(checkpoint);
        return TRUE;
    }
    snapshot = virDomainSnapshotCreateXML(on.domain, item->xml, flags);
    if (!snapshot)
        return vms_libvirt_fail_domain(error, on.domain);
    virDomainSnapshotFree(snapshot);
    return TRUE;
}
