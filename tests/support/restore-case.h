/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plan/restore-plan.h"

#include <glib.h>

#define RESTORE_CASE_UUID "11111111-1111-4111-8111-111111111111"
#define RESTORE_CASE_OTHER_UUID "22222222-2222-4222-8222-222222222222"
#define RESTORE_CASE_MIB (1024 * (guint64)1024)

/* VM web, off, one disk vda, and a Ready snapshot of it: nothing stands against a restore. VM db is
 * there, too. */
typedef struct {
    VmsSnapshot *snapshot;
    VmsInventory *inventory;
    VmsVm *vm; /* owned by the inventory, as is the next */
    VmsVm *other;
    VmsRestoreDisk *disk;
    VmsRestoreInput input;
} RestoreCase;

void restore_case_init(RestoreCase *self);
void restore_case_clear(RestoreCase *self);
/* The place of VM db among the inventory's holders. */
guint32 restore_case_other(const RestoreCase *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RestoreCase, restore_case_clear)
