/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cancel.h"

#include "base/error.h"

void
vms_progress_init(VmsProgress *progress)
{
    atomic_init(&progress->cancelled, 0);
    atomic_init(&progress->stage, 0);
    atomic_init(&progress->sequence, 0);
    atomic_init(&progress->bytes_done, 0);
    atomic_init(&progress->bytes_total, 0);
}

void
vms_progress_enter(VmsProgress *progress, guint stage)
{
    if (!progress)
        return;
    atomic_store(&progress->bytes_done, 0);
    atomic_store(&progress->bytes_total, 0);
    atomic_store(&progress->stage, stage);
    atomic_fetch_add(&progress->sequence, 1);
}

void
vms_progress_set_total(VmsProgress *progress, guint64 bytes)
{
    if (!progress)
        return;
    atomic_store(&progress->bytes_total, bytes);
    atomic_fetch_add(&progress->sequence, 1);
}

void
vms_progress_add(VmsProgress *progress, guint64 bytes)
{
    if (!progress)
        return;
    atomic_fetch_add(&progress->bytes_done, bytes);
    atomic_fetch_add(&progress->sequence, 1);
}

void
vms_progress_cancel(VmsProgress *progress)
{
    if (progress)
        atomic_store(&progress->cancelled, 1);
}

gboolean
vms_progress_is_cancelled(VmsProgress *progress)
{
    return progress && atomic_load(&progress->cancelled);
}

gboolean
vms_progress_check(VmsProgress *progress, GError **error)
{
    if (!vms_progress_is_cancelled(progress))
        return TRUE;
    return vms_refuse(error, VMSNAP_E_CANCELLED, "Cancelled", "cancelled on request");
}
