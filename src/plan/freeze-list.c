/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/freeze-list.h"

#include "plan/guest-fs.h"

#include <string.h>

static gboolean
can_freeze(const VmsGuestFs *fs)
{
    VmsFsKind kind = vms_guest_fs_kind(fs);

    return kind == VMS_FS_KIND_FREEZES || kind == VMS_FS_KIND_STRANGER;
}

static gboolean
same_fs(const VmsGuestFs *a, const VmsGuestFs *b)
{
    return strcmp(vms_guest_fs_identity(a), vms_guest_fs_identity(b)) == 0;
}

/* What is mounted over another file system hides it: its name would freeze the wrong one. */
static gboolean
is_hidden(const GPtrArray *filesystems, const VmsGuestFs *fs)
{
    for (guint i = 0; i < filesystems->len; i++) {
        const VmsGuestFs *other = g_ptr_array_index(filesystems, i);

        if (g_strcmp0(fs->mountpoint, other->mountpoint) == 0 && !same_fs(fs, other))
            return TRUE;
    }
    return FALSE;
}

/* A backslash stands for what was escaped. */
static gboolean
is_sure(const GPtrArray *filesystems, const VmsGuestFs *fs)
{
    return !fs->unmapped && fs->disks->len > 0 && fs->mountpoint && fs->mountpoint[0] == '/' &&
           !strchr(fs->mountpoint, '\\') && !is_hidden(filesystems, fs);
}

static gboolean
lies_on_any(const VmsGuestFs *fs, const char *const *targets)
{
    for (; *targets; targets++)
        if (vms_guest_fs_lies_on(fs, *targets))
            return TRUE;
    return FALSE;
}

static gboolean
has_fs(const GPtrArray *filesystems, GPtrArray *mountpoints, const VmsGuestFs *fs)
{
    for (guint i = 0; i < filesystems->len; i++) {
        const VmsGuestFs *other = g_ptr_array_index(filesystems, i);

        if (same_fs(fs, other) && other->mountpoint &&
            g_ptr_array_find_with_equal_func(mountpoints, other->mountpoint, g_str_equal, NULL))
            return TRUE;
    }
    return FALSE;
}

GPtrArray *
vms_freeze_list_choose(const GPtrArray *filesystems, const char *const *targets)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    gboolean some_only = FALSE;

    for (guint i = 0; i < filesystems->len; i++) {
        const VmsGuestFs *fs = g_ptr_array_index(filesystems, i);

        if (!is_sure(filesystems, fs))
            return NULL;
        if (!can_freeze(fs))
            continue;
        if (!lies_on_any(fs, targets))
            some_only = TRUE;
        else if (!has_fs(filesystems, list, fs))
            g_ptr_array_add(list, g_strdup(fs->mountpoint));
    }
    return some_only && list->len > 0 ? g_steal_pointer(&list) : NULL;
}

gboolean
vms_freeze_list_has(const VmsEvidence *evidence, const VmsGuestFs *fs)
{
    return evidence->freeze_list->len == 0 ||
           has_fs(evidence->filesystems, evidence->freeze_list, fs);
}
