/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/vm.h"

#include <glib.h>

/* Who holds an identity: an address, a file, a name. */

typedef enum {
    VMS_HOLDER_VM = 0,
    VMS_HOLDER_NETWORK, /* a network itself: an entry or lease that belongs to no known VM */
    VMS_HOLDER_FACT,    /* somebody the embedder named */
    VMS_HOLDER_PROCESS
} VmsHolderKind;

typedef struct {
    VmsHolderKind kind;
    gboolean active;  /* a VM that runs */
    const char *name; /* of the VM, the network; what the embedder says; "process 12 (qemu)" */
    const char *uuid; /* of the VM; NULL: no VM */
    const char *host; /* URI of the further connection it was seen on; NULL: the acting one's */
    const VmsVm *vm;  /* the acting connection's; NULL: of all others only identities are known */
} VmsHolder;

/* "VM web", "VM web on qemu+ssh://b/system", "network default", "process 12 (qemu)". */
char *vms_holder_describe(const VmsHolder *holder);
const char *vms_holder_kind_word(VmsHolderKind kind);
