/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/json-scan.h"
#include "record/record.h"
#include "record/text-check.h"
#include "record/words.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* A plan as people get it (record/view.c), read back. It may have been through many hands. */

static const VmsJsonLimits limits = { .size = VMS_PLAN_TEXT_LIMIT, .depth = 6, .values = 100000 };

#define LONGEST_MS 1e12

/* The member that is not what it must be, from the first one on. */
typedef struct {
    const char *wrong;
} Reader;

static void
call_wrong(Reader *self, const char *key)
{
    if (!self->wrong)
        self->wrong = key;
}

/* NULL for null, for none, and where it is no text. */
static const char *
get_text(Reader *self, JsonObject *from, const char *key)
{
    JsonNode *node = from ? json_object_get_member(from, key) : NULL;

    if (!node || JSON_NODE_HOLDS_NULL(node))
        return NULL;
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
        return json_node_get_string(node);
    call_wrong(self, key);
    return NULL;
}

static char *
take_text(Reader *self, JsonObject *from, const char *key)
{
    return g_strdup(get_text(self, from, key));
}

/* A text that must be there and be what @check says. */
static char *
take_checked(Reader *self, JsonObject *from, const char *key, VmsCheck check)
{
    const char *text = get_text(self, from, key);

    if (text && vms_text_check(check, text))
        return g_strdup(text);
    call_wrong(self, key);
    return NULL;
}

static int
get_word(Reader *self, JsonObject *from, const char *key, const VmsWord *words)
{
    const char *text = get_text(self, from, key);
    int value = 0;

    if (!text || !vms_words_parse(words, text, &value))
        call_wrong(self, key);
    return value;
}

static guint64
get_uint(Reader *self, JsonObject *from, const char *key, guint64 most)
{
    JsonNode *node = from ? json_object_get_member(from, key) : NULL;
    gint64 value = -1;

    if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
        value = json_node_get_int(node);
    if (value >= 0 && (guint64)value <= most)
        return (guint64)value;
    call_wrong(self, key);
    return 0;
}

static gboolean
get_bool(Reader *self, JsonObject *from, const char *key)
{
    JsonNode *node = json_object_get_member(from, key);

    if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        return json_node_get_boolean(node) ? TRUE : FALSE;
    call_wrong(self, key);
    return FALSE;
}

/* Microseconds; -1 for null. */
static gint64
get_ms(Reader *self, JsonObject *from, const char *key)
{
    JsonNode *node = from ? json_object_get_member(from, key) : NULL;
    GType type = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : 0;
    double ms = -1;

    if (node && JSON_NODE_HOLDS_NULL(node))
        return -1;
    if (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE)
        ms = json_node_get_double(node);
    if (ms >= 0 && ms <= LONGEST_MS)
        return (gint64)(ms * 1000 + 0.5);
    call_wrong(self, key);
    return -1;
}

static JsonObject *
get_object(Reader *self, JsonObject *from, const char *key)
{
    JsonNode *node = from ? json_object_get_member(from, key) : NULL;

    if (node && JSON_NODE_HOLDS_OBJECT(node))
        return json_node_get_object(node);
    call_wrong(self, key);
    return NULL;
}

/* An array of @count items; NULL where there is none. */
static JsonArray *
get_array(Reader *self, JsonObject *from, const char *key, guint *ret_count)
{
    JsonNode *node = from ? json_object_get_member(from, key) : NULL;

    *ret_count = 0;
    if (node && JSON_NODE_HOLDS_ARRAY(node)) {
        *ret_count = json_array_get_length(json_node_get_array(node));
        return json_node_get_array(node);
    }
    call_wrong(self, key);
    return NULL;
}

static JsonObject *
item_at(Reader *self, JsonArray *items, guint index, const char *key)
{
    JsonNode *node = json_array_get_element(items, index);

    if (JSON_NODE_HOLDS_OBJECT(node))
        return json_node_get_object(node);
    call_wrong(self, key);
    return NULL;
}

/* ---- parts ---- */

