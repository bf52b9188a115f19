/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/undo-set.h"

VmsUndoFile *
vms_undo_file_new(const char *target, const char *path, const char *place)
{
    VmsUndoFile *file = g_new0(VmsUndoFile, 1);

    file->target = g_strdup(target);
    file->path = g_strdup(path);
    file->place = g_strdup(place);
    return file;
}

void
vms_undo_file_free(VmsUndoFile *file)
{
    if (!file)
        return;
    g_free(file->target);
    g_free(file->path);
    g_free(file->place);
    g_free(file->fault);
    g_free(file);
}

VmsUndoSet *
vms_undo_set_new(const char *operation)
{
    VmsUndoSet *set = g_new0(VmsUndoSet, 1);

    set->operation = g_strdup(operation);
    set->files = g_ptr_array_new_with_free_func((GDestroyNotify)vms_undo_file_free);
    set->metadata = g_ptr_array_new_with_free_func((GDestroyNotify)vms_metadata_free);
    return set;
}

void
vms_undo_set_free(VmsUndoSet *set)
{
    if (!set)
        return;
    g_free(set->operation);
    g_free(set->vm_uuid);
    g_free(set->vm_name);
    g_free(set->snapshot);
    g_free(set->snapshot_name);
    g_ptr_array_unref(set->files);
    g_ptr_array_unref(set->metadata);
    g_free(set);
}

vmsnap_undo_state
vms_undo_set_state(const VmsUndoSet *set)
{
    if (set->lost)
        return VMSNAP_UNDO_LOST;
    return set->expired ? VMSNAP_UNDO_EXPIRED : VMSNAP_UNDO_KEPT;
}

const char *
vms_undo_state_name(vmsnap_undo_state state)
{
    switch (state) {
    case VMSNAP_UNDO_KEPT:
        return "kept";
    case VMSNAP_UNDO_EXPIRED:
        return "expired";
    case VMSNAP_UNDO_LOST:
        break;
    }
    return "lost";
}
