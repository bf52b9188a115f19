/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/follow.h"
#include "model/inventory.h"

#include <glib.h>

/* Who a VM is: everything in and around its configuration that no other VM may have, and what a
 * clone has instead. One table: whatever else is to be renewed gets a kind here, and a place in
 * the hypervisor's reader. Pure but for chance. */

typedef enum {
    VMS_TRAIT_NAME = 0,
    VMS_TRAIT_UUID,
    VMS_TRAIT_GENID,
    VMS_TRAIT_SMBIOS_UUID, /* always the VM's own */
    VMS_TRAIT_SMBIOS_SERIAL,
    VMS_TRAIT_MAC,
    VMS_TRAIT_INTERFACE_ID, /* of a virtual switch's port, as the next */
    VMS_TRAIT_INSTANCE_ID,
    VMS_TRAIT_PORT_ID, /* of a network's port; the hypervisor chooses, as of the next */
    VMS_TRAIT_LINK,    /* name of the host's end of a NIC */
    VMS_TRAIT_ADDRESS, /* an IP address or forwarded port: never copied */
    VMS_TRAIT_DISK,    /* path; moved by the caller, as NVRAM, TPM state and Secrets */
    VMS_TRAIT_SERIAL,  /* of a disk */
    VMS_TRAIT_WWN,
    VMS_TRAIT_CID, /* of a vsock */
    VMS_TRAIT_NVRAM,
    VMS_TRAIT_TPM,
    VMS_TRAIT_SECRET,
    VMS_TRAIT_STORE,    /* path of what else holds its data, which nobody can copy */
    VMS_TRAIT_CHANNEL,  /* path that the hypervisor chooses by itself */
    VMS_TRAIT_SOCKET,   /* path of any other */
    VMS_TRAIT_FILE,     /* what a console, log or sound is written to */
    VMS_TRAIT_PORT,     /* of TCP or UDP, listened on */
    VMS_TRAIT_GRAPHICS, /* port; the hypervisor chooses */
    VMS_TRAIT_CLOUD_ID, /* cloud-init's instance-id and local-hostname, in a Secret */
    VMS_TRAIT_CLOUD_HOSTNAME
} VmsTraitKind;

enum { VMS_TRAIT_KINDS = VMS_TRAIT_CLOUD_HOSTNAME + 1 };

/* One row. */
typedef struct {
    VmsTraitKind kind;
    char *where;  /* "interface[2]/mac/@address", "disk vda", "tpm"; unique in its table */
    char *old;    /* NULL: the source has none */
    char *value;  /* NULL: dropped, the hypervisor chooses */
    char *format; /* of a disk that is moved; NULL: as it was */
} VmsTrait;

/* A file that the clone gets as its own, under another path. */
typedef struct {
    VmsTraitKind kind; /* DISK, SECRET, NVRAM or TPM */
    char *target;      /* of the disk or drive it is in; NULL: in none */
    char *old;
    char *value;  /* NULL: of a TPM's state, which has the VM's UUID in its path */
    char *format; /* of a disk's new file; NULL: as it was */
} VmsMove;

typedef struct {
    const GPtrArray *traits; /* VmsTrait*, of the source: value and format are not read */
    const GPtrArray *moves;  /* VmsMove*; a disk or Secret that is not moved is not the source's */
    const char *origin;      /* what a derived identity follows from, beside name and salt: UUID */
    const char *source;      /* its name */
    const char *name;        /* the clone's */
    const char *salt;        /* NULL: chance decides */
    gboolean keep_serial;    /* disks keep serial and WWN */
    const VmsInventory *inventory; /* nobody in it has what is chosen */
    GHashTable *taken;             /* nor is it here: see below; NULL: nothing else */
} VmsIdentityWish;

typedef struct {
    char *name;
    char *uuid;
    char *source;       /* the source's name */
    GPtrArray *rows;    /* VmsTrait*: the traits in their order, then what no trait is of */
    GPtrArray *folders; /* VmsNewFolder*, of sockets and files, outermost first */
} VmsIdentityTable;

VmsTrait *vms_trait_new(VmsTraitKind kind, const char *where, const char *old);
VmsTrait *vms_trait_copy(const VmsTrait *trait);
void vms_trait_free(VmsTrait *trait);
/* "mac", "vsock-cid", … */
const char *vms_trait_kind_word(VmsTraitKind kind);
VmsMove *vms_move_new(VmsTraitKind kind, const char *target, const char *old, const char *value);
void vms_move_free(VmsMove *move);

/* The whole table. Equal wishes with a salt give equal tables. INTERNAL when nothing free is left.
 */
gboolean vms_identity_make(const VmsIdentityWish *wish, VmsIdentityTable **ret_table,
                           GError **error);
void vms_identity_table_free(VmsIdentityTable *table);
/* NULL: there is no such row. */
const VmsTrait *vms_identity_find(const VmsIdentityTable *table, const char *where);
/* The first row of that kind and old value; NULL: none. */
const VmsTrait *vms_identity_find_old(const VmsIdentityTable *table, VmsTraitKind kind,
                                      const char *old);
/* A set of what nobody may get; and all that @traits (VmsTrait*) have, added to one. */
GHashTable *vms_identity_taken_new(void);
void vms_identity_take(GHashTable *taken, const GPtrArray *traits);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsTrait, vms_trait_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsMove, vms_move_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsIdentityTable, vms_identity_table_free)