static void
read_finding(Reader *self, JsonObject *from, GPtrArray *findings)
{
    VmsFinding *finding = vms_finding_new(NULL, NULL, VMS_RESOURCE_READY);

    g_ptr_array_add(findings, finding);
    finding->kind = take_checked(self, from, "kind", VMS_CHECK_LINE);
    finding->name = take_checked(self, from, "name", VMS_CHECK_NONE);
    finding->new_name = take_text(self, from, "new_name");
    finding->status = (VmsResourceStatus)get_word(self, from, "status", vms_words_resource_status);
    finding->severity = (vmsnap_severity)get_word(self, from, "severity", vms_words_severity);
    finding->reason = take_text(self, from, "reason");
    finding->message = take_text(self, from, "message");
    finding->holder = take_text(self, from, "holder");
    finding->resolution = take_text(self, from, "resolution");
    finding->strict = (VmsAct)get_word(self, from, "strict", vms_words_act);
    finding->best_effort = (VmsAct)get_word(self, from, "best_effort", vms_words_act);
}

static void
read_findings(Reader *self, JsonObject *root, VmsPlan *plan)
{
    guint count = 0;
    JsonArray *items = get_array(self, root, "resources", &count);

    for (guint i = 0; i < count && !self->wrong; i++) {
        JsonObject *item = item_at(self, items, i, "resources");

        if (item)
            read_finding(self, item, plan->findings);
    }
}

static void
read_steps(Reader *self, JsonObject *from, VmsPlan *plan)
{
    guint count = 0;
    JsonArray *items = get_array(self, from, "steps", &count);

    for (guint i = 0; i < count && !self->wrong; i++) {
        JsonObject *item = item_at(self, items, i, "steps");
        g_autofree char *name = item ? take_checked(self, item, "name", VMS_CHECK_LINE) : NULL;

        if (name)
            g_ptr_array_add(plan->steps, vms_step_new(name, get_bool(self, item, "reversible")));
    }
}

static guint
read_flags(Reader *self, JsonObject *from, const VmsWord *words)
{
    guint count = 0;
    JsonArray *items = get_array(self, from, "flags", &count);
    guint flags = 0;

    for (guint i = 0; i < count && !self->wrong; i++) {
        JsonNode *node = json_array_get_element(items, i);
        int flag = 0;

        if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING ||
            !vms_words_parse(words, json_node_get_string(node), &flag))
            call_wrong(self, "flags");
        flags |= (guint)flag;
    }
    return flags;
}

static void
read_request(Reader *self, JsonObject *root, VmsPlan *plan)
{
    JsonObject *from = get_object(self, root, "options");

    plan->request = (VmsRestoreRequest){
        .flags = read_flags(self, from, vms_words_restore_flag),
        .stop_timeout_ms = (guint)get_uint(self, from, "stop_timeout_ms", G_MAXUINT32),
        .undo_ttl_s = (guint)get_uint(self, from, "undo_ttl_s", G_MAXUINT32),
        .wait_ready_ms = (guint)get_uint(self, from, "wait_ready_ms", G_MAXUINT32),
    };
    plan->asked = take_text(self, from, "vm");
    if (plan->asked && !vms_text_check(VMS_CHECK_LINE, plan->asked))
        call_wrong(self, "vm");
}

/* Texts as they are: what they must be is asked when the plan is made anew. */
static char **
read_rules(Reader *self, JsonObject *from)
{
    g_autoptr(GStrvBuilder) rules = g_strv_builder_new();
    guint count = 0;
    JsonArray *items = get_array(self, from, "rules", &count);

    for (guint i = 0; i < count && !self->wrong; i++) {
        JsonNode *node = json_array_get_element(items, i);

        if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
            g_strv_builder_add(rules, json_node_get_string(node));
        else
            call_wrong(self, "rules");
    }
    return count > 0 ? g_strv_builder_end(rules) : NULL;
}

