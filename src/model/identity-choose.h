/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/identity.h"

#include <glib.h>

/* Inside of model/identity: choosing one value that nobody has. */

/* Values of one class must differ, whatever they are of; each class is written in its own way. */
typedef enum {
    VMS_VALUE_OTHER = 0, /* not chosen here */
    VMS_VALUE_UUID,
    VMS_VALUE_MAC,
    VMS_VALUE_SERIAL,
    VMS_VALUE_WWN,
    VMS_VALUE_CID,
    VMS_VALUE_PORT,
    VMS_VALUE_CLOUD_ID,
    VMS_VALUE_PATH /* follows, see vms_chooser_follow() */
} VmsValueClass;

typedef struct {
    const VmsIdentityWish *wish;
    GHashTable *given;  /* "class:value" of all that was handed out, or is the source's */
    GHashTable *chosen; /* "class:old" to the new value: what was one stays one */
} VmsChooser;

void vms_chooser_init(VmsChooser *chooser, const VmsIdentityWish *wish);
void vms_chooser_clear(VmsChooser *chooser);
VmsValueClass vms_value_class_of(VmsTraitKind kind);
/* "class:value", as sets have it; @value in lower case. */
char *vms_value_key(VmsValueClass class, const char *value);
/* The new value for @old (NULL: there was none; @where tells it from others then). INTERNAL when
 * none is free. Owned by the caller. */
gboolean vms_chooser_choose(VmsChooser *chooser, VmsValueClass class, const char *old,
                            const char *where, char **ret_value, GError **error);
/* The new path for @old: of the clone's name, in a folder of its own if the old one was, at most
 * @limit bytes if that can be. Owned by the caller. */
char *vms_chooser_follow(VmsChooser *chooser, const char *old, gsize limit, GPtrArray *folders);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsChooser, vms_chooser_clear)
