/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/process.h"

#include <glib.h>

#include <vmsnap/vm.h>

/* A virtual machine as one survey saw it. Built once by an adapter, then only read. */

typedef enum {
    VMS_SOURCE_NONE = 0, /* empty drive */
    VMS_SOURCE_FILE,
    VMS_SOURCE_BLOCK,
    VMS_SOURCE_NETWORK,
    VMS_SOURCE_OTHER /* volume, dir, nvme, vhost-user, …: see source_type */
} VmsSourceKind;

typedef enum {
    VMS_DEVICE_DISK = 0,
    VMS_DEVICE_CDROM,
    VMS_DEVICE_FLOPPY,
    VMS_DEVICE_LUN
} VmsDeviceKind;

/* One layer below the active one, as the XML lists it. */
typedef struct {
    char *path;   /* NULL if it is not a file or device */
    char *format; /* NULL if the XML does not say */
} VmsBacking;

typedef struct {
    char *target; /* "vda" */
    char *bus;
    char *serial; /* NULL: none; so for the next two */
    char *wwn;
    char *alias;
    /* Where the guest sees it: "0000:00:04.0" for a PCI device of its own, else its controller's
     * and bus, target, unit: "0000:00:1f.2/0.0.1"; NULL if the XML does not say. */
    char *address;
    VmsDeviceKind device;
    VmsSourceKind source;
    char *source_type; /* the XML's word: "file", "block", "network", … */
    char *path;        /* file or device; NULL otherwise */
    char *network;     /* "protocol:name" of a network source; NULL otherwise */
    char *volume;      /* "pool/volume" of a source in a storage pool; NULL otherwise. Where the
                        * pool tells a path, source and path are those of the file or device. */
    char *format;      /* driver type; NULL if the XML does not say */
    gboolean readonly;
    gboolean shareable;
    gboolean transient;
    gboolean has_data_file; /* or encryption, or slices: nothing we cut */
    gboolean busy;          /* the live XML shows a mirror or another block job */
    guint boot_order;       /* 0: none */
    GPtrArray *backing;     /* VmsBacking*, nearest first; empty if the XML lists none */
} VmsDisk;

typedef struct {
    char *mac;     /* lower case */
    char *type;    /* "network", "bridge", … */
    char *network; /* NULL if not of type network */
    char *model;
    char *alias;
} VmsNic;

/* One running incarnation: equal before and after means nothing was reset or restarted by the
 * hypervisor between. */
typedef struct {
    int domain_id;        /* -1: not running */
    VmsProcessId process; /* QEMU's; pid 0 where it cannot be told */
} VmsInstance;

typedef struct {
    char *uuid; /* lower case */
    char *name;
    vmsnap_vm_state state;
    char *state_reason; /* libvirt's reason as a word: "shutdown", "crashed", "saved", "unknown" */
    int domain_id;      /* -1: off */
    gboolean persistent;
    gboolean autostart;
    gboolean managed_save;
    gboolean has_agent_channel;
    gboolean agent_connected;
    char *agent_socket; /* where its agent is asked instead; NULL: over the hypervisor */
    gboolean has_tpm;
    char *tpm_state; /* file an emulated TPM keeps its state in; NULL: none, or not known */
    gboolean migrating;
    char *job;    /* active domain job: "backup", "migration", …; NULL: none */
    char *nvram;  /* path; NULL: none */
    char *loader; /* NULL: none; so for kernel and initrd */
    char *kernel;
    char *initrd;
    char *emulator;
    char *machine;
    char *genid;
    char *cid; /* of its vsock, as the configuration or the running machine has it; NULL: none */
    char *inactive_xml; /* secure info included when the connection may; NULL for a transient VM */
    char *live_xml;     /* NULL when off */
    GPtrArray *disks;   /* VmsDisk*, inactive configuration (live if transient) */
    GPtrArray *live_disks; /* VmsDisk*; NULL when off */
    GPtrArray *nics;       /* VmsNic*, inactive configuration */
    GPtrArray *live_nics;  /* NULL when off */
    guint checkpoints;     /* libvirt checkpoints it has */
    guint snapshots;       /* libvirt snapshot metadata it has */
} VmsVm;

VmsBacking *vms_backing_new(const char *path, const char *format);
void vms_backing_free(VmsBacking *backing);
VmsDisk *vms_disk_new(const char *target);
void vms_disk_free(VmsDisk *disk);
VmsNic *vms_nic_new(void);
void vms_nic_free(VmsNic *nic);
VmsVm *vms_vm_new(const char *uuid, const char *name);
void vms_vm_free(VmsVm *vm);

/* Borrowed; NULL if there is none. */
const VmsDisk *vms_vm_find_disk(const VmsVm *vm, const char *target);
const VmsDisk *vms_vm_find_live_disk(const VmsVm *vm, const char *target);
/* The disks in force: live when it is on, else the configured ones. */
const GPtrArray *vms_vm_current_disks(const VmsVm *vm);
/* TRUE for a disk whose data belongs to the VM: a disk or lun, with a source, not read-only. */
gboolean vms_disk_is_owned(const VmsDisk *disk);
/* Running, paused, stopping, or pmsuspended: a QEMU has the disks open. */
gboolean vms_vm_is_active(const VmsVm *vm);
/* An agent may answer, now or later. */
gboolean vms_vm_may_have_agent(const VmsVm *vm);
/* TRUE if both have the same disks in force: targets and what stands behind them. */
gboolean vms_vm_has_same_disks(const VmsVm *a, const VmsVm *b);
const char *vms_vm_state_name(vmsnap_vm_state state);
gboolean vms_instance_equal(const VmsInstance *a, const VmsInstance *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsBacking, vms_backing_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDisk, vms_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNic, vms_nic_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsVm, vms_vm_free)
