/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inventory.h"

#include "api/context.h"
#include "api/fail.h"
#include "api/sized.h"
#include "base/error.h"
#include "base/ip.h"
#include "engine/facts.h"
#include "model/name.h"
#include "record/view.h"

#include <string.h>

#include <vmsnap/inventory.h>

/* As long as a path, which is the longest of them. */
#define MOST_TEXT 4096

struct vmsnap_inventory {
    VmsHandle handle;
    gsize vm_count;
    char *json;
};

/* ---- facts ---- */

static gboolean
check_text(const char *text, const char *what, GError **error)
{
    if (!vms_need(text && *text, what, error))
        return FALSE;
    if (strnlen(text, MOST_TEXT + 1) > MOST_TEXT || !g_utf8_validate(text, -1, NULL))
        return vms_fail(error, VMSNAP_E_INVALID, "%s is too long, or not UTF-8", what);
    for (const char *at = text; *at; at++)
        if ((guchar)*at < 0x20 || *at == 0x7f)
            return vms_fail(error, VMSNAP_E_INVALID, "%s has a control character", what);
    return TRUE;
}

static gboolean
is_mac(const char *text)
{
    g_autofree char *canonical = vms_mac_canonical(text);

    return canonical != NULL;
}

static gboolean
is_address(const char *text)
{
    g_autofree char *canonical = vms_ip_canonical(text);

    return canonical != NULL;
}

static gboolean
is_path(const char *text)
{
    return vms_name_check_path(text, NULL);
}

static gboolean
is_volume(const char *text)
{
    return strchr(text, ':') != NULL;
}

static gboolean
is_text(const char *text)
{
    return *text != '\0';
}

typedef struct {
    vmsnap_fact_kind kind;
    VmsIdentity identity;
    gboolean (*fits)(const char *value);
    const char *what;
} FactKind;

static const FactKind kinds[] = {
    { VMSNAP_FACT_MAC, VMS_IDENTITY_MAC, is_mac, "MAC address" },
    { VMSNAP_FACT_ADDRESS, VMS_IDENTITY_ADDRESS, is_address, "IP address" },
    { VMSNAP_FACT_PATH, VMS_IDENTITY_PATH, is_path, "absolute path" },
    { VMSNAP_FACT_UUID, VMS_IDENTITY_UUID, g_uuid_string_is_valid, "UUID" },
    { VMSNAP_FACT_NAME, VMS_IDENTITY_NAME, is_text, "name" },
    { VMSNAP_FACT_VOLUME, VMS_IDENTITY_VOLUME, is_volume, "volume, \"protocol:name\"" },
};

static const FactKind *
find_kind(guint32 kind)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if ((guint32)kinds[i].kind == kind)
            return &kinds[i];
    return NULL;
}

static gboolean
read_fact(const vmsnap_fact *fact, VmsFact *ret_fact, GError **error)
{
    const FactKind *kind = find_kind(fact->kind);

    if (!kind)
        return vms_fail(error, VMSNAP_E_INVALID, "kind %u of a fact is not known", fact->kind);
    if (fact->reserved0 != 0)
        return vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
    if (!check_text(fact->value, "the value", error) ||
        !check_text(fact->holder, "the holder", error) ||
        (fact->network && !check_text(fact->network, "the network", error)))
        return FALSE;
    if (!kind->fits(fact->value))
        return vms_fail(error, VMSNAP_E_INVALID, "\"%s\" is no %s", fact->value, kind->what);
    if (fact->vm_uuid && !g_uuid_string_is_valid(fact->vm_uuid))
        return vms_fail(error, VMSNAP_E_INVALID, "vm_uuid is no UUID");
    *ret_fact = (VmsFact){
        .kind = kind->identity,
        .value = fact->value,
        .holder = fact->holder,
        .vm_uuid = fact->vm_uuid,
        .network = fact->network,
    };
    return TRUE;
}

int
vmsnap_context_add_fact(vmsnap_context *context, const vmsnap_fact *fact, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    vmsnap_fact ours;
    VmsFact kept;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(fact != NULL, "fact", &error) ||
        !vms_sized_copy(&ours, sizeof ours, fact, &error) || !read_fact(&ours, &kept, &error))
        return vms_api_fail(ret_error, error);
    vms_facts_add(context->engine.facts, &kept);
    return VMSNAP_OK;
}

int
vmsnap_context_remove_facts(vmsnap_context *context, const char *holder, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error))
        return vms_api_fail(ret_error, error);
    return (int)vms_facts_remove(context->engine.facts, holder);
}

/* ---- reading ---- */

static gsize
count_vms(const VmsInventory *inventory)
{
    gsize count = 0;

    for (guint32 i = 0; i < vms_inventory_count_holders(inventory); i++)
        count += vms_inventory_get_holder(inventory, i).kind == VMS_HOLDER_VM;
    return count;
}

int
vmsnap_context_read_inventory(vmsnap_context *context, vmsnap_inventory **ret_inventory,
                              vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsInventory) inventory = NULL;
    vmsnap_inventory *made;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_inventory != NULL, "ret_inventory", &error) ||
        !vms_call_need_hypervisor(&call, &error) ||
        !vms_inventory_collect(&context->engine, &inventory, &error) ||
        !vms_inventory_add_networks(&context->engine, inventory, &error))
        return vms_api_fail(ret_error, error);
    made = g_new0(vmsnap_inventory, 1);
    vms_handle_init(&made->handle, VMS_MAGIC_INVENTORY, context);
    made->vm_count = count_vms(inventory);
    made->json = vms_view_inventory(inventory, context->engine.uri);
    *ret_inventory = made;
    return VMSNAP_OK;
}

size_t
vmsnap_inventory_get_vm_count(const vmsnap_inventory *inventory)
{
    return vms_handle_is(inventory, VMS_MAGIC_INVENTORY) ? inventory->vm_count : 0;
}

const char *
vmsnap_inventory_get_json(const vmsnap_inventory *inventory)
{
    return vms_handle_is(inventory, VMS_MAGIC_INVENTORY) ? inventory->json : NULL;
}

vmsnap_inventory *
vmsnap_inventory_ref(vmsnap_inventory *inventory)
{
    return vms_handle_ref(inventory, VMS_MAGIC_INVENTORY);
}

void
vmsnap_inventory_unref(vmsnap_inventory *inventory)
{
    if (!vms_handle_drop(inventory, VMS_MAGIC_INVENTORY))
        return;
    g_free(inventory->json);
    vms_handle_free(&inventory->handle);
}
