/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/naming.h"

#include "base/error.h"

#include <limits.h>
#include <string.h>

/* One set of resources being named. */
typedef struct {
    const VmsNamingWish *wish;
    const GPtrArray *resources;
    VmsFollow follow;
} Naming;

static gboolean
is_file(const VmsNamed *named)
{
    return named->path != NULL;
}

/* Where the extension begins; a leading dot begins none. */
static const char *
extension_of(const char *base)
{
    const char *dot = strrchr(base, '.');

    return dot && dot > base ? dot : base + strlen(base);
}

static const char *
base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

VmsNamed *
vms_named_new(VmsNamedKind kind, const char *what, const char *target)
{
    VmsNamed *named = g_new0(VmsNamed, 1);

    named->kind = kind;
    named->target = g_strdup(target);
    named->folders = g_ptr_array_new_with_free_func((GDestroyNotify)vms_new_folder_free);
    if (kind == VMS_NAMED_VM || kind == VMS_NAMED_HOST_ENTRY) {
        named->name = g_strdup(what);
    } else {
        const char *base = base_of(what);

        named->path = g_strdup(what);
        /* an image of a storage cluster has a name, and no extension */
        named->name =
            what[0] == '/' ? g_strndup(base, (gsize)(extension_of(base) - base)) : g_strdup(base);
    }
    return named;
}

void
vms_named_free(VmsNamed *named)
{
    if (!named)
        return;
    g_free(named->name);
    g_free(named->target);
    g_free(named->path);
    g_free(named->folder);
    g_free(named->new_name);
    g_free(named->new_path);
    g_ptr_array_unref(named->folders);
    g_free(named->fault);
    g_free(named->obstacle);
    g_free(named);
}

/* ---- names ---- */

static gboolean
is_qualified(const Naming *self, const VmsNamed *named, const char *name)
{
    gsize length = strlen(self->follow.source);

    return named->target && strncmp(name, self->follow.source, length) == 0 &&
           name[length] == '/' && strcmp(name + length + 1, named->target) == 0;
}

static const VmsNamed *
find_twin(const Naming *self, const VmsNamed *named)
{
    for (guint i = 0; named->kind == VMS_NAMED_DISK && i < self->resources->len; i++) {
        const VmsNamed *other = self->resources->pdata[i];

        if (other != named && other->kind == VMS_NAMED_DISK &&
            g_str_equal(other->name, named->name))
            return other;
    }
    return NULL;
}

/* What the first rule that is about it makes of its name; NULL: none is. */
static const char *
apply_rules(const Naming *self, VmsNamed *named)
{
    for (guint i = 0; i < self->wish->rules->len; i++) {
        VmsNamingRule *rule = self->wish->rules->pdata[i];
        gboolean exact = is_qualified(self, named, rule->name);
        const VmsNamed *twin;

        if ((rule->kind != VMS_NAMED_ANY && rule->kind != named->kind) ||
            (!exact && !g_str_equal(rule->name, named->name)))
            continue;
        twin = exact ? NULL : find_twin(self, named);
        if (twin)
            named->fault =
                g_strdup_printf("disks %s and %s are both called '%s': a rule for one of "
                                "them has to say %s/%s or %s/%s",
                                named->target, twin->target, named->name, self->follow.source,
                                named->target, self->follow.source, twin->target);
        rule->used = TRUE;
        return rule->to;
    }
    return NULL;
}

static char *
derive(const Naming *self, const VmsNamed *named)
{
    if (named->kind == VMS_NAMED_DISK && named->target)
        return g_strconcat(self->follow.name, "-", named->target, NULL);
    return vms_follow_name(&self->follow, named->name);
}

static void
name_one(const Naming *self, VmsNamed *named)
{
    const char *ruled = apply_rules(self, named);
    const char *prefix = self->wish->prefix ? self->wish->prefix : "";
    const char *suffix = self->wish->suffix ? self->wish->suffix : "";

    named->new_name = g_strconcat(prefix, ruled ? ruled : named->name, suffix, NULL);
    named->derived = g_str_equal(named->new_name, named->name);
    if (!named->derived || named->kind == VMS_NAMED_VM)
        return;
    g_free(named->new_name);
    named->new_name = derive(self, named);
}

/* ---- places ---- */

