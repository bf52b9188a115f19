/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/identity.h"
#include "model/metadata.h"
#include "model/needs.h"
#include "model/vm.h"

#include <glib.h>
#include <sys/types.h>

/* Port: what the engine needs from whatever runs the virtual machines.
 *
 * Adapters: adapter/libvirt, tests/support/fake-hypervisor.c. An adapter embeds VmsHypervisor as
 * its first member. All calls may come from any thread, several at a time, and block. Every VM is
 * named by its UUID. Errors carry the origin's own code ("libvirt", number). */

typedef struct VmsHypervisor VmsHypervisor;

typedef void (*VmsVmSink)(const VmsVm *vm, gpointer data);

typedef enum { VMS_STOP_AGENT, VMS_STOP_ACPI } VmsStopWay;

typedef struct {
    guint64 capacity;   /* virtual size */
    guint64 allocation; /* highest or allocated, as libvirt tells */
    guint64 physical;
} VmsBlockInfo;

/* One disk of a pull backup job. */
typedef struct {
    const char *target;
    const char *scratch; /* pre-created qcow2 file; NULL: the disk takes no part */
} VmsBackupDisk;

/* One disk whose VM is to go on writing to another file. */
typedef struct {
    const char *target;
    const char *overlay; /* pre-created qcow2 file over the disk's image; NULL: takes no part */
} VmsOverlayDisk;

/* How writing an overlay back into its base stands. READY: QEMU may go over to the base. */
typedef enum {
    VMS_MERGE_NONE = 0,
    VMS_MERGE_RUNNING,
    VMS_MERGE_READY,
    VMS_MERGE_OTHER /* another job runs on the disk */
} VmsMerge;

typedef struct {
    const char *target;
    const char *overlay;
    const char *base;
    const char *format; /* of the base */
} VmsDiskReturn;

/* How a backup job of a VM stands. */
typedef enum { VMS_JOB_NONE = 0, VMS_JOB_BACKUP, VMS_JOB_OTHER } VmsJobKind;

