/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "record/words.h"

#include <glib.h>
#include <stddef.h>

/* Tables that say how the members of a model object are stored. One table serves writing and
 * reading, so that neither can forget a member; a test finds members without a row. */

typedef enum {
    VMS_FIELD_TEXT,   /* char *; NULL is left out */
    VMS_FIELD_BOOL,   /* gboolean */
    VMS_FIELD_INT,    /* gint64 */
    VMS_FIELD_INT32,  /* int */
    VMS_FIELD_UINT,   /* guint64 */
    VMS_FIELD_UINT32, /* guint32, guint */
    VMS_FIELD_ENUM,   /* of @words */
    VMS_FIELD_STRUCT, /* a struct of @shape inside this one */
    VMS_FIELD_OBJECT, /* pointer to one of @shape; NULL is left out */
    VMS_FIELD_TEXTS,  /* GPtrArray of char * */
    VMS_FIELD_OBJECTS /* GPtrArray of objects of @shape */
} VmsFieldKind;

/* What a stored text must be to be believed. */
typedef enum {
    VMS_CHECK_NONE = 0, /* any text */
    VMS_CHECK_LINE,     /* not empty, no control characters, no longer than a path */
    VMS_CHECK_UUID,
    VMS_CHECK_PATH,          /* see vms_name_check_path() */
    VMS_CHECK_SNAPSHOT_NAME, /* see vms_name_check_snapshot() */
    VMS_CHECK_LABEL,         /* see vms_name_check_label() */
    VMS_CHECK_WORD,          /* 1-64 letters, digits, '-', '_', '.'; no leading '.' */
    VMS_CHECK_FORMAT,        /* "raw" or "qcow2" */
    VMS_CHECK_SHA256,
    VMS_CHECK_MAC, /* these two as base/ip.h spells them */
    VMS_CHECK_ADDRESS
} VmsCheck;

typedef struct VmsShape VmsShape;

typedef struct {
    const char *key;
    VmsFieldKind kind;
    gsize offset;
    VmsCheck check;
    gboolean needed; /* a text or object that may not be missing */
    gboolean later;  /* came after the first records: missing there, it is what make() gives */
    const VmsWord *words;
    const VmsShape *shape;
} VmsField;

struct VmsShape {
    const char *name; /* for messages: "disk" */
    gsize size;
    const VmsField *fields; /* ended by a NULL key */
    gpointer (*make)(void); /* an empty object; NULL for structs */
    GDestroyNotify free;
};

#define VMS_TEXT(type, member, the_check)                                                          \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_TEXT, .offset = offsetof(type, member),                  \
        .check = the_check                                                                         \
    }
#define VMS_TEXT_NEEDED(type, member, the_check)                                                   \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_TEXT, .offset = offsetof(type, member),                  \
        .check = the_check, .needed = TRUE                                                         \
    }
#define VMS_TEXTS(type, member, the_check)                                                         \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_TEXTS, .offset = offsetof(type, member),                 \
        .check = the_check                                                                         \
    }
#define VMS_PLAIN(type, member, the_kind)                                                          \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_##the_kind, .offset = offsetof(type, member)             \
    }
#define VMS_ENUM(type, member, the_words)                                                          \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_ENUM, .offset = offsetof(type, member),                  \
        .words = the_words                                                                         \
    }
/* The same for members that older records of this schema do not have. */
#define VMS_PLAIN_LATER(type, member, the_kind)                                                    \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_##the_kind, .offset = offsetof(type, member),            \
        .later = TRUE                                                                              \
    }
#define VMS_ENUM_LATER(type, member, the_words)                                                    \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_ENUM, .offset = offsetof(type, member),                  \
        .words = the_words, .later = TRUE                                                          \
    }
/* @the_kind: STRUCT, OBJECT or OBJECTS. */
#define VMS_NESTED(type, member, the_kind, the_shape)                                              \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_##the_kind, .offset = offsetof(type, member),            \
        .shape = &the_shape                                                                        \
    }
#define VMS_NESTED_LATER(type, member, the_kind, the_shape)                                        \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_##the_kind, .offset = offsetof(type, member),            \
        .later = TRUE, .shape = &the_shape                                                         \
    }
#define VMS_NESTED_NEEDED(type, member, the_kind, the_shape)                                       \
    {                                                                                              \
        .key = #member, .kind = VMS_FIELD_##the_kind, .offset = offsetof(type, member),            \
        .needed = TRUE, .shape = &the_shape                                                        \
    }

static inline gpointer
vms_field_at(gconstpointer object, const VmsField *field)
{
    return (gpointer)((const char *)object + field->offset);
}

extern const VmsShape vms_shape_snapshot;
extern const VmsShape vms_shape_operation;
extern const VmsShape vms_shape_lease;
/* Parts of these. */
extern const VmsShape vms_shape_file_id;
extern const VmsShape vms_shape_image;
extern const VmsShape vms_shape_fs_state;
extern const VmsShape vms_shape_clone;
extern const VmsShape vms_shape_new_disk;
extern const VmsShape vms_shape_finding;
extern const VmsShape vms_shape_freeze;
extern const VmsShape vms_shape_condition;
extern const VmsShape vms_shape_evidence;
extern const VmsShape vms_shape_process;
extern const VmsShape vms_shape_instance;

/* {"schema":…,"kind":@kind, members…} */
char *vms_fields_write(const VmsShape *shape, const char *kind, gconstpointer object);
/* A new object, or NULL: see record.h. */
gpointer vms_fields_read(const VmsShape *shape, const char *kind, const char *text, GError **error);
/* Every member that has a row from @from into @to; arrays grow. */
void vms_fields_copy(const VmsShape *shape, gconstpointer from, gpointer to);
