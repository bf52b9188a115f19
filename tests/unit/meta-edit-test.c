/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/meta-edit.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

static const VmsMetaValue values[] = {
    { "instance-id", "iid-new", TRUE, FALSE },
    { "local-hostname", "clone", TRUE, TRUE },
    { "hostname", "clone", FALSE, TRUE },
};

/* What becomes of @text; NULL: it is refused, as it should be. */
static char *
edit(const char *text)
{
    g_autoptr(GError) error = NULL;
    char *made = NULL;
    gsize size = 0;

    if (vms_meta_edit(text, strlen(text), values, G_N_ELEMENTS(values), &made, &size, &error)) {
        cr_assert_eq(size, strlen(made));
        return made;
    }
    cr_assert_str_eq(vms_error_get_reason(error), "MediaNotUnderstood");
    return NULL;
}

static void
expect(const char *text, const char *wanted)
{
    g_autofree char *made = edit(text);

    cr_assert_not_null(made, "refused: %s", text);
    cr_assert_str_eq(made, wanted, "got %s", made);
}

static void
expect_refused(const char *text)
{
    g_autofree char *made = edit(text);

    cr_assert_null(made, "got %s", made);
}

Test(meta_edit, both_lines_are_replaced_and_nothing_else)
{
    expect(
        "# who\ninstance-id:  iid-old   # first\nlocal-hostname: web\nother: [1, 2]\n",
        "# who\ninstance-id:  \"iid-new\"   # first\nlocal-hostname: \"clone\"\nother: [1, 2]\n");
    expect("local-hostname: 'web'\r\n\"instance-id\": \"a\"",
           "local-hostname: \"clone\"\r\n\"instance-id\": \"iid-new\"");
}

Test(meta_edit, what_is_missing_is_added)
{
    expect("", "instance-id: \"iid-new\"\nlocal-hostname: \"clone\"\n");
    expect("# nothing", "# nothing\ninstance-id: \"iid-new\"\nlocal-hostname: \"clone\"\n");
    expect("---\n", "---\ninstance-id: \"iid-new\"\nlocal-hostname: \"clone\"\n");
    expect("instance-id: a\n", "local-hostname: \"clone\"\ninstance-id: \"iid-new\"\n");
    expect("{}", "{\"instance-id\": \"iid-new\", \"local-hostname\": \"clone\"}");
    expect("# x\n  a: 1\n  b: 2\n", "# x\n  instance-id: \"iid-new\"\n  local-hostname: "
                                    "\"clone\"\n  a: 1\n  b: 2\n");
}

Test(meta_edit, json_is_edited_like_yaml)
{
    expect("{\"instance-id\": \"a\", \"x\": {\"instance-id\": 1}, \"hostname\":\"w\"}\n",
           "{\"local-hostname\": \"clone\", \"instance-id\": \"iid-new\", \"x\": "
           "{\"instance-id\": 1}, \"hostname\":\"clone\"}\n");
}

Test(meta_edit, a_domain_stays)
{
    expect("instance-id: a\nlocal-hostname: web.example.org\nhostname: web\n",
           "instance-id: \"iid-new\"\nlocal-hostname: \"clone.example.org\"\nhostname: "
           "\"clone\"\n");
}

Test(meta_edit, characters_are_not_bytes)
{
    expect("# h\xc3\xb6h\xc3\xb6\nx: \xe2\x82\xac\ninstance-id: \xc3\xa4\nlocal-hostname: b\n",
           "# h\xc3\xb6h\xc3\xb6\nx: \xe2\x82\xac\ninstance-id: \"iid-new\"\nlocal-hostname: "
           "\"clone\"\n");
}

Test(meta_edit, values_of_every_style_are_replaced)
{
    expect("instance-id: |\n  a\nlocal-hostname:\nx: y\n",
           "instance-id: \"iid-new\"\nlocal-hostname: \"clone\"\nx: y\n");
    expect("instance-id: >-\n  a\n  b\nlocal-hostname: !!str web\n",
           "instance-id: \"iid-new\"\nlocal-hostname: \"clone\"\n");
}

Test(meta_edit, one_that_is_there_twice_is_replaced_twice)
{
    expect("instance-id: a\ninstance-id: b\nlocal-hostname: c\n",
           "instance-id: \"iid-new\"\ninstance-id: \"iid-new\"\nlocal-hostname: \"clone\"\n");
}

Test(meta_edit, what_is_not_understood_is_refused)
{
    expect_refused("instance-id: a\n---\ninstance-id: b\n");
    expect_refused("- instance-id: a\n");
    expect_refused("just words");
    expect_refused("instance-id: [a]\n");
    expect_refused("instance-id: {a: b}\n");
    expect_refused("instance-id: &x a\nlocal-hostname: *x\n");
    expect_refused("x: &x a\nlocal-hostname: *x\n");
    expect_refused("&k instance-id: a\ny: *k\n");
    expect_refused("[a]: b\n");
    expect_refused("instance-id: \"a\n");
    expect_refused("\xff\xfe");
    expect_refused("\xef\xbb\xbfinstance-id: a\n");
    expect_refused("a: b: c\n\t- d");
}

Test(meta_edit, values_are_quoted)
{
    const VmsMetaValue strange[] = { { "a", "q\"\\\n\x01: #", TRUE, FALSE } };
    g_autofree char *made = NULL;
    gsize size = 0;

    cr_assert(vms_meta_edit("a: b", 4, strange, 1, &made, &size, NULL));
    cr_assert_str_eq(made, "a: \"q\\\"\\\\\\u000a\\u0001: #\"");
}

Test(meta_edit, a_text_with_a_hole_is_refused)
{
    char *made = NULL;
    gsize size = 0;

    cr_assert_not(vms_meta_edit("a: b\0c", 6, values, 1, &made, &size, NULL));
}
