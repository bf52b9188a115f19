/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/hypervisor.h"

#include "base/sys.h"

gboolean
vms_hypervisor_list_vms(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms, GError **error)
{
    return hv->ops->list_vms(hv, secrets, ret_vms, error);
}

gboolean
vms_hypervisor_each_vm(VmsHypervisor *hv, VmsVmSink sink, gpointer data, GError **error)
{
    return hv->ops->each_vm(hv, sink, data, error);
}

gboolean
vms_hypervisor_find_vm(VmsHypervisor *hv, const char *vm, gboolean secrets, VmsVm **ret_vm,
                       GError **error)
{
    return hv->ops->find_vm(hv, vm, secrets, ret_vm, error);
}

gboolean
vms_hypervisor_read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
                          VmsInstance *ret_instance, GError **error)
{
    return hv->ops->read_state(hv, uuid, ret_state, ret_instance, error);
}

gboolean
vms_hypervisor_read_block(VmsHypervisor *hv, const char *uuid, const char *target,
                          VmsBlockInfo *ret_info, GError **error)
{
    return hv->ops->read_block(hv, uuid, target, ret_info, error);
}

gboolean
vms_hypervisor_read_writes(VmsHypervisor *hv, const char *uuid, const char *target,
                           gint64 *ret_writes, GError **error)
{
    return hv->ops->read_writes(hv, uuid, target, ret_writes, error);
}

gboolean
vms_hypervisor_read_needs(VmsHypervisor *hv, const char *xml, VmsNeeds **ret_needs, GError **error)
{
    if (hv->ops->read_needs)
        return hv->ops->read_needs(hv, xml, ret_needs, error);
    *ret_needs = vms_needs_new();
    return TRUE;
}

gboolean
vms_hypervisor_read_traits(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits,
                           GError **error)
{
    return hv->ops->read_traits(hv, xml, ret_traits, error);
}

gboolean
vms_hypervisor_rewrite(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table,
                       char **ret_xml, GError **error)
{
    return hv->ops->rewrite(hv, xml, table, ret_xml, error);
}

gboolean
vms_hypervisor_list_pool_files(VmsHypervisor *hv, GPtrArray **ret_files, GError **error)
{
    if (hv->ops->list_pool_files)
        return hv->ops->list_pool_files(hv, ret_files, error);
    *ret_files = g_ptr_array_new_with_free_func((GDestroyNotify)vms_pool_file_free);
    return TRUE;
}

gboolean
vms_hypervisor_suspend(VmsHypervisor *hv, const char *uuid, GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-suspend");
    done = hv->ops->suspend(hv, uuid, error);
    vms_crash_point("hypervisor-suspend-done");
    return done;
}

gboolean
vms_hypervisor_resume(VmsHypervisor *hv, const char *uuid, GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-resume");
    done = hv->ops->resume(hv, uuid, error);
    vms_crash_point("hypervisor-resume-done");
    return done;
}

gboolean
vms_hypervisor_define(VmsHypervisor *hv, const char *xml, GError **error)
{
    return hv->ops->define(hv, xml, error);
}

gboolean
vms_hypervisor_start(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error)
{
    return hv->ops->start(hv, uuid, paused, error);
}

gboolean
vms_hypervisor_set_autostart(VmsHypervisor *hv, const char *uuid, gboolean autostart,
                             GError **error)
{
    return hv->ops->set_autostart(hv, uuid, autostart, error);
}

gboolean
vms_hypervisor_stop(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error)
{
    return hv->ops->stop(hv, uuid, way, error);
}

gboolean
vms_hypervisor_destroy(VmsHypervisor *hv, const char *uuid, GError **error)
{
    return hv->ops->destroy(hv, uuid, error);
}

gboolean
vms_hypervisor_drop_managed_save(VmsHypervisor *hv, const char *uuid, GError **error)
{
    return hv->ops->drop_managed_save(hv, uuid, error);
}

gboolean
vms_hypervisor_list_metadata(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list,
                             GError **error)
{
    return hv->ops->list_metadata(hv, uuid, ret_list, error);
}

gboolean
vms_hypervisor_drop_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                             GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-drop-metadata");
    done = hv->ops->drop_metadata(hv, uuid, item, error);
    vms_crash_point("hypervisor-drop-metadata-done");
    return done;
}

gboolean
vms_hypervisor_define_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                               GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-define-metadata");
    done = hv->ops->define_metadata(hv, uuid, item, error);
    vms_crash_point("hypervisor-define-metadata-done");
    return done;
}

gboolean
vms_hypervisor_begin_backup(VmsHypervisor *hv, const char *uuid, const char *socket,
                            const VmsBackupDisk *disks, GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-begin-backup");
    done = hv->ops->begin_backup(hv, uuid, socket, disks, error);
    vms_crash_point("hypervisor-begin-backup-done");
    return done;
}

gboolean
vms_hypervisor_end_backup(VmsHypervisor *hv, const char *uuid, GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-end-backup");
    done = hv->ops->end_backup(hv, uuid, error);
    vms_crash_point("hypervisor-end-backup-done");
    return done;
}

gboolean
vms_hypervisor_read_job(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind,
                        char **ret_socket, GError **error)
{
    return hv->ops->read_job(hv, uuid, ret_kind, ret_socket, error);
}

gboolean
vms_hypervisor_begin_overlays(VmsHypervisor *hv, const char *uuid, const VmsOverlayDisk *disks,
                              GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-overlays");
    done = hv->ops->begin_overlays(hv, uuid, disks, error);
    vms_crash_point("hypervisor-overlays-done");
    return done;
}

gboolean
vms_hypervisor_begin_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                           const char *base, GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-merge");
    done = hv->ops->begin_merge(hv, uuid, target, base, error);
    vms_crash_point("hypervisor-merge-done");
    return done;
}

gboolean
vms_hypervisor_read_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                          VmsMerge *ret_merge, GError **error)
{
    return hv->ops->read_merge(hv, uuid, target, ret_merge, error);
}

gboolean
vms_hypervisor_end_merge(VmsHypervisor *hv, const char *uuid, const char *target, GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-pivot");
    done = hv->ops->end_merge(hv, uuid, target, error);
    vms_crash_point("hypervisor-pivot-done");
    return done;
}

gboolean
vms_hypervisor_return_disk(VmsHypervisor *hv, const char *uuid, const VmsDiskReturn *disk,
                           GError **error)
{
    gboolean done;

    vms_crash_point("hypervisor-return");
    done = hv->ops->return_disk(hv, uuid, disk, error);
    vms_crash_point("hypervisor-return-done");
    return done;
}

gboolean
vms_hypervisor_agent_call(VmsHypervisor *hv, const char *uuid, const char *request, guint limit_ms,
                          char **ret_reply, GError **error)
{
    return hv->ops->agent_call(hv, uuid, request, limit_ms, ret_reply, error);
}

gboolean
vms_hypervisor_read_pool(VmsHypervisor *hv, const char *pool, char **ret_folder, GError **error)
{
    return hv->ops->read_pool(hv, pool, ret_folder, error);
}

gboolean
vms_hypervisor_refresh_pool(VmsHypervisor *hv, const char *pool, GError **error)
{
    return hv->ops->refresh_pool(hv, pool, error);
}

void
vms_hypervisor_free(VmsHypervisor *hv)
{
    if (hv)
        hv->ops->free(hv);
}
