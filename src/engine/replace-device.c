/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/replace-device.h"

#include "base/error.h"
#include "base/sys.h"
#include "engine/journal.h"
#include "engine/power.h"
#include "plan/held-xml.h"

gboolean
vms_device_plan(const VmsVm *vm, VmsOperation *operation, GError **error)
{
    return !vms_operation_rewrites(operation) ||
           vms_held_xml_make(vm, operation->old_xml, operation, &operation->held_xml, error);
}

gboolean
vms_device_check(VmsEngine *engine, const VmsExchange *item, GError **error)
{
    VmsFileId now = { 0 };

    if (!vms_volume_identify(engine->drivers->volume, item->path, &now, error))
        return FALSE;
    return (vms_file_id_same(&now, &item->new_file) && now.size == item->new_file.size) ||
           vms_fail(error, VMSNAP_E_PLAN_STALE, "'%s' is not the device it was", item->path);
}

static guint64
count_bytes(const VmsOperation *operation)
{
    guint64 bytes = 0;

    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        if (item->source)
            bytes += 2 * item->new_file.size;
    }
    return bytes;
}

gboolean
vms_device_make_folders(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];
        g_autofree char *folder = g_path_get_dirname(item->next);

        if (item->source && !vms_volume_make_folder(engine->drivers->volume, folder, 0711, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
save(VmsEngine *engine, VmsExchange *item, VmsProgress *progress, GError **error)
{
    g_autoptr(VmsTransfer) transfer = NULL;

    if (vms_volume_open_transfer(engine->drivers->volume, item->path, item->next, &transfer,
                                 error) &&
        vms_transfer_copy(transfer, progress, error) &&
        vms_transfer_finish(transfer, 0600, &item->old_file, error))
        return TRUE;
    if (error)
        vms_error_set_step(*error, "save-disk");
    return FALSE;
}

static void
set_torn(const VmsOperation *operation, gboolean torn)
{
    for (guint i = 0; i < operation->exchanges->len; i++) {
        VmsExchange *item = operation->exchanges->pdata[i];

        item->torn = torn && item->source;
    }
}

gboolean
vms_device_prepare(VmsEngine *engine, VmsWork *work, VmsProgress *progress, GError **error)
{
    VmsOperation *operation = work->operation;

    if (!vms_operation_rewrites(operation))
        return TRUE;
    if (!vms_hypervisor_define(engine->drivers->hypervisor, operation->held_xml, error) ||
        !vms_power_wait_off(engine, operation->vm_uuid, error))
        return FALSE;
    vms_crash_point("device-held");
    vms_progress_set_total(progress, count_bytes(operation));
    for (guint i = 0; i < operation->exchanges->len; i++) {
        VmsExchange *item = operation->exchanges->pdata[i];

        if (item->source && !save(engine, item, progress, error))
            return FALSE;
    }
    vms_crash_point("device-saved");
    set_torn(operation, TRUE);
    if (vms_journal_advance(engine, work, VMS_JOURNAL_EXCHANGING, error))
        return TRUE;
    set_torn(operation, FALSE);
    return FALSE;
}

gboolean
vms_device_put(VmsEngine *engine, const VmsExchange *item, VmsProgress *progress, GError **error)
{
    return vms_volume_rewrite(engine->drivers->volume, item->path, item->source, NULL, progress,
                              error);
}

/* We did what was done to it, and nobody else could: it need not be looked at. */
static gboolean
is_own(const VmsEngine *engine, const VmsOperation *operation)
{
    VmsProcessId self = vms_process_self();

    return g_strcmp0(operation->boot_id, engine->boot_id) == 0 &&
           operation->owner.pid == self.pid && operation->owner.start == self.start;
}

/* Without the new contents there is nothing to compare with: it is enough that the device has the
 * number that it had then, since the host was not restarted. */
static gboolean
is_known(VmsEngine *engine, const VmsOperation *operation, const VmsExchange *item)
{
    g_autoptr(GError) absent = NULL;
    VmsFileId file = { 0 };
    VmsFileId device = { 0 };

    return !vms_volume_identify(engine->drivers->volume, item->source, &file, &absent) &&
           vms_error_get_code(absent) == VMSNAP_E_NOT_FOUND &&
           g_strcmp0(operation->boot_id, engine->boot_id) == 0 &&
           vms_volume_identify(engine->drivers->volume, item->path, &device, NULL) &&
           vms_file_id_same(&device, &item->new_file);
}

gboolean
vms_device_put_back(VmsEngine *engine, const VmsOperation *operation, const VmsExchange *item,
                    GError **error)
{
    gboolean sure = is_own(engine, operation) || is_known(engine, operation, item);
    const char *other = sure ? NULL : item->source;

    return !item->torn ||
           vms_volume_rewrite(engine->drivers->volume, item->path, item->next, other, NULL, error);
}

gboolean
vms_device_settle(VmsEngine *engine, VmsWork *work, GError **error)
{
    VmsOperation *operation = work->operation;

    if (!vms_operation_rewrites(operation))
        return TRUE;
    vms_crash_point("device-back");
    set_torn(operation, FALSE);
    if (vms_journal_advance(engine, work, operation->journal, error))
        return TRUE;
    set_torn(operation, TRUE);
    return FALSE;
}
