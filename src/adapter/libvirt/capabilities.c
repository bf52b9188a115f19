/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/capabilities.h"

#include "adapter/libvirt/xml.h"

/* Large hosts list every core and every huge page size of every NUMA cell. */
#define CAPABILITIES_LIMIT ((gsize)16 * 1024 * 1024)

static gboolean
read_number(const char *text, guint64 *ret_number)
{
    return text && text[0] == '+' &&
           g_ascii_string_to_unsigned(text + 1, 10, 0, G_MAXUINT32 - 1, ret_number, NULL);
}

/* "+64055:+64055" */
static gboolean
read_label(const xmlNode *label, uid_t *ret_uid, gid_t *ret_gid)
{
    g_autofree char *text = vms_xml_text(label);
    g_auto(GStrv) parts = text ? g_strsplit(text, ":", 2) : NULL;
    guint64 uid = 0;
    guint64 gid = 0;

    if (!parts || !parts[0] || !read_number(parts[0], &uid) || !read_number(parts[1], &gid))
        return FALSE;
    *ret_uid = (uid_t)uid;
    *ret_gid = (gid_t)gid;
    return TRUE;
}

static const xmlNode *
find_dac(const xmlNode *host)
{
    const xmlNode *model = vms_xml_child(host, "secmodel");

    for (; model; model = vms_xml_next(model, "secmodel")) {
        g_autofree char *name = vms_xml_text(vms_xml_child(model, "model"));

        if (g_strcmp0(name, "dac") == 0)
            return model;
    }
    return NULL;
}

gboolean
vms_capabilities_read_owner(const char *xml, uid_t *ret_uid, gid_t *ret_gid)
{
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *label;

    vms_xml_init();
    if (!vms_xml_read(xml, CAPABILITIES_LIMIT, "capabilities", &document, NULL))
        return FALSE;
    label =
        vms_xml_child(find_dac(vms_xml_child(xmlDocGetRootElement(document), "host")), "baselabel");
    for (; label; label = vms_xml_next(label, "baselabel"))
        if (vms_xml_attribute_is(label, "type", "kvm") ||
            vms_xml_attribute_is(label, "type", "qemu"))
            return read_label(label, ret_uid, ret_gid);
    return FALSE;
}

char *
vms_capabilities_read_host_uuid(const char *xml)
{
    g_autoptr(xmlDoc) document = NULL;
    g_autofree char *uuid = NULL;

    vms_xml_init();
    if (!vms_xml_read(xml, CAPABILITIES_LIMIT, "capabilities", &document, NULL))
        return NULL;
    uuid =
        vms_xml_text(vms_xml_child(vms_xml_child(xmlDocGetRootElement(document), "host"), "uuid"));
    return uuid ? g_ascii_strdown(uuid, -1) : NULL;
}
