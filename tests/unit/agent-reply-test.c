/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/message.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

/* What a guest may answer, and what we make of it. */

static void
expect_count(const char *reply, int count)
{
    g_autoptr(GError) error = NULL;
    int got = -7;

    cr_assert(vms_qga_parse_count(reply, &got, &error), "%s: %s", reply,
              error ? error->message : "");
    cr_assert_eq(got, count);
}

static void
expect_no_count(const char *reply, const char *reason)
{
    g_autoptr(GError) error = NULL;
    int got = -7;

    cr_assert_not(vms_qga_parse_count(reply, &got, &error), "%s", reply);
    cr_assert_eq(got, -7, "an output is set on success only");
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_AGENT);
    cr_assert_str_eq(vms_error_get_reason(error), reason, "%s", reply);
}

Test(agent_reply, requests_are_one_object)
{
    g_autofree char *text = vms_qga_request("guest-fsfreeze-freeze");

    cr_assert_str_eq(text, "{\"execute\":\"guest-fsfreeze-freeze\"}");
}

Test(agent_reply, counts_are_whole_numbers_in_range)
{
    expect_count("{\"return\": 0}", 0);
    expect_count("{\"return\": 3}\n", 3);
    expect_no_count("{\"return\": -5}", "BadReply");
    expect_no_count("{\"return\": 100001}", "BadReply");
    expect_no_count("{\"return\": 99999999999999999999}", "BadReply");
    expect_no_count("{\"return\": 1e400}", "BadReply");
    expect_no_count("{\"return\": 1.0}", "BadReply");
    expect_no_count("{\"return\": \"3\"}", "BadReply");
    expect_no_count("{\"return\": null}", "BadReply");
    expect_no_count("{\"return\": true}", "BadReply");
    expect_no_count("{\"return\": {}}", "BadReply");
    expect_no_count("{\"return\": [3]}", "BadReply");
}

Test(agent_reply, only_one_whole_object_is_a_reply)
{
    const char *bad[] = { "",
                          " ",
                          "3",
                          "null",
                          "[]",
                          "[{\"return\": 3}]",
                          "{}",
                          "{\"return\": 3",
                          "{\"return\": 3} x",
                          "{\"return\": 3}{\"return\": 3}",
                          "{\"return\": 3, \"return\": 4}",
                          "{\"return\": 3, \"error\": {\"desc\": \"x\"}}",
                          "{\"error\": \"x\"}",
                          "{\"error\": null}",
                          "{\"Return\": 3}",
                          "\xff{\"return\": 3}",
                          "{\"return\": 3, \"x\": \"\\u0000\"}",
                          "{\"return\": 3, \"x\": \"\xc3\"}" };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        expect_no_count(bad[i], "BadReply");
}

Test(agent_reply, nesting_and_size_are_bounded)
{
    g_autoptr(GString) deep = g_string_new("{\"return\": ");
    g_autoptr(GString) wide = g_string_new("{\"return\": [");

    for (int i = 0; i < 100000; i++)
        g_string_append_c(deep, '[');
    expect_no_count(deep->str, "BadReply");
    for (int i = 0; i < 300000; i++)
        g_string_append(wide, "{},");
    g_string_append(wide, "1]}");
    expect_no_count(wide->str, "BadReply");
}

