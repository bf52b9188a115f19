/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/xml.h"
#include "model/identity.h"

#include <glib.h>

/* After the places where libvirt keeps an identity: wherever else it is named. UUIDs, MAC addresses
 * and paths of the source are told from everything else, and are replaced all over the document;
 * its name and serials could be any word, and are replaced only where words are free: title,
 * description, metadata, SMBIOS entries, QEMU's command line. */
void vms_clone_sweep(xmlDoc *document, const VmsIdentityTable *table);
