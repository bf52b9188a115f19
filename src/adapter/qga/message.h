/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/network.h"
#include "port/agent.h"

#include <glib.h>

/* The guest agent's words: requests as text, replies as values. Pure; everything a guest sends is
 * bounded and checked before it is believed.
 *
 * A reply is exactly one object with either "return" or "error". The agent's own error is AGENT
 * with its text, whole and escaped: reason FreezeUnsupported for a command that is not there or
 * disabled, else FreezeFailed. Anything else is AGENT with reason BadReply. */

/* A disk as the guest sees it. */
typedef struct {
    char *bus;     /* "virtio", "scsi", … */
    char *dev;     /* "/dev/vda"; NULL: not told */
    char *serial;  /* NULL: not told */
    char *address; /* like VmsDisk.address, for a disk of its own PCI device; NULL: not told */
    char *drive;   /* the same behind a controller */
} VmsQgaDisk;

typedef struct {
    char *name;
    char *mountpoint;
    char *type;
    GPtrArray *disks; /* VmsQgaDisk* */
} VmsQgaFs;

void vms_qga_disk_free(VmsQgaDisk *disk);
void vms_qga_fs_free(VmsQgaFs *fs);

/* {"execute": @command} */
char *vms_qga_request(const char *command);
/* guest-fsfreeze-freeze-list of @mountpoints, ended by NULL. */
char *vms_qga_request_freeze_list(const char *const *mountpoints);

/* guest-sync-delimited with @number. */
char *vms_qga_request_sync(gint64 number);

/* Its number. */
gboolean vms_qga_parse_sync(const char *reply, gint64 *ret_number, GError **error);
/* guest-ping: any object. */
gboolean vms_qga_parse_ping(const char *reply, GError **error);
/* guest-fsfreeze-freeze and -thaw: 0 or more. */
gboolean vms_qga_parse_count(const char *reply, int *ret_count, GError **error);
gboolean vms_qga_parse_status(const char *reply, gboolean *ret_frozen, GError **error);
/* guest-info: version and commands, lacking in the words of people; windows is left FALSE. */
gboolean vms_qga_parse_info(const char *reply, VmsAgentInfo *ret_info, GError **error);
gboolean vms_qga_parse_os(const char *reply, gboolean *ret_windows, GError **error);
/* guest-get-fsinfo: VmsQgaFs*, in the agent's order. */
gboolean vms_qga_parse_filesystems(const char *reply, GPtrArray **ret_filesystems, GError **error);
/* guest-network-get-interfaces: VmsAddress* with MAC and address, those that others can reach. */
gboolean vms_qga_parse_addresses(const char *reply, GPtrArray **ret_addresses, GError **error);

/* The reason an agent's own error text stands for; also used on text a hypervisor wrapped. */
const char *vms_qga_reason_of(const char *text);

/* The file systems with the targets of @vm they lie on (VmsGuestFs*): by address, serial, then
 * order of device names. */
GPtrArray *vms_qga_map(const GPtrArray *filesystems, const VmsVm *vm);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsQgaDisk, vms_qga_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsQgaFs, vms_qga_fs_free)
