/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/claims.h"
#include "model/holder.h"
#include "model/image.h"
#include "model/network.h"
#include "model/vm.h"

#include <glib.h>

/* Every virtual machine of the connections and everything they hold that nobody else may have:
 * what conflicts are looked up in. Collected once, then only read. A question costs what it finds,
 * however many VMs there are, and a VM costs some hundred bytes: of all but the acting
 * connection's, only identities are kept. Texts that are handed out live until the next addition.
 *
 * "Another" VM is one with another UUID, or one with the same UUID that runs on another host: off,
 * that is what a migration leaves behind. */

typedef enum {
    VMS_IDENTITY_NONE = 0, /* a text that nobody claims */
    VMS_IDENTITY_UUID,
    VMS_IDENTITY_NAME,
    VMS_IDENTITY_PATH,
    VMS_IDENTITY_FILE,    /* device and inode */
    VMS_IDENTITY_VOLUME,  /* on network storage: "rbd:pool/image" */
    VMS_IDENTITY_MAC,     /* lower case */
    VMS_IDENTITY_ADDRESS, /* IPv4 or IPv6, one spelling */
    VMS_IDENTITY_CID,     /* of a vsock; of the acting host only */
    VMS_IDENTITY_SERIAL,  /* of a disk */
    VMS_IDENTITY_WWN
} VmsIdentity;

typedef enum {
    VMS_FILE_DISK = 0,
    VMS_FILE_BACKING, /* a layer below the active one */
    VMS_FILE_MEDIA,   /* read-only */
    VMS_FILE_NVRAM,
    VMS_FILE_TPM,
    VMS_FILE_BOOT, /* firmware, kernel, initrd */
    VMS_FILE_FACT  /* the embedder does not say what for */
} VmsFileRole;

/* One file that somebody refers to. */
typedef struct {
    VmsHolder holder;
    const char *path;
    VmsFileRole role;
    gboolean backing; /* its role, as most ask for it */
} VmsFileUser;

/* One address that somebody has. */
typedef struct {
    VmsHolder holder;
    const char *ip;
    const char *network; /* libvirt's name; NULL: not known */
    const char *mac;     /* NULL: not known */
    VmsAddressKind kind; /* 0: the embedder says so */
} VmsAddressUser;

typedef struct {
    GPtrArray *vms; /* VmsVm*: those of the acting connection */
    VmsClaims *claims;
    GArray *holders;   /* private */
    GArray *addresses; /* private */
} VmsInventory;

/* Takes @vms and adds each: its holder has its place in @vms as number. */
VmsInventory *vms_inventory_new(GPtrArray *vms);
void vms_inventory_free(VmsInventory *inventory);

/* ---- adding; texts are copied, @holder is what the first two return ---- */

guint32 vms_inventory_add_holder(VmsInventory *inventory, const VmsHolder *holder);
/* With all that its configurations say but its files; @host as in VmsHolder. */
guint32 vms_inventory_add_vm(VmsInventory *inventory, const VmsVm *vm, const char *host);
/* The holder of a VM of the acting connection; VMS_CLAIM_NONE if it has none of that UUID. */
guint32 vms_inventory_holder_of(const VmsInventory *inventory, const char *vm_uuid);
/* The VM that has the card, of the acting connection first, then of that @host; VMS_CLAIM_NONE:
 * none. */
guint32 vms_inventory_vm_of_mac(const VmsInventory *inventory, const char *mac, const char *host);
/* @file NULL, or with ino 0: it is not there, or not on this host. */
void vms_inventory_add_file(VmsInventory *inventory, guint32 holder, const char *path,
                            const VmsFileId *file, VmsFileRole role);
/* What is said in so many words: no file, no address. */
void vms_inventory_add_claim(VmsInventory *inventory, guint32 holder, VmsIdentity kind,
                             const char *value);

typedef struct {
    const char *ip;      /* with or without a prefix length */
    const char *network; /* NULL: not known; so the next */
    const char *mac;
    VmsAddressKind kind; /* 0: the embedder says so */
} VmsAddressClaim;

void vms_inventory_add_address(VmsInventory *inventory, guint32 holder,
                               const VmsAddressClaim *address);

/* ---- asking: each is set when TRUE is returned ---- */

/* Another VM than @vm_uuid (NULL: any), or anybody else, that refers to @path or to the same file
 * (NULL: by path only). */
gboolean vms_inventory_find_user(const VmsInventory *inventory, const char *vm_uuid,
                                 const char *path, const VmsFileId *file, VmsFileUser *ret_user);
/* All of them, the VM itself too: VmsFileUser, in the order they were added. */
GArray *vms_inventory_list_users(const VmsInventory *inventory, const char *path,
                                 const VmsFileId *file);
/* Another VM than @vm_uuid, or anybody else, that has this. */
gboolean vms_inventory_find_holder(const VmsInventory *inventory, const char *vm_uuid,
                                   VmsIdentity kind, const char *value, VmsHolder *ret_holder);
/* The same for a MAC address, live or configured. */
gboolean vms_inventory_find_mac(const VmsInventory *inventory, const char *vm_uuid, const char *mac,
                                VmsHolder *ret_holder);
/* Everybody who has the address, the VM itself too: VmsAddressUser. */
GArray *vms_inventory_list_addresses(const VmsInventory *inventory, const char *ip);
/* Of the acting connection, by name or UUID (a name wins); NULL: there is none. */
const VmsVm *vms_inventory_find_vm(const VmsInventory *inventory, const char *name_or_uuid);

/* ---- reading it all ---- */

guint32 vms_inventory_count_holders(const VmsInventory *inventory);
VmsHolder vms_inventory_get_holder(const VmsInventory *inventory, guint32 holder);
VmsFileUser vms_inventory_get_user(const VmsInventory *inventory, guint32 claim);
VmsAddressUser vms_inventory_get_address(const VmsInventory *inventory, guint32 key, guint32 claim);
/* Bytes of memory its index has; the VMs themselves are not counted. */
gsize vms_inventory_size(const VmsInventory *inventory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsInventory, vms_inventory_free)