typedef struct {
    /* The VM survey. With @secrets the inactive XML includes secure info (needs a connection
     * that may write). Sorted by name. A VM that disappears meanwhile is left out; one whose
     * configuration cannot be read stands there without devices. */
    gboolean (*list_vms)(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms, GError **error);
    /* One VM after another, each with what its configurations say, and whether it runs, but without
     * state, jobs and flags. @sink borrows it. For connections that feed conflict analysis only. */
    gboolean (*each_vm)(VmsHypervisor *hv, VmsVmSink sink, gpointer data, GError **error);
    /* By name or, failing that, UUID; NOT_FOUND. Asks for the block jobs of each disk as well,
     * which list_vms() leaves: there only mirrors make a disk busy. */
    gboolean (*find_vm)(VmsHypervisor *hv, const char *vm, gboolean secrets, VmsVm **ret_vm,
                        GError **error);
    /* Cheap: state and current instance only. */
    gboolean (*read_state)(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
                           VmsInstance *ret_instance, GError **error);
    gboolean (*read_block)(VmsHypervisor *hv, const char *uuid, const char *target,
                           VmsBlockInfo *ret_info, GError **error);
    /* Storage bytes written to a disk since the VM started; -1 where it cannot be told or the VM is
     * off. */
    gboolean (*read_writes)(VmsHypervisor *hv, const char *uuid, const char *target,
                            gint64 *ret_writes, GError **error);

    /* What the configuration @xml refers to, and what of it this host does not have. */
    gboolean (*read_needs)(VmsHypervisor *hv, const char *xml, VmsNeeds **ret_needs,
                           GError **error);
    /* What of the configuration @xml is the VM's own and no other's: VmsTrait*. */
    gboolean (*read_traits)(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits,
                            GError **error);
    /* @xml with all of @table in place of what read_traits() finds, wherever else it is named, and
     * without what the table drops. */
    gboolean (*rewrite)(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table,
                        char **ret_xml, GError **error);
    /* The files of all active storage pools (VmsPoolFile*). */
    gboolean (*list_pool_files)(VmsHypervisor *hv, GPtrArray **ret_files, GError **error);

    /* Suspending a paused VM and resuming a running one succeed. */
    gboolean (*suspend)(VmsHypervisor *hv, const char *uuid, GError **error);
    gboolean (*resume)(VmsHypervisor *hv, const char *uuid, GError **error);

    gboolean (*define)(VmsHypervisor *hv, const char *xml, GError **error);
    gboolean (*start)(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error);
    /* Whether it is started when the host is. */
    gboolean (*set_autostart)(VmsHypervisor *hv, const char *uuid, gboolean autostart,
                              GError **error);
    /* Ask once; returns when asked, not when stopped. */
    gboolean (*stop)(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error);
    gboolean (*destroy)(VmsHypervisor *hv, const char *uuid, GError **error);
    gboolean (*drop_managed_save)(VmsHypervisor *hv, const char *uuid, GError **error);

    /* What the hypervisor itself notes of the VM's disks (VmsMetadata*), in an order in which they
     * can be made again. Dropping removes no data, and missing is success. */
    gboolean (*list_metadata)(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list,
                              GError **error);
    gboolean (*drop_metadata)(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                              GError **error);
    gboolean (*define_metadata)(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                                GError **error);

    /* Pull backup: one transaction over all disks that have a scratch file; exports appear on the
     * UNIX socket under their target names. @disks ends with a NULL target and lists every
     * block-capable disk of the VM. */
    gboolean (*begin_backup)(VmsHypervisor *hv, const char *uuid, const char *socket,
                             const VmsBackupDisk *disks, GError **error);
    /* End our pull job; no job is success. Returns when the job is gone. */
    gboolean (*end_backup)(VmsHypervisor *hv, const char *uuid, GError **error);
    /* What job the VM has; @ret_socket (may be NULL) gets a backup job's socket: how we know ours.
     */
    gboolean (*read_job)(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind,
                         char **ret_socket, GError **error);

    /* In one transaction: all disks with an overlay go on in it, their images stand still. @disks
     * ends with a NULL target and lists every disk of the VM. Configured and live XML name the
     * overlays from then on. */
    gboolean (*begin_overlays)(VmsHypervisor *hv, const char *uuid, const VmsOverlayDisk *disks,
                               GError **error);
    /* Write the overlay a running VM has on @target into @base, beneath it. Returns at once. */
    gboolean (*begin_merge)(VmsHypervisor *hv, const char *uuid, const char *target,
                            const char *base, GError **error);
    gboolean (*read_merge)(VmsHypervisor *hv, const char *uuid, const char *target,
                           VmsMerge *ret_merge, GError **error);
    /* Go over to the base; both XML name it again. BUSY when the merge is not ready after all. */
    gboolean (*end_merge)(VmsHypervisor *hv, const char *uuid, const char *target, GError **error);
    /* Where the configuration of a VM names @overlay for @target, let it name @base again. */
    gboolean (*return_disk)(VmsHypervisor *hv, const char *uuid, const VmsDiskReturn *disk,
                            GError **error);

    /* One agent command over the hypervisor's own channel. */
    gboolean (*agent_call)(VmsHypervisor *hv, const char *uuid, const char *request, guint limit_ms,
                           char **ret_reply, GError **error);

    /* The folder of an active storage pool that keeps its volumes as files in one; NOT_FOUND,
     * UNSUPPORTED for another kind. */
    gboolean (*read_pool)(VmsHypervisor *hv, const char *pool, char **ret_folder, GError **error);
    /* Let it notice what was put there. */
    gboolean (*refresh_pool)(VmsHypervisor *hv, const char *pool, GError **error);

    void (*free)(VmsHypervisor *hv);
} VmsHypervisorOps;

struct VmsHypervisor {
    const VmsHypervisorOps *ops;
    /* Set by the adapter when it connects. */
    char *uri;
    char *host_uuid;  /* NULL: it has none; some boards share one, and without a board's each daemon
                       * makes one up */
    char *host_name;  /* NULL where hosts are not compared */
    gboolean remote;  /* not the host we run on: image files are out of reach */
    gboolean session; /* the user's own instance, not the system's */
    gboolean read_only;
    uid_t qemu_uid; /* whom QEMU processes run as; our own uid if not known */
    gid_t qemu_gid;
};

