/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/hypervisor.h"

#include <glib.h>

/* The hypervisor of one machine with real disks, a script of what libvirt would do and nothing
 * else: a raw and a qcow2 disk and NVRAM in one folder, its configuration in another, and its
 * power in a third. While it runs, a process has its disks locked as QEMU has. It cannot be started
 * with a configuration whose disks are held back. */

#define DISK_MACHINE_UUID "3c1f6f2e-0000-4000-8000-000000000002"

enum { DISK_MACHINE_DISKS = 2 };

/* Where things are. Folders are absolute. */
typedef struct {
    const char *data; /* disks/a.raw, disks/b.qcow2, nvram/web.fd */
    const char *host; /* web.xml, and state/ of the library */
    const char *run;  /* what a restart of the host forgets: power, qemu, and the library's locks */
    const char *device; /* a block device that is the first disk; NULL: it is a file */
} DiskPlaces;

/* Path of a disk, or with DISK_MACHINE_DISKS of the NVRAM; owned. */
char *disk_machine_path(const DiskPlaces *places, guint index);
char *disk_machine_xml_path(const DiskPlaces *places);
/* @places is borrowed. */
VmsHypervisor *disk_machine_new(const DiskPlaces *places);
gboolean disk_machine_is_on(const DiskPlaces *places);
/* As somebody else would, the process that has the disks included. */
void disk_machine_power(const DiskPlaces *places, gboolean on);
