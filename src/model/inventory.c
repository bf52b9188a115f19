/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/inventory.h"

#include "base/ip.h"

#include <string.h>

/* A holder as it is kept: texts by the numbers of their keys. */
typedef struct {
    const VmsVm *vm;
    guint32 name;
    guint32 uuid;
    guint32 host;
    guint8 kind;
    guint8 active;
    guint8 unused[2];
} Holder;

typedef struct {
    guint32 network;
    guint32 mac;
    guint32 kind;
} Address;

/* Long enough for "device:inode" in hexadecimal. */
enum { SHORT_TEXT = 64 };

/* ---- texts ---- */

static guint32
add_text(VmsInventory *inventory, VmsIdentity kind, const char *text)
{
    return text ? vms_claims_add_key(inventory->claims, kind, text) : VMS_CLAIM_NONE;
}

static const char *
text_of(const VmsInventory *inventory, guint32 key)
{
    return key == VMS_CLAIM_NONE ? NULL : vms_claims_key_text(inventory->claims, key);
}

static void
write_file_key(char *text, const VmsFileId *file)
{
    g_snprintf(text, SHORT_TEXT, "%" G_GINT64_MODIFIER "x:%" G_GINT64_MODIFIER "x", file->dev,
               file->ino);
}

/* The one way to write it; what is no address stays as it is. */
static char *
settle_address(const char *ip)
{
    g_autofree char *bare = g_strndup(ip, strcspn(ip, "/%"));
    char *canonical = vms_ip_canonical(bare);

    return canonical ? canonical : g_steal_pointer(&bare);
}

static char *
settle_value(VmsIdentity kind, const char *value)
{
    if (kind == VMS_IDENTITY_MAC || kind == VMS_IDENTITY_UUID || kind == VMS_IDENTITY_WWN)
        return g_ascii_strdown(value, -1);
    return kind == VMS_IDENTITY_ADDRESS ? settle_address(value) : g_strdup(value);
}

/* ---- adding ---- */

guint32
vms_inventory_add_holder(VmsInventory *inventory, const VmsHolder *holder)
{
    g_autofree char *uuid = holder->uuid ? g_ascii_strdown(holder->uuid, -1) : NULL;
    Holder kept = { .vm = holder->vm, .kind = (guint8)holder->kind, .active = !!holder->active };
    gboolean is_vm = holder->kind == VMS_HOLDER_VM;
    guint32 number = inventory->holders->len;

    kept.name = add_text(inventory, is_vm ? VMS_IDENTITY_NAME : VMS_IDENTITY_NONE, holder->name);
    kept.uuid = add_text(inventory, VMS_IDENTITY_UUID, uuid);
    kept.host = add_text(inventory, VMS_IDENTITY_NONE, holder->host);
    g_array_append_val(inventory->holders, kept);
    if (is_vm && kept.name != VMS_CLAIM_NONE)
        vms_claims_add(inventory->claims, kept.name, number, 0, 0);
    if (is_vm && kept.uuid != VMS_CLAIM_NONE)
        vms_claims_add(inventory->claims, kept.uuid, number, 0, 0);
    return number;
}

/* Live and configured devices are mostly the same: one claim for both. A VM's claims are added
 * together, so the newest of a key tells. */
static gboolean
is_claimed(const VmsInventory *inventory, guint32 key, guint32 holder, guint role)
{
    guint32 newest = vms_claims_newest(inventory->claims, key);
    const VmsClaim *claim =
        newest == VMS_CLAIM_NONE ? NULL : vms_claims_get(inventory->claims, newest);

    return claim && claim->holder == holder && claim->role == role;
}

void
vms_inventory_add_claim(VmsInventory *inventory, guint32 holder, VmsIdentity kind,
                        const char *value)
{
    g_autofree char *settled = value && *value ? settle_value(kind, value) : NULL;
    guint32 key = add_text(inventory, kind, settled);

    if (key != VMS_CLAIM_NONE && !is_claimed(inventory, key, holder, 0))
        vms_claims_add(inventory->claims, key, holder, 0, 0);
}

/* What these call a volume is one all over a cluster. Of the others the name is the server's own.
 */
