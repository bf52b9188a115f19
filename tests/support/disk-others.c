/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/disk-others.h"

#include "adapter/libvirt/domain-xml.h"
#include "base/error.h"

#include <string.h>

char *
disk_others_path(const char *host, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".xml", NULL);

    return g_build_filename(host, file, NULL);
}

gboolean
disk_others_write(const char *path, const char *xml, GError **error)
{
    if (g_file_set_contents_full(path, xml, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 NULL))
        return TRUE;
    return vms_fail(error, VMSNAP_E_HYPERVISOR, "the configuration cannot be written");
}

/* NULL: there is none there. */
static VmsVm *
read_vm(const char *path)
{
    g_autofree char *xml = NULL;
    g_autoptr(VmsDomainXml) domain = NULL;
    VmsVm *vm;

    if (!g_file_get_contents(path, &xml, NULL, NULL) || !vms_domain_xml_parse(xml, &domain, NULL))
        return NULL;
    vm = vms_vm_new(domain->uuid, domain->name);
    vm->state = VMSNAP_VM_OFF;
    vm->domain_id = -1;
    vm->persistent = TRUE;
    vm->inactive_xml = g_steal_pointer(&xml);
    vm->nvram = g_strdup(domain->nvram);
    while (domain->disks->len > 0)
        g_ptr_array_add(vm->disks, g_ptr_array_steal_index(domain->disks, 0));
    return vm;
}

void
disk_others_list(const char *host, GPtrArray *vms)
{
    g_autoptr(GDir) dir = g_dir_open(host, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(host, name, NULL);
        VmsVm *vm = NULL;

        if (g_str_has_suffix(name, ".xml") && strcmp(name, "web.xml") != 0)
            vm = read_vm(path);
        if (vm)
            g_ptr_array_add(vms, vm);
    }
}

gboolean
disk_others_find(const char *host, const char *vm, VmsVm **ret_vm, GError **error)
{
    g_autoptr(GPtrArray) vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);

    disk_others_list(host, vms);
    for (guint i = 0; i < vms->len; i++) {
        const VmsVm *each = vms->pdata[i];

        if (strcmp(each->name, vm) != 0 && strcmp(each->uuid, vm) != 0)
            continue;
        *ret_vm = g_ptr_array_steal_index(vms, i);
        return TRUE;
    }
    return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no VM %s", vm);
}

gboolean
disk_others_define(const char *host, const char *xml, GError **error)
{
    g_autoptr(VmsDomainXml) domain = NULL;
    g_autoptr(VmsVm) there = NULL;
    g_autofree char *path = NULL;

    if (!vms_domain_xml_parse(xml, &domain, error))
        return FALSE;
    path = disk_others_path(host, domain->name);
    there = read_vm(path);
    if (there && strcmp(there->uuid, domain->uuid) != 0)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "there is another VM %s", domain->name);
    return disk_others_write(path, xml, error);
}
