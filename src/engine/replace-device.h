/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"

#include <glib.h>

/* Exchanging the contents of block devices, whose names cannot be exchanged. While the VM is off:
 *
 *   1. a configuration is defined that it cannot be started with, whoever tries, also after the
 *      host has crashed and starts its VMs;
 *   2. the old contents are copied to files, synced;
 *   3. the journal says that devices may be torn from here on;
 *   4. devices are written, synced.
 *
 * On the way back a device that is not torn is not touched; one that is gets its old contents, and
 * the journal says so before the VM gets a configuration that it can be started with. */

/* What the operation will rewrite; its exchanges with a source stand already. */
gboolean vms_device_plan(const VmsVm *vm, VmsOperation *operation, GError **error);
/* The device must be the one that the plan saw. */
gboolean vms_device_check(VmsEngine *engine, const VmsExchange *item, GError **error);
/* Where old contents will go: made while the VM still runs. */
gboolean vms_device_make_folders(VmsEngine *engine, const VmsOperation *operation, GError **error);
/* 1 to 3; nothing is done where there are no devices. */
gboolean vms_device_prepare(VmsEngine *engine, VmsWork *work, VmsProgress *progress,
                            GError **error);
gboolean vms_device_put(VmsEngine *engine, const VmsExchange *item, VmsProgress *progress,
                        GError **error);
/* Whoever does this in place of a process that died looks first whether the device holds nothing
 * but old and new contents: else it is another, or somebody wrote to it. UNCERTAIN then. */
gboolean vms_device_put_back(VmsEngine *engine, const VmsOperation *operation,
                             const VmsExchange *item, GError **error);
/* All are back: none is torn any more, and the journal says so. */
gboolean vms_device_settle(VmsEngine *engine, VmsWork *work, GError **error);
