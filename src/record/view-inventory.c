/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json-writer.h"
#include "record/view.h"

/* One claim, to be told with its holder. */
typedef struct {
    guint32 key;
    guint32 claim;
} Told;

/* All claims, by holder: those of holder i from starts[i] to starts[i + 1]. */
typedef struct {
    const VmsInventory *inventory;
    Told *told;
    guint32 *starts;
} Listing;

static const char *
role_word(VmsFileRole role)
{
    static const char *const words[] = {
        "disk", "backing", "media", "nvram", "tpm", "boot", "fact"
    };

    return (gsize)role < G_N_ELEMENTS(words) ? words[role] : "fact";
}

static const char *
source_word(VmsAddressKind kind)
{
    switch (kind) {
    case VMS_ADDRESS_HOST_ENTRY:
        return "host-entry";
    case VMS_ADDRESS_LEASE:
        return "lease";
    case VMS_ADDRESS_AGENT:
        return "agent";
    }
    return "fact";
}

/* ---- sorting ---- */

typedef void (*Visit)(Listing *self, guint32 key, guint32 claim);

static void
visit_all(Listing *self, Visit visit)
{
    const VmsClaims *claims = self->inventory->claims;

    for (guint32 key = 0; key < vms_claims_count_keys(claims); key++) {
        guint32 claim = vms_claims_first(claims, key);

        for (; claim != VMS_CLAIM_NONE; claim = vms_claims_next(claims, key, claim))
            visit(self, key, claim);
    }
}

static guint32
holder_of(const Listing *self, guint32 claim)
{
    return vms_claims_get(self->inventory->claims, claim)->holder;
}

static void
count(Listing *self, guint32 key, guint32 claim)
{
    (void)key;
    self->starts[holder_of(self, claim) + 1]++;
}

/* Fills from the end of each holder's part. */
static void
place(Listing *self, guint32 key, guint32 claim)
{
    self->told[self->starts[holder_of(self, claim)]++] = (Told){ key, claim };
}

static void
sort(Listing *self)
{
    guint32 holders = vms_inventory_count_holders(self->inventory);

    self->starts = g_new0(guint32, (gsize)holders + 2);
    visit_all(self, count);
    for (guint32 i = 1; i <= holders; i++)
        self->starts[i] += self->starts[i - 1];
    self->told = g_new0(Told, (gsize)self->starts[holders] + 1);
    visit_all(self, place);
    /* each start stands where the next holder's began: back by one */
    for (guint32 i = holders; i > 0; i--)
        self->starts[i] = self->starts[i - 1];
    self->starts[0] = 0;
}

/* ---- writing ---- */

static void
add_texts(VmsJson *json, const Listing *self, guint32 holder, const char *title, VmsIdentity kind)
{
    const VmsClaims *claims = self->inventory->claims;

    vms_json_open_array(json, title);
    for (guint32 i = self->starts[holder]; i < self->starts[holder + 1]; i++)
        if (vms_claims_key_kind(claims, self->told[i].key) == kind)
            vms_json_add_text(json, NULL, vms_claims_key_text(claims, self->told[i].key));
    vms_json_close_array(json);
}

static void
add_addresses(VmsJson *json, const Listing *self, guint32 holder)
{
    vms_json_open_array(json, "addresses");
    for (guint32 i = self->starts[holder]; i < self->starts[holder + 1]; i++) {
        const Told *told = &self->told[i];
        VmsAddressUser address;

        if (vms_claims_key_kind(self->inventory->claims, told->key) != VMS_IDENTITY_ADDRESS)
            continue;
        address = vms_inventory_get_address(self->inventory, told->key, told->claim);
        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "address", address.ip);
        vms_json_add_text(json, "network", address.network);
        vms_json_add_text(json, "mac", address.mac);
        vms_json_add_text(json, "source", source_word(address.kind));
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_files(VmsJson *json, const Listing *self, guint32 holder)
{
    vms_json_open_array(json, "files");
    for (guint32 i = self->starts[holder]; i < self->starts[holder + 1]; i++) {
        const Told *told = &self->told[i];
        VmsFileUser user;

        if (vms_claims_key_kind(self->inventory->claims, told->key) != VMS_IDENTITY_PATH)
            continue;
        user = vms_inventory_get_user(self->inventory, told->claim);
        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "path", user.path);
        vms_json_add_text(json, "role", role_word(user.role));
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_holder(VmsJson *json, const Listing *self, guint32 number, const char *uri)
{
    VmsHolder holder = vms_inventory_get_holder(self->inventory, number);
    gboolean is_fact = holder.kind == VMS_HOLDER_FACT;

    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "kind", vms_holder_kind_word(holder.kind));
    vms_json_add_text(json, "name", holder.name);
    vms_json_add_text(json, "uuid", holder.uuid);
    vms_json_add_text(json, "host", is_fact || holder.host ? holder.host : uri);
    vms_json_add_bool(json, "active", holder.active);
    if (is_fact) {
        add_texts(json, self, number, "uuids", VMS_IDENTITY_UUID);
        add_texts(json, self, number, "names", VMS_IDENTITY_NAME);
    }
    add_texts(json, self, number, "macs", VMS_IDENTITY_MAC);
    add_addresses(json, self, number);
    add_files(json, self, number);
    add_texts(json, self, number, "volumes", VMS_IDENTITY_VOLUME);
    add_texts(json, self, number, "serials", VMS_IDENTITY_SERIAL);
    add_texts(json, self, number, "wwns", VMS_IDENTITY_WWN);
    add_texts(json, self, number, "cids", VMS_IDENTITY_CID);
    vms_json_close_object(json);
}

char *
vms_view_inventory(const VmsInventory *inventory, const char *uri)
{
    Listing self = { .inventory = inventory };
    g_autofree guint32 *starts = NULL;
    g_autofree Told *told = NULL;
    VmsJson json = vms_json_start();

    sort(&self);
    starts = self.starts;
    told = self.told;
    vms_json_open_object(&json, NULL);
    vms_json_open_array(&json, "items");
    for (guint32 i = 0; i < vms_inventory_count_holders(inventory); i++)
        add_holder(&json, &self, i, uri);
    vms_json_close_array(&json);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
