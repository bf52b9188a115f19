/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/in-use.h"

#include "base/error.h"

gboolean
vms_in_use_refuse(GError **error, const char *object, const char *holder)
{
    return vms_refuse(error, VMSNAP_E_IN_USE, "InUse", "'%s' is in use by %s", object, holder);
}

gboolean
vms_in_use_check_file(VmsEngine *engine, const VmsInventory *inventory, const char *path,
                      GError **error)
{
    VmsFileId file = { 0 };
    g_auto(VmsImageUse) use = { 0 };
    VmsFileUser user;

    if (!vms_volume_identify(engine->drivers->volume, path, &file, NULL))
        return TRUE;
    if (inventory && vms_inventory_find_user(inventory, NULL, path, &file, &user)) {
        g_autofree char *holder = vms_holder_describe(&user.holder);

        return vms_in_use_refuse(error, path, holder);
    }
    if (!vms_volume_read_use(engine->drivers->volume, path, &use, error))
        return FALSE;
    if (use.writer || use.reader)
        return vms_in_use_refuse(error, path,
                                 use.holders && use.holders->len > 0 ? use.holders->pdata[0]
                                                                     : "another process");
    return TRUE;
}
