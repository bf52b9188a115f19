/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/clone-xml.h"

#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/clone-sweep.h"
#include "adapter/libvirt/domain-xml.h"
#include "adapter/libvirt/traits-xml.h"
#include "adapter/libvirt/xml-write.h"
#include "base/error.h"

#include <string.h>

/* One document being rewritten. What is taken out of it lives until it is done: other places may
 * point there. */
typedef struct {
    xmlDoc *document;
    GPtrArray *removed; /* xmlNode* */
} Rewriting;

static gboolean
read_domain(const char *xml, xmlDoc **ret_document, GError **error)
{
    g_autoptr(VmsDomainXml) domain = NULL;

    /* libvirt's own limits, as for any other domain */
    return vms_domain_xml_parse(xml, &domain, error) &&
           vms_xml_read(xml, VMS_DOMAIN_XML_LIMIT, "domain", ret_document, error);
}

gboolean
vms_clone_xml_read(const char *xml, GPtrArray **ret_traits, GError **error)
{
    g_autoptr(GPtrArray) traits = g_ptr_array_new_with_free_func((GDestroyNotify)vms_trait_free);
    g_autoptr(GPtrArray) found = NULL;
    g_autoptr(xmlDoc) document = NULL;

    if (!read_domain(xml, &document, error))
        return FALSE;
    found = vms_traits_xml_find(document);
    for (guint i = 0; i < found->len; i++) {
        const VmsTraitPlace *place = found->pdata[i];

        g_ptr_array_add(traits, vms_trait_new(place->kind, place->where, place->old));
    }
    *ret_traits = g_steal_pointer(&traits);
    return TRUE;
}

/* ---- one place ---- */

static void
unset(xmlNode *node, const char *attribute)
{
    xmlUnsetProp(node, (const xmlChar *)attribute);
}

static void
take_out(const Rewriting *self, xmlNode *node)
{
    xmlUnlinkNode(node);
    g_ptr_array_add(self->removed, node);
}

static void
take_out_children(const Rewriting *self, xmlNode *node, const char *name)
{
    const xmlNode *child;

    while (node && (child = vms_xml_child(node, name)))
        take_out(self, (xmlNode *)child);
}

/* Any text: unlike xmlNodeSetContent() this takes no '&' for an entity. */
static void
set_text(xmlNode *node, const char *text)
{
    xmlNodeSetContent(node, NULL);
    xmlNodeAddContent(node, (const xmlChar *)text);
}

/* Others of the same text may have been set before. */
static void
set_pair(const VmsTraitPlace *place, const char *value)
{
    g_autofree char *text = vms_xml_attribute(place->node, place->attribute);
    g_autofree char *made = vms_trait_pair_swap(text ? text : "", place->key, place->old, value);

    vms_xml_set(place->node, place->attribute, made);
}

static void
set_place(const VmsTraitPlace *place, const char *value)
{
    if (place->key)
        set_pair(place, value);
    else if (place->attribute)
        vms_xml_set(place->node, place->attribute, value);
    else
        set_text(place->node, value);
}

/* A file of its own, whatever it was before. Its chain is a new one, which libvirt finds by itself.
 */
static void
set_disk(const Rewriting *self, xmlNode *disk, const VmsTrait *row)
{
    static const char *const gone[] = { "dev",   "pool", "volume", "protocol", "name",
                                        "query", "mode", "index",  "tls" };
    static const char *const dropped[] = { "host",         "snapshot", "config", "auth",
                                           "reservations", "cookies",  "ssl" };
    xmlNode *source = (xmlNode *)vms_xml_child(disk, "source");
    xmlNode *driver = (xmlNode *)vms_xml_child(disk, "driver");

    take_out_children(self, disk, "backingStore");
    take_out_children(self, disk, "mirror");
    if (row->value[0] != '/') {
        vms_xml_set(source, "name", row->value);
    } else {
        for (gsize i = 0; i < G_N_ELEMENTS(gone); i++)
            unset(source, gone[i]);
        for (gsize i = 0; i < G_N_ELEMENTS(dropped); i++)
            take_out_children(self, source, dropped[i]);
        vms_xml_set(disk, "type", "file");
        vms_xml_set(source, "file", row->value);
        if (vms_xml_attribute_is(disk, "device", "lun")) {
            vms_xml_set(disk, "device", "disk");
            unset(disk, "sgio");
            unset(disk, "rawio");
        }
    }
    if (row->format && !driver)
        driver = vms_xml_add(disk, "driver");
    if (row->format)
        vms_xml_set(driver, "type", row->format);
}

