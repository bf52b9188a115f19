/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/message.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every parser of the guest agent's replies on the same bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *reply = g_strndup((const char *)data, size);
    g_autoptr(VmsVm) vm = vms_vm_new("00000000-0000-4000-8000-000000000000", "fuzz");
    g_auto(VmsAgentInfo) info = { 0 };
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GPtrArray) addresses = NULL;
    gboolean answer;
    int count;

    g_ptr_array_add(vm->disks, vms_disk_new("vda"));
    vms_qga_parse_ping(reply, NULL);
    vms_qga_parse_count(reply, &count, NULL);
    vms_qga_parse_status(reply, &answer, NULL);
    vms_qga_parse_os(reply, &answer, NULL);
    vms_qga_parse_info(reply, &info, NULL);
    vms_qga_parse_addresses(reply, &addresses, NULL);
    if (vms_qga_parse_filesystems(reply, &list, NULL)) {
        g_autoptr(GPtrArray) mapped = vms_qga_map(list, vm);

        if (mapped->len != list->len)
            __builtin_trap();
    }
    return 0;
}
