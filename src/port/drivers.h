/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/log.h"
#include "port/agent.h"
#include "port/catalog.h"
#include "port/cidata.h"
#include "port/copier.h"
#include "port/guest.h"
#include "port/hypervisor.h"
#include "port/media.h"
#include "port/network.h"
#include "port/volume.h"

/* A connection that feeds conflict analysis, and nothing else: nothing is ever done there. */
typedef struct {
    VmsHypervisor *hypervisor; /* read-only */
    VmsNetworks *networks;     /* of it */
    gboolean same_host;        /* as the acting one: paths and files mean the same */
} VmsFurther;

/* The adapters one context works with; wire puts them together, the engine uses them. */
typedef struct {
    VmsHypervisor *hypervisor; /* surveys and slow calls; NULL with URI "none" */
    VmsHypervisor *urgent;     /* freeze, thaw, suspend, resume, abort: a connection of its own */
    VmsNetworks *networks;     /* of hypervisor; NULL with URI "none" */
    GPtrArray *further;        /* VmsFurther*; NULL: none */
    VmsVolume *volume;
    VmsCopier *copier;
    VmsMedia *media;
    VmsCidata *cidata;
    VmsGuestDisk *guest;
    VmsCatalog *catalog;
    /* The agent of one VM, over @hv, or over a UNIX socket of its own (@socket; NULL: none); free
     * with vms_agent_free(). */
    VmsAgent *(*open_agent)(VmsHypervisor *hv, const char *vm_uuid, const char *socket);
} VmsDrivers;
