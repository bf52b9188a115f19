/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/identity.h"

#include "base/error.h"
#include "model/identity-choose.h"

#include <string.h>

enum {
    SOCKET_BYTES = 107, /* of the path of a UNIX socket */
    PATH_BYTES = 4095,
    LABEL_BYTES = 63 /* of a host's name up to the first dot */
};

/* What becomes of a trait. */
typedef enum {
    RULE_CHOSEN = 0,
    RULE_NAME,
    RULE_SELF,    /* the VM's own UUID */
    RULE_SERIAL,  /* chosen, or kept on request */
    RULE_SMBIOS,  /* chosen, but for what cloud-init reads there */
    RULE_MOVED,   /* the caller says where to; what is not moved is another's */
    RULE_OWN,     /* the same, but never another's: dropped */
    RULE_SOCKET,  /* a path that follows the name, of a socket */
    RULE_FOLLOWS, /* ... of any other file */
    RULE_DROPPED
} Rule;

typedef struct {
    const char *word;
    Rule rule;
} Kind;

/* The one table of what a clone does not share with its source. */
static const Kind kinds[VMS_TRAIT_KINDS] = {
    [VMS_TRAIT_NAME] = { "name", RULE_NAME },
    [VMS_TRAIT_UUID] = { "uuid", RULE_SELF },
    [VMS_TRAIT_GENID] = { "generation-id", RULE_CHOSEN },
    [VMS_TRAIT_SMBIOS_UUID] = { "smbios-uuid", RULE_SELF },
    [VMS_TRAIT_SMBIOS_SERIAL] = { "smbios-serial", RULE_SMBIOS },
    [VMS_TRAIT_MAC] = { "mac", RULE_CHOSEN },
    [VMS_TRAIT_INTERFACE_ID] = { "interface-id", RULE_CHOSEN },
    [VMS_TRAIT_INSTANCE_ID] = { "instance-id", RULE_CHOSEN },
    [VMS_TRAIT_PORT_ID] = { "port-id", RULE_DROPPED },
    [VMS_TRAIT_LINK] = { "link", RULE_DROPPED },
    [VMS_TRAIT_ADDRESS] = { "address", RULE_DROPPED },
    [VMS_TRAIT_DISK] = { "disk", RULE_MOVED },
    [VMS_TRAIT_SERIAL] = { "disk-serial", RULE_SERIAL },
    [VMS_TRAIT_WWN] = { "disk-wwn", RULE_SERIAL },
    [VMS_TRAIT_CID] = { "vsock-cid", RULE_CHOSEN },
    [VMS_TRAIT_NVRAM] = { "nvram", RULE_OWN },
    [VMS_TRAIT_TPM] = { "tpm", RULE_OWN },
    [VMS_TRAIT_SECRET] = { "secret", RULE_MOVED },
    [VMS_TRAIT_STORE] = { "store", RULE_MOVED },
    [VMS_TRAIT_CHANNEL] = { "channel", RULE_DROPPED },
    [VMS_TRAIT_SOCKET] = { "socket", RULE_SOCKET },
    [VMS_TRAIT_FILE] = { "file", RULE_FOLLOWS },
    [VMS_TRAIT_PORT] = { "port", RULE_CHOSEN },
    [VMS_TRAIT_GRAPHICS] = { "graphics", RULE_DROPPED },
    [VMS_TRAIT_CLOUD_ID] = { "cloud-instance-id", RULE_CHOSEN },
    [VMS_TRAIT_CLOUD_HOSTNAME] = { "cloud-hostname", RULE_NAME },
};

typedef struct {
    const VmsIdentityWish *wish;
    VmsChooser *chooser;
    VmsIdentityTable *table;
} Making;

/* ---- parts ---- */

VmsTrait *
vms_trait_new(VmsTraitKind kind, const char *where, const char *old)
{
    VmsTrait *trait = g_new0(VmsTrait, 1);

    trait->kind = kind;
    trait->where = g_strdup(where);
    trait->old = g_strdup(old);
    return trait;
}

