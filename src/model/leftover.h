/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What a guest's own file system says of the machine it was made for: a clone has it as well. */

/* That many are told of one disk. */
#define VMS_LEFTOVERS_MAX 1000U

typedef enum {
    VMS_LEFTOVER_MACHINE_ID = 0, /* /etc/machine-id: also what a DHCP client is known by */
    VMS_LEFTOVER_HOST_KEY,       /* private host keys of SSH */
    VMS_LEFTOVER_DUID,           /* a DHCP client's own identifier, stored */
    VMS_LEFTOVER_MAC             /* a network file naming a MAC address of the source */
} VmsLeftoverKind;

typedef struct {
    VmsLeftoverKind kind;
    guint partition; /* its number in the partition table; 0: the whole disk */
    char *mac;       /* of VMS_LEFTOVER_MAC; else NULL */
    char *path;      /* in that file system, printable */
} VmsLeftover;

/* Takes nothing; what cannot be printed of @path is escaped. */
VmsLeftover *vms_leftover_new(VmsLeftoverKind kind, guint partition, const char *mac,
                              const char *path);
void vms_leftover_free(VmsLeftover *leftover);

/* One line without its end, and back; NULL for what is no such line. */
char *vms_leftover_format(const VmsLeftover *leftover);
VmsLeftover *vms_leftover_parse(const char *line);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsLeftover, vms_leftover_free)