/* Callers use these, never ops directly. */
gboolean vms_hypervisor_list_vms(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms,
                                 GError **error);
gboolean vms_hypervisor_each_vm(VmsHypervisor *hv, VmsVmSink sink, gpointer data, GError **error);
gboolean vms_hypervisor_find_vm(VmsHypervisor *hv, const char *vm, gboolean secrets, VmsVm **ret_vm,
                                GError **error);
gboolean vms_hypervisor_read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
                                   VmsInstance *ret_instance, GError **error);
gboolean vms_hypervisor_read_block(VmsHypervisor *hv, const char *uuid, const char *target,
                                   VmsBlockInfo *ret_info, GError **error);
gboolean vms_hypervisor_read_writes(VmsHypervisor *hv, const char *uuid, const char *target,
                                    gint64 *ret_writes, GError **error);
/* One that has no such question lacks nothing, and has no pools. */
gboolean vms_hypervisor_read_needs(VmsHypervisor *hv, const char *xml, VmsNeeds **ret_needs,
                                   GError **error);
gboolean vms_hypervisor_read_traits(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits,
                                    GError **error);
gboolean vms_hypervisor_rewrite(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table,
                                char **ret_xml, GError **error);
gboolean vms_hypervisor_list_pool_files(VmsHypervisor *hv, GPtrArray **ret_files, GError **error);
gboolean vms_hypervisor_suspend(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_hypervisor_resume(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_hypervisor_define(VmsHypervisor *hv, const char *xml, GError **error);
gboolean vms_hypervisor_start(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error);
gboolean vms_hypervisor_set_autostart(VmsHypervisor *hv, const char *uuid, gboolean autostart,
                                      GError **error);
gboolean vms_hypervisor_stop(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error);
gboolean vms_hypervisor_destroy(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_hypervisor_drop_managed_save(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_hypervisor_list_metadata(VmsHypervisor *hv, const char *uuid, GPtrArray **ret_list,
                                      GError **error);
gboolean vms_hypervisor_drop_metadata(VmsHypervisor *hv, const char *uuid, const VmsMetadata *item,
                                      GError **error);
gboolean vms_hypervisor_define_metadata(VmsHypervisor *hv, const char *uuid,
                                        const VmsMetadata *item, GError **error);
gboolean vms_hypervisor_begin_backup(VmsHypervisor *hv, const char *uuid, const char *socket,
                                     const VmsBackupDisk *disks, GError **error);
gboolean vms_hypervisor_end_backup(VmsHypervisor *hv, const char *uuid, GError **error);
gboolean vms_hypervisor_read_job(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind,
                                 char **ret_socket, GError **error);
gboolean vms_hypervisor_begin_overlays(VmsHypervisor *hv, const char *uuid,
                                       const VmsOverlayDisk *disks, GError **error);
gboolean vms_hypervisor_begin_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                                    const char *base, GError **error);
gboolean vms_hypervisor_read_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                                   VmsMerge *ret_merge, GError **error);
gboolean vms_hypervisor_end_merge(VmsHypervisor *hv, const char *uuid, const char *target,
                                  GError **error);
gboolean vms_hypervisor_return_disk(VmsHypervisor *hv, const char *uuid, const VmsDiskReturn *disk,
                                    GError **error);
gboolean vms_hypervisor_agent_call(VmsHypervisor *hv, const char *uuid, const char *request,
                                   guint limit_ms, char **ret_reply, GError **error);
gboolean vms_hypervisor_read_pool(VmsHypervisor *hv, const char *pool, char **ret_folder,
                                  GError **error);
gboolean vms_hypervisor_refresh_pool(VmsHypervisor *hv, const char *pool, GError **error);
void vms_hypervisor_free(VmsHypervisor *hv);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsHypervisor, vms_hypervisor_free)
