/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/overlay.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/inventory.h"
#include "engine/journal.h"

#include <vmsnap/job.h>

enum {
    ROUNDS = 12, /* each goes a step further, but the world may take one back */
    POLL_FIRST_MS = 2,
    POLL_LAST_MS = 100
};
/* How long a libvirt that is restarted may be away. */
#define AWAY_US (10 * G_USEC_PER_SEC)
#define AWAY_PAUSE_US (G_USEC_PER_SEC / 10)

typedef struct {
    VmsEngine *engine;
    VmsWork *work;
    VmsProgress *progress; /* told, not asked */
    VmsOverlay *overlay;
} Settling;

static const char *
vm_of(const Settling *self)
{
    return self->work->operation->vm_uuid;
}

/* Durable before what it says may come true. */
static gboolean
note_landed(const Settling *self, gboolean landed, GError **error)
{
    gboolean before = self->overlay->landed;

    if (before == landed)
        return TRUE;
    self->overlay->landed = landed;
    if (vms_journal_advance(self->engine, self->work, self->work->operation->journal, error))
        return TRUE;
    self->overlay->landed = before;
    return FALSE;
}

/* ---- while the VM runs ---- */

/* One that is under way, of a process that died, is as good as one of our own. */
static gboolean
begin_merge(const Settling *self, GError **error)
{
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    VmsMerge merge = VMS_MERGE_NONE;

    if (!vms_hypervisor_read_merge(hv, vm_of(self), self->overlay->target, &merge, error))
        return FALSE;
    if (merge == VMS_MERGE_OTHER)
        return vms_refuse(error, VMSNAP_E_BUSY, "BlockDevicesNotReady",
                          "a block job of somebody else runs on disk %s", self->overlay->target);
    return merge != VMS_MERGE_NONE ||
           vms_hypervisor_begin_merge(hv, vm_of(self), self->overlay->target, self->overlay->base,
                                      error);
}

/* TRUE with *ret_gone when the job ended without us: the VM did, or the job failed. A guest that
 * writes faster than the disk keeps it waiting, and harms nobody but itself. */
static gboolean
wait_ready(const Settling *self, gboolean *ret_gone, GError **error)
{
    VmsMerge merge = VMS_MERGE_RUNNING;
    gint64 pause_ms = POLL_FIRST_MS;

    for (;;) {
        if (!vms_hypervisor_read_merge(self->engine->drivers->hypervisor, vm_of(self),
                                       self->overlay->target, &merge, error))
            return FALSE;
        *ret_gone = merge == VMS_MERGE_NONE || merge == VMS_MERGE_OTHER;
        if (*ret_gone || merge == VMS_MERGE_READY)
            return TRUE;
        vms_clock_sleep_us(pause_ms * 1000);
        pause_ms = MIN(pause_ms * 2, POLL_LAST_MS);
    }
}

/* QEMU is still on the overlay, so nothing has landed. */
static gboolean
merge(const Settling *self, GError **error)
{
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    gboolean gone = FALSE;

    if (!note_landed(self, FALSE, error) || !begin_merge(self, error))
        return FALSE;
    while (wait_ready(self, &gone, error)) {
        g_autoptr(GError) failed = NULL;

        if (gone)
            return TRUE; /* the next look tells what became of it */
        if (!note_landed(self, TRUE, error))
            return FALSE;
        if (vms_hypervisor_end_merge(hv, vm_of(self), self->overlay->target, &failed))
            return TRUE;
        if (vms_error_get_code(failed) != VMSNAP_E_BUSY) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_clock_sleep_us((gint64)POLL_FIRST_MS * 1000);
    }
    return FALSE;
}

/* ---- while it is off ---- */