/* A socket stays a socket, which has no path before it is started. */
static void
drop_graphics(const VmsTraitPlace *place)
{
    xmlNode *node = place->node;

    if (strcmp(place->attribute, "websocket") == 0) {
        vms_xml_set(node, "websocket", "-1");
        return;
    }
    unset(node, place->attribute);
    if (strcmp(place->attribute, "socket") != 0)
        vms_xml_set(node, "autoport", "yes");
    else if (strcmp((const char *)node->name, "graphics") == 0 && !vms_xml_child(node, "listen"))
        vms_xml_set(vms_xml_add(node, "listen"), "type", "socket");
}

/* The name of a tap is all there is to say of one. */
static void
drop_link(const Rewriting *self, xmlNode *target)
{
    unset(target, "dev");
    unset(target, "managed");
    if (!target->properties && !target->children)
        take_out(self, target);
}

static void
drop(const Rewriting *self, const VmsTraitPlace *place)
{
    if (place->kind == VMS_TRAIT_GRAPHICS)
        drop_graphics(place);
    else if (place->kind == VMS_TRAIT_LINK)
        drop_link(self, place->node);
    else if (place->kind == VMS_TRAIT_NVRAM && !place->attribute)
        xmlNodeSetContent(place->node, NULL); /* made anew from its template */
    else if (place->kind == VMS_TRAIT_ADDRESS || place->kind == VMS_TRAIT_NVRAM ||
             place->kind == VMS_TRAIT_TPM || !place->attribute)
        take_out(self, place->node);
    else
        unset(place->node, place->attribute);
}

static gboolean
apply(const Rewriting *self, const VmsTraitPlace *place, const VmsIdentityTable *table,
      GError **error)
{
    const VmsTrait *row = vms_identity_find(table, place->where);

    if (!row && (place->kind == VMS_TRAIT_DISK || place->kind == VMS_TRAIT_STORE))
        return TRUE;
    if (!row || (place->kind != VMS_TRAIT_NAME && g_strcmp0(row->old, place->old) != 0))
        return vms_fail(error, VMSNAP_E_INVALID,
                        "the identity is not one of this configuration: %s differs", place->where);
    if (!row->value) {
        drop(self, place);
        return TRUE;
    }
    if (!vms_xml_check_text(row->value, error))
        return FALSE;
    if (place->kind == VMS_TRAIT_DISK)
        set_disk(self, place->node, row);
    else
        set_place(place, row->value);
    return TRUE;
}

/* ---- the whole ---- */

/* What a configuration may be without has to be in the clone's. */
static void
settle(xmlNode *root, const VmsIdentityTable *table)
{
    static const char *const names[] = { "uuid", "name" };
    const xmlNode *devices = vms_xml_child(root, "devices");
    const xmlNode *vsock = vms_xml_child(devices, "vsock");

    unset(root, "id");
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        xmlNode *node;

        if (vms_xml_child(root, names[i]))
            continue;
        node = xmlNewNode(NULL, (const xmlChar *)names[i]);
        set_text(node, i == 0 ? table->uuid : table->name);
        if (root->children)
            xmlAddPrevSibling(root->children, node);
        else
            xmlAddChild(root, node);
    }
    for (; vsock; vsock = vms_xml_next(vsock, "vsock")) {
        xmlNode *cid = (xmlNode *)vms_xml_child(vsock, "cid");

        if (cid && vms_xml_attribute_is(cid, "auto", "yes"))
            unset(cid, "address");
    }
}

static gboolean
rewrite(const Rewriting *self, const VmsIdentityTable *table, GError **error)
{
    g_autoptr(GPtrArray) found = vms_traits_xml_find(self->document);

    if (!vms_xml_check_text(table->name, error))
        return FALSE;
    for (guint i = 0; i < found->len; i++) {
        if (!apply(self, found->pdata[i], table, error))
            return FALSE;
    }
    settle(xmlDocGetRootElement(self->document), table);
    vms_clone_sweep(self->document, table);
    return TRUE;
}

gboolean
vms_clone_xml_write(const char *xml, const VmsIdentityTable *table, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)xmlFreeNode);
    Rewriting rewriting = { .removed = removed };

    if (!read_domain(xml, &document, error))
        return FALSE;
    rewriting.document = document;
    return rewrite(&rewriting, table, error) && vms_xml_to_text(document, ret_xml, error);
}

gboolean
vms_libvirt_read_traits(VmsHypervisor *hv, const char *xml, GPtrArray **ret_traits, GError **error)
{
    (void)hv;
    return vms_clone_xml_read(xml, ret_traits, error);
}

gboolean
vms_libvirt_rewrite(VmsHypervisor *hv, const char *xml, const VmsIdentityTable *table,
                    char **ret_xml, GError **error)
{
    (void)hv;
    return vms_clone_xml_write(xml, table, ret_xml, error);
}