static char *
choose_folder(const Naming *self, VmsNamed *named)
{
    g_autofree char *own = g_path_get_dirname(named->path);

    if (named->folder)
        return g_strdup(named->folder);
    if (named->path[0] != '/')
        return g_strdup(own);
    return vms_follow_folder(&self->follow, own, named->folders);
}

static void
place(const Naming *self, VmsNamed *named)
{
    g_autofree char *folder = choose_folder(self, named);
    const char *extension = named->path[0] == '/' ? extension_of(base_of(named->path)) : "";
    g_autofree char *file = g_strconcat(named->new_name, extension, NULL);
    gboolean root = g_str_equal(folder, "/") || g_str_equal(folder, ".");
    g_autoptr(GError) error = NULL;

    named->new_path = root ? g_strconcat(folder[0] == '/' ? "/" : "", file, NULL)
                           : g_strconcat(folder, "/", file, NULL);
    if (!named->fault && !vms_naming_check_file(file, &error))
        named->fault = g_strdup(error->message);
    if (!named->fault && strlen(named->new_path) >= PATH_MAX)
        named->fault =
            g_strdup_printf("the path of '%s' is longer than %d bytes", file, PATH_MAX - 1);
}

/* ---- all of it ---- */

static gboolean
name_vm(const Naming *self, VmsNamed *vm, GError **error)
{
    g_autoptr(GError) invalid = NULL;

    name_one(self, vm);
    if (vm->derived)
        return vms_refuse(error, VMSNAP_E_INVALID, "NameRequired",
                          "the clone of '%s' needs a name of its own: give it one, or a rule, "
                          "prefix or suffix that does",
                          vm->name);
    if (!vms_naming_check_vm(vm->new_name, &invalid))
        vm->fault = g_strdup(invalid->message);
    return TRUE;
}

static void
forget(VmsNamed *named)
{
    g_clear_pointer(&named->new_name, g_free);
    g_clear_pointer(&named->new_path, g_free);
    g_clear_pointer(&named->fault, g_free);
    g_ptr_array_set_size(named->folders, 0);
}

gboolean
vms_naming_resolve(const VmsNamingWish *wish, GPtrArray *resources, GError **error)
{
    VmsNamed *vm = resources->len > 0 ? resources->pdata[0] : NULL;
    Naming naming = { .wish = wish, .resources = resources };

    if (!vm || vm->kind != VMS_NAMED_VM)
        return vms_fail(error, VMSNAP_E_INTERNAL, "what is renamed does not begin with a VM");
    for (guint i = 0; i < resources->len; i++)
        forget(resources->pdata[i]);
    for (guint i = 0; i < wish->rules->len; i++)
        ((VmsNamingRule *)wish->rules->pdata[i])->used = FALSE;
    naming.follow = (VmsFollow){ .source = vm->name, .inventory = wish->inventory };
    if (!name_vm(&naming, vm, error))
        return FALSE;
    naming.follow.name = vm->new_name;
    for (guint i = 1; i < resources->len; i++) {
        VmsNamed *named = resources->pdata[i];
        g_autoptr(GError) invalid = NULL;

        name_one(&naming, named);
        if (is_file(named))
            place(&naming, named);
        else if (!vms_naming_check_host(named->new_name, &invalid))
            named->fault = g_strdup(invalid->message);
    }
    return TRUE;
}

static VmsTraitKind
trait_of(const VmsNamed *named)
{
    if (named->kind == VMS_NAMED_DISK)
        return VMS_TRAIT_DISK;
    return named->kind == VMS_NAMED_SECRET ? VMS_TRAIT_SECRET : VMS_TRAIT_NVRAM;
}

GPtrArray *
vms_naming_list_moves(const GPtrArray *resources)
{
    GPtrArray *moves = g_ptr_array_new_with_free_func((GDestroyNotify)vms_move_free);

    for (guint i = 0; i < resources->len; i++) {
        const VmsNamed *named = resources->pdata[i];

        if (is_file(named))
            g_ptr_array_add(
                moves, vms_move_new(trait_of(named), named->target, named->path, named->new_path));
    }
    return moves;
}

VmsNamed *
vms_naming_find_target(const GPtrArray *resources, VmsNamedKind kind, const char *target)
{
    for (guint i = 0; i < resources->len; i++) {
        VmsNamed *named = resources->pdata[i];

        if (named->kind == kind && g_strcmp0(named->target, target) == 0)
            return named;
    }
    return NULL;
}
