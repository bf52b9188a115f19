/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json-writer.h"
#include "record/view-parts.h"
#include "record/view.h"

/* 0 is "not known" to us, and an empty disk to who reads it. */
static void
add_size(VmsJson *json, const char *key, guint64 size)
{
    if (size > 0)
        vms_json_add_uint(json, key, size);
    else
        vms_json_add_null(json, key);
}

char *
vms_view_disk(const VmsDiskInfo *disk)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "name", disk->name);
    vms_json_add_text(&json, "kind", "VirtualDisk");
    vms_view_add_name(&json, "vm", disk->vm_name, disk->vm_uuid);
    vms_json_add_text(&json, "target", disk->target);
    vms_json_add_text(&json, "device", vms_view_device_word(disk->device));
    vms_json_add_text(&json, "source_type", disk->source_type);
    vms_json_add_text(&json, "path", disk->path);
    vms_json_add_text_if(&json, "network", disk->network);
    vms_json_add_text(&json, "format", disk->format);
    vms_json_add_text(&json, "bus", disk->bus);
    vms_json_add_text(&json, "serial", disk->serial);
    vms_json_add_bool(&json, "readonly", disk->readonly);
    vms_json_add_bool(&json, "shareable", disk->shareable);
    add_size(&json, "virtual_size", disk->virtual_size);
    add_size(&json, "allocated", disk->allocated);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
