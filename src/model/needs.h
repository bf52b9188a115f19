/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/vm.h"

#include <glib.h>

/* What a configuration refers to, and what of it the host does not have. Built once by an adapter,
 * then only read. */

/* Something that is not there. */
typedef struct {
    char *kind; /* "VirtualImage", "Network", "HostDevice", "VirtualMachineClass" */
    char *name; /* "/srv/install.iso", "lab", "pci 0000:01:00.0", "pc-q35-9.9" */
    char *why;  /* in a sentence */
    /* The device that refers to it, which the VM can do without: "disk", "hostdev" or "interface"
     * and its place among those, from 0. NULL: no such device. */
    char *element;
    guint index;
    gboolean eject;  /* the device stays, without medium */
    gboolean barred; /* the host's libvirt defines no such VM at all */
} VmsLack;

typedef struct {
    GPtrArray *disks;   /* VmsDisk* */
    GPtrArray *lacks;   /* VmsLack* */
    GPtrArray *devices; /* VmsLack*: devices of the host that are there; one VM can have them */
} VmsNeeds;

/* A file of an active storage pool. */
typedef struct {
    char *volume; /* "pool/name" */
    char *path;
} VmsPoolFile;

VmsLack *vms_lack_new(const char *kind, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void vms_lack_free(VmsLack *lack);
/* Nothing at all. */
VmsNeeds *vms_needs_new(void);
void vms_needs_free(VmsNeeds *needs);
VmsPoolFile *vms_pool_file_new(const char *pool, const char *name, const char *path);
void vms_pool_file_free(VmsPoolFile *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsLack, vms_lack_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNeeds, vms_needs_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsPoolFile, vms_pool_file_free)
