/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

static GError *
make_error(void)
{
    GError *error = NULL, *cause = NULL;

    (void)vms_refuse(&error, VMSNAP_E_AGENT, "FreezeFailed", "cannot freeze\n%s", "web");
    vms_error_set_step(error, "freeze");
    vms_error_set_object(error, "web");
    vms_error_set_frozen(error, VMSNAP_FROZEN_UNKNOWN);
    (void)vms_refuse(&cause, VMSNAP_E_TIMEOUT, "ThawFailed", "no answer");
    vms_error_set_origin(cause, "qga", 42);
    vms_error_take_cause(error, cause);
    return error;
}

Test(fail, everything_inside_is_told_outside)
{
    GError *inside = make_error();
    vmsnap_error *error = NULL;
    const vmsnap_error *cause;

    cr_assert_eq(vms_api_fail(&error, inside), VMSNAP_E_AGENT);
    g_error_free(inside); /* a deep copy: nothing is borrowed */
    cr_assert_eq(vmsnap_error_get_code(error), VMSNAP_E_AGENT);
    cr_assert_str_eq(vmsnap_error_get_reason(error), "FreezeFailed");
    cr_assert_str_eq(vmsnap_error_get_step(error), "freeze");
    cr_assert_str_eq(vmsnap_error_get_object(error), "web");
    cr_assert_str_eq(vmsnap_error_get_origin(error), "vmsnap");
    cr_assert_eq(vmsnap_error_get_frozen(error), VMSNAP_FROZEN_UNKNOWN);
    cr_assert_null(strchr(vmsnap_error_get_message(error), '\n'), "control characters escaped");
    cause = vmsnap_error_get_cause(error);
    cr_assert_str_eq(vmsnap_error_get_reason(cause), "ThawFailed");
    cr_assert_str_eq(vmsnap_error_get_origin(cause), "qga");
    cr_assert_eq(vmsnap_error_get_origin_code(cause), 42);
    cr_assert_null(vmsnap_error_get_cause(cause));
    cr_assert_not_null(strstr(vmsnap_error_get_json(error), "\"error\""));
    vmsnap_error_free(error);
}

Test(fail, the_code_is_told_without_an_error_too)
{
    g_autoptr(GError) inside = make_error();

    cr_assert_eq(vms_api_fail(NULL, inside), VMSNAP_E_AGENT);
}

Test(fail, a_failure_without_reason_or_of_a_foreign_domain_is_internal)
{
    g_autoptr(GError) foreign = g_error_new(g_quark_from_string("other"), 3, "from somewhere else");
    vmsnap_error *error = NULL;

    cr_assert_eq(vms_api_fail(&error, NULL), VMSNAP_E_INTERNAL);
    cr_assert_eq(vmsnap_error_get_code(error), VMSNAP_E_INTERNAL);
    vmsnap_error_free(error);
    cr_assert_eq(vms_api_fail(&error, foreign), VMSNAP_E_INTERNAL);
    cr_assert_eq(vmsnap_error_get_code(error), VMSNAP_E_INTERNAL);
    vmsnap_error_free(error);
}

Test(fail, a_chain_of_causes_ends)
{
    GError *error = NULL;
    vmsnap_error *made = NULL;
    int depth = 0;

    for (int i = 0; i < 40; i++) {
        GError *outer = NULL;

        (void)vms_fail(&outer, VMSNAP_E_IO, "level %d", i);
        if (error)
            vms_error_take_cause(outer, error);
        error = outer;
    }
    (void)vms_api_fail(&made, error);
    for (const vmsnap_error *at = made; at; at = vmsnap_error_get_cause(at))
        depth++;
    cr_assert_eq(depth, 9);
    vmsnap_error_free(made);
    g_error_free(error);
}
