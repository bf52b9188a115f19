/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/inventory.h"

#include <glib.h>

/* A random VM as libvirt would describe it, and random others beside it. */

typedef struct {
    char *name;
    char *uuid;
    char *xml;
    GPtrArray *resources; /* VmsNamed*: itself, its disks, NVRAM, Secret */
    GPtrArray *owned;     /* char*: paths of all files that are its own */
    GPtrArray *kept;      /* char*: folders that others have files in, too */
} RandomDomain;

RandomDomain *random_domain_new(GRand *rand);
void random_domain_free(RandomDomain *domain);
/* With VMs that hold some of what a domain has, or might get. */
VmsInventory *random_domain_inventory(GRand *rand, const RandomDomain *domain);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RandomDomain, random_domain_free)
