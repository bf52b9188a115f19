/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/connection.h"
#include "adapter/libvirt/gate.h"
#include "adapter/libvirt/instance.h"
#include "adapter/libvirt/lanes.h"
#include "port/hypervisor.h"

/* Inside of the libvirt adapter: the object behind VmsHypervisor, and what its files offer to the
 * table of operations. */

typedef struct {
    VmsHypervisor base;
    VmsConnection *connection;
    const VmsLog *log;
    VmsInstances *instances;
    VmsGate agent_gate; /* how many agent commands at a time, before the host's places */
    VmsLanes *lanes;    /* what they go over */
    char *runtime_dir;  /* where the host's places are; NULL: they are not counted */
} VmsLibvirt;

/* A libvirt call about one domain, from lookup to release. */
typedef struct {
    VmsCall call;
    virDomainPtr domain;
} VmsDomainCall;

#define VMS_DOMAIN_CALL_NONE                                                                       \
    {                                                                                              \
        .domain = NULL                                                                             \
    }

gboolean vms_domain_call_begin(VmsDomainCall *on, VmsHypervisor *hv, const char *uuid,
                               GError **error);
/* The same for calls made while a guest stands still: see vms_call_recall_domain(). */
gboolean vms_domain_call_recall(VmsDomainCall *on, VmsHypervisor *hv, const char *uuid,
                                GError **error);
/* The same over another connection. */
gboolean vms_domain_call_recall_on(VmsDomainCall *on, VmsConnection *connection, const char *uuid,
                                   GError **error);
void vms_domain_call_clear(VmsDomainCall *on);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsDomainCall, vms_domain_call_clear)

/* survey.c */
gboolean vms_libvirt_list_vms(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms,
                              GError **error);
gboolean vms_libvirt_each_vm(VmsHypervisor *hv, VmsVmSink sink, gpointer data, GError **error);
gboolean vms_libvirt_find_vm(VmsHypervisor *hv, const char *name, gboolean secrets, VmsVm **ret_vm,
                             GError **error);

/* state.c */
gboolean vms_libvirt_read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
                                VmsInstance *ret_instance, GError **error);
gboolean vms_libvirt_read_block(VmsHypervisor *hv, const char *uuid, const char *target,
                                VmsBlockInfo *ret_info, GError **error);
gboolean vms_libvirt_read_writes(VmsHypervisor *hv, const char *uuid, const char *target,
                                 gint64 *ret_writes, GError **error);
/* State and reason now, as libvirt's numbers (words.h), and the id (-1: off). */
gboolean vms_libvirt_state_of(virDomainPtr domain, int *ret_state, int *ret_reason, int *ret_id,
                              GError **error);

/* power.c */
gboolean vms_libvirt_suspend(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_libvirt_resume(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_libvirt_define(VmsHypervisor *hv, const char *xml, GError **error);
gboolean vms_libvirt_start(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error);
gboolean vms_libvirt_set_autostart(VmsHypervisor *hv, const char *uuid, gboolean autostart,
                                   GError **error);
gboolean vms_libvirt_stop(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error);
gboolean vms_libvirt_destroy(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_libvirt_drop_managed_save(VmsHypervisor *hv, const char *uuid, GError **error);

/* metadata.c */
gboolean vms_libvirt_list_metadata(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list,
                                   GError **error);
gboolean vms_libvirt_drop_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                                   GError **error);
gboolean vms_libvirt_define_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                                     GError **error);

/* backup-job.c */
gboolean vms_libvirt_begin_backup(VmsHypervisor *hv, const char *uuid, const char *socket,
                                  const VmsBackupDisk *disks, GError **error);
gboolean vms_libvirt_end_backup(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_libvirt_read_job(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind,
                              char **ret_socket, GError **error);
/* The active job of a domain as a static word; NULL: none. */
gboolean vms_libvirt_read_job_word(virDomainPtr domain, const char **ret_word, GError **error);

/* overlay.c */
gboolean vms_libvirt_begin_overlays(VmsHypervisor *hv, const char *uuid,
                                    const VmsOverlayDisk *disks, GError **error);
gboolean vms_libvirt_begin_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                                 const char *base, GError **error);
gboolean vms_libvirt_read_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                                VmsMerge *ret_merge, GError **error);
gboolean vms_libvirt_end_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                               GError **error);
gboolean vms_libvirt_return_disk(VmsHypervisor *hv, const char *uuid, const VmsDiskReturn *disk,
                                 GError **error);

/* pool-folder.c */
gboolean vms_libvirt_read_pool(VmsHypervisor *hv, const char *pool, char **ret_folder,
                               GError **error);
gboolean vms_libvirt_refresh_pool(VmsHypervisor *hv, const char *pool, GError **error);

/* agent-channel.c */
gboolean vms_libvirt_agent_call(VmsHypervisor *hv, const char *uuid, const char *request,
                                guint limit_ms, char **ret_reply, GError **error);

/* needs.c */
gboolean vms_libvirt_read_needs(VmsHypervisor *hv, const char *xml, VmsNeeds **ret_needs,
                                GError **error);

/* clone-xml.c */
gboolean vms_libvirt_read_traits(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits,
                                 GError **error);
gboolean vms_libvirt_rewrite(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table,
                             char **ret_xml, GError **error);

/* pool.c */
gboolean vms_libvirt_list_pool_files(VmsHypervisor *hv, GPtrArray **ret_files, GError **error);
