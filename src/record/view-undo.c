/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json-writer.h"
#include "record/view-parts.h"
#include "record/view.h"

static void
add_file(VmsJson *json, const VmsUndoFile *file)
{
    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "target", file->target);
    vms_json_add_text(json, "path", file->path);
    vms_json_add_text(json, "place", file->place);
    vms_json_add_uint(json, "allocated", file->allocated);
    vms_json_add_text(json, "fault", file->fault);
    vms_json_close_object(json);
}

static void
add_metadata(VmsJson *json, const VmsMetadata *item)
{
    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "kind", vms_metadata_kind_name(item->kind));
    vms_json_add_text(json, "name", item->name);
    vms_json_close_object(json);
}

/* The keys it shares with an operation are that of its restore. */
char *
vms_view_undo_set(const VmsUndoSet *set)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "uuid", set->operation);
    vms_json_add_text(&json, "type", "restore");
    vms_view_add_name(&json, "source", set->snapshot_name, set->snapshot);
    vms_view_add_name(&json, "target", set->vm_name, set->vm_uuid);
    vms_json_add_time(&json, "created", set->created_us);
    vms_json_add_time(&json, "undo_until", set->until_us);
    vms_json_add_text(&json, "state", vms_undo_state_name(vms_undo_set_state(set)));
    vms_json_add_bool(&json, "expired", set->expired);
    vms_json_add_uint(&json, "allocated", set->allocated);
    vms_json_open_array(&json, "files");
    for (guint i = 0; i < set->files->len; i++)
        add_file(&json, set->files->pdata[i]);
    vms_json_close_array(&json);
    vms_json_open_array(&json, "metadata");
    for (guint i = 0; i < set->metadata->len; i++)
        add_metadata(&json, set->metadata->pdata[i]);
    vms_json_close_array(&json);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
