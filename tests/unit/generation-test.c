/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/generation.h"

#include <criterion/criterion.h>

static void
expect(const char *xml, const char *renewed)
{
    g_autofree char *got = vms_generation_renew(xml, "NEW");

    cr_assert_str_eq(got, renewed, "%s", got);
}

Test(generation, a_vm_that_has_one_gets_a_new_one)
{
    expect("<domain>\n  <uuid>u</uuid>\n  <genid>old</genid>\n  <x/></domain>",
           "<domain>\n  <uuid>u</uuid>\n  <genid>NEW</genid>\n  <x/></domain>");
}

Test(generation, a_vm_without_one_stays_as_it_is)
{
    const char *other = "<domain><uuid>u</uuid><metadata><genid>a</genid></metadata></domain>";

    expect("<domain><uuid>u</uuid></domain>", "<domain><uuid>u</uuid></domain>");
    expect(other, other);
    expect("<uuid>u</uuid><genid>", "<uuid>u</uuid><genid>");
    cr_assert_null(vms_generation_renew(NULL, "NEW"));
}
