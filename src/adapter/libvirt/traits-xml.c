/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/traits-xml.h"

#include <string.h>

/* One place: an element by the names on the way to it, and what of it. */
typedef struct {
    VmsTraitKind kind;
    const char *path;
    const char *attribute; /* NULL: the text */
    const char *named;     /* only where its attribute "name" is this; NULL: all */
    const char *within;    /* only where the type of the element it is in is this; NULL: all */
} Place;

static const Place places[] = {
    { VMS_TRAIT_NAME, "name", NULL, NULL, NULL },
    { VMS_TRAIT_UUID, "uuid", NULL, NULL, NULL },
    { VMS_TRAIT_GENID, "genid", NULL, NULL, NULL },
    { VMS_TRAIT_SMBIOS_UUID, "sysinfo/system/entry", NULL, "uuid", NULL },
    { VMS_TRAIT_SMBIOS_SERIAL, "sysinfo/system/entry", NULL, "serial", NULL },
    { VMS_TRAIT_SMBIOS_SERIAL, "sysinfo/baseBoard/entry", NULL, "serial", NULL },
    { VMS_TRAIT_SMBIOS_SERIAL, "sysinfo/baseBoard/entry", NULL, "asset", NULL },
    { VMS_TRAIT_SMBIOS_SERIAL, "sysinfo/chassis/entry", NULL, "serial", NULL },
    { VMS_TRAIT_SMBIOS_SERIAL, "sysinfo/chassis/entry", NULL, "asset", NULL },
    { VMS_TRAIT_NVRAM, "os/nvram/source", "file", NULL, NULL },
    { VMS_TRAIT_NVRAM, "os/nvram/source", "dev", NULL, NULL },
    { VMS_TRAIT_SERIAL, "devices/disk/serial", NULL, NULL, NULL },
    { VMS_TRAIT_WWN, "devices/disk/wwn", NULL, NULL, NULL },
    { VMS_TRAIT_SERIAL, "devices/controller/serial", NULL, NULL, NULL },
    { VMS_TRAIT_SOCKET, "devices/disk/source", "path", NULL, "vhostuser" },
    { VMS_TRAIT_MAC, "devices/interface/mac", "address", NULL, NULL },
    { VMS_TRAIT_LINK, "devices/interface/target", "dev", NULL, NULL },
    { VMS_TRAIT_PORT_ID, "devices/interface/source", "portid", NULL, NULL },
    { VMS_TRAIT_SOCKET, "devices/interface/source", "path", NULL, "vhostuser" },
    { VMS_TRAIT_FILE, "devices/interface/backend", "logFile", NULL, NULL },
    { VMS_TRAIT_INTERFACE_ID, "devices/interface/virtualport/parameters", "interfaceid", NULL,
      NULL },
    { VMS_TRAIT_INSTANCE_ID, "devices/interface/virtualport/parameters", "instanceid", NULL, NULL },
    { VMS_TRAIT_ADDRESS, "devices/interface/filterref/parameter", "value", "IP", NULL },
    { VMS_TRAIT_ADDRESS, "devices/interface/filterref/parameter", "value", "IPV6", NULL },
    { VMS_TRAIT_PORT, "devices/interface/source", "port", NULL, "server" },
    { VMS_TRAIT_SOCKET, "devices/filesystem/source", "socket", NULL, NULL },
    { VMS_TRAIT_STORE, "devices/memory/source/path", NULL, NULL, NULL },
    { VMS_TRAIT_FILE, "devices/audio", "path", NULL, NULL },
    { VMS_TRAIT_TPM, "devices/tpm/backend/source", "path", NULL, "emulator" },
    { VMS_TRAIT_SOCKET, "devices/tpm/backend/source", "path", NULL, "external" },
};

/* What is connected to a file, socket or port of the host. */
static const char *const lines[] = {
    "devices/serial",      "devices/console",  "devices/parallel",  "devices/channel",
    "devices/rng/backend", "devices/redirdev", "devices/smartcard",
};

typedef void (*NodeSink)(GPtrArray *found, xmlNode *node, gconstpointer data);

void
vms_trait_place_free(VmsTraitPlace *place)
{
    if (!place)
        return;
    g_free(place->where);
    g_free(place->old);
    g_free(place);
}

/* ---- walking ---- */

static gboolean
is_named(const xmlNode *node, const char *name, gsize length)
{
    return node->type == XML_ELEMENT_NODE && !node->ns &&
           strncmp((const char *)node->name, name, length) == 0 &&
           ((const char *)node->name)[length] == '\0';
}

static void
walk_children(GPtrArray *found, xmlNode *node, const char *path, GPtrArray *level)
{
    gsize length = strcspn(path, "/");

    (void)found;
    for (xmlNode *child = node->children; child; child = child->next) {
        if (is_named(child, path, length))
            g_ptr_array_add(level, child);
    }
}

