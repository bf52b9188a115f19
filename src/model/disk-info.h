/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/vm.h"

#include <glib.h>

/* One disk as a caller sees it: of a VM, or a file that no VM has. Built once, then only read. */

typedef struct {
    char *name;    /* "web/vda"; the path of a disk that no VM has */
    char *vm_uuid; /* NULL: no VM has it; so down to serial */
    char *vm_name;
    char *target;
    char *bus;
    char *serial;
    VmsDeviceKind device;
    char *source_type; /* "file", "block", "network", … */
    char *path;        /* NULL: neither file nor device */
    char *network;     /* NULL: no network source */
    char *format;      /* NULL: the VM's configuration does not say */
    gboolean readonly;
    gboolean shareable;
    guint64 virtual_size; /* 0: cannot be told from here; so for what is allocated */
    guint64 allocated;
} VmsDiskInfo;

/* @path: the canonical one. */
VmsDiskInfo *vms_disk_info_new(const char *path, const char *format);
VmsDiskInfo *vms_disk_info_new_of_vm(const VmsVm *vm, const VmsDisk *disk);
void vms_disk_info_free(VmsDiskInfo *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDiskInfo, vms_disk_info_free)
