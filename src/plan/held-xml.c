/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/held-xml.h"

#include "base/error.h"

#include <string.h>

static const VmsDisk *
find_disk(const VmsVm *vm, const char *path)
{
    for (guint i = 0; i < vm->disks->len; i++) {
        const VmsDisk *disk = vm->disks->pdata[i];

        if (g_strcmp0(disk->path, path) == 0)
            return disk;
    }
    return NULL;
}

/* As libvirt writes it: in single quotes. */
static char *
source_of(const VmsDisk *disk)
{
    const char *slash = disk->volume ? strchr(disk->volume, '/') : NULL;
    const char *name = slash ? slash + 1 : disk->path;
    g_autofree char *escaped = g_markup_escape_text(name, -1);

    return g_strdup_printf(" %s='%s", slash ? "volume" : "dev", escaped);
}

gboolean
vms_held_xml_make(const VmsVm *vm, const char *xml, const VmsOperation *operation, char **ret_xml,
                  GError **error)
{
    g_autofree char *held = g_strdup(xml);

    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];
        const VmsDisk *disk = item->source ? find_disk(vm, item->path) : NULL;
        g_autofree char *source = disk ? source_of(disk) : NULL;
        g_autofree char *old = source ? g_strconcat(source, "'", NULL) : NULL;
        g_autofree char *new = NULL;
        g_auto(GStrv) parts = NULL;

        if (!item->source)
            continue;
        parts = old ? g_strsplit(held, old, -1) : NULL;
        if (!parts || g_strv_length(parts) < 2)
            return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "TargetUnsupported",
                              "'%s' is not found in the configuration of VM %s", item->path,
                              vm->name);
        new = g_strdup_printf("%s.vmsnap-%.8s'", source, operation->uuid);
        g_free(held);
        held = g_strjoinv(new, parts);
    }
    *ret_xml = g_steal_pointer(&held);
    return TRUE;
}