/* A VM that was undefined meanwhile has no configuration to set right. */
static gboolean
return_disk(const Settling *self, GError **error)
{
    const VmsDiskReturn disk = { .target = self->overlay->target,
                                 .overlay = self->overlay->path,
                                 .base = self->overlay->base,
                                 .format = self->overlay->format };
    g_autoptr(GError) failed = NULL;

    if (vms_hypervisor_return_disk(self->engine->drivers->hypervisor, vm_of(self), &disk,
                                   &failed) ||
        vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* Nobody may have come and gone with the overlay since it was looked at: locked, it must be as it
 * was then. */
static gboolean
lock(const Settling *self, const VmsFileId *seen, VmsHold **ret_hold, gboolean *ret_same,
     GError **error)
{
    VmsVolume *volume = self->engine->drivers->volume;
    VmsFileId now = { 0 };

    if (!vms_volume_hold(volume, self->overlay->path, VMS_HOLD_REPLACE, ret_hold, error) ||
        !vms_volume_identify(volume, self->overlay->path, &now, error))
        return FALSE;
    *ret_same = vms_file_id_unchanged(seen, &now);
    return TRUE;
}

/* Of a VM that is off, with nothing left to write back. libvirt has forgotten whom the base belongs
 * to. */
static gboolean
give_back(const Settling *self, const VmsFileId *seen, GError **error)
{
    g_autoptr(VmsHold) hold = NULL;
    gboolean same = FALSE;

    if (!lock(self, seen, &hold, &same, error))
        return FALSE;
    return !same || (vms_volume_adopt(self->engine->drivers->volume, self->overlay->base,
                                      &self->overlay->owner, error) &&
                     return_disk(self, error));
}

static gboolean
fold(const Settling *self, const VmsFileId *seen, GError **error)
{
    VmsVolume *volume = self->engine->drivers->volume;
    const VmsOverlay *overlay = self->overlay;
    g_autoptr(VmsHold) hold = NULL;
    gboolean same = FALSE;

    if (!note_landed(self, FALSE, error) ||
        !vms_volume_fold_overlay(volume, overlay->path, overlay->base, NULL, error))
        return FALSE;
    vms_crash_point("overlay-folded");
    if (!lock(self, seen, &hold, &same, error))
        return FALSE;
    return !same || (vms_volume_adopt(volume, overlay->base, &overlay->owner, error) &&
                     note_landed(self, TRUE, error) && return_disk(self, error));
}

/* ---- the end ---- */

/* The last question before it goes: no configuration of any VM names it. */
static gboolean
drop(const Settling *self, GError **error)
{
    VmsVolume *volume = self->engine->drivers->volume;
    const char *path = self->overlay->path;
    g_autoptr(VmsInventory) inventory = NULL;
    VmsFileUser user;
    VmsFileId file = { 0 };

    if (!vms_inventory_collect_own(self->engine, &inventory, error) ||
        !vms_volume_identify(volume, path, &file, error))
        return FALSE;
    if (vms_inventory_find_user(inventory, NULL, path, &file, &user)) {
        g_autofree char *holder = vms_holder_describe(&user.holder);

        return vms_refuse(error, VMSNAP_E_IN_USE, "InUse", "'%s' is in use by %s", path, holder);
    }
    return vms_volume_remove(volume, path, error);
}

static gboolean
refuse(const Settling *self, VmsOverlayFate fate, const char *why, GError **error)
{
    return vms_refuse(error, fate == VMS_OVERLAY_BUSY ? VMSNAP_E_BUSY : VMSNAP_E_UNCERTAIN,
                      "OverlayLeft", "overlay '%s' of disk %s is left: %s", self->overlay->path,
                      self->overlay->target, why);
}

static gboolean
act(const Settling *self, const VmsOverlaySight *sight, VmsOverlayFate fate, const char *why,
    GError **error)
{
    switch (fate) {
    case VMS_OVERLAY_GONE:
    case VMS_OVERLAY_COMPARE:
        return TRUE;
    case VMS_OVERLAY_DROP:
        return drop(self, error);
    case VMS_OVERLAY_MERGE:
        return merge(self, error);
    case VMS_OVERLAY_FOLD:
        return fold(self, &sight->file, error);
    case VMS_OVERLAY_RETURN:
        return sight->running ? return_disk(self, error) : give_back(self, &sight->file, error);
    case VMS_OVERLAY_BUSY:
    case VMS_OVERLAY_STUCK:
        break;
    }
    return refuse(self, fate, why, error);
}

/* One look, one step. */
static gboolean
take_step(const Settling *self, gboolean *ret_settled, GError **error)
{
    VmsOverlaySight sight = { 0 };
    const char *why = NULL;
    VmsOverlayFate fate;

    if (!vms_overlay_look(self->engine, vm_of(self), self->overlay, &sight, error))
        return FALSE;
    fate = vms_overlay_fate(&sight, &why);
    if (fate == VMS_OVERLAY_COMPARE) {
        if (!vms_overlay_compare_contents(self->engine, self->overlay, &sight.contents, error))
            return FALSE;
        fate = vms_overlay_fate(&sight, &why);
    }
    *ret_settled = fate == VMS_OVERLAY_GONE;
    return act(self, &sight, fate, why, error);
}

static gboolean
settle_one(const Settling *self, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + AWAY_US;
    gboolean settled = FALSE;

    for (guint round = 0; !settled && round < ROUNDS;) {
        g_autoptr(GError) failed = NULL;

        round++;
        if (take_step(self, &settled, &failed))
            continue;
        round--; /* what failed is no step */
        if (vms_error_get_code(failed) != VMSNAP_E_HYPERVISOR || vms_clock_monotonic_us() > until) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_clock_sleep_us(AWAY_PAUSE_US);
    }
    return settled ||
           vms_fail(error, VMSNAP_E_BUSY, "disk %s does not come back from its overlay '%s'",
                    self->overlay->target, self->overlay->path);
}

gboolean
vms_overlays_settle(VmsEngine *engine, VmsWork *work, VmsProgress *progress, GError **error)
{
    const GPtrArray *overlays = work->operation->overlays;

    for (guint i = 0; i < overlays->len; i++) {
        const Settling self = { engine, work, progress, overlays->pdata[i] };

        if (!settle_one(&self, error))
            return FALSE;
    }
    return TRUE;
}