Test(agent_reply, the_agents_own_text_is_kept_whole_and_escaped)
{
    g_autoptr(GError) error = NULL;
    int count;

    cr_assert_not(vms_qga_parse_count("{\"error\": {\"class\": \"GenericError\", \"desc\": "
                                      "\"failed to open /x: %n\\u001b[31m\\nPermission denied\"}}",
                                      &count, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "FreezeFailed");
    cr_assert_str_eq(vms_error_get_origin(error), "qga");
    cr_assert(strstr(error->message, "failed to open /x: %n"), "%s", error->message);
    cr_assert(strstr(error->message, "Permission denied"));
    cr_assert_not(strpbrk(error->message, "\n\033"));
}

Test(agent_reply, reasons_tell_a_missing_command_from_a_failing_one)
{
    expect_no_count("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"x\"}}",
                    "FreezeUnsupported");
    expect_no_count("{\"error\": {\"class\": \"GenericError\", \"desc\": \"Command "
                    "guest-fsfreeze-freeze has been disabled\"}}",
                    "FreezeUnsupported");
    expect_no_count("{\"error\": {\"class\": \"GenericError\", \"desc\": \"Command "
                    "guest-fsfreeze-freeze has been disabled: the agent is in frozen state\"}}",
                    "FreezeFailed");
    expect_no_count("{\"error\": {}}", "FreezeFailed");
    expect_no_count("{\"error\": {\"class\": 5, \"desc\": []}}", "FreezeFailed");
}

Test(agent_reply, status_is_frozen_or_thawed)
{
    gboolean frozen = FALSE;

    cr_assert(vms_qga_parse_status("{\"return\": \"frozen\"}", &frozen, NULL));
    cr_assert(frozen);
    cr_assert(vms_qga_parse_status("{\"return\": \"thawed\"}", &frozen, NULL));
    cr_assert_not(frozen);
    cr_assert_not(vms_qga_parse_status("{\"return\": \"error\"}", &frozen, NULL));
    cr_assert_not(vms_qga_parse_status("{\"return\": 1}", &frozen, NULL));
    cr_assert_not(vms_qga_parse_status("{\"return\": {}}", &frozen, NULL));
}

#define FREEZE_COMMANDS(enabled)                                                                   \
    "{\"name\": \"guest-fsfreeze-freeze\", \"enabled\": " enabled "},"                             \
    "{\"name\": \"guest-fsfreeze-thaw\", \"enabled\": true},"                                      \
    "{\"name\": \"guest-fsfreeze-status\", \"enabled\": true}"

Test(agent_reply, info_tells_what_is_there_and_enabled)
{
    g_auto(VmsAgentInfo) all = { 0 };
    g_auto(VmsAgentInfo) disabled = { 0 };
    g_auto(VmsAgentInfo) odd = { 0 };

    cr_assert(vms_qga_parse_info(
        "{\"return\": {\"version\": \"7.2.0\", \"supported_commands\": [" FREEZE_COMMANDS(
            "true") ",{\"name\": \"guest-get-fsinfo\", \"enabled\": true}]}}",
        &all, NULL));
    cr_assert(all.can_freeze && all.can_list && !all.can_freeze_some);
    cr_assert_null(all.lacking);
    cr_assert_str_eq(all.version, "7.2.0");
    cr_assert(vms_qga_parse_info(
        "{\"return\": {\"supported_commands\": [" FREEZE_COMMANDS("false") "]}}", &disabled, NULL));
    cr_assert_not(disabled.can_freeze || disabled.can_list || disabled.can_freeze_some);
    cr_assert_str_eq(disabled.lacking, "guest-fsfreeze-freeze is disabled");
    cr_assert(vms_qga_parse_info("{\"return\": {\"version\": 7, \"supported_commands\": "
                                 "[1, null, {\"name\": 3}, {\"enabled\": true}]}}",
                                 &odd, NULL));
    cr_assert_not(odd.can_freeze);
    cr_assert_str_eq(odd.lacking, "guest-fsfreeze-freeze is missing, guest-fsfreeze-thaw is "
                                  "missing, guest-fsfreeze-status is missing");
    cr_assert_null(odd.version);
    cr_assert_not(vms_qga_parse_info("{\"return\": {}}", &odd, NULL));
    cr_assert_not(vms_qga_parse_info("{\"return\": []}", &odd, NULL));
}

Test(agent_reply, windows_is_known_by_its_id)
{
    gboolean windows = FALSE;

    cr_assert(vms_qga_parse_os("{\"return\": {\"id\": \"mswindows\"}}", &windows, NULL));
    cr_assert(windows);
    cr_assert(vms_qga_parse_os("{\"return\": {\"id\": \"debian\"}}", &windows, NULL));
    cr_assert_not(windows);
    cr_assert(vms_qga_parse_os("{\"return\": {}}", &windows, NULL));
    cr_assert_not(vms_qga_parse_os("{\"return\": 1}", &windows, NULL));
}

/* ---- file systems and their disks ---- */

static VmsDisk *
add_disk(VmsVm *vm, const char *target, const char *bus, const char *address, const char *serial)
{
    VmsDisk *disk = vms_disk_new(target);

    disk->bus = g_strdup(bus);
    disk->address = g_strdup(address);
    disk->serial = g_strdup(serial);
    g_ptr_array_add(vm->disks, disk);
    return disk;
}

static GPtrArray *
map(const char *list, const VmsVm *vm)
{
    g_autofree char *reply = g_strdup_printf("{\"return\": [%s]}", list);
    g_autoptr(GPtrArray) seen = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_qga_parse_filesystems(reply, &seen, &error), "%s", error ? error->message : "");
    return vms_qga_map(seen, vm);
}