static void
read_cloning(Reader *self, JsonObject *root, VmsPlan *plan)
{
    JsonObject *from = get_object(self, root, "options");
    VmsCloneRequest *request = g_new0(VmsCloneRequest, 1);

    plan->cloning = request;
    request->name = take_text(self, from, "name");
    request->rules = read_rules(self, from);
    request->prefix = take_text(self, from, "prefix");
    request->suffix = take_text(self, from, "suffix");
    request->seed = take_text(self, from, "seed");
    request->method = (guint)get_word(self, from, "method", vms_words_clone_method);
    request->run_policy = (guint)get_word(self, from, "run_policy", vms_words_run_policy);
    request->flags = read_flags(self, from, vms_words_clone_flag);
    request->wait_ready_ms = (guint)get_uint(self, from, "wait_ready_ms", G_MAXUINT32);
}

/* Of a clone: a VM, or a snapshot. */
static gboolean
is_of_vm(Reader *self, JsonObject *root)
{
    const char *kind = get_text(self, root, "source_kind");

    if (g_strcmp0(kind, "VirtualMachine") != 0 && g_strcmp0(kind, "VirtualMachineSnapshot") != 0)
        call_wrong(self, "source_kind");
    return g_strcmp0(kind, "VirtualMachine") == 0;
}

static void
read_source(Reader *self, JsonObject *root, VmsPlan *plan)
{
    JsonObject *source = get_object(self, root, "source");
    gboolean vm = g_strcmp0(plan->type, "clone") == 0 && is_of_vm(self, root);
    char *uuid = take_checked(self, source, "uuid", VMS_CHECK_UUID);
    char *name = take_text(self, source, "name");

    *(vm ? &plan->source_uuid : &plan->snapshot_uuid) = uuid;
    *(vm ? &plan->source_name : &plan->snapshot_name) = name;
}

static void
read_ends(Reader *self, JsonObject *root, VmsPlan *plan)
{
    JsonNode *node = json_object_get_member(root, "target");
    JsonObject *target = NULL;

    read_source(self, root, plan);
    if (node && JSON_NODE_HOLDS_NULL(node))
        return;
    target = get_object(self, root, "target");
    plan->vm_name = take_text(self, target, "name");
    plan->vm_uuid = take_text(self, target, "uuid");
    if (plan->vm_uuid && !vms_text_check(VMS_CHECK_UUID, plan->vm_uuid))
        call_wrong(self, "target");
}

static VmsPlan *
read_plan(Reader *self, JsonObject *root)
{
    gboolean clone = g_strcmp0(get_text(self, root, "type"), "clone") == 0;
    VmsPlan *plan = vms_plan_new(clone ? "clone" : "restore");
    JsonObject *inner = get_object(self, root, "plan");
    JsonObject *space = inner ? get_object(self, inner, "space") : NULL;

    if (g_strcmp0(get_text(self, root, "type"), plan->type) != 0)
        call_wrong(self, "type");
    read_ends(self, root, plan);
    read_findings(self, root, plan);
    if (clone)
        read_cloning(self, root, plan);
    else
        read_request(self, root, plan);
    plan->hash = take_checked(self, inner, "hash", VMS_CHECK_SHA256);
    plan->identity = take_checked(self, inner, "identity", VMS_CHECK_SHA256);
    read_steps(self, inner, plan);
    plan->space_needed = get_uint(self, space, "needed", G_MAXINT64);
    plan->space_free = get_uint(self, space, "free", G_MAXINT64);
    plan->expected_downtime_us = get_ms(self, inner, "expected_downtime_ms");
    return plan;
}

static gboolean
refuse(const char *what, GError **error)
{
    return vms_refuse(error, VMSNAP_E_INVALID, "NoPlan", "this is no plan that can be run: %s",
                      what);
}

VmsPlan *
vms_record_read_plan(const char *text, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) wrong = NULL;
    g_autoptr(VmsPlan) plan = NULL;
    g_autofree char *member = NULL;
    Reader reader = { NULL };
    JsonNode *root;

    if (!vms_json_scan(text, strnlen(text, limits.size + 1), &limits, &wrong) ||
        !json_parser_load_from_data(parser, text, -1, &wrong)) {
        refuse(wrong->message, error);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        refuse("it is no object", error);
        return NULL;
    }
    plan = read_plan(&reader, json_node_get_object(root));
    if (!reader.wrong)
        return g_steal_pointer(&plan);
    member = g_strdup_printf("'%s' is not what it must be", reader.wrong);
    refuse(member, error);
    return NULL;
}
