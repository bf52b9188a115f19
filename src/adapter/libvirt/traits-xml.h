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
    char *where;
    char *old; /* NULL: none */
} VmsTraitPlace;

/* All of them: VmsTraitPlace*. Where one is told by is unique. */
GPtrArray *vms_traits_xml_find(xmlDoc *document);
void vms_trait_place_free(VmsTraitPlace *place);