static void
expect_fs(const GPtrArray *list, guint index, const char *targets, gboolean unmapped)
{
    const VmsGuestFs *fs = g_ptr_array_index(list, index);
    g_autoptr(GString) got = g_string_new(NULL);

    for (guint i = 0; i < fs->disks->len; i++)
        g_string_append_printf(got, "%s%s", i ? " " : "", (char *)fs->disks->pdata[i]);
    cr_assert_str_eq(got->str, targets, "%s: %s", fs->mountpoint, got->str);
    cr_assert_eq(fs->unmapped, unmapped, "%s", fs->mountpoint);
}

#define PCI(slot)                                                                                  \
    "\"pci-controller\": {\"domain\": 0, \"bus\": 0, \"slot\": " slot ", \"function\": 0}"
#define FS(name, mount, disks)                                                                     \
    "{\"name\": \"" name "\", \"mountpoint\": \"" mount                                            \
    "\", \"type\": \"ext4\", \"disk\": [" disks "]}"

Test(agent_map, disks_are_found_by_pci_address)
{
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    g_autoptr(GPtrArray) list = NULL;

    add_disk(vm, "vda", "virtio", "0000:00:04.0", NULL);
    add_disk(vm, "vdb", "virtio", "0000:00:05.0", NULL);
    add_disk(vm, "sda", "scsi", "0000:00:06.0/0.0.1", NULL);
    /* the guest calls them the other way round */
    list = map(
        FS("vda1", "/", "{" PCI("5") ", \"bus\": 0, \"target\": 0, \"unit\": 0}") "," FS("vdb1", "/b", "{" PCI("4") "}") "," FS("sda1", "/s", "{" PCI("6") ", \"bus\": 0, \"target\": 0, \"unit\": 1}") "," FS(
            "sdb1", "/t",
            "{" PCI(
                "6") ", \"bus\": 0, \"target\": 0, \"unit\": 2}") "," FS("dm-0", "/lv",
                                                                         "{" PCI("4") "},{" PCI(
                                                                             "5") "},{" PCI("4") "}"),
        vm);
    expect_fs(list, 0, "vdb", FALSE);
    expect_fs(list, 1, "vda", FALSE);
    expect_fs(list, 2, "sda", FALSE);
    expect_fs(list, 3, "", TRUE);
    expect_fs(list, 4, "vda vdb", FALSE);
}

Test(agent_map, then_by_a_serial_that_only_one_has)
{
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    g_autoptr(GPtrArray) list = NULL;

    add_disk(vm, "vda", "virtio", "0000:00:04.0", "only-one");
    add_disk(vm, "vdb", "virtio", "0000:00:05.0", "twice");
    add_disk(vm, "vdc", "virtio", "0000:00:06.0", "twice");
    add_disk(vm, "vdd", "virtio", "0000:00:07.0", "a-serial-longer-than-twenty-bytes");
    list = map(
        FS("x", "/a", "{\"serial\": \"0QEMU_only-one\"}") "," FS(
            "x", "/b", "{\"serial\": \"twice\"}") "," FS("x", "/c",
                                                         "{\"serial\": \"a-serial-longer-than\"}"),
        vm);
    expect_fs(list, 0, "vda", FALSE);
    expect_fs(list, 1, "", TRUE);
    expect_fs(list, 2, "vdd", FALSE);
}

