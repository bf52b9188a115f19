/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes leaks fail Criterion tests in builds with AddressSanitizer. Criterion's workers leave
 * without asking LeakSanitizer, and failing in a teardown is printed but ignored: only a crash in
 * the teardown fails the run ("crashed during its setup or teardown"). So each test, before
 * main(), gets a teardown that dies of leaks. Linked into every unit test; no test names it. */

#include <criterion/criterion.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>

enum { MOST_TESTS = 512 };

/* Criterion's own section of all tests. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];

static void (*own_teardown[MOST_TESTS])(void);

static void
die_of_leaks(void)
{
    ptrdiff_t count = __stop_cr_tst - __start_cr_tst;

    for (ptrdiff_t i = 0; i < count && i < MOST_TESTS; i++)
        if (__start_cr_tst[i] == criterion_current_test && own_teardown[i])
            own_teardown[i]();
    if (__lsan_do_recoverable_leak_check())
        abort();
}

__attribute__((constructor)) static void
guard_every_test(void)
{
    ptrdiff_t count = __stop_cr_tst - __start_cr_tst;

    for (ptrdiff_t i = 0; i < count && i < MOST_TESTS; i++) {
        if (!__start_cr_tst[i])
            continue;
        own_teardown[i] = __start_cr_tst[i]->data->fini;
        __start_cr_tst[i]->data->fini = die_of_leaks;
    }
}
