/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/mac-text.h"

#include <criterion/criterion.h>
#include <string.h>

static gboolean
names(const char *text)
{
    gsize at;

    return vms_mac_text_find(text, strlen(text), 0, "52:54:00:aB:cd:01", &at);
}

Test(mac_text, is_found_in_every_way_it_is_written)
{
    cr_assert(names("macaddress: 52:54:00:ab:cd:01"));
    cr_assert(names("HWADDR=\"52:54:00:AB:CD:01\"\n"));
    cr_assert(names("52-54-00-ab-cd-01"));
    cr_assert(names("enx525400abcd01:"));
}

Test(mac_text, others_are_not)
{
    cr_assert_not(names(""));
    cr_assert_not(names("52:54:00:ab:cd:02"));
    cr_assert_not(names("52:54:00:ab:cd:011"));
    cr_assert_not(names("a52:54:00:ab:cd:01"));
    cr_assert_not(names("52:54:00:ab:cd:0"));
    cr_assert_not(names("52:54-00:ab:cd:01"));
    cr_assert_not(names("525400abcd012"));
}

Test(mac_text, of_what_is_no_address_nothing_is_found)
{
    gsize at;

    cr_assert_not(vms_mac_text_find("", 0, 0, "", &at));
    cr_assert_not(vms_mac_text_find("52", 2, 0, "52", &at));
}

Test(mac_text, is_exchanged_as_it_is_written)
{
    const char *const old[] = { "52:54:00:aa:bb:01", "52:54:00:aa:bb:02", NULL };
    const char *const fresh[] = { "52:54:00:aa:bb:02", "fe:00:00:00:00:0c", NULL };
    char text[] = "52:54:00:aa:bb:01 52-54-00-AA-BB-02 enx525400aabb02 52:54:00:aa:bb:03";

    cr_assert_eq(vms_mac_text_swap(text, strlen(text), old, fresh), 3);
    cr_assert_str_eq(text, "52:54:00:aa:bb:02 FE-00-00-00-00-0C enxfe000000000c 52:54:00:aa:bb:03");
    cr_assert_eq(vms_mac_text_swap(text, strlen(text), NULL, NULL), 0);
}
