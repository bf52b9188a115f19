/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/view-parts.h"

#include "model/condition.h"
#include "model/finding.h"
#include "record/words.h"

static void
add_finding(VmsJson *json, const VmsFinding *finding)
{
    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "kind", finding->kind);
    vms_json_add_text(json, "name", finding->name);
    vms_json_add_text_if(json, "new_name", finding->new_name);
    vms_json_add_text(json, "status", vms_resource_status_name(finding->status));
    vms_json_add_text(json, "severity", vms_severity_name(finding->severity));
    vms_json_add_text(json, "reason", finding->reason);
    vms_json_add_text(json, "message", finding->message);
    vms_json_add_text_if(json, "holder", finding->holder);
    vms_json_add_text_if(json, "resolution", finding->resolution);
    vms_json_add_text(json, "strict", vms_words_find(vms_words_act, finding->strict));
    vms_json_add_text(json, "best_effort", vms_words_find(vms_words_act, finding->best_effort));
    vms_json_close_object(json);
}

void
vms_view_add_findings(VmsJson *json, const char *key, const GPtrArray *findings)
{
    vms_json_open_array(json, key);
    for (guint i = 0; i < findings->len; i++)
        add_finding(json, findings->pdata[i]);
    vms_json_close_array(json);
}

void
vms_view_add_conditions(VmsJson *json, const GPtrArray *conditions)
{
    vms_json_open_array(json, "conditions");
    for (guint i = 0; i < conditions->len; i++) {
        const VmsCondition *condition = conditions->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "type", condition->type);
        vms_json_add_text(json, "status", vms_condition_status_name(condition->status));
        vms_json_add_text(json, "reason", condition->reason);
        vms_json_add_text(json, "message", condition->message);
        vms_json_add_time(json, "since", condition->since_us);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

void
vms_view_add_filesystems(VmsJson *json, const GPtrArray *filesystems)
{
    vms_json_open_array(json, "filesystems");
    for (guint i = 0; i < filesystems->len; i++) {
        const VmsGuestFs *fs = filesystems->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "mountpoint", fs->mountpoint);
        vms_json_add_text(json, "type", fs->type);
        vms_json_add_text_if(json, "name", fs->name);
        vms_json_add_texts(json, "disks", fs->disks);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

void
vms_view_add_name(VmsJson *json, const char *key, const char *name, const char *uuid)
{
    if (!name && !uuid) {
        vms_json_add_null(json, key);
        return;
    }
    vms_json_open_object(json, key);
    vms_json_add_text(json, "name", name);
    vms_json_add_text(json, "uuid", uuid);
    vms_json_close_object(json);
}
