/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/vm.h"

#include <glib.h>

/* What a domain's XML says, in the words of the model. Pure: text in, data out. */

#define VMS_DOMAIN_XML_LIMIT ((gsize)1024 * 1024)

typedef struct {
    char *uuid; /* lower case; NULL if the XML has none, and so for all the others */
    char *name;
    char *nvram; /* path, or "protocol:name" when it is not a local file */
    char *loader;
    char *kernel;
    char *initrd;
    char *emulator;
    char *machine;
    char *genid;
    char *cid;
    gboolean has_tpm;
    char *tpm_state; /* "tpm2/tpm2-00.permall": what its emulator writes, below the VM's folder */
    gboolean has_agent_channel;
    gboolean agent_connected;
    GPtrArray *disks; /* VmsDisk*, in the XML's order */
    GPtrArray *nics;  /* VmsNic*, likewise */
} VmsDomainXml;

/* INVALID for anything that is not one well-formed <domain> of at most VMS_DOMAIN_XML_LIMIT bytes,
 * has a DOCTYPE, or lists more devices than any VM can have. */
gboolean vms_domain_xml_parse(const char *text, VmsDomainXml **ret_domain, GError **error);
void vms_domain_xml_free(VmsDomainXml *domain);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDomainXml, vms_domain_xml_free)