static gboolean
is_global(const char *volume)
{
    static const char *const heads[] = {
        "rbd:", "iscsi:", "sheepdog:", "vxhs:", "gluster:", "nfs:"
    };

    for (gsize i = 0; volume && i < G_N_ELEMENTS(heads); i++)
        if (g_str_has_prefix(volume, heads[i]) && volume[strlen(heads[i])])
            return TRUE;
    return FALSE;
}

static void
add_devices(VmsInventory *inventory, guint32 holder, const GPtrArray *disks, const GPtrArray *nics)
{
    for (guint i = 0; nics && i < nics->len; i++)
        vms_inventory_add_claim(inventory, holder, VMS_IDENTITY_MAC,
                                ((const VmsNic *)nics->pdata[i])->mac);
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (is_global(disk->network))
            vms_inventory_add_claim(inventory, holder, VMS_IDENTITY_VOLUME, disk->network);
        vms_inventory_add_claim(inventory, holder, VMS_IDENTITY_SERIAL, disk->serial);
        vms_inventory_add_claim(inventory, holder, VMS_IDENTITY_WWN, disk->wwn);
    }
}

guint32
vms_inventory_add_vm(VmsInventory *inventory, const VmsVm *vm, const char *host)
{
    const VmsHolder whom = {
        .kind = VMS_HOLDER_VM,
        .active = vms_vm_is_active(vm),
        .name = vm->name,
        .uuid = vm->uuid,
        .host = host,
        .vm = host ? NULL : vm,
    };
    guint32 holder = vms_inventory_add_holder(inventory, &whom);

    if (!host) /* another host counts its own */
        vms_inventory_add_claim(inventory, holder, VMS_IDENTITY_CID, vm->cid);
    add_devices(inventory, holder, vm->disks, vm->nics);
    add_devices(inventory, holder, vm->live_disks, vm->live_nics);
    return holder;
}

VmsInventory *
vms_inventory_new(GPtrArray *vms)
{
    VmsInventory *inventory = g_new0(VmsInventory, 1);

    inventory->vms = vms;
    inventory->claims = vms_claims_new();
    inventory->holders = g_array_new(FALSE, FALSE, sizeof(Holder));
    inventory->addresses = g_array_new(FALSE, FALSE, sizeof(Address));
    for (guint i = 0; i < vms->len; i++)
        vms_inventory_add_vm(inventory, vms->pdata[i], NULL);
    return inventory;
}

void
vms_inventory_free(VmsInventory *inventory)
{
    if (!inventory)
        return;
    vms_claims_free(inventory->claims);
    g_array_unref(inventory->holders);
    g_array_unref(inventory->addresses);
    g_ptr_array_unref(inventory->vms);
    g_free(inventory);
}

void
vms_inventory_add_file(VmsInventory *inventory, guint32 holder, const char *path,
                       const VmsFileId *file, VmsFileRole role)
{
    guint32 by_path = add_text(inventory, VMS_IDENTITY_PATH, path);
    char text[SHORT_TEXT];

    if (by_path == VMS_CLAIM_NONE || is_claimed(inventory, by_path, holder, role))
        return;
    vms_claims_add(inventory->claims, by_path, holder, role, by_path);
    if (!file || file->ino == 0)
        return;
    write_file_key(text, file);
    vms_claims_add(inventory->claims, add_text(inventory, VMS_IDENTITY_FILE, text), holder, role,
                   by_path);
}

void
vms_inventory_add_address(VmsInventory *inventory, guint32 holder, const VmsAddressClaim *address)
{
    g_autofree char *mac = address->mac ? g_ascii_strdown(address->mac, -1) : NULL;
    Address kept = { .kind = address->kind };
    g_autofree char *ip = settle_address(address->ip);

    kept.network = add_text(inventory, VMS_IDENTITY_NONE, address->network);
    kept.mac = add_text(inventory, VMS_IDENTITY_MAC, mac);
    g_array_append_val(inventory->addresses, kept);
    vms_claims_add(inventory->claims, add_text(inventory, VMS_IDENTITY_ADDRESS, ip), holder, 0,
                   inventory->addresses->len - 1);
}

