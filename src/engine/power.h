/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Stopping and starting a VM as a restore needs it. */

/* Ask the agent, then ACPI, and wait until it is off; after the limit force it if that is
 * allowed, else TIMEOUT. A paused VM cannot stop by itself. Cancelled: CANCELLED. */
gboolean vms_power_stop(VmsEngine *engine, const char *uuid, const VmsRestoreRequest *request,
                        VmsProgress *progress, GError **error);
/* Start it if it is off; on already is success. A start that is under way is waited for. */
gboolean vms_power_ensure_on(VmsEngine *engine, const char *uuid, gboolean paused, GError **error);
/* The same as the last act of @operation, whichever way it went. What cannot be started at all
 * stays off, with the condition VirtualMachineReady=False that says why, so that the operation can
 * end: success. Fails when it cannot be told whether the VM runs. */
gboolean vms_power_bring_up(VmsEngine *engine, VmsOperation *operation, gboolean paused,
                            GError **error);
/* After a stop that was asked for and is not wanted any more: the guest may still follow it. A
 * guard watches for that when there is one, else it is waited for a while. A VM that went down is
 * started again, as in vms_power_bring_up(). */
gboolean vms_power_recall_stop(VmsEngine *engine, VmsOperation *operation, GError **error);
/* Wait for a start that cannot succeed, since we hold the image locks, to have failed. BUSY if the
 * VM does not go off. */
gboolean vms_power_wait_off(VmsEngine *engine, const char *uuid, GError **error);
/* BUSY if it is not off: somebody started it behind our back. */
gboolean vms_power_check_off(VmsEngine *engine, const char *uuid, GError **error);
