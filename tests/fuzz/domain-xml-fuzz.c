/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/backup-xml.h"
#include "adapter/libvirt/capabilities.h"
#include "adapter/libvirt/domain-xml.h"
#include "adapter/libvirt/network-xml.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every reader of libvirt's XML on the same bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(VmsDomainXml) domain = NULL;
    g_autoptr(VmsNetwork) network = NULL;
    g_autofree char *socket = NULL;
    uid_t uid;
    gid_t gid;

    if (vms_domain_xml_parse(text, &domain, NULL)) {
        for (guint i = 0; i < domain->disks->len; i++) {
            const VmsDisk *disk = domain->disks->pdata[i];

            if (!disk->target || !disk->source_type)
                __builtin_trap();
        }
    }
    if (vms_network_xml_parse(text, &network, NULL) && !network->name)
        __builtin_trap();
    vms_backup_xml_read_socket(text, &socket, NULL);
    vms_capabilities_read_owner(text, &uid, &gid);
    return 0;
}
