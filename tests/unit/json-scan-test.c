/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/json-scan.h"

#include <criterion/criterion.h>
#include <string.h>

static const VmsJsonLimits limits = { .size = 4096, .depth = 64, .values = 100 };

static gboolean
good(const char *text)
{
    return vms_json_scan(text, strlen(text), &limits, NULL);
}

static void
refused(const char *text, const char *why)
{
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_json_scan(text, strlen(text), &limits, &error), "passed: %s", text);
    cr_assert_eq(error->code, VMSNAP_E_INVALID);
    cr_assert_str_eq(vms_error_get_reason(error), "BadJson");
    cr_assert(strstr(error->message, why), "%s: %s", text, error->message);
}

static char *
nested(guint depth)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < depth; i++)
        g_string_append_c(text, '[');
    for (guint i = 0; i < depth; i++)
        g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

Test(json_scan, well_formed_values_pass)
{
    cr_assert(good("{}"));
    cr_assert(good(" [ ] \n"));
    cr_assert(good("null"));
    cr_assert(good("{\"a\":[1,-2,3.5e-2,\"x\\n\\u00e9\\ud83d\\ude00\",true,{\"a\":{}}],\"b\":0}"));
    cr_assert(good("[9223372036854775807,-9223372036854775808,0,-0,1E+2]"));
}

Test(json_scan, malformed_values_are_refused)
{
    refused("", "ends early");
    refused("{", "a string was expected");
    refused("[1,]", "a value was expected");
    refused("[1 2]", "a comma");
    refused("{\"a\" 1}", "a colon");
    refused("{\"a\":1,}", "a string was expected");
    refused("{1:2}", "a string was expected");
    refused("[1}", "a comma or an end");
    refused("tru", "a value was expected");
    refused("\"abc", "without end");
    refused("\"a\nb\"", "control character");
    refused("\"\\x\"", "a bad escape");
    refused("01", "leading zero");
    refused("1.", "fraction");
    refused("1e", "exponent");
    refused("+1", "a value was expected");
}

Test(json_scan, only_one_value_is_allowed)
{
    refused("{} {}", "something after");
    refused("{}x", "something after");
}

Test(json_scan, depth_is_bounded)
{
    g_autofree char *most = nested(64);
    g_autofree char *over = nested(65);
    VmsJsonLimits shallow = { .size = 100, .depth = 2, .values = 10 };

    cr_assert(good(most));
    refused(over, "too many levels");
    cr_assert(vms_json_scan("[[]]", 4, &shallow, NULL));
    cr_assert_not(vms_json_scan("[[[]]]", 6, &shallow, NULL));
}

Test(json_scan, very_deep_text_does_not_recurse)
{
    VmsJsonLimits wide = { .size = G_MAXSIZE, .depth = G_MAXUINT, .values = G_MAXSIZE };
    g_autofree char *deep = nested(2000000);

    cr_assert_not(vms_json_scan(deep, strlen(deep), &wide, NULL));
}

Test(json_scan, size_and_number_of_values_are_bounded)
{
    VmsJsonLimits small = { .size = 8, .depth = 8, .values = 3 };

    cr_assert(vms_json_scan("[1,2]", 5, &small, NULL));
    cr_assert_not(vms_json_scan("[1,2,3]", 7, &small, NULL));
    cr_assert_not(vms_json_scan("[1    ,2]", 9, &small, NULL));
}

Test(json_scan, nul_is_refused_however_written)
{
    cr_assert_not(vms_json_scan("\"a\0b\"", 5, &limits, NULL));
    cr_assert_not(vms_json_scan("{}\0", 3, &limits, NULL));
    refused("\"\\u0000\"", "NUL");
}

Test(json_scan, bad_utf8_and_surrogates_are_refused)
{
    refused("\"\xff\"", "not UTF-8 at byte 1");
    refused("\"\xc0\x80\"", "not UTF-8");
    refused("\"\\ud800\"", "surrogate");
    refused("\"\\udc00\"", "surrogate");
    refused("\"\\ud800\\u0041\"", "surrogate");
    refused("\"\\u12g4\"", "bad \\u escape");
}

Test(json_scan, members_of_one_name_are_refused)
{
    refused("{\"a\":1,\"b\":2,\"a\":3}", "same name");
    refused("{\"o\":{\"x\":1,\"x\":2}}", "same name");
    refused("{\"\\u0061\":1}", "escape in a member's name");
    cr_assert(good("[{\"a\":1},{\"a\":1,\"b\":{\"a\":1}}]"));
}

Test(json_scan, numbers_that_do_not_fit_are_refused)
{
    refused("9223372036854775808", "beyond 64 bits");
    refused("-9223372036854775809", "beyond 64 bits");
    refused("1e400", "out of range");
    refused("11111111111111111111111111111111111111111111111111111111111111111.5", "too long");
}
