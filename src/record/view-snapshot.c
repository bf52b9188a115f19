/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json-writer.h"
#include "record/view-parts.h"
#include "record/view.h"
#include "record/words.h"

#include <string.h>

/* The key of the label at @index stands once more behind it: the last one counts. */
static gboolean
comes_again(const GPtrArray *labels, guint index, gsize key_size)
{
    const char *label = labels->pdata[index];

    for (guint i = index + 1; i < labels->len; i++) {
        const char *other = labels->pdata[i];
        if (strcspn(other, "=") == key_size && strncmp(label, other, key_size) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
add_labels(VmsJson *json, const GPtrArray *labels)
{
    vms_json_open_object(json, "labels");
    for (guint i = 0; i < labels->len; i++) {
        const char *label = labels->pdata[i];
        gsize key_size = strcspn(label, "=");
        g_autofree char *key = g_strndup(label, key_size);

        if (!comes_again(labels, i, key_size))
            vms_json_add_text(json, key, label[key_size] ? label + key_size + 1 : "");
    }
    vms_json_close_object(json);
}

static void
add_grade(VmsJson *json, vmsnap_grade grade)
{
    vms_json_add_text(json, "consistency",
                      grade == VMSNAP_GRADE_NONE ? NULL : vms_grade_name(grade));
}

/* One that failed early has no images. */
static void
add_disk(VmsJson *json, const VmsSnapshotDisk *disk)
{
    const VmsImage *image = disk->image;
    const VmsImage *origin = disk->origin;

    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "target", disk->target);
    vms_json_add_text(json, "name", disk->name);
    vms_json_add_text(json, "method", vms_method_name(disk->method));
    vms_json_add_bool(json, "by_overlay", disk->by_overlay);
    vms_json_add_text(json, "source", disk->source);
    vms_json_add_text(json, "path", image ? image->path : NULL);
    vms_json_add_text(json, "format", image ? image->format : NULL);
    vms_json_add_text(json, "source_format", origin ? origin->format : NULL);
    vms_json_add_uint(json, "virtual_size", origin ? origin->virtual_size : 0);
    vms_json_add_uint(json, "allocated", image ? image->file.allocated : 0);
    add_grade(json, disk->grade);
    vms_json_add_ms(json, "cut_offset_ms", disk->cut_offset_us);
    vms_json_add_text_if(json, "sha256", disk->sha256);
    vms_json_close_object(json);
}

static void
add_instance(VmsJson *json, const char *key, const VmsInstance *instance)
{
    vms_json_open_object(json, key);
    vms_json_add_int(json, "domain_id", instance->domain_id);
    vms_json_add_int(json, "pid", instance->process.pid);
    vms_json_add_uint(json, "pid_start", instance->process.start);
    vms_json_close_object(json);
}

typedef struct {
    const char *name;
    gint64 at;
} Event;

static gint
compare_events(gconstpointer a, gconstpointer b, gpointer data)
{
    const Event *left = a;
    const Event *right = b;

    (void)data;
    return left->at < right->at ? -1 : left->at > right->at;
}

/* Moments in their order, as milliseconds from the first; what did not happen is left out. */
static void
add_events(VmsJson *json, const VmsTimes *times)
{
    Event events[] = {
        { "freeze-sent", times->freeze_sent },
        { "freeze-acknowledged", times->freeze_acked },
        { "suspend-sent", times->suspend_sent },
        { "suspended", times->suspended },
        { "cut-start", times->cut_start },
        { "cut-end", times->cut_end },
        { "resumed", times->resumed },
        { "thaw-sent", times->thaw_sent },
        { "thaw-acknowledged", times->thaw_acked },
    };
    gint64 first = 0;

    g_qsort_with_data(events, G_N_ELEMENTS(events), sizeof events[0], compare_events,
                      NULL); /* keeps the order of equal ones */
    vms_json_open_array(json, "events");
    for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
        if (events[i].at <= 0) /* a record may hold anything */
            continue;
        first = first ? first : events[i].at;
        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "name", events[i].name);
        vms_json_add_ms(json, "t_ms", events[i].at - first);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_fs_states(VmsJson *json, const GPtrArray *states)
{
    vms_json_open_array(json, "filesystem_state");
    for (guint i = 0; i < states->len; i++) {
        const VmsFsState *state = states->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "disk", state->disk);
        vms_json_add_uint(json, "offset", state->offset);
        vms_json_add_uint(json, "partition", state->partition);
        vms_json_add_bool(json, "efi", state->efi);
        vms_json_add_text(json, "type", state->type);
        if (state->clean == VMS_FS_UNKNOWN)
            vms_json_add_null(json, "clean");
        else
            vms_json_add_bool(json, "clean", state->clean == VMS_FS_CLEAN);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_window(VmsJson *json, const VmsTimes *times)
{
    if (times->freeze_sent > 0 && times->thaw_acked > 0)
        vms_json_add_ms(json, "freeze_window_ms", times->thaw_acked - times->freeze_sent);
    else
        vms_json_add_null(json, "freeze_window_ms");
}

static void
add_count(VmsJson *json, const char *key, int count)
{
    if (count < 0)
        vms_json_add_null(json, key);
    else
        vms_json_add_int(json, key, count);
}

/* What was known of each disk right after its cut. */
static void
add_disk_facts(VmsJson *json, const GPtrArray *disks)
{
    vms_json_open_array(json, "disks");
    for (guint i = 0; i < disks->len; i++) {
        const VmsDiskFacts *disk = disks->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "target", disk->target);
        if (disk->writes < 0)
            vms_json_add_null(json, "written");
        else
            vms_json_add_int(json, "written", disk->writes);
        vms_json_add_bool(json, "open_elsewhere", disk->open);
        if (disk->frozen_with)
            vms_json_add_text(json, "frozen_with", disk->frozen_with);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_group(VmsJson *json, const VmsEvidence *evidence)
{
    if (!evidence->group)
        return;
    vms_json_open_object(json, "group");
    vms_json_add_text(json, "uuid", evidence->group);
    vms_json_add_uint(json, "size", evidence->group_size);
    vms_json_add_ms(json, "skew_ms", evidence->group_skew_us);
    vms_json_add_ms(json, "span_ms", evidence->group_span_us);
    vms_json_close_object(json);
}

void
vms_view_add_evidence(VmsJson *json, const VmsEvidence *evidence)
{
    if (!evidence) {
        vms_json_add_null(json, "evidence");
        return;
    }
    vms_json_open_object(json, "evidence");
    add_instance(json, "instance", &evidence->before);
    add_instance(json, "instance_after", &evidence->after);
    vms_json_add_text(json, "state_before",
                      evidence->detached ? NULL : vms_vm_state_name(evidence->state_before));
    if (evidence->detached)
        vms_json_add_bool(json, "hypervisor_asked", !evidence->unasked);
    vms_json_add_text(json, "state_reason", evidence->state_reason);
    vms_json_add_bool(json, "managed_save", evidence->managed_save);
    vms_json_add_text(json, "agent_version", evidence->agent_version);
    vms_json_add_bool(json, "windows", evidence->windows);
    vms_json_add_bool(json, "frozen_before", evidence->frozen_before);
    vms_view_add_filesystems(json, evidence->filesystems);
    vms_json_add_texts(json, "freeze_list", evidence->freeze_list);
    add_count(json, "frozen_count", evidence->frozen_count);
    add_count(json, "thawed_count", evidence->thawed_count);
    add_window(json, &evidence->times);
    add_events(json, &evidence->times);
    add_fs_states(json, evidence->fs_states);
    add_disk_facts(json, evidence->disks);
    vms_json_add_texts(json, "accepted", evidence->accepted);
    vms_json_add_text(json, "guard", vms_words_find(vms_words_guard, evidence->guard));
    vms_json_add_bool(json, "guard_shares_cgroup", evidence->guard_shares_cgroup);
    vms_json_add_bool(json, "overdue", evidence->overdue);
    add_group(json, evidence);
    vms_json_add_text(json, "freeze_reason", evidence->freeze_reason);
    vms_json_add_text(json, "freeze_error", evidence->freeze_error);
    vms_json_add_text(json, "thaw_error", evidence->thaw_error);
    vms_json_add_texts(json, "exceptions", evidence->exceptions);
    vms_json_add_texts(json, "warnings", evidence->warnings);
    vms_json_close_object(json);
}

/* A disk has no addresses to keep. */
static void
add_keep_ip(VmsJson *json, const VmsSnapshot *snapshot)
{
    if (snapshot->subject == VMSNAP_SNAPSHOT_KIND_VM)
        vms_json_add_text(json, "keep_ip", vms_words_find(vms_words_keep_ip, snapshot->keep_ip));
    else
        vms_json_add_null(json, "keep_ip");
}

static void
add_addresses(VmsJson *json, const GPtrArray *addresses)
{
    vms_json_open_array(json, "addresses");
    for (guint i = 0; i < addresses->len; i++) {
        const VmsAddress *address = addresses->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "mac", address->mac);
        vms_json_add_text(json, "network", address->network);
        vms_json_add_text(json, "address", address->address);
        vms_json_add_text(json, "kind", vms_words_find(vms_words_address_kind, address->kind));
        vms_json_add_bool(json, "kept", address->keep);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_dependencies(VmsJson *json, const GPtrArray *dependencies)
{
    vms_json_open_array(json, "dependencies");
    for (guint i = 0; i < dependencies->len; i++) {
        const VmsDependency *dependency = dependencies->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "path", dependency->path);
        vms_json_add_text(json, "role", dependency->role);
        vms_json_add_bool(json, "present", dependency->present);
        vms_json_add_uint(json, "size", dependency->file.size);
        vms_json_add_text(json, "sha256", dependency->sha256);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_disks(VmsJson *json, const GPtrArray *disks)
{
    vms_json_open_array(json, "disks");
    for (guint i = 0; i < disks->len; i++)
        add_disk(json, disks->pdata[i]);
    vms_json_close_array(json);
}

/* Never their content. */
static void
add_parts(VmsJson *json, const GPtrArray *parts)
{
    vms_json_open_array(json, "parts");
    for (guint i = 0; i < parts->len; i++) {
        const VmsPart *part = parts->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "kind", vms_part_kind_name(part->kind));
        vms_json_add_text(json, "source", part->source);
        vms_json_add_text(json, "path", part->stored);
        vms_json_add_uint(json, "size", part->file.size);
        vms_json_add_text(json, "sha256", part->sha256);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

char *
vms_view_snapshot(const VmsSnapshot *snapshot)
{
    VmsJson json = vms_json_start();
    gboolean consistent =
        snapshot->grade == VMSNAP_GRADE_OFFLINE || snapshot->grade == VMSNAP_GRADE_FROZEN;

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "name", snapshot->name);
    vms_json_add_text(&json, "uuid", snapshot->uuid);
    vms_json_add_text(&json, "kind", vms_snapshot_kind_name(snapshot->subject));
    vms_json_add_text(&json, "phase", vms_snapshot_phase_name(snapshot->phase));
    vms_json_add_bool(&json, "consistent", consistent);
    add_grade(&json, snapshot->grade);
    vms_json_add_text(&json, "policy", vms_policy_name(snapshot->policy));
    vms_json_add_bool(&json, "partial", snapshot->partial);
    vms_view_add_name(&json, "vm", snapshot->vm_name, snapshot->vm_uuid);
    vms_json_add_text_if(&json, "disk", snapshot->disk);
    vms_json_add_time(&json, "created", snapshot->created_us);
    vms_json_add_text(&json, "description", snapshot->description);
    add_labels(&json, snapshot->labels);
    add_keep_ip(&json, snapshot);
    vms_json_add_texts(&json, "macs", snapshot->macs);
    vms_json_add_texts(&json, "networks", snapshot->networks);
    add_addresses(&json, snapshot->addresses);
    vms_json_add_text(&json, "operation", snapshot->operation);
    vms_view_add_conditions(&json, snapshot->conditions);
    vms_view_add_findings(&json, "resources", snapshot->resources);
    add_disks(&json, snapshot->disks);
    add_parts(&json, snapshot->parts);
    add_dependencies(&json, snapshot->dependencies);
    vms_view_add_evidence(&json, snapshot->evidence);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
