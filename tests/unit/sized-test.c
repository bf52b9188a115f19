/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/sized.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct {
    gsize struct_size;
    guint64 a;
    guint64 b;
} Ours;

/* What a caller with a newer header has. */
typedef struct {
    gsize struct_size;
    guint64 a;
    guint64 b;
    guint64 c;
} Newer;

static int
code_of_copy(const void *theirs, Ours *ours)
{
    g_autoptr(GError) error = NULL;

    memset(ours, 0xee, sizeof *ours);
    if (vms_sized_copy(ours, sizeof *ours, theirs, &error))
        return 0;
    cr_assert_not_null(error);
    return vms_error_get_code(error);
}

Test(sized, nothing_given_means_all_defaults)
{
    Ours ours;

    cr_assert_eq(code_of_copy(NULL, &ours), 0);
    cr_assert_eq(ours.a, 0);
    cr_assert_eq(ours.b, 0);
}

Test(sized, an_older_caller_gets_zeros_for_what_he_does_not_know)
{
    Ours theirs = { .struct_size = offsetof(Ours, b), .a = 1, .b = 99 };
    Ours ours;

    cr_assert_eq(code_of_copy(&theirs, &ours), 0);
    cr_assert_eq(ours.a, 1);
    cr_assert_eq(ours.b, 0);
}

Test(sized, a_newer_caller_may_leave_the_new_fields_zero)
{
    Newer theirs = { .struct_size = sizeof theirs, .a = 1, .b = 2 };
    Ours ours;

    cr_assert_eq(code_of_copy(&theirs, &ours), 0);
    cr_assert_eq(ours.b, 2);
}

Test(sized, a_newer_callers_new_field_is_refused_when_set)
{
    Newer theirs = { .struct_size = sizeof theirs, .c = 1 };
    Ours ours;

    cr_assert_eq(code_of_copy(&theirs, &ours), VMSNAP_E_INVALID);
    cr_assert_eq(ours.a, 0xeeeeeeeeeeeeeeee, "untouched on failure");
}

Test(sized, a_size_nobody_set_is_invalid)
{
    Ours theirs = { 0 }, ours;

    cr_assert_eq(code_of_copy(&theirs, &ours), VMSNAP_E_INVALID);
    theirs.struct_size = sizeof(gsize) - 1;
    cr_assert_eq(code_of_copy(&theirs, &ours), VMSNAP_E_INVALID);
    theirs.struct_size = G_MAXSIZE;
    cr_assert_eq(code_of_copy(&theirs, &ours), VMSNAP_E_INVALID);
}

Test(sized, a_reading_fills_what_the_caller_has_room_for)
{
    const Ours ours = { .struct_size = sizeof ours, .a = 1, .b = 2 };
    Ours older = { .struct_size = offsetof(Ours, b), .b = 77 };
    Newer newer = { .struct_size = sizeof newer, .c = 88 };

    cr_assert(vms_sized_fill(&older, &ours, sizeof ours, NULL));
    cr_assert_eq(older.struct_size, offsetof(Ours, b));
    cr_assert_eq(older.a, 1);
    cr_assert_eq(older.b, 77, "beyond his size nothing is written");
    cr_assert(vms_sized_fill(&newer, &ours, sizeof ours, NULL));
    cr_assert_eq(newer.b, 2);
    cr_assert_eq(newer.c, 0);
    newer.struct_size = 0;
    cr_assert_not(vms_sized_fill(&newer, &ours, sizeof ours, NULL));
}