VmsTrait *
vms_trait_copy(const VmsTrait *trait)
{
    VmsTrait *copy = vms_trait_new(trait->kind, trait->where, trait->old);

    copy->value = g_strdup(trait->value);
    copy->format = g_strdup(trait->format);
    return copy;
}

void
vms_trait_free(VmsTrait *trait)
{
    if (!trait)
        return;
    g_free(trait->where);
    g_free(trait->old);
    g_free(trait->value);
    g_free(trait->format);
    g_free(trait);
}

const char *
vms_trait_kind_word(VmsTraitKind kind)
{
    return kinds[kind].word;
}

VmsMove *
vms_move_new(VmsTraitKind kind, const char *target, const char *old, const char *value)
{
    VmsMove *move = g_new0(VmsMove, 1);

    move->kind = kind;
    move->target = g_strdup(target);
    move->old = g_strdup(old);
    move->value = g_strdup(value);
    return move;
}

void
vms_move_free(VmsMove *move)
{
    if (!move)
        return;
    g_free(move->target);
    g_free(move->old);
    g_free(move->value);
    g_free(move->format);
    g_free(move);
}

GHashTable *
vms_identity_taken_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
vms_identity_take(GHashTable *taken, const GPtrArray *traits)
{
    for (guint i = 0; traits && i < traits->len; i++) {
        const VmsTrait *trait = traits->pdata[i];
        VmsValueClass class = vms_value_class_of(trait->kind);

        if (trait->old && class != VMS_VALUE_OTHER)
            g_hash_table_add(taken, vms_value_key(class, trait->old));
    }
}

void
vms_identity_table_free(VmsIdentityTable *table)
{
    if (!table)
        return;
    g_free(table->name);
    g_free(table->uuid);
    g_free(table->source);
    g_ptr_array_unref(table->rows);
    g_ptr_array_unref(table->folders);
    g_free(table);
}

const VmsTrait *
vms_identity_find(const VmsIdentityTable *table, const char *where)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];

        if (g_str_equal(row->where, where))
            return row;
    }
    return NULL;
}

const VmsTrait *
vms_identity_find_old(const VmsIdentityTable *table, VmsTraitKind kind, const char *old)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];

        if (row->kind == kind && g_strcmp0(row->old, old) == 0)
            return row;
    }
    return NULL;
}

/* ---- what is moved ---- */

static gboolean
is_of(const VmsMove *move, const VmsTrait *trait)
{
    g_autofree char *disk = move->target ? g_strconcat("disk ", move->target, NULL) : NULL;

    if (disk)
        return trait->kind == VMS_TRAIT_DISK && g_str_equal(trait->where, disk);
    return move->kind == trait->kind;
}

static const VmsMove *
find_move(const VmsIdentityWish *wish, const VmsTrait *trait)
{
    for (guint i = 0; wish->moves && i < wish->moves->len; i++) {
        if (is_of(wish->moves->pdata[i], trait))
            return wish->moves->pdata[i];
    }
    return NULL;
}

/* The emulator keeps it in a folder of the VM's UUID. */
static char *
follow_uuid(const Making *self, const char *path)
{
    const VmsTrait *uuid = vms_identity_find(self->table, "uuid");
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    gboolean found = FALSE;

    for (gsize i = 0; uuid && uuid->old && parts[i]; i++) {
        if (g_ascii_strcasecmp(parts[i], uuid->old) != 0)
            continue;
        g_free(parts[i]);
        parts[i] = g_strdup(self->table->uuid);
        found = TRUE;
    }
    return found ? g_strjoinv("/", parts)
                 : vms_chooser_follow(self->chooser, path, PATH_BYTES, self->table->folders);
}

static void
apply_move(const Making *self, VmsTrait *row, const VmsMove *move)
{
    row->kind = move->kind;
    row->value = move->value ? g_strdup(move->value) : follow_uuid(self, move->old);
    row->format = g_strdup(move->format);
}

/* ---- cloud-init ---- */

