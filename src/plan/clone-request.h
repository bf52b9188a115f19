/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* How a caller wants a VM cloned. Zero is the default of each. */
typedef struct {
    char *name;   /* NULL: a rule, prefix or suffix gives it */
    char **rules; /* "[KIND:]OLD=NEW"; NULL-ended or NULL */
    char *prefix;
    char *suffix;
    char *seed;       /* NULL: a random identity */
    guint method;     /* vmsnap_clone_method */
    guint run_policy; /* vmsnap_run_policy */
    guint flags;      /* vmsnap_clone_flags */
    guint wait_ready_ms;
} VmsCloneRequest;

VmsCloneRequest *vms_clone_request_copy(const VmsCloneRequest *request);
void vms_clone_request_free(VmsCloneRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCloneRequest, vms_clone_request_free)
