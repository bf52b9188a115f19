/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Where libvirt keeps the state of emulated TPMs, which no call tells: below one folder of the
 * system, or of the user, by the VM's UUID. @state as domain-xml.h has it. Owned; NULL: not known.
 */
char *vms_tpm_state_path(gboolean session, const char *vm_uuid, const char *state);
