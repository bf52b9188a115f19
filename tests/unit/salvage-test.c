/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/salvage.h"

#include <criterion/criterion.h>

#define PLACE "/srv/vm/.vmsnap/11111111-2222-4333-8444-555555555555"

static void
expect_text(const char *text, const char *key, const char *wanted)
{
    g_autofree char *found = vms_salvage_text(text, key);

    cr_assert_eq(g_strcmp0(found, wanted), 0, "%s of %s: %s", key, text, found ? found : "none");
}

Test(salvage, a_word_is_found_wherever_the_text_ends)
{
    expect_text("{\"schema\":1,\"type\":\"restore\",\"vm_na", "type", "restore");
    expect_text("\"type\" : \"restore\"", "type", "restore");
    expect_text("garbage \"type\":\"undo\"\"", "type", "undo");
    expect_text("{\"a\":\"type\",\"type\":\"undo\"}", "type", "undo");
    expect_text("{\"type\":\"restore", "type", NULL);
    expect_text("{\"type\":7}", "type", NULL);
    expect_text("{\"type\":\"a\\\"b\"}", "type", NULL);
    expect_text("{\"type\":\"a\nb\"}", "type", NULL);
    expect_text("{\"type\":\"\"}", "type", NULL);
    expect_text("{\"type\":\"\xff\"}", "type", NULL);
    expect_text("{\"type\"", "type", NULL);
    expect_text("\"", "type", NULL);
    expect_text("\"\\", "type", NULL);
    expect_text("", "type", NULL);
}

Test(salvage, only_places_of_ours_are_paths)
{
    g_autoptr(GPtrArray) paths =
        vms_salvage_paths("{\"files\":[\"" PLACE "/vda.raw\",\"/etc/passwd\",\"" PLACE
                          "/vda.raw\",\"" PLACE "/../../x\",\"srv/.vmsnap/a\",\"" PLACE
                          "/a\\nb\"],\"folders\":[\"" PLACE "\"],\"x\":\"" PLACE "/cut");

    cr_assert_eq(paths->len, 2);
    cr_assert_str_eq(paths->pdata[0], PLACE "/vda.raw");
    cr_assert_str_eq(paths->pdata[1], PLACE);
}

Test(salvage, paths_are_bounded)
{
    g_autoptr(GString) text = g_string_new("[");
    g_autoptr(GPtrArray) paths = NULL;

    for (guint i = 0; i < 100000; i++)
        g_string_append_printf(text, "\"" PLACE "/%u\",", i);
    paths = vms_salvage_paths(text->str);
    cr_assert_eq(paths->len, 256);
}
