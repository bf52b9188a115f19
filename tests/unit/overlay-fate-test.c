/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/overlay-fate.h"

#include <criterion/criterion.h>

#define BASE VMS_NAMED_BASE
#define OVERLAY VMS_NAMED_OVERLAY
#define BELOW VMS_NAMED_BELOW

#define ON .there = TRUE, .running = TRUE
#define OFF .there = TRUE
#define LANDED .landed = TRUE
#define OPEN .open = TRUE
#define BLANK .blank = TRUE
#define NEWER .newer = TRUE
#define SAME .contents = VMS_CONTENTS_SAME
#define DIFFER .contents = VMS_CONTENTS_DIFFER

typedef struct {
    const char *what;
    VmsOverlaySight sight;
    VmsOverlayFate fate;
} Row;

static const Row rows[] = {
    { "it was removed, or never made", { .configured = BASE }, VMS_OVERLAY_GONE },
    { "somebody removed it under the VM", { .running = TRUE, .live = OVERLAY }, VMS_OVERLAY_STUCK },
    { "the same, off", { .configured = OVERLAY }, VMS_OVERLAY_STUCK },
    /* running */
    { "never begun", { ON, .live = BASE, .configured = BASE, BLANK }, VMS_OVERLAY_DROP },
    { "in use", { ON, .live = OVERLAY, .configured = OVERLAY, OPEN }, VMS_OVERLAY_MERGE },
    { "in use and nothing written", { ON, .live = OVERLAY, OPEN, BLANK }, VMS_OVERLAY_MERGE },
    { "QEMU did not follow", { ON, .live = OVERLAY, OPEN, LANDED }, VMS_OVERLAY_MERGE },
    { "merged", { ON, .live = BASE, .configured = BASE, LANDED }, VMS_OVERLAY_DROP },
    { "merged, the configuration not",
      { ON, .live = BASE, .configured = OVERLAY, LANDED },
      VMS_OVERLAY_RETURN },
    { "merged, the disk detached since", { ON, LANDED }, VMS_OVERLAY_DROP },
    { "libvirt died as it began",
      { ON, .live = BASE, .configured = BASE, OPEN },
      VMS_OVERLAY_BUSY },
    { "the same and started anew",
      { ON, .live = BASE, .configured = BASE, NEWER },
      VMS_OVERLAY_STUCK },
    { "somebody's overlay on ours",
      { ON, .live = BELOW, .configured = BELOW, OPEN },
      VMS_OVERLAY_STUCK },
    /* off */
    { "off and never begun", { OFF, .configured = BASE, BLANK }, VMS_OVERLAY_DROP },
    { "off and nothing written", { OFF, .configured = OVERLAY, BLANK }, VMS_OVERLAY_RETURN },
    { "shut down meanwhile", { OFF, .configured = OVERLAY, NEWER }, VMS_OVERLAY_FOLD },
    { "killed in the middle of a merge", { OFF, .configured = OVERLAY }, VMS_OVERLAY_FOLD },
    { "somebody works on it", { OFF, .configured = OVERLAY, OPEN }, VMS_OVERLAY_BUSY },
    { "libvirt died as it began, off now", { OFF, .configured = BASE, NEWER }, VMS_OVERLAY_FOLD },
    { "somebody merged it", { OFF, .configured = BASE }, VMS_OVERLAY_COMPARE },
    { "somebody merged it, all of it", { OFF, .configured = BASE, SAME }, VMS_OVERLAY_DROP },
    { "somebody merged it and went on", { OFF, .configured = BASE, DIFFER }, VMS_OVERLAY_STUCK },
    { "written back by us", { OFF, .configured = BASE, LANDED }, VMS_OVERLAY_DROP },
    { "written back, then started on it",
      { OFF, .configured = OVERLAY, LANDED, NEWER },
      VMS_OVERLAY_FOLD },
    { "killed in the pivot", { OFF, .configured = OVERLAY, LANDED }, VMS_OVERLAY_COMPARE },
    { "killed in the pivot, both the same",
      { OFF, .configured = OVERLAY, LANDED, SAME },
      VMS_OVERLAY_RETURN },
    { "killed in the pivot, not the same",
      { OFF, .configured = OVERLAY, LANDED, DIFFER },
      VMS_OVERLAY_STUCK },
    { "somebody's overlay on ours, off", { OFF, .configured = BELOW }, VMS_OVERLAY_STUCK },
    /* undefined meanwhile */
    { "gone, not written back", { OFF, NEWER }, VMS_OVERLAY_FOLD },
    { "gone in the middle of a merge", { OFF }, VMS_OVERLAY_COMPARE },
    { "gone at the end of a merge", { OFF, SAME }, VMS_OVERLAY_DROP },
    { "gone, who knows", { OFF, DIFFER }, VMS_OVERLAY_STUCK },
    { "gone in the pivot", { OFF, LANDED }, VMS_OVERLAY_COMPARE },
    { "gone in the pivot, both the same", { OFF, LANDED, SAME }, VMS_OVERLAY_DROP },
    { "gone, nothing written", { OFF, BLANK }, VMS_OVERLAY_DROP },
};

Test(overlay_fate, each_case_has_its_end)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *why = "untouched";
        VmsOverlayFate fate = vms_overlay_fate(&rows[i].sight, &why);
        gboolean left = fate == VMS_OVERLAY_BUSY || fate == VMS_OVERLAY_STUCK;

        cr_expect_eq(fate, rows[i].fate, "%s: %d", rows[i].what, (int)fate);
        cr_expect_eq(why != NULL, left, "%s: %s", rows[i].what, why ? why : "no reason");
    }
}

/* Every sight there can be, against the one rule: a file that may hold what no other does stays. */
Test(overlay_fate, what_a_guest_wrote_is_never_dropped)
{
    for (unsigned bits = 0; bits < 1 << 12; bits++) {
        const VmsOverlaySight sight = { .there = TRUE,
                                        .running = bits & 1,
                                        .open = bits >> 1 & 1,
                                        .blank = bits >> 2 & 1,
                                        .landed = bits >> 3 & 1,
                                        .newer = bits >> 4 & 1,
                                        .live = bits >> 5 & 3,
                                        .configured = bits >> 7 & 3,
                                        .contents = (bits >> 9 & 3) % 3 };
        const char *why = NULL;
        VmsOverlayFate fate = vms_overlay_fate(&sight, &why);

        if (fate != VMS_OVERLAY_DROP)
            continue;
        cr_assert(sight.blank || sight.landed || sight.contents == VMS_CONTENTS_SAME);
        cr_assert(!sight.open);
        cr_assert_neq(sight.configured, OVERLAY);
        cr_assert(!sight.running || sight.live != OVERLAY);
    }
}
