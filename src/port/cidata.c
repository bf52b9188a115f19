/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/cidata.h"

void
vms_cidata_result_free(VmsCidataResult *result)
{
    if (!result)
        return;
    g_clear_pointer(&result->image, g_bytes_unref);
    g_clear_pointer(&result->edited, g_ptr_array_unref);
    g_clear_pointer(&result->moved, g_ptr_array_unref);
    g_clear_pointer(&result->kept, g_ptr_array_unref);
    g_free(result);
}

gboolean
vms_cidata_remake(VmsCidata *cidata, const char *path, const VmsCidataIdentity *identity,
                  VmsProgress *progress, VmsCidataResult **ret_result, GError **error)
{
    return cidata->ops->remake(cidata, path, identity, progress, ret_result, error);
}

void
vms_cidata_free(VmsCidata *cidata)
{
    if (cidata)
        cidata->ops->free(cidata);
}
