/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/xml.h"

#include <glib.h>

/* What a host must offer for a configuration to run at all: emulator, machine type, CPU, firmware.
 * Pure. */

typedef struct {
    char *virt_type; /* "kvm", "qemu" */
    char *emulator;  /* NULL if the XML does not say, and so for all the others */
    char *arch;
    char *machine;
    char *cpu_mode;
    char *cpu_model;
    char *cpu_xml; /* the whole <cpu> */
    char *firmware;
    char *loader;
    gboolean cpu_fallback; /* libvirt may take another model instead */
    gboolean cpu_unchecked;
} VmsHostClass;

void vms_host_class_read(const xmlNode *domain, VmsHostClass *ret_class);
void vms_host_class_clear(VmsHostClass *class);
/* What @capabilities (domain capabilities' XML) do not offer of it: "CPU model Foo"; NULL: they
 * offer everything, or do not say. Owned by the caller. */
char *vms_host_class_find_lack(const VmsHostClass *class, const char *capabilities);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsHostClass, vms_host_class_clear)
