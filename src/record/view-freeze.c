/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json-writer.h"
#include "record/view-parts.h"
#include "record/view.h"

/* A moment of CLOCK_MONOTONIC, which is one for the whole host, so that a caller can lay his own
 * moments beside it; 0 becomes null. */
static void
add_moment(VmsJson *json, const char *key, gint64 us)
{
    if (us > 0)
        vms_json_add_int(json, key, us);
    else
        vms_json_add_null(json, key);
}

/* What was cut between these two was cut from a guest at rest, if it is proven. */
static void
add_moments(VmsJson *json, const VmsTimes *times)
{
    vms_json_open_object(json, "monotonic_us");
    add_moment(json, "frozen_from", times->freeze_acked);
    add_moment(json, "frozen_until", times->thaw_sent);
    vms_json_close_object(json);
}

static void
add_proof(VmsJson *json, const VmsFreeze *freeze)
{
    if (freeze->ended)
        vms_json_add_bool(json, "proven", freeze->proven);
    else
        vms_json_add_null(json, "proven");
    vms_json_add_text(json, "reason", freeze->reason);
    vms_json_add_text(json, "message", freeze->message);
}

char *
vms_view_freeze(const VmsFreeze *freeze)
{
    VmsJson json = vms_json_start();
    gint64 hold_us = (gint64)freeze->hold_ms * 1000;

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "uuid", freeze->uuid);
    vms_json_add_text(&json, "kind", "Freeze");
    vms_view_add_name(&json, "vm", freeze->vm_name, freeze->vm_uuid);
    vms_json_add_text(&json, "state", freeze->ended ? "thawed" : "frozen");
    vms_json_add_bool(&json, "detached", freeze->detached);
    vms_json_add_int(&json, "hold_ms", freeze->hold_ms);
    vms_json_add_time(&json, "frozen_from", freeze->frozen_us);
    vms_json_add_time(&json, "frozen_until", freeze->thawed_us);
    vms_json_add_time(&json, "deadline", freeze->frozen_us > 0 ? freeze->frozen_us + hold_us : 0);
    add_moments(&json, &freeze->evidence->times);
    add_proof(&json, freeze);
    vms_json_add_texts(&json, "disks", freeze->disks);
    vms_view_add_evidence(&json, freeze->evidence);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
