/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/naming.h"

#include <string.h>

static const char *const words[] = {
    [VMS_NAMED_ANY] = "",
    [VMS_NAMED_VM] = "VirtualMachine",
    [VMS_NAMED_DISK] = "VirtualDisk",
    [VMS_NAMED_SECRET] = "Secret",
    [VMS_NAMED_NVRAM] = "NVRAM",
    [VMS_NAMED_HOST_ENTRY] = "HostEntry",
};

const char *
vms_named_kind_word(VmsNamedKind kind)
{
    return words[kind];
}

VmsNamingRule *
vms_naming_rule_new(VmsNamedKind kind, const char *name, const char *to)
{
    VmsNamingRule *rule = g_new0(VmsNamingRule, 1);

    rule->kind = kind;
    rule->name = g_strdup(name);
    rule->to = g_strdup(to);
    return rule;
}

void
vms_naming_rule_free(VmsNamingRule *rule)
{
    if (!rule)
        return;
    g_free(rule->name);
    g_free(rule->to);
    g_free(rule);
}

/* Up to one of @ends that no backslash stands before; @ret_end is where. */
static char *
take_part(const char *text, const char *ends, const char **ret_end)
{
    GString *part = g_string_new(NULL);

    for (; *text && !strchr(ends, *text); text++) {
        if (*text == '\\' && text[1])
            text++;
        g_string_append_c(part, *text);
    }
    *ret_end = text;
    return g_string_free(part, FALSE);
}

static gboolean
find_kind(const char *word, VmsNamedKind *ret_kind, GError **error)
{
    for (gsize i = VMS_NAMED_VM; i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(words[i], word)) {
            *ret_kind = (VmsNamedKind)i;
            return TRUE;
        }
    }
    return vms_fail(
        error, VMSNAP_E_INVALID,
        "'%s' is no kind that is renamed: VirtualMachine, VirtualDisk, Secret, NVRAM or "
        "HostEntry (a ':' in a name is written '\\:')",
        word);
}

gboolean
vms_naming_rule_parse(const char *text, VmsNamingRule **ret_rule, GError **error)
{
    const char *at = text;
    g_autofree char *name = take_part(text, ":=", &at);
    g_autofree char *to = NULL;
    VmsNamedKind kind = VMS_NAMED_ANY;

    if (*at == ':') {
        if (!find_kind(name, &kind, error))
            return FALSE;
        g_free(name);
        name = take_part(at + 1, "=", &at);
    }
    if (*at != '=' || !*name)
        return vms_fail(error, VMSNAP_E_INVALID, "rule '%s' is not [KIND:]OLD=NEW", text);
    to = take_part(at + 1, "", &at);
    if (!*to)
        return vms_fail(error, VMSNAP_E_INVALID, "rule '%s' gives no name", text);
    *ret_rule = vms_naming_rule_new(kind, name, to);
    return TRUE;
}

gboolean
vms_naming_rules_parse(char *const *texts, GPtrArray **ret_rules, GError **error)
{
    g_autoptr(GPtrArray) rules =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_naming_rule_free);

    for (; texts && *texts; texts++) {
        VmsNamingRule *rule = NULL;

        if (!vms_naming_rule_parse(*texts, &rule, error))
            return FALSE;
        g_ptr_array_add(rules, rule);
    }
    *ret_rules = g_steal_pointer(&rules);
    return TRUE;
}

static void
append_escaped(GString *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (strchr(special, *text))
            g_string_append_c(out, '\\');
        g_string_append_c(out, *text);
    }
}

char *
vms_naming_rule_describe(const VmsNamingRule *rule)
{
    GString *out = g_string_new(words[rule->kind]);

    if (rule->kind != VMS_NAMED_ANY)
        g_string_append_c(out, ':');
    append_escaped(out, rule->name, "\\:=");
    g_string_append_c(out, '=');
    append_escaped(out, rule->to, "\\");
    return g_string_free(out, FALSE);
}
