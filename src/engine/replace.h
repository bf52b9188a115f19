/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"

#include <glib.h>

/* Putting a prepared set of disks and a configuration in place of a VM's own: stop, exchange,
 * define, commit, start; the way back; and what is left to do after a crash. Restore and undo are
 * this with different sets. Everything it needs stands in the operation's record: exchanges,
 * old_xml, new_xml, power_before, start_after, start_paused. */

/* Needs journal PREPARED. When it fails before the commit point the VM is as it was and the error
 * says why; UNCERTAIN means only recover may go on. */
gboolean vms_replace_run(VmsEngine *engine, VmsWork *work, const VmsRestoreRequest *request,
                         VmsProgress *progress, GError **error);

/* Go back to the old set from wherever a crash left it; may be repeated. The VM is off or gets
 * BUSY; started again if it was running before. */
gboolean vms_replace_back(VmsEngine *engine, VmsWork *work, GError **error);

/* After the commit point: what remains (the start). May be repeated. */
gboolean vms_replace_forward(VmsEngine *engine, const VmsWork *work, GError **error);
