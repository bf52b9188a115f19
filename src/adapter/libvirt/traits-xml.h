/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/xml.h"
#include "model/identity.h"

#include <glib.h>

/* Where in a domain's XML stands what is the VM's own. */

typedef struct {
    VmsTraitKind kind;
    xmlNode *node;         /* of the document */
    const char *attribute; /* NULL: the node's text, or where there is none, the node itself */
    const char *key;       /* of "key=value" within that, between commas; NULL: all of it */
    char *where;
    char *old; /* NULL: none */
} VmsTraitPlace;

/* All of them: VmsTraitPlace*. Where one is told by is unique. */
GPtrArray *vms_traits_xml_find(xmlDoc *document);
void vms_trait_place_free(VmsTraitPlace *place);
/* Of "key=value" between commas; NULL: there is no such key. Owned by the caller. */
char *vms_trait_pair_read(const char *text, const char *key);
/* @text with another value for the key, wherever it is @old. */
char *vms_trait_pair_swap(const char *text, const char *key, const char *old, const char *value);