/* Every element at @path below the root, in the document's order. */
static void
each_at(GPtrArray *found, xmlNode *root, const char *path, NodeSink sink, gconstpointer data)
{
    g_autoptr(GPtrArray) level = g_ptr_array_new();

    g_ptr_array_add(level, root);
    while (*path && level->len > 0) {
        g_autoptr(GPtrArray) next = g_ptr_array_new();

        for (guint i = 0; i < level->len; i++)
            walk_children(found, level->pdata[i], path, next);
        g_ptr_array_unref(level);
        level = g_steal_pointer(&next);
        path += strcspn(path, "/");
        path += *path == '/';
    }
    for (guint i = 0; i < level->len; i++)
        sink(found, level->pdata[i], data);
}

/* ---- noting ---- */

/* "devices/interface[2]/mac/@address", without what every one begins with. */
static char *
locate(const xmlNode *node, const char *attribute)
{
    xmlChar *path = xmlGetNodePath(node);
    const char *text = path ? (const char *)path : "";
    char *where;

    if (g_str_has_prefix(text, "/domain/"))
        text += strlen("/domain/");
    if (g_str_has_prefix(text, "devices/"))
        text += strlen("devices/");
    where = attribute ? g_strconcat(text, "/@", attribute, NULL) : g_strdup(text);
    if (path)
        xmlFree(path);
    return where;
}

static VmsTraitPlace *
add(GPtrArray *found, VmsTraitKind kind, xmlNode *node, const char *attribute)
{
    VmsTraitPlace *place = g_new0(VmsTraitPlace, 1);
    char *old = attribute ? vms_xml_attribute(node, attribute) : vms_xml_text(node);

    place->kind = kind;
    place->node = node;
    place->attribute = attribute;
    place->where = locate(node, attribute);
    place->old = old ? g_strstrip(old) : NULL;
    g_ptr_array_add(found, place);
    return place;
}

static void
add_if(GPtrArray *found, VmsTraitKind kind, xmlNode *node, const char *attribute)
{
    g_autofree char *value = vms_xml_attribute(node, attribute);

    if (value)
        add(found, kind, node, attribute);
}

static void
take_place(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    const Place *place = data;

    if ((place->named && !vms_xml_attribute_is(node, "name", place->named)) ||
        (place->within && !vms_xml_attribute_is(node->parent, "type", place->within)))
        return;
    if (place->attribute)
        add_if(found, place->kind, node, place->attribute);
    else
        add(found, place->kind, node, NULL);
}

/* ---- what takes more than a place ---- */

static void
take_disk(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    static const char *const ways[] = { "file", "dev", "name", "volume" };
    const xmlNode *source = vms_xml_child(node, "source");
    g_autofree char *target = vms_xml_attribute(vms_xml_child(node, "target"), "dev");
    VmsTraitPlace *place;

    (void)data;
    if (!source || !target)
        return;
    place = add(found, VMS_TRAIT_DISK, node, NULL);
    g_free(place->where);
    place->where = g_strconcat("disk ", target, NULL);
    g_clear_pointer(&place->old, g_free);
    for (gsize i = 0; !place->old && i < G_N_ELEMENTS(ways); i++)
        place->old = vms_xml_attribute(source, ways[i]);
}

static void
take_nvram(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    (void)data;
    if (!vms_xml_child(node, "source"))
        add(found, VMS_TRAIT_NVRAM, node, NULL);
}

/* Firmware that keeps its variables in itself. */
static void
take_loader(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    (void)data;
    if (vms_xml_attribute_is(node, "readonly", "no") && !vms_xml_child(node->parent, "nvram"))
        add(found, VMS_TRAIT_STORE, node, NULL);
}

/* An address that libvirt gives out anew each time is nobody's. */
static void
take_vsock(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    (void)data;
    if (!vms_xml_attribute_is(node, "auto", "yes"))
        add_if(found, VMS_TRAIT_CID, node, "address");
}

static void
take_graphics_port(GPtrArray *found, xmlNode *node, const char *attribute)
{
    g_autofree char *port = vms_xml_attribute(node, attribute);

    if (port && strcmp(port, "-1") != 0)
        add(found, VMS_TRAIT_GRAPHICS, node, attribute);
}

/* libvirt's own are of one instance. */
static void
take_graphics_socket(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    g_autofree char *path = vms_xml_attribute(node, "socket");

    (void)data;
    if (path)
        add(found, strstr(path, "/qemu/domain-") ? VMS_TRAIT_GRAPHICS : VMS_TRAIT_SOCKET, node,
            "socket");
}

static void
take_graphics(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    take_graphics_socket(found, node, data);
    take_graphics_port(found, node, "port");
    take_graphics_port(found, node, "tlsPort");
    take_graphics_port(found, node, "websocket");
}

static void
take_forward(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    (void)data;
    add(found, VMS_TRAIT_ADDRESS, node, NULL);
}

