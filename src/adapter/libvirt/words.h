/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <vmsnap/vm.h>

/* libvirt's numbers as words of ours. Pure; a number of a newer libvirt is "unknown". */

vmsnap_vm_state vms_words_state(int state);
/* Why it is in @state (libvirt's number): "shutdown", "crashed", "saved", … */
const char *vms_words_reason(int state, int reason);
/* TRUE when state and reason alone say that a migration goes on. */
gboolean vms_words_is_migrating(int state, int reason);
/* A domain job's operation: "backup", "migration", … */
const char *vms_words_job(int operation);