Test(agent_map, the_end_of_a_serial_is_not_the_serial)
{
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    g_autoptr(GPtrArray) list = NULL;

    add_disk(vm, "sda", "scsi", "0000:00:04.0/0.0.0", "1");
    add_disk(vm, "sdb", "scsi", "0000:00:04.0/0.0.1", NULL);
    list = map(FS("x", "/a", "{\"serial\": \"0QEMU_QEMU_HARDDISK_1\"}") "," FS(
                   "x", "/b", "{\"serial\": \"0QEMU_QEMU_HARDDISK_21\"}"),
               vm);
    expect_fs(list, 0, "sda", FALSE);
    expect_fs(list, 1, "", TRUE);
}

Test(agent_map, a_serial_overrules_an_address)
{
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    g_autoptr(GPtrArray) list = NULL;

    add_disk(vm, "vda", "virtio", "0000:00:04.0", "one");
    add_disk(vm, "vdb", "virtio", "0000:00:05.0", "two");
    list = map(FS("x", "/a",
                  "{\"serial\": \"two\", \"pci-controller\": {\"domain\": 0, \"bus\": 0, "
                  "\"slot\": 4, \"function\": 0}}") "," FS("x", "/b",
                                                           "{\"serial\": \"three\", "
                                                           "\"pci-controller\": {\"domain\": 0, "
                                                           "\"bus\": 0, \"slot\": 5, "
                                                           "\"function\": 0}}"),
               vm);
    expect_fs(list, 0, "vdb", FALSE);
    expect_fs(list, 1, "vdb", FALSE);
}

Test(agent_map, then_by_the_order_of_names)
{
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    g_autoptr(GPtrArray) list = NULL;

    add_disk(vm, "sda", "sata", NULL, NULL)->device = VMS_DEVICE_CDROM;
    add_disk(vm, "hda", "virtio", NULL, NULL);
    add_disk(vm, "sdb", "scsi", NULL, NULL);
    list = map(FS("vda2", "/", "") "," FS("sda1", "/s", "{\"dev\": \"/dev/sda\"}") "," FS(
                   "vdb1", "/n", "") "," FS("loop0", "/l", "") "," FS("dm-1", "/d", ""),
               vm);
    expect_fs(list, 0, "hda", FALSE);
    expect_fs(list, 1, "sdb", FALSE);
    expect_fs(list, 2, "", TRUE);
    expect_fs(list, 3, "", FALSE);
    expect_fs(list, 4, "", TRUE);
}

Test(agent_map, odd_addresses_match_nothing)
{
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    g_autoptr(GPtrArray) list = NULL;

    add_disk(vm, "vda", "virtio", "0000:00:04.0", NULL);
    list =
        map(FS("C", "/a", "{" PCI("-1") "}") "," FS("C", "/b", "{" PCI("99999999999") "}") "," FS(
                "C", "/c", "{\"pci-controller\": 4, \"dev\": 7}"),
            vm);
    for (guint i = 0; i < 3; i++)
        expect_fs(list, i, "", TRUE);
}

Test(agent_map, a_list_that_cannot_be_read_is_no_list)
{
    const char *bad[] = { "{\"return\": {}}", "{\"return\": [1]}",
                          "{\"return\": [{\"name\": \"a\", \"type\": \"b\"}]}",
                          "{\"return\": [" FS("a", "/", "3") "]}" };
    g_autoptr(GString) many = g_string_new("{\"return\": [" FS("a", "/", ""));
    g_autoptr(GPtrArray) list = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        cr_assert_not(vms_qga_parse_filesystems(bad[i], &list, NULL), "%s", bad[i]);
    for (int i = 0; i < 4096; i++)
        g_string_append(many, "," FS("a", "/", ""));
    g_string_append(many, "]}");
    cr_assert_not(vms_qga_parse_filesystems(many->str, &list, NULL));
    cr_assert_null(list);
}
