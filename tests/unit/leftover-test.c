/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/leftover.h"

#include <criterion/criterion.h>

static void
expect_same(VmsLeftoverKind kind, guint partition, const char *mac, const char *path)
{
    g_autoptr(VmsLeftover) made = vms_leftover_new(kind, partition, mac, path);
    g_autofree char *line = vms_leftover_format(made);
    g_autoptr(VmsLeftover) read = vms_leftover_parse(line);

    cr_assert_not_null(read, "%s", line);
    cr_assert_eq(read->kind, kind);
    cr_assert_eq(read->partition, partition);
    cr_assert_eq(g_strcmp0(read->mac, mac), 0);
    cr_assert_str_eq(read->path, made->path);
}

Test(leftover, a_line_is_read_as_it_was_written)
{
    expect_same(VMS_LEFTOVER_MACHINE_ID, 0, NULL, "/etc/machine-id");
    expect_same(VMS_LEFTOVER_HOST_KEY, 3, NULL, "/etc/ssh/ssh_host_a b_key");
    expect_same(VMS_LEFTOVER_DUID, 128, NULL, "/x\n\x1b[2J\xff\\\"");
    expect_same(VMS_LEFTOVER_MAC, 1, "52:54:00:00:00:01", "/etc/netplan/a.yaml");
}

Test(leftover, other_lines_are_refused)
{
    cr_assert_null(vms_leftover_parse(""));
    cr_assert_null(vms_leftover_parse("machine-id 0 -"));
    cr_assert_null(vms_leftover_parse("machine-id 0 - etc"));
    cr_assert_null(vms_leftover_parse("machine-id -1 - /etc"));
    cr_assert_null(vms_leftover_parse("machine-id 99999999999 - /etc"));
    cr_assert_null(vms_leftover_parse("what 0 - /etc"));
    cr_assert_null(vms_leftover_parse("duid 0 - /e\x1b"));
}
