/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/message.h"

#include "adapter/qga/reply.h"
#include "base/error.h"

#include <string.h>

/* Beyond this no guest freezes file systems. */
#define MAX_COUNT 100000

char *
vms_qga_request(const char *command)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "execute");
    json_builder_add_string_value(builder, command);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

char *
vms_qga_request_freeze_list(const char *const *mountpoints)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "execute");
    json_builder_add_string_value(builder, "guest-fsfreeze-freeze-list");
    json_builder_set_member_name(builder, "arguments");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "mountpoints");
    json_builder_begin_array(builder);
    for (; *mountpoints; mountpoints++)
        json_builder_add_string_value(builder, *mountpoints);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

char *
vms_qga_request_sync(gint64 number)
{
    return g_strdup_printf(
        "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%" G_GINT64_FORMAT "}}",
        number);
}

const char *
vms_qga_reason_of(const char *text)
{
    /* A frozen agent calls most of its commands disabled: that is no lack of ability. */
    if (strstr(text, "frozen state"))
        return "FreezeFailed";
    if (strstr(text, "has been disabled") || strstr(text, "has not been found") ||
        strstr(text, "CommandNotFound") || strstr(text, "is not supported") ||
        strstr(text, "not currently supported"))
        return "FreezeUnsupported";
    return "FreezeFailed";
}

gboolean
vms_qga_parse_ping(const char *reply, GError **error)
{
    g_autoptr(JsonNode) root = NULL;
    JsonNode *value;

    return vms_qga_reply_open(reply, &root, &value, error);
}

static gboolean
read_number(const char *reply, gint64 *ret_number, GError **error)
{
    g_autoptr(JsonNode) root = NULL;
    JsonNode *value;

    if (!vms_qga_reply_open(reply, &root, &value, error))
        return FALSE;
    if (!JSON_NODE_HOLDS_VALUE(value) || json_node_get_value_type(value) != G_TYPE_INT64)
        return vms_qga_bad_reply(error, "has no whole number");
    *ret_number = json_node_get_int(value);
    return TRUE;
}

gboolean
vms_qga_parse_sync(const char *reply, gint64 *ret_number, GError **error)
{
    return read_number(reply, ret_number, error);
}

gboolean
vms_qga_parse_count(const char *reply, int *ret_count, GError **error)
{
    gint64 count = 0;

    if (!read_number(reply, &count, error))
        return FALSE;
    if (count < 0 || count > MAX_COUNT)
        return vms_qga_bad_reply(error, "has a number out of range");
    *ret_count = (int)count;
    return TRUE;
}

gboolean
vms_qga_parse_status(const char *reply, gboolean *ret_frozen, GError **error)
{
    g_autoptr(JsonNode) root = NULL;
    const char *status = NULL;
    JsonNode *value;

    if (!vms_qga_reply_open(reply, &root, &value, error))
        return FALSE;
    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING)
        status = json_node_get_string(value);
    if (g_strcmp0(status, "frozen") != 0 && g_strcmp0(status, "thawed") != 0)
        return vms_qga_bad_reply(error, "tells neither frozen nor thawed");
    *ret_frozen = strcmp(status, "frozen") == 0;
    return TRUE;
}

/* NULL: enabled; else what is the matter with it. */
static const char *
lack_of(JsonArray *commands, const char *name)
{
    guint count = json_array_get_length(commands);

    for (guint i = 0; i < count; i++) {
        JsonObject *command = vms_qga_get_item(commands, i);

        if (command && g_strcmp0(vms_qga_get_string(command, "name"), name) == 0)
            return vms_qga_get_true(command, "enabled") ? NULL : "disabled";
    }
    return "missing";
}

/* What a freeze needs and the agent has not, or may not use; NULL: nothing. */
static char *
find_lacking(JsonArray *commands)
{
    const char *const needed[] = { "guest-fsfreeze-freeze", "guest-fsfreeze-thaw",
                                   "guest-fsfreeze-status" };
    g_autoptr(GString) text = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++) {
        const char *lack = lack_of(commands, needed[i]);

        if (lack)
            g_string_append_printf(text, "%s%s is %s", text->len ? ", " : "", needed[i], lack);
    }
    return text->len ? g_strdup(text->str) : NULL;
}

gboolean
vms_qga_parse_info(const char *reply, VmsAgentInfo *ret_info, GError **error)
{
    g_autoptr(JsonNode) root = NULL;
    JsonObject *object;
    JsonArray *commands;
    const char *version;
    JsonNode *value;

    if (!vms_qga_reply_open(reply, &root, &value, error))
        return FALSE;
    if (!JSON_NODE_HOLDS_OBJECT(value))
        return vms_qga_bad_reply(error, "has no description of the agent");
    object = json_node_get_object(value);
    commands = vms_qga_get_array(object, "supported_commands");
    if (!commands)
        return vms_qga_bad_reply(error, "has no list of commands");
    version = vms_qga_get_string(object, "version");
    *ret_info = (VmsAgentInfo){
        .version = version ? vms_escape_text(version) : NULL,
        .can_list = !lack_of(commands, "guest-get-fsinfo"),
        .can_freeze_some = !lack_of(commands, "guest-fsfreeze-freeze-list"),
        .lacking = find_lacking(commands),
    };
    ret_info->can_freeze = !ret_info->lacking;
    return TRUE;
}

gboolean
vms_qga_parse_os(const char *reply, gboolean *ret_windows, GError **error)
{
    g_autoptr(JsonNode) root = NULL;
    JsonNode *value;

    if (!vms_qga_reply_open(reply, &root, &value, error))
        return FALSE;
    if (!JSON_NODE_HOLDS_OBJECT(value))
        return vms_qga_bad_reply(error, "has no description of the system");
    *ret_windows =
        g_strcmp0(vms_qga_get_string(json_node_get_object(value), "id"), "mswindows") == 0;
    return TRUE;
}
