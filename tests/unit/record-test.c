/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "record/field.h"
#include "record/record.h"
#include "support/random-object.h"

#include <criterion/criterion.h>
#include <string.h>

#define ROUNDS 400

/* VMS_SEED repeats a run that failed. */
static GRand *
seeded(void)
{
    const char *given = g_getenv("VMS_SEED");
    guint32 seed = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();

    cr_log_info("VMS_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}

typedef struct {
    const VmsShape *shape;
    const char *kind;
} Stored;

static const Stored stored[] = {
    { &vms_shape_snapshot, "snapshot" },
    { &vms_shape_operation, "operation" },
    { &vms_shape_lease, "lease" },
};

/* A read-back text is freed by its shape when the scope ends. */
static void
expect_same(const Stored *what, gconstpointer object)
{
    g_autofree char *text = vms_fields_write(what->shape, what->kind, object);
    g_autoptr(GError) error = NULL;
    gpointer again = vms_fields_read(what->shape, what->kind, text, &error);
    const char *key = NULL;

    cr_assert(again, "%s\n%s", error ? error->message : "", text);
    key = first_difference(what->shape, object, again);
    cr_assert_null(key, "%s differs: %s", key, text);
    what->shape->free(again);
}

Test(record, reading_gives_what_was_written)
{
    GRand *rand = seeded();

    for (int i = 0; i < ROUNDS; i++) {
        const Stored *what = &stored[i % G_N_ELEMENTS(stored)];
        gpointer object = random_object(rand, what->shape);
        expect_same(what, object);
        what->shape->free(object);
    }
    g_rand_free(rand);
}

/* One or two bytes changed, dropped or doubled. */
static char *
mutated(GRand *rand, const char *text)
{
    GString *out = g_string_new(text);

    for (int n = g_rand_int_range(rand, 1, 3); n > 0 && out->len > 2; n--) {
        gssize at = g_rand_int_range(rand, 0, (gint32)out->len - 1);
        switch (g_rand_int_range(rand, 0, 3)) {
        case 0:
            out->str[at] = (char)g_rand_int_range(rand, 1, 256);
            break;
        case 1:
            g_string_erase(out, at, g_rand_int_range(rand, 1, 3));
            break;
        default:
            g_string_insert_c(out, at, out->str[at]);
        }
    }
    return g_string_free(out, FALSE);
}

Test(record, a_mutated_text_is_read_or_refused)
{
    GRand *rand = seeded();

    for (int i = 0; i < ROUNDS * 10; i++) {
        const Stored *what = &stored[i % G_N_ELEMENTS(stored)];
        gpointer object = random_object(rand, what->shape);
        g_autofree char *text = vms_fields_write(what->shape, what->kind, object);
        g_autofree char *wrong = mutated(rand, text);
        g_autoptr(GError) error = NULL;
        gpointer again = vms_fields_read(what->shape, what->kind, wrong, &error);

        cr_assert(again || error);
        cr_assert(again || error->code == VMSNAP_E_IO || error->code == VMSNAP_E_UNSUPPORTED);
        if (again) {
            expect_same(what, again);
            what->shape->free(again);
        }
        what->shape->free(object);
    }
    g_rand_free(rand);
}

Test(record, a_snapshot_from_before_there_were_kinds_is_a_vms)
{
    g_autoptr(VmsSnapshot) snapshot =
        vms_snapshot_new("9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001", "nightly");
    g_autoptr(VmsSnapshot) again = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) parts = NULL;
    g_autofree char *old = NULL;

    snapshot->phase = VMSNAP_SNAPSHOT_READY;
    snapshot->subject = VMSNAP_SNAPSHOT_KIND_DISK;
    text = vms_record_write_snapshot(snapshot);
    parts = g_strsplit(text, "\"subject\":\"disk\",", -1);
    cr_assert_eq(g_strv_length(parts), 2, "%s", text);
    old = g_strjoinv("", parts);
    again = vms_record_read_snapshot(old, NULL);
    cr_assert_not_null(again);
    cr_assert_eq(again->subject, VMSNAP_SNAPSHOT_KIND_VM);
}

/* A good snapshot's text, with @from replaced by @to; what reading it says. */
static void
expect_refused(const char *from, const char *to, int code, const char *reason)
{
    g_autoptr(VmsSnapshot) snapshot =
        vms_snapshot_new("9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001", "nightly");
    g_autoptr(VmsSnapshot) again = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    GString *changed = NULL;

    snapshot->phase = VMSNAP_SNAPSHOT_READY;
    g_ptr_array_add(snapshot->folders, g_strdup("/srv/.vmsnap/x"));
    g_ptr_array_add(snapshot->disks, vms_snapshot_disk_new("vda"));
    text = vms_record_write_snapshot(snapshot);
    changed = g_string_new(text);
    cr_assert_gt(g_string_replace(changed, from, to, 1), 0, "%s is not in %s", from, text);
    again = vms_record_read_snapshot(changed->str, &error);
    g_string_free(changed, TRUE);
    cr_assert_null(again, "%s passed", to);
    cr_assert_eq(error->code, code, "%s", error->message);
    cr_assert_str_eq(vms_error_get_reason(error), reason);
}

Test(record, a_newer_schema_is_refused)
{
    expect_refused("\"schema\":1", "\"schema\":2", VMSNAP_E_UNSUPPORTED, "NewerSchema");
}

Test(record, what_was_tampered_with_is_not_believed)
{
    static const char *const changes[][2] = {
        { "\"schema\":1", "\"schema\":0" },
        { "\"schema\":1", "\"schema\":\"1\"" },
        { "\"kind\":\"snapshot\"", "\"kind\":\"operation\"" },
        { "9e107d9d-", "9e107d9d/" },
        { "\"nightly\"", "\"../nightly\"" },
        { "\"nightly\"", "\"\"" },
        { "/srv/.vmsnap/x", "/srv/../etc" },
        { "/srv/.vmsnap/x", "srv" },
        { "/srv/.vmsnap/x", "/srv/\\n" },
        { "\"/srv/.vmsnap/x\"", "{\"base64\":\"Li4vLi4=\"}" }, /* ../.. */
        { "\"/srv/.vmsnap/x\"", "{\"base64\":\"L2EAYg==\"}" }, /* /a NUL b */
        { "\"/srv/.vmsnap/x\"", "7" },
        { "\"vda\"", "\"../vda\"" },
        { "\"vda\"", "\".vda\"" },
        { "\"Ready\"", "\"ready\"" },
        { "\"Ready\"", "3" },
        { "\"created_us\":0", "\"created_us\":0.5" },
        { "\"created_us\":0", "\"created_us\":\"x\"" },
        { "\"created_us\":0,", "" },
        { "\"partial\":false", "\"partial\":0" },
        { "\"boot_order\":0", "\"boot_order\":-1" },
        { "\"boot_order\":0", "\"boot_order\":4294967296" },
        { "\"disks\":[", "\"disks\":[1," },
        { "\"macs\":[]", "\"macs\":{}" },
        { "}", "}}" },
        { "{", "[" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++)
        expect_refused(changes[i][0], changes[i][1], VMSNAP_E_IO, "DamagedRecord");
}

Test(record, unknown_members_are_passed_over)
{
    g_autoptr(VmsLease) lease =
        vms_lease_new("qemu:///system", "9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001", NULL);
    g_autofree char *text = vms_record_write_lease(lease);
    g_autofree char *more = g_strconcat("{\"novel\":[{}],", text + 1, NULL);
    g_autoptr(VmsLease) again = vms_record_read_lease(more, NULL);

    cr_assert(again);
}

Test(record, words_are_the_models_words)
{
    for (const VmsWord *word = vms_words_grade; word->word; word++)
        cr_assert_str_eq(word->word, vms_grade_name((vmsnap_grade)word->value));
    for (const VmsWord *word = vms_words_policy; word->word; word++)
        cr_assert_str_eq(word->word, vms_policy_name((vmsnap_consistency_policy)word->value));
    for (const VmsWord *word = vms_words_method; word->word; word++)
        cr_assert_str_eq(word->word, vms_method_name((vmsnap_method)word->value));
    for (const VmsWord *word = vms_words_snapshot_phase; word->word; word++)
        cr_assert_str_eq(word->word, vms_snapshot_phase_name((vmsnap_snapshot_phase)word->value));
    for (const VmsWord *word = vms_words_operation_phase; word->word; word++)
        cr_assert_str_eq(word->word, vms_operation_phase_name((vmsnap_operation_phase)word->value));
    for (const VmsWord *word = vms_words_vm_state; word->word; word++)
        cr_assert_str_eq(word->word, vms_vm_state_name((vmsnap_vm_state)word->value));
    for (const VmsWord *word = vms_words_resource_status; word->word; word++)
        cr_assert_str_eq(word->word, vms_resource_status_name((VmsResourceStatus)word->value));
    for (const VmsWord *word = vms_words_severity; word->word; word++)
        cr_assert_str_eq(word->word, vms_severity_name((vmsnap_severity)word->value));
    for (const VmsWord *word = vms_words_condition_status; word->word; word++)
        cr_assert_str_eq(word->word, vms_condition_status_name((VmsConditionStatus)word->value));
}
