/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/needs.h"

#include <stdarg.h>

VmsLack *
vms_lack_new(const char *kind, const char *name, const char *format, ...)
{
    VmsLack *lack = g_new0(VmsLack, 1);
    va_list args;

    lack->kind = g_strdup(kind);
    lack->name = g_strdup(name);
    va_start(args, format);
    lack->why = g_strdup_vprintf(format, args);
    va_end(args);
    return lack;
}

void
vms_lack_free(VmsLack *lack)
{
    if (!lack)
        return;
    g_free(lack->kind);
    g_free(lack->name);
    g_free(lack->why);
    g_free(lack->element);
    g_free(lack);
}

VmsNeeds *
vms_needs_new(void)
{
    VmsNeeds *needs = g_new0(VmsNeeds, 1);

    needs->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
    needs->lacks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_lack_free);
    needs->devices = g_ptr_array_new_with_free_func((GDestroyNotify)vms_lack_free);
    return needs;
}

void
vms_needs_free(VmsNeeds *needs)
{
    if (!needs)
        return;
    g_ptr_array_unref(needs->disks);
    g_ptr_array_unref(needs->lacks);
    g_ptr_array_unref(needs->devices);
    g_free(needs);
}

VmsPoolFile *
vms_pool_file_new(const char *pool, const char *name, const char *path)
{
    VmsPoolFile *file = g_new0(VmsPoolFile, 1);

    file->volume = g_strdup_printf("%s/%s", pool, name);
    file->path = g_strdup(path);
    return file;
}

void
vms_pool_file_free(VmsPoolFile *file)
{
    if (!file)
        return;
    g_free(file->volume);
    g_free(file->path);
    g_free(file);
}
