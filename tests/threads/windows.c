/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ten requests for one VM at once, round after round: they share windows, wait for each other, and
 * some are cancelled meanwhile. Over a VM made of numbers; what is tested is the queue. */

#include "base/error.h"
#include "support/asker.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASKERS = 10, ROUNDS = 12 };

static int failures;

static void
expect(gboolean good, const char *what, const Asker *asker)
{
    if (good)
        return;
    (void)fprintf(stderr, "%s: %s\n", what,
                  asker && asker->error ? asker->error->message : "wrong");
    failures++;
}

/* Some must not freeze. */
static Asker *
make(Bench *bench, int number)
{
    Asker *asker = asker_new(
        bench, number, number % 4 == 3 ? VMSNAP_CONSISTENCY_SKIP : VMSNAP_CONSISTENCY_REQUIRE);

    asker->window.wait_ms = 20000;
    return asker;
}

static void
run(int round)
{
    Bench *bench = bench_new();
    Asker *askers[ASKERS];
    int cancelled = round % ASKERS;

    for (int i = 0; i < ASKERS; i++)
        askers[i] = make(bench, i);
    for (int i = 0; i < ASKERS; i++)
        asker_start(askers[i]);
    vms_progress_cancel(&askers[cancelled]->progress);
    for (int i = 0; i < ASKERS; i++) {
        expect(asker_join(askers[i]) || i == cancelled, "window", askers[i]);
    }
    expect(asker_count(bench, "freeze") == asker_count(bench, "thaw"), "freezes and thaws", NULL);
    expect(bench_is_clean(bench), "left behind", NULL);
    for (int i = 0; i < ASKERS; i++)
        asker_free(askers[i]);
    bench_free(bench);
}

int
main(void)
{
    (void)vms_error_quark(); /* GLib, which ThreadSanitizer does not see into, registers it once */
    for (int round = 0; round < ROUNDS; round++)
        run(round);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