/* A socket that QEMU makes is the VM's own; one that it only calls at, if it is named after it. */
static void
take_socket(GPtrArray *found, xmlNode *source, const char *vm)
{
    g_autofree char *path = vms_xml_attribute(source, "path");
    gboolean calls = vms_xml_attribute_is(source, "mode", "connect");
    gboolean channel = is_named(source->parent, "channel", strlen("channel"));

    if (!path || (calls && (!vm || !strstr(path, vm))))
        return;
    add(found,
        channel && !calls && strstr(path, "/qemu/channel/") ? VMS_TRAIT_CHANNEL : VMS_TRAIT_SOCKET,
        source, "path");
}

static void
take_source(GPtrArray *found, xmlNode *source, const char *type, const char *vm)
{
    if (strcmp(type, "file") == 0 || strcmp(type, "pipe") == 0)
        add_if(found, VMS_TRAIT_FILE, source, "path");
    else if (strcmp(type, "unix") == 0)
        take_socket(found, source, vm);
    else if ((strcmp(type, "tcp") == 0 || strcmp(type, "udp") == 0) &&
             vms_xml_attribute_is(source, "mode", "bind"))
        add_if(found, VMS_TRAIT_PORT, source, "service");
}

static void
take_line(GPtrArray *found, xmlNode *node, gconstpointer data)
{
    g_autofree char *type = vms_xml_attribute(node, "type");
    const xmlNode *log = vms_xml_child(node, "log");
    const xmlNode *source = vms_xml_child(node, "source");

    for (; type && source; source = vms_xml_next(source, "source"))
        take_source(found, (xmlNode *)source, type, data);
    if (log)
        add_if(found, VMS_TRAIT_FILE, (xmlNode *)log, "file");
}

/* ---- QEMU's own command line ---- */

static gboolean
has_key(const char *pair, const char *key)
{
    gsize length = strlen(key);

    return strncmp(pair, key, length) == 0 && pair[length] == '=';
}

char *
vms_trait_pair_read(const char *text, const char *key)
{
    g_auto(GStrv) pairs = g_strsplit(text, ",", -1);

    for (gsize i = 0; pairs[i]; i++) {
        if (has_key(pairs[i], key))
            return g_strdup(pairs[i] + strlen(key) + 1);
    }
    return NULL;
}

char *
vms_trait_pair_swap(const char *text, const char *key, const char *old, const char *value)
{
    g_auto(GStrv) pairs = g_strsplit(text, ",", -1);

    for (gsize i = 0; pairs[i]; i++) {
        if (!has_key(pairs[i], key) || strcmp(pairs[i] + strlen(key) + 1, old) != 0)
            continue;
        g_free(pairs[i]);
        pairs[i] = g_strconcat(key, "=", value, NULL);
    }
    return g_strjoinv(",", pairs);
}

typedef struct {
    const char *key;
    VmsTraitKind kind;
} Key;

static const Key keys[] = {
    { "mac", VMS_TRAIT_MAC },
    { "guest-cid", VMS_TRAIT_CID },
    { "serial", VMS_TRAIT_SERIAL },
};

/* Where the same key stands more than once, the first tells. */
static void
take_argument(GPtrArray *found, xmlNode *node)
{
    g_autofree char *text = vms_xml_attribute(node, "value");

    for (gsize i = 0; text && i < G_N_ELEMENTS(keys); i++) {
        char *old = vms_trait_pair_read(text, keys[i].key);
        VmsTraitPlace *place;
        g_autofree char *where = NULL;

        if (!old)
            continue;
        place = add(found, keys[i].kind, node, "value");
        place->key = keys[i].key;
        where = place->where;
        place->where = g_strconcat(where, ":", keys[i].key, NULL);
        g_free(place->old);
        place->old = old;
    }
}

static void
take_arguments(GPtrArray *found, xmlNode *root)
{
    for (xmlNode *line = root->children; line; line = line->next) {
        if (line->type != XML_ELEMENT_NODE || !line->ns ||
            strcmp((const char *)line->name, "commandline") != 0)
            continue;
        for (xmlNode *node = line->children; node; node = node->next) {
            if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "arg") == 0)
                take_argument(found, node);
        }
    }
}

/* ---- all ---- */

GPtrArray *
vms_traits_xml_find(xmlDoc *document)
{
    GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_trait_place_free);
    xmlNode *root = xmlDocGetRootElement(document);
    g_autofree char *vm = vms_xml_text(vms_xml_child(root, "name"));

    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        each_at(found, root, places[i].path, take_place, &places[i]);
    each_at(found, root, "os/nvram", take_nvram, NULL);
    each_at(found, root, "os/loader", take_loader, NULL);
    each_at(found, root, "devices/disk", take_disk, NULL);
    each_at(found, root, "devices/vsock/cid", take_vsock, NULL);
    each_at(found, root, "devices/graphics", take_graphics, NULL);
    each_at(found, root, "devices/graphics/listen", take_graphics_socket, NULL);
    each_at(found, root, "devices/interface/portForward", take_forward, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        each_at(found, root, lines[i], take_line, vm);
    take_arguments(found, root);
    return found;
}
