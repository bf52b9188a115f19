/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/finding.h"
#include "model/identity.h"
#include "model/inventory.h"

#include <glib.h>

/* What a clone's resources are called, and where their files stand. Pure.
 *
 * The first rule that is about a resource names it, then prefix and suffix are put around. What
 * none of them changed is named after the clone: a disk CLONE-TARGET, NVRAM and Secrets by the
 * clone's name in place of the source's. A file's name is its base name up to the last dot; its new
 * one stands in the same folder with the same extension, and where the folder is the source's own,
 * named after it, in one named after the clone. */

typedef enum {
    VMS_NAMED_ANY = 0, /* of rules only */
    VMS_NAMED_VM,
    VMS_NAMED_DISK,
    VMS_NAMED_SECRET,
    VMS_NAMED_NVRAM,
    VMS_NAMED_HOST_ENTRY
} VmsNamedKind;

typedef struct {
    VmsNamedKind kind;
    char *name; /* whole, case counts: a base name, or VM/TARGET for a disk or drive */
    char *to;
    gboolean used;
} VmsNamingRule;

/* One resource of the source. */
typedef struct {
    VmsNamedKind kind;
    char *name;   /* of the VM or entry; of a file its base name */
    char *target; /* of the disk or drive it is in; NULL: in none */
    char *path;   /* of a file, or "pool/image"; NULL of VM and entry */
    char *folder; /* where to put it instead of its own; NULL: its own */
    /* what became of it */
    char *new_name;
    char *new_path;     /* NULL where path is */
    GPtrArray *folders; /* VmsNewFolder*: to be made if missing, outermost first */
    gboolean derived;   /* nothing but the clone's name named it */
    char *fault;        /* why it cannot be called so; NULL: it can */
    /* what was seen since, by the caller */
    char *obstacle; /* what stands at new_path already; NULL: nothing */
} VmsNamed;

typedef struct {
    GPtrArray *rules;   /* VmsNamingRule* */
    const char *prefix; /* NULL: none, as the next */
    const char *suffix;
    const VmsInventory *inventory; /* tells whose own a folder is; NULL: nobody's */
} VmsNamingWish;

VmsNamingRule *vms_naming_rule_new(VmsNamedKind kind, const char *name, const char *to);
void vms_naming_rule_free(VmsNamingRule *rule);
/* "[KIND:]OLD=NEW", with a backslash before what is to be taken as it is. INVALID. */
gboolean vms_naming_rule_parse(const char *text, VmsNamingRule **ret_rule, GError **error);
/* All of a NULL-ended list (or NULL); VmsNamingRule*. */
gboolean vms_naming_rules_parse(char *const *texts, GPtrArray **ret_rules, GError **error);
/* "VirtualDisk:web/vda=db" */
char *vms_naming_rule_describe(const VmsNamingRule *rule);

/* @what is the name of a VM or entry, else a path. */
VmsNamed *vms_named_new(VmsNamedKind kind, const char *what, const char *target);
void vms_named_free(VmsNamed *named);
/* "VirtualMachine", "VirtualDisk", "Secret", "NVRAM", "HostEntry". */
const char *vms_named_kind_word(VmsNamedKind kind);

/* Name all of @resources (VmsNamed*), of which the first is the VM, and note which rules did.
 * INVALID with reason NameRequired when nothing names the clone. */
gboolean vms_naming_resolve(const VmsNamingWish *wish, GPtrArray *resources, GError **error);
/* Add what is against it: NameInvalid, NameCollision, NameTaken, and RuleUnused as a warning.
 * VmsFinding*; all but the last refuse both modes. */
void vms_naming_find(const VmsNamingWish *wish, const GPtrArray *resources, GPtrArray *findings);
/* Where the files go: VmsMove*. */
GPtrArray *vms_naming_list_moves(const GPtrArray *resources);
/* NULL: there is none. */
VmsNamed *vms_naming_find_target(const GPtrArray *resources, VmsNamedKind kind, const char *target);

/* 1-200 bytes of UTF-8 without '/', control characters or leading dot, and not blank. INVALID. */
gboolean vms_naming_check_vm(const char *name, GError **error);
/* What a file may be called, its extension included: 1-255 bytes of UTF-8 without '/' or control
 * characters, not "." or "..". INVALID. */
gboolean vms_naming_check_file(const char *name, GError **error);
/* Of a host in DNS. INVALID. */
gboolean vms_naming_check_host(const char *name, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNamingRule, vms_naming_rule_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNamed, vms_named_free)