/* What of a name is a host's: letters, digits and hyphens between them. */
static char *
make_hostname(const Making *self)
{
    GString *label = g_string_new(NULL);

    for (const char *at = self->table->name; *at && label->len < LABEL_BYTES; at++) {
        if (g_ascii_isalnum(*at))
            g_string_append_c(label, *at);
        else if (label->len > 0 && label->str[label->len - 1] != '-')
            g_string_append_c(label, '-');
    }
    while (label->len > 0 && label->str[label->len - 1] == '-')
        g_string_truncate(label, label->len - 1);
    if (label->len == 0)
        g_string_printf(label, "vm-%.8s", self->table->uuid);
    return g_string_free(label, FALSE);
}

static gboolean
add_cloud(const Making *self, GError **error)
{
    VmsTrait *id = vms_trait_new(VMS_TRAIT_CLOUD_ID, "cloud instance-id", NULL);
    VmsTrait *host = vms_trait_new(VMS_TRAIT_CLOUD_HOSTNAME, "cloud local-hostname", NULL);

    g_ptr_array_add(self->table->rows, id);
    g_ptr_array_add(self->table->rows, host);
    host->value = make_hostname(self);
    return vms_chooser_choose(self->chooser, VMS_VALUE_CLOUD_ID, NULL, id->where, &id->value,
                              error);
}

static gboolean
key_is(const char *pair, const char *brief, const char *whole)
{
    gsize length = strcspn(pair, "=");

    return (length == strlen(brief) && strncmp(pair, brief, length) == 0) ||
           (length == strlen(whole) && strncmp(pair, whole, length) == 0);
}

/* A serial "ds=nocloud;i=ID;h=HOST" is where cloud-init is told of its data. */
static char *
renew_seed(const Making *self, const char *serial)
{
    const VmsTrait *id = vms_identity_find(self->table, "cloud instance-id");
    const VmsTrait *host = vms_identity_find(self->table, "cloud local-hostname");
    g_auto(GStrv) pairs = g_strsplit(serial, ";", -1);

    for (gsize i = 0; id && host && pairs[i]; i++) {
        gboolean is_id = key_is(pairs[i], "i", "instance-id");
        g_autofree char *key = g_strndup(pairs[i], strcspn(pairs[i], "="));

        if (!is_id && !key_is(pairs[i], "h", "local-hostname"))
            continue;
        g_free(pairs[i]);
        pairs[i] = g_strconcat(key, "=", is_id ? id->value : host->value, NULL);
    }
    return g_strjoinv(";", pairs);
}

/* ---- the rows ---- */

static gboolean
fill_row(const Making *self, VmsTrait *row, GError **error)
{
    const char *old = row->old;
    gboolean keep = kinds[row->kind].rule == RULE_SERIAL && self->wish->keep_serial;

    switch (kinds[row->kind].rule) {
    case RULE_NAME:
        row->value = g_strdup(self->table->name);
        return TRUE;
    case RULE_SELF:
        row->value = g_strdup(self->table->uuid);
        return TRUE;
    case RULE_SOCKET:
    case RULE_FOLLOWS:
        row->value = vms_chooser_follow(self->chooser, old ? old : row->where,
                                        row->kind == VMS_TRAIT_SOCKET ? SOCKET_BYTES : PATH_BYTES,
                                        self->table->folders);
        return TRUE;
    case RULE_SMBIOS:
        keep = old && g_str_has_prefix(old, "ds=");
        break;
    case RULE_MOVED:
    case RULE_OWN:
    case RULE_DROPPED:
        return TRUE;
    case RULE_SERIAL:
    case RULE_CHOSEN:
        break;
    }
    if (keep) {
        row->value = row->kind == VMS_TRAIT_SMBIOS_SERIAL ? renew_seed(self, old) : g_strdup(old);
        return TRUE;
    }
    return vms_chooser_choose(self->chooser, vms_value_class_of(row->kind), old, row->where,
                              &row->value, error);
}

