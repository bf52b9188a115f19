/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/overlay-fate.h"

static VmsOverlayFate
stuck(const char *why, const char **ret_why)
{
    *ret_why = why;
    return VMS_OVERLAY_STUCK;
}

static VmsOverlayFate
fate_running(const VmsOverlaySight *sight, const char **ret_why)
{
    if (sight->live == VMS_NAMED_OVERLAY)
        return VMS_OVERLAY_MERGE;
    if (sight->open) {
        *ret_why = "the VM has it open, but libvirt does not know: shut the VM down";
        return VMS_OVERLAY_BUSY;
    }
    if (!sight->blank && !sight->landed)
        return stuck("the VM was started without what it holds", ret_why);
    return sight->configured == VMS_NAMED_OVERLAY ? VMS_OVERLAY_RETURN : VMS_OVERLAY_DROP;
}

/* Which was written to last cannot be told, or not what that means: all is well if both hold the
 * same. */
static VmsOverlayFate
fate_by_contents(const VmsOverlaySight *sight, VmsOverlayFate same, const char *why,
                 const char **ret_why)
{
    switch (sight->contents) {
    case VMS_CONTENTS_UNKNOWN:
        return VMS_OVERLAY_COMPARE;
    case VMS_CONTENTS_SAME:
        return same;
    case VMS_CONTENTS_DIFFER:
        break;
    }
    return stuck(why, ret_why);
}

static VmsOverlayFate
fate_off(const VmsOverlaySight *sight, const char **ret_why)
{
    gboolean named = sight->configured == VMS_NAMED_OVERLAY;
    VmsOverlayFate done = named ? VMS_OVERLAY_RETURN : VMS_OVERLAY_DROP;

    if (sight->open) {
        *ret_why = "somebody has it open";
        return VMS_OVERLAY_BUSY;
    }
    if (sight->blank)
        return done;
    if (!sight->landed && (named || sight->newer))
        return VMS_OVERLAY_FOLD;
    if (!sight->landed)
        return fate_by_contents(sight, done, "the base was written to since", ret_why);
    if (sight->configured == VMS_NAMED_BASE)
        return VMS_OVERLAY_DROP;
    if (sight->newer)
        return VMS_OVERLAY_FOLD;
    /* QEMU ended in the moment it was to go over to the base. */
    return fate_by_contents(sight, done,
                            "QEMU ended while it went back to the base, and which holds the newer "
                            "data cannot be told",
                            ret_why);
}

VmsOverlayFate
vms_overlay_fate(const VmsOverlaySight *sight, const char **ret_why)
{
    *ret_why = NULL;
    if (!sight->there) {
        if (sight->live == VMS_NAMED_OVERLAY || sight->configured == VMS_NAMED_OVERLAY)
            return stuck("it is named, but it is not there", ret_why);
        return VMS_OVERLAY_GONE;
    }
    if (sight->live == VMS_NAMED_BELOW || sight->configured == VMS_NAMED_BELOW)
        return stuck("another image was put on top of it", ret_why);
    return sight->running ? fate_running(sight, ret_why) : fate_off(sight, ret_why);
}
