/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "record/record.h"
#include "record/view.h"

#include <criterion/criterion.h>
#include <string.h>

#include <vmsnap/restore.h>

/* A plan as JSON, out of one process and into another. */

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_HASH "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UUID "33333333-3333-4333-8333-333333333333"

static VmsPlan *
make_plan(void)
{
    VmsPlan *plan = vms_plan_new("restore");
    VmsFinding *finding =
        vms_finding_new_reason("MACAddress", "52:54:00:00:00:01", VMSNAP_SEVERITY_CONFLICT,
                               "MACInUse", "held by \"other\"\n");

    finding->strict = VMS_ACT_REFUSE;
    finding->holder = g_strdup("VM other");
    finding->resolution = g_strdup("give it another");
    plan->hash = g_strdup(HASH);
    plan->identity = g_strdup(OTHER_HASH);
    plan->vm_uuid = g_strdup("11111111-1111-4111-8111-111111111111");
    plan->vm_name = g_strdup("web");
    plan->asked = g_strdup("web");
    plan->snapshot_uuid = g_strdup(UUID);
    plan->snapshot_name = g_strdup("daily");
    plan->request =
        (VmsRestoreRequest){ .flags = VMSNAP_RESTORE_NO_START | VMSNAP_RESTORE_FORCE_STOP,
                             .stop_timeout_ms = G_MAXUINT32,
                             .undo_ttl_s = 1,
                             .wait_ready_ms = 2 };
    plan->space_needed = 123;
    plan->space_free = 456;
    plan->expected_downtime_us = 1234567;
    g_ptr_array_add(plan->findings, finding);
    g_ptr_array_add(plan->findings, vms_finding_new("VirtualDisk", "web/vda", VMS_RESOURCE_NEW));
    g_ptr_array_add(plan->steps, vms_step_new("prepare-disk vda", TRUE));
    g_ptr_array_add(plan->steps, vms_step_new("commit", FALSE));
    return plan;
}

static void
expect_same(const VmsPlan *plan)
{
    g_autofree char *text = vms_view_plan(plan);
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsPlan) again = vms_record_read_plan(text, &error);
    g_autofree char *twice = NULL;

    cr_assert_not_null(again, "%s\n%s", error ? error->message : "", text);
    twice = vms_view_plan(again);
    cr_expect_str_eq(twice, text);
    cr_expect_str_eq(again->hash, plan->hash);
    cr_expect_str_eq(again->identity, plan->identity);
    cr_expect_str_eq(again->snapshot_uuid, plan->snapshot_uuid);
    cr_expect_eq(g_strcmp0(again->asked, plan->asked), 0);
    cr_expect_eq(memcmp(&again->request, &plan->request, sizeof(plan->request)), 0);
    for (int mode = VMSNAP_MODE_DRY_RUN; mode <= VMSNAP_MODE_BEST_EFFORT; mode++)
        cr_expect_eq(vms_plan_count_conflicts(again, (vmsnap_mode)mode),
                     vms_plan_count_conflicts(plan, (vmsnap_mode)mode));
}

Test(plan_text, comes_back_as_it_was)
{
    g_autoptr(VmsPlan) plan = make_plan();

    expect_same(plan);
}

Test(plan_text, of_a_vm_that_is_not_there)
{
    g_autoptr(VmsPlan) plan = make_plan();

    g_clear_pointer(&plan->vm_uuid, g_free);
    expect_same(plan);
    g_clear_pointer(&plan->vm_name, g_free);
    g_clear_pointer(&plan->asked, g_free);
    plan->expected_downtime_us = -1;
    expect_same(plan);
}

/* One that we add has to be given a word. */
Test(plan_text, every_flag_has_a_word)
{
    for (guint flag = 1; flag <= VMSNAP_RESTORE_NO_START; flag <<= 1) {
        g_autoptr(VmsPlan) plan = make_plan();

        plan->request.flags = flag;
        expect_same(plan);
    }
}

static void
expect_refused(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsPlan) plan = vms_record_read_plan(text, &error);

    cr_assert_null(plan, "%s passed", text);
    cr_assert_eq(error->code, VMSNAP_E_INVALID);
    cr_assert_str_eq(vms_error_get_reason(error), "NoPlan");
}

Test(plan_text, an_unknown_flag_is_not_lost)
{
    g_autoptr(VmsPlan) plan = make_plan();
    g_autofree char *text = NULL;

    plan->request.flags = 1U << 31;
    text = vms_view_plan(plan);
    expect_refused(text);
}

Test(plan_text, what_is_none_is_refused)
{
    static const char *const changes[][2] = {
        { "\"type\":\"restore\"", "\"type\":\"clone\"" },
        { UUID, "33333333/3333-4333-8333-333333333333" },
        { HASH, "0123" },
        { OTHER_HASH, "" },
        { "\"identity\"", "\"identify\"" },
        { "\"force-stop\"", "\"force-start\"" },
        { "\"force-stop\"", "1" },
        { "4294967295", "4294967296" },
        { "\"undo_ttl_s\":1", "\"undo_ttl_s\":-1" },
        { "\"undo_ttl_s\":1", "\"undo_ttl_s\":1.5" },
        { "\"undo_ttl_s\":1", "\"undo_ttl_s\":\"1\"" },
        { "\"vm\":\"web\"", "\"vm\":\"\"" },
        { "\"vm\":\"web\"", "\"vm\":\"a\\nb\"" },
        { "\"vm\":\"web\"", "\"vm\":7" },
        { "\"reversible\":true", "\"reversible\":1" },
        { "\"refuse\"", "\"ignore\"" },
        { "\"resources\":[", "\"resources\":[1," },
        { "\"steps\":[", "\"steps\":[null," },
        { "1234.567", "1e300" },
        { "1234.567", "-1" },
        { "\"options\":{", "\"options\":[{" },
        { "\"hash\"", "\"hash\":\"" HASH "\",\"hash\"" },
        { "}", "" },
    };
    g_autoptr(VmsPlan) plan = make_plan();
    g_autofree char *text = vms_view_plan(plan);

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        GString *changed = g_string_new(text);

        cr_assert_gt(g_string_replace(changed, changes[i][0], changes[i][1], 1), 0, "%s",
                     changes[i][0]);
        expect_refused(changed->str);
        g_string_free(changed, TRUE);
    }
    expect_refused("");
    expect_refused("[]");
    expect_refused("null");
}

Test(plan_text, endless_text_is_not_read)
{
    g_autofree char *deep = g_strnfill(1000000, '[');
    g_autofree char *large = g_strnfill(VMS_PLAN_TEXT_LIMIT + 10, ' ');

    expect_refused(deep);
    expect_refused(large);
}