/* ---- asking ---- */

static const Holder *
holder_at(const VmsInventory *inventory, guint32 number)
{
    return &g_array_index(inventory->holders, Holder, number);
}

VmsHolder
vms_inventory_get_holder(const VmsInventory *inventory, guint32 holder)
{
    const Holder *kept = holder_at(inventory, holder);

    return (VmsHolder){
        .kind = (VmsHolderKind)kept->kind,
        .active = kept->active,
        .name = text_of(inventory, kept->name),
        .uuid = text_of(inventory, kept->uuid),
        .host = text_of(inventory, kept->host),
        .vm = kept->vm,
    };
}

VmsFileUser
vms_inventory_get_user(const VmsInventory *inventory, guint32 claim)
{
    const VmsClaim *kept = vms_claims_get(inventory->claims, claim);

    return (VmsFileUser){
        .holder = vms_inventory_get_holder(inventory, kept->holder),
        .path = text_of(inventory, kept->extra),
        .role = (VmsFileRole)kept->role,
        .backing = kept->role == VMS_FILE_BACKING,
    };
}

VmsAddressUser
vms_inventory_get_address(const VmsInventory *inventory, guint32 key, guint32 claim)
{
    const VmsClaim *kept = vms_claims_get(inventory->claims, claim);
    const Address *address = &g_array_index(inventory->addresses, Address, kept->extra);

    return (VmsAddressUser){
        .holder = vms_inventory_get_holder(inventory, kept->holder),
        .ip = text_of(inventory, key),
        .network = text_of(inventory, address->network),
        .mac = text_of(inventory, address->mac),
        .kind = (VmsAddressKind)address->kind,
    };
}

static guint32
key_of(const VmsInventory *inventory, VmsIdentity kind, const char *value)
{
    g_autofree char *settled = value && *value ? settle_value(kind, value) : NULL;

    return settled ? vms_claims_find_key(inventory->claims, kind, settled) : VMS_CLAIM_NONE;
}

static guint32
key_of_file(const VmsInventory *inventory, const VmsFileId *file)
{
    char text[SHORT_TEXT];

    if (!file || file->ino == 0)
        return VMS_CLAIM_NONE;
    write_file_key(text, file);
    return vms_claims_find_key(inventory->claims, VMS_IDENTITY_FILE, text);
}

/* The first claim of the key by another than the VM of that UUID. */
static guint32
find_other(const VmsInventory *inventory, guint32 key, guint32 self)
{
    guint32 claim = vms_claims_first(inventory->claims, key);

    for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(inventory->claims, key, claim)) {
        const Holder *holder =
            holder_at(inventory, vms_claims_get(inventory->claims, claim)->holder);

        if (self == VMS_CLAIM_NONE || holder->uuid != self ||
            (holder->host != VMS_CLAIM_NONE && holder->active))
            return claim;
    }
    return VMS_CLAIM_NONE;
}

gboolean
vms_inventory_find_user(const VmsInventory *inventory, const char *vm_uuid, const char *path,
                        const VmsFileId *file, VmsFileUser *ret_user)
{
    guint32 self = key_of(inventory, VMS_IDENTITY_UUID, vm_uuid);
    guint32 key = key_of(inventory, VMS_IDENTITY_PATH, path);
    guint32 claim = find_other(inventory, key, self);

    if (claim == VMS_CLAIM_NONE) {
        key = key_of_file(inventory, file);
        claim = find_other(inventory, key, self);
    }
    if (claim == VMS_CLAIM_NONE)
        return FALSE;
    *ret_user = vms_inventory_get_user(inventory, claim);
    return TRUE;
}

static void
list_users_of(const VmsInventory *inventory, guint32 key, const char *but_path, GArray *users)
{
    guint32 claim = vms_claims_first(inventory->claims, key);

    for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(inventory->claims, key, claim)) {
        VmsFileUser user = vms_inventory_get_user(inventory, claim);

        if (!but_path || strcmp(user.path, but_path) != 0)
            g_array_append_val(users, user);
    }
}

