/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/journal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"

#include <string.h>

VmsOperation *
vms_journal_new(const VmsEngine *engine, const char *uuid, const char *type)
{
    VmsOperation *operation = vms_operation_new(uuid, type);

    operation->phase = VMSNAP_OPERATION_IN_PROGRESS;
    operation->created_us = vms_clock_realtime_us();
    operation->owner = vms_process_self();
    operation->boot_id = g_strdup(engine->boot_id);
    return operation;
}

gboolean
vms_journal_owner_alive(const VmsEngine *engine, const VmsOperation *operation)
{
    return g_strcmp0(operation->boot_id, engine->boot_id) == 0 &&
           vms_process_alive(&operation->owner);
}

static void
finish(VmsOperation *operation, vmsnap_operation_phase phase)
{
    operation->phase = phase;
    operation->journal = VMS_JOURNAL_CLOSED;
    operation->finished_us = vms_clock_realtime_us();
}

void
vms_journal_complete(VmsOperation *operation, const char *message)
{
    finish(operation, VMSNAP_OPERATION_COMPLETED);
    vms_conditions_set(operation->conditions,
                       vms_condition_new("Completed", VMS_CONDITION_TRUE, "OperationCompleted",
                                         message, operation->finished_us));
}

void
vms_journal_fail(VmsOperation *operation, const GError *why)
{
    gboolean cancelled = vms_error_get_code(why) == VMSNAP_E_CANCELLED;

    finish(operation, cancelled ? VMSNAP_OPERATION_CANCELLED : VMSNAP_OPERATION_FAILED);
    operation->error_code = vms_error_get_code(why);
    g_free(operation->error_reason);
    operation->error_reason = g_strdup(vms_error_get_reason(why));
    g_free(operation->error_message);
    operation->error_message = g_strdup(why->message);
    vms_conditions_set(operation->conditions,
                       vms_condition_new("Completed", VMS_CONDITION_FALSE,
                                         vms_error_get_reason(why), why->message,
                                         operation->finished_us));
}

gboolean
vms_journal_advance(const VmsEngine *engine, VmsWork *work, VmsJournalState state, GError **error)
{
    vms_crash_point("journal-before");
    work->operation->journal = state;
    if (!vms_store_save(engine->drivers->catalog, work, error))
        return FALSE;
    vms_crash_point("journal-after");
    return TRUE;
}

gboolean
vms_journal_commit(const VmsEngine *engine, VmsWork *work, GError **error)
{
    g_autoptr(VmsOperation) stored = NULL;
    g_autoptr(GError) failed = NULL;
    g_autoptr(GError) unread = NULL;
    guint64 version = 0;

    if (vms_store_save(engine->drivers->catalog, work, &failed))
        return TRUE;
    if (!vms_store_load_operation(engine->drivers->catalog, work->operation->uuid, &stored,
                                  &version, &unread)) {
        vms_refuse(error, VMSNAP_E_UNCERTAIN, "Uncertain",
                   "the catalog failed and cannot be read back: %s", failed->message);
        if (error)
            vms_error_take_cause(*error, g_steal_pointer(&unread));
        return FALSE;
    }
    if (version > work->operation_version && stored->journal == work->operation->journal) {
        work->operation_version = version;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
vms_journal_close(const VmsEngine *engine, VmsWork *work, GError **error)
{
    GError *failed = NULL;

    if (vms_store_save(engine->drivers->catalog, work, &failed))
        return TRUE;
    vms_refuse(error, VMSNAP_E_UNCERTAIN, "Uncertain",
               "it is done, but the catalog could not be told: %s", failed->message);
    if (error)
        vms_error_take_cause(*error, failed);
    else
        g_error_free(failed);
    return FALSE;
}
