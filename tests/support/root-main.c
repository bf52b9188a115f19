/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

/* main() of test programs that mount and lock: without root they are skipped as a whole, so that
 * the skip can be seen. */
int
main(int argc, char **argv)
{
    struct criterion_test_set *tests;
    int result = 0;

    if (geteuid() != 0) {
        puts("1..0 # SKIP needs root");
        return 77;
    }
    tests = criterion_initialize();
    if (criterion_handle_args(argc, argv, true))
        result = !criterion_run_all_tests(tests);
    criterion_finalize(tests);
    return result;
}
