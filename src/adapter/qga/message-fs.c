/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/message.h"
#include "adapter/qga/reply.h"
#include "base/error.h"

/* Far above any guest; a list that is longer is refused, not cut: what is missing in it would
 * not be asked for in the proof of a freeze. */
#define MAX_FILESYSTEMS 4096

void
vms_qga_disk_free(VmsQgaDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->bus);
    g_free(disk->dev);
    g_free(disk->serial);
    g_free(disk->address);
    g_free(disk->drive);
    g_free(disk);
}

void
vms_qga_fs_free(VmsQgaFs *fs)
{
    if (!fs)
        return;
    g_free(fs->name);
    g_free(fs->mountpoint);
    g_free(fs->type);
    g_ptr_array_unref(fs->disks);
    g_free(fs);
}

static char *
escaped(JsonObject *object, const char *name)
{
    const char *text = vms_qga_get_string(object, name);

    return text ? vms_escape_text(text) : NULL;
}

/* NULL when a part is missing or no PCI number (Windows without rights says -1). */
static char *
pci_address(JsonObject *disk)
{
    static const struct {
        const char *name;
        gint64 end;
    } parts[] = { { "domain", 0x10000 }, { "bus", 0x100 }, { "slot", 0x20 }, { "function", 8 } };
    JsonObject *pci = vms_qga_get_object(disk, "pci-controller");
    gint64 values[G_N_ELEMENTS(parts)];

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        values[i] = pci ? vms_qga_get_int(pci, parts[i].name, -1) : -1;
        if (values[i] < 0 || values[i] >= parts[i].end)
            return NULL;
    }
    return g_strdup_printf("%04x:%02x:%02x.%x", (guint)values[0], (guint)values[1],
                           (guint)values[2], (guint)values[3]);
}

static VmsQgaDisk *
parse_disk(JsonObject *object)
{
    VmsQgaDisk *disk = g_new0(VmsQgaDisk, 1);
    gint64 bus = vms_qga_get_int(object, "bus", -1);
    gint64 target = vms_qga_get_int(object, "target", -1);
    gint64 unit = vms_qga_get_int(object, "unit", -1);

    disk->bus = escaped(object, "bus-type");
    disk->dev = escaped(object, "dev");
    disk->serial = escaped(object, "serial");
    disk->address = pci_address(object);
    if (disk->address && bus >= 0 && target >= 0 && unit >= 0)
        disk->drive =
            g_strdup_printf("%s/%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT,
                            disk->address, bus, target, unit);
    return disk;
}

static VmsQgaFs *
parse_fs(JsonObject *object)
{
    g_autoptr(VmsQgaFs) fs = g_new0(VmsQgaFs, 1);
    JsonArray *disks = vms_qga_get_array(object, "disk");
    guint count = disks ? json_array_get_length(disks) : 0;

    fs->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_qga_disk_free);
    fs->name = escaped(object, "name");
    fs->mountpoint = escaped(object, "mountpoint");
    fs->type = escaped(object, "type");
    if (!fs->name || !fs->mountpoint || !fs->type)
        return NULL;
    for (guint i = 0; i < count; i++) {
        JsonObject *disk = vms_qga_get_item(disks, i);

        if (!disk)
            return NULL;
        g_ptr_array_add(fs->disks, parse_disk(disk));
    }
    return g_steal_pointer(&fs);
}

gboolean
vms_qga_parse_filesystems(const char *reply, GPtrArray **ret_filesystems, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_qga_fs_free);
    g_autoptr(JsonNode) root = NULL;
    JsonNode *value;
    JsonArray *array;
    guint count;

    if (!vms_qga_reply_open(reply, &root, &value, error))
        return FALSE;
    if (!JSON_NODE_HOLDS_ARRAY(value))
        return vms_qga_bad_reply(error, "has no list of file systems");
    array = json_node_get_array(value);
    count = json_array_get_length(array);
    if (count > MAX_FILESYSTEMS)
        return vms_qga_bad_reply(error, "lists too many file systems");
    for (guint i = 0; i < count; i++) {
        JsonObject *object = vms_qga_get_item(array, i);
        VmsQgaFs *fs = object ? parse_fs(object) : NULL;

        if (!fs)
            return vms_qga_bad_reply(error, "lists a file system that cannot be read");
        g_ptr_array_add(list, fs);
    }
    *ret_filesystems = g_steal_pointer(&list);
    return TRUE;
}