static gboolean
add_row(const Making *self, const VmsTrait *trait, GError **error)
{
    const VmsMove *move = find_move(self->wish, trait);
    VmsTrait *row;

    if (!move && kinds[trait->kind].rule == RULE_MOVED)
        return TRUE;
    row = vms_trait_new(trait->kind, trait->where, trait->old);
    g_ptr_array_add(self->table->rows, row);
    if (!move)
        return fill_row(self, row, error);
    apply_move(self, row, move);
    return TRUE;
}

static gboolean
is_moved(const VmsIdentityTable *table, const VmsMove *move)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];

        if (row->kind == move->kind && g_strcmp0(row->value, move->value) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Files that the configuration does not name, as a TPM's state. */
static void
add_moves(const Making *self)
{
    for (guint i = 0; self->wish->moves && i < self->wish->moves->len; i++) {
        const VmsMove *move = self->wish->moves->pdata[i];
        g_autofree char *where = NULL;
        VmsTrait *row;

        if (is_moved(self->table, move))
            continue;
        where = g_strdup_printf("%s %s", kinds[move->kind].word,
                                move->target ? move->target : move->old);
        row = vms_trait_new(move->kind, where, move->old);
        apply_move(self, row, move);
        g_ptr_array_add(self->table->rows, row);
    }
}

static const VmsTrait *
find_trait(const VmsIdentityWish *wish, VmsTraitKind kind)
{
    for (guint i = 0; i < wish->traits->len; i++) {
        const VmsTrait *trait = wish->traits->pdata[i];

        if (trait->kind == kind)
            return trait;
    }
    return NULL;
}

static gboolean
wants_cloud(const VmsIdentityWish *wish)
{
    for (guint i = 0; wish->moves && i < wish->moves->len; i++) {
        if (((const VmsMove *)wish->moves->pdata[i])->kind == VMS_TRAIT_SECRET)
            return TRUE;
    }
    for (guint i = 0; i < wish->traits->len; i++) {
        const VmsTrait *trait = wish->traits->pdata[i];

        if (trait->kind == VMS_TRAIT_SMBIOS_SERIAL && trait->old &&
            g_str_has_prefix(trait->old, "ds="))
            return TRUE;
    }
    return FALSE;
}

/* Name and UUID are rows whatever was read: a VM without either is given one by nobody else. */
static gboolean
begin(const Making *self, GError **error)
{
    const VmsTrait *old = find_trait(self->wish, VMS_TRAIT_UUID);
    VmsTrait *uuid = vms_trait_new(VMS_TRAIT_UUID, "uuid", old ? old->old : NULL);
    VmsTrait *name = vms_trait_new(VMS_TRAIT_NAME, "name", self->wish->source);

    g_ptr_array_add(self->table->rows, name);
    g_ptr_array_add(self->table->rows, uuid);
    name->value = g_strdup(self->table->name);
    if (!vms_chooser_choose(self->chooser, VMS_VALUE_UUID, uuid->old, "uuid", &uuid->value, error))
        return FALSE;
    self->table->uuid = g_strdup(uuid->value);
    return !wants_cloud(self->wish) || add_cloud(self, error);
}

gboolean
vms_identity_make(const VmsIdentityWish *wish, VmsIdentityTable **ret_table, GError **error)
{
    g_autoptr(VmsIdentityTable) table = g_new0(VmsIdentityTable, 1);
    g_auto(VmsChooser) chooser = { 0 };
    Making making = { .wish = wish, .chooser = &chooser, .table = table };

    table->name = g_strdup(wish->name);
    table->source = g_strdup(wish->source);
    table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)vms_trait_free);
    table->folders = g_ptr_array_new_with_free_func((GDestroyNotify)vms_new_folder_free);
    vms_chooser_init(&chooser, wish);
    if (!begin(&making, error))
        return FALSE;
    for (guint i = 0; i < wish->traits->len; i++) {
        const VmsTrait *trait = wish->traits->pdata[i];

        if (trait->kind != VMS_TRAIT_NAME && trait->kind != VMS_TRAIT_UUID &&
            !add_row(&making, trait, error))
            return FALSE;
    }
    add_moves(&making);
    *ret_table = g_steal_pointer(&table);
    return TRUE;
}
