/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Where a context keeps its things. Reads no environment variable. */

typedef struct {
    char *state;   /* catalog, leases */
    char *runtime; /* locks, sockets */
    char *catalog; /* "sqlite:/PATH" */
    /* A user who acts on the system's hypervisor without rights on its state folder. */
    gboolean no_write;
    gboolean no_records; /* there are records that he may not read */
} VmsPaths;

/* @uri, @state_dir and @catalog as in vmsnap_context_options; each may be NULL. Makes nothing. */
gboolean vms_paths_find(VmsPaths *paths, const char *uri, const char *state_dir,
                        const char *catalog, GError **error);
void vms_paths_clear(VmsPaths *paths);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsPaths, vms_paths_clear)
