/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/naming.h"

#include <limits.h>
#include <string.h>

/* What the host's name service and DHCP allow. */
enum { HOST_LIMIT = 253, LABEL_LIMIT = 63 };
/* libvirt names files after a VM: some of that name and an ending. */
enum { VM_LIMIT = 200 };

/* ---- what may be a name ---- */

static gboolean
check_text(const char *what, const char *name, gsize limit, GError **error)
{
    gsize length = strlen(name);

    if (length == 0)
        return vms_fail(error, VMSNAP_E_INVALID, "the name of a %s is empty", what);
    if (length > limit)
        return vms_fail(error, VMSNAP_E_INVALID,
                        "'%s' has %" G_GSIZE_FORMAT " bytes, more than the %" G_GSIZE_FORMAT
                        " of the name of a %s",
                        name, length, limit, what);
    if (!g_utf8_validate(name, (gssize)length, NULL))
        return vms_fail(error, VMSNAP_E_INVALID, "the name of a %s is not UTF-8", what);
    for (const char *at = name; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);

        if (letter == '/')
            return vms_fail(error, VMSNAP_E_INVALID, "'%s' has a '/' in the name of a %s", name,
                            what);
        /* nor what no XML can name */
        if (letter < 0x20 || (letter >= 0x7f && letter < 0xa0) || letter == 0xfffe ||
            letter == 0xffff)
            return vms_fail(error, VMSNAP_E_INVALID,
                            "the name of a %s has a control character (U+%04X)", what, letter);
    }
    return TRUE;
}

gboolean
vms_naming_check_vm(const char *name, GError **error)
{
    if (!check_text("VM", name, VM_LIMIT, error))
        return FALSE;
    if (name[0] == '.')
        return vms_fail(error, VMSNAP_E_INVALID, "'%s' begins with a dot, which no VM's name does",
                        name);
    if (name[strspn(name, " ")] == '\0')
        return vms_fail(error, VMSNAP_E_INVALID, "the name of a VM is blank");
    return TRUE;
}

gboolean
vms_naming_check_file(const char *name, GError **error)
{
    if (!check_text("file", name, NAME_MAX, error))
        return FALSE;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return vms_fail(error, VMSNAP_E_INVALID, "'%s' is no name of a file", name);
    return TRUE;
}

static gboolean
is_label(const char *label, gsize length)
{
    if (length == 0 || length > LABEL_LIMIT || label[0] == '-' || label[length - 1] == '-')
        return FALSE;
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(label[i]) && label[i] != '-')
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_naming_check_host(const char *name, GError **error)
{
    if (!check_text("host entry", name, HOST_LIMIT, error))
        return FALSE;
    for (const char *at = name;; at++) {
        gsize length = strcspn(at, ".");

        if (!is_label(at, length))
            return vms_fail(error, VMSNAP_E_INVALID, "'%s' is no name of a host", name);
        at += length;
        if (!*at)
            return TRUE;
    }
}

/* ---- findings ---- */

static char *
describe(const GPtrArray *resources, const VmsNamed *named)
{
    const VmsNamed *vm = resources->pdata[0];

    if (named->kind == VMS_NAMED_DISK && named->target)
        return g_strconcat(vm->name, "/", named->target, NULL);
    return g_strdup(named->path ? named->path : named->name);
}

static VmsFinding *
add(const GPtrArray *resources, const VmsNamed *named, const char *reason, const char *message,
    GPtrArray *findings)
{
    g_autofree char *name = describe(resources, named);
    VmsFinding *finding = vms_finding_new_reason(vms_named_kind_word(named->kind), name,
                                                 VMSNAP_SEVERITY_CONFLICT, reason, "%s", message);

    finding->status = VMS_RESOURCE_CONFLICT;
    finding->new_name = g_strdup(named->new_path ? named->new_path : named->new_name);
    finding->strict = finding->best_effort = VMS_ACT_REFUSE;
    finding->resolution = g_strdup("give it another name by a rule");
    g_ptr_array_add(findings, finding);
    return finding;
}

static gboolean
collide(const VmsNamed *a, const VmsNamed *b)
{
    return (a->kind == b->kind && g_str_equal(a->new_name, b->new_name)) ||
           (a->new_path && g_strcmp0(a->new_path, b->new_path) == 0);
}

static void
find_collision(const GPtrArray *resources, guint index, GPtrArray *findings)
{
    const VmsNamed *named = resources->pdata[index];

    for (guint i = 0; i < index; i++) {
        const VmsNamed *other = resources->pdata[i];
        g_autofree char *name = NULL;
        g_autofree char *message = NULL;
        VmsFinding *finding;

        if (!collide(other, named))
            continue;
        name = describe(resources, other);
        message = g_strdup_printf("'%s' would be the name of %s %s as well", named->new_name,
                                  vms_named_kind_word(other->kind), name);
        finding = add(resources, named, "NameCollision", message, findings);
        finding->holder = g_strdup_printf("%s %s", vms_named_kind_word(other->kind), name);
        return;
    }
}

static char *
find_user(const VmsInventory *inventory, const VmsNamed *named)
{
    const VmsVm *vm =
        named->kind == VMS_NAMED_VM ? vms_inventory_find_vm(inventory, named->new_name) : NULL;
    gboolean volume = named->new_path && named->new_path[0] != '/';
    g_autofree char *rbd = volume ? g_strconcat("rbd:", named->new_path, NULL) : NULL;
    VmsFileUser user;
    VmsHolder holder;

    if (vm)
        return g_strconcat("VM ", vm->name, NULL);
    if (rbd)
        return vms_inventory_find_holder(inventory, NULL, VMS_IDENTITY_VOLUME, rbd, &holder)
                   ? vms_holder_describe(&holder)
                   : NULL;
    if (named->new_path && vms_inventory_find_user(inventory, NULL, named->new_path, NULL, &user))
        return vms_holder_describe(&user.holder);
    return NULL;
}

static void
find_taken(const VmsNamingWish *wish, const GPtrArray *resources, const VmsNamed *named,
           GPtrArray *findings)
{
    g_autofree char *user = wish->inventory ? find_user(wish->inventory, named) : NULL;
    const char *what = named->new_path ? named->new_path : named->new_name;
    g_autofree char *message = NULL;

    if (user)
        message = g_strdup_printf("'%s' is the name of what %s has", what, user);
    else if (named->obstacle)
        message = g_strdup_printf("'%s' is taken: %s", what, named->obstacle);
    else
        return;
    add(resources, named, "NameTaken", message, findings)->holder = g_steal_pointer(&user);
}

static void
find_unused(const VmsNamingWish *wish, GPtrArray *findings)
{
    for (guint i = 0; i < wish->rules->len; i++) {
        const VmsNamingRule *rule = wish->rules->pdata[i];
        g_autofree char *text = NULL;

        if (rule->used)
            continue;
        text = vms_naming_rule_describe(rule);
        g_ptr_array_add(findings, vms_finding_new_reason(
                                      "RenameRule", text, VMSNAP_SEVERITY_WARNING, "RuleUnused",
                                      "rule %s names nothing: there is nothing of "
                                      "that name, or a rule before it names it",
                                      text));
    }
}

void
vms_naming_find(const VmsNamingWish *wish, const GPtrArray *resources, GPtrArray *findings)
{
    for (guint i = 0; i < resources->len; i++) {
        const VmsNamed *named = resources->pdata[i];

        if (named->fault) {
            add(resources, named, "NameInvalid", named->fault, findings);
            continue;
        }
        find_collision(resources, i, findings);
        find_taken(wish, resources, named, findings);
    }
    find_unused(wish, findings);
}