GArray *
vms_inventory_list_users(const VmsInventory *inventory, const char *path, const VmsFileId *file)
{
    GArray *users = g_array_new(FALSE, FALSE, sizeof(VmsFileUser));

    list_users_of(inventory, key_of(inventory, VMS_IDENTITY_PATH, path), NULL, users);
    list_users_of(inventory, key_of_file(inventory, file), path, users);
    return users;
}

gboolean
vms_inventory_find_holder(const VmsInventory *inventory, const char *vm_uuid, VmsIdentity kind,
                          const char *value, VmsHolder *ret_holder)
{
    guint32 claim = find_other(inventory, key_of(inventory, kind, value),
                               key_of(inventory, VMS_IDENTITY_UUID, vm_uuid));

    if (claim == VMS_CLAIM_NONE)
        return FALSE;
    *ret_holder =
        vms_inventory_get_holder(inventory, vms_claims_get(inventory->claims, claim)->holder);
    return TRUE;
}

gboolean
vms_inventory_find_mac(const VmsInventory *inventory, const char *vm_uuid, const char *mac,
                       VmsHolder *ret_holder)
{
    return vms_inventory_find_holder(inventory, vm_uuid, VMS_IDENTITY_MAC, mac, ret_holder);
}

GArray *
vms_inventory_list_addresses(const VmsInventory *inventory, const char *ip)
{
    GArray *users = g_array_new(FALSE, FALSE, sizeof(VmsAddressUser));
    guint32 key = key_of(inventory, VMS_IDENTITY_ADDRESS, ip);
    guint32 claim = vms_claims_first(inventory->claims, key);

    for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(inventory->claims, key, claim)) {
        VmsAddressUser user = vms_inventory_get_address(inventory, key, claim);

        g_array_append_val(users, user);
    }
    return users;
}

/* The acting connection's holder that claims the key. */
static guint32
own_holder(const VmsInventory *inventory, guint32 key)
{
    guint32 claim = vms_claims_first(inventory->claims, key);

    for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(inventory->claims, key, claim)) {
        guint32 number = vms_claims_get(inventory->claims, claim)->holder;

        if (holder_at(inventory, number)->vm)
            return number;
    }
    return VMS_CLAIM_NONE;
}

guint32
vms_inventory_vm_of_mac(const VmsInventory *inventory, const char *mac, const char *host)
{
    guint32 key = key_of(inventory, VMS_IDENTITY_MAC, mac);
    guint32 claim = vms_claims_first(inventory->claims, key);
    guint32 own = own_holder(inventory, key);
    guint32 there =
        host ? vms_claims_find_key(inventory->claims, VMS_IDENTITY_NONE, host) : VMS_CLAIM_NONE;

    if (own != VMS_CLAIM_NONE || there == VMS_CLAIM_NONE)
        return own;
    for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(inventory->claims, key, claim)) {
        guint32 number = vms_claims_get(inventory->claims, claim)->holder;
        const Holder *holder = holder_at(inventory, number);

        if (holder->kind == VMS_HOLDER_VM && holder->host == there)
            return number;
    }
    return VMS_CLAIM_NONE;
}

guint32
vms_inventory_holder_of(const VmsInventory *inventory, const char *vm_uuid)
{
    return own_holder(inventory, key_of(inventory, VMS_IDENTITY_UUID, vm_uuid));
}

const VmsVm *
vms_inventory_find_vm(const VmsInventory *inventory, const char *name_or_uuid)
{
    guint32 holder = own_holder(inventory, key_of(inventory, VMS_IDENTITY_NAME, name_or_uuid));

    if (holder == VMS_CLAIM_NONE)
        holder = vms_inventory_holder_of(inventory, name_or_uuid);
    return holder == VMS_CLAIM_NONE ? NULL : holder_at(inventory, holder)->vm;
}

/* ---- all of it ---- */

guint32
vms_inventory_count_holders(const VmsInventory *inventory)
{
    return inventory->holders->len;
}

gsize
vms_inventory_size(const VmsInventory *inventory)
{
    return vms_claims_size(inventory->claims) + inventory->holders->len * sizeof(Holder) +
           inventory->addresses->len * sizeof(Address);
}
