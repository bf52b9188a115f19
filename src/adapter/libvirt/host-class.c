/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/host-class.h"

#define CAPABILITIES_LIMIT ((gsize)16 * 1024 * 1024)

static char *
child_text(const xmlNode *node, const char *name)
{
    return vms_xml_text(vms_xml_child(node, name));
}

static char *
dump(const xmlNode *node)
{
    xmlBuffer *buffer = node ? xmlBufferCreate() : NULL;
    char *text = NULL;

    if (buffer && xmlNodeDump(buffer, node->doc, (xmlNode *)node, 0, 0) >= 0)
        text = g_strdup((const char *)xmlBufferContent(buffer));
    if (buffer)
        xmlBufferFree(buffer);
    return text;
}

void
vms_host_class_read(const xmlNode *domain, VmsHostClass *ret_class)
{
    const xmlNode *os = vms_xml_child(domain, "os");
    const xmlNode *type = vms_xml_child(os, "type");
    const xmlNode *cpu = vms_xml_child(domain, "cpu");
    const xmlNode *model = vms_xml_child(cpu, "model");

    *ret_class = (VmsHostClass){
        .virt_type = vms_xml_attribute(domain, "type"),
        .emulator = child_text(vms_xml_child(domain, "devices"), "emulator"),
        .arch = vms_xml_attribute(type, "arch"),
        .machine = vms_xml_attribute(type, "machine"),
        .cpu_mode = vms_xml_attribute(cpu, "mode"),
        .cpu_model = vms_xml_text(model),
        .cpu_xml = dump(cpu),
        .firmware = vms_xml_attribute(os, "firmware"),
        .loader = child_text(os, "loader"),
        .cpu_fallback = !vms_xml_attribute_is(model, "fallback", "forbid"),
        .cpu_unchecked = vms_xml_attribute_is(cpu, "check", "none"),
    };
}

void
vms_host_class_clear(VmsHostClass *class)
{
    g_free(class->virt_type);
    g_free(class->emulator);
    g_free(class->arch);
    g_free(class->machine);
    g_free(class->cpu_mode);
    g_free(class->cpu_model);
    g_free(class->cpu_xml);
    g_free(class->firmware);
    g_free(class->loader);
}

static const xmlNode *
find_mode(const xmlNode *cpu, const char *name)
{
    const xmlNode *mode = vms_xml_child(cpu, "mode");

    while (mode && !vms_xml_attribute_is(mode, "name", name))
        mode = vms_xml_next(mode, "mode");
    return mode;
}

static gboolean
lists_text(const xmlNode *parent, const char *element, const char *wanted)
{
    for (const xmlNode *node = vms_xml_child(parent, element); node;
         node = vms_xml_next(node, element)) {
        g_autofree char *text = vms_xml_text(node);

        if (g_strcmp0(text, wanted) == 0)
            return TRUE;
    }
    return FALSE;
}

static char *
find_cpu_lack(const VmsHostClass *class, const xmlNode *cpu)
{
    const xmlNode *mode = class->cpu_mode ? find_mode(cpu, class->cpu_mode) : NULL;

    if (!mode)
        return NULL;
    if (vms_xml_attribute_is(mode, "supported", "no"))
        return g_strdup_printf("CPU mode %s", class->cpu_mode);
    if (!class->cpu_model || class->cpu_fallback || !vms_xml_child(mode, "model") ||
        lists_text(mode, "model", class->cpu_model))
        return NULL;
    return g_strdup_printf("CPU model %s", class->cpu_model);
}

static char *
find_firmware_lack(const VmsHostClass *class, const xmlNode *os)
{
    const xmlNode *list = vms_xml_child(os, "enum");

    while (list && !vms_xml_attribute_is(list, "name", "firmware"))
        list = vms_xml_next(list, "enum");
    if (!class->firmware || class->loader || !list || lists_text(list, "value", class->firmware))
        return NULL;
    return g_strdup_printf("firmware %s", class->firmware);
}

char *
vms_host_class_find_lack(const VmsHostClass *class, const char *capabilities)
{
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *root;
    char *lack;

    vms_xml_init();
    if (!vms_xml_read(capabilities, CAPABILITIES_LIMIT, "domainCapabilities", &document, NULL))
        return NULL;
    root = xmlDocGetRootElement(document);
    lack = find_cpu_lack(class, vms_xml_child(root, "cpu"));
    return lack ? lack : find_firmware_lack(class, vms_xml_child(root, "os"));
}
