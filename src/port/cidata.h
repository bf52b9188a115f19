/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>

/* Port: the medium a guest's cloud-init reads, made anew for another machine.
 *
 * Adapter: adapter/media. Any thread. */

/* Who the new machine is. All strings are borrowed. */
typedef struct {
    const char *instance_id; /* what cloud-init tells a first boot by */
    const char *uuid;        /* of the VM: what a config drive has instead */
    const char *name;        /* of the VM */
    const char *hostname;    /* its first label; the domain of the old one stays */
    /* Equally long, ended by NULL; NULL: none. */
    const char *const *old_macs;
    const char *const *new_macs;
    /* Words of the source (name, UUIDs) that are told if they stand in what is kept; may be NULL.
     */
    const char *const *old_words;
} VmsCidataIdentity;

typedef struct {
    GBytes *image;     /* the new medium; NULL: it holds no identity, a copy serves */
    GPtrArray *edited; /* char*: files that say who the machine is, changed */
    GPtrArray *moved;  /* char*: network files in which MAC addresses were exchanged */
    GPtrArray *kept;   /* char*: files left byte for byte that name the source all the same */
} VmsCidataResult;

void vms_cidata_result_free(VmsCidataResult *result);

typedef struct VmsCidata VmsCidata;

typedef struct {
    /* Make the medium at @path (raw; nobody writes it, its content is taken as hostile) anew, in
     * memory: nothing is written anywhere. instance-id, uuid, name and host name in meta-data,
     * meta_data.json and meta-data.json are the new ones; network files have the new MAC addresses
     * in place of the old; all else is kept byte for byte, which is compared.
     * UNSUPPORTED/"MediaNotUnderstood" when that cannot be said of the result, and above 64 MiB;
     * UNSUPPORTED/"ProgramMissing" where a program it takes is not installed. */
    gboolean (*remake)(VmsCidata *cidata, const char *path, const VmsCidataIdentity *identity,
                       VmsProgress *progress, VmsCidataResult **ret_result, GError **error);
    void (*free)(VmsCidata *cidata);
} VmsCidataOps;

struct VmsCidata {
    const VmsCidataOps *ops;
};

gboolean vms_cidata_remake(VmsCidata *cidata, const char *path, const VmsCidataIdentity *identity,
                           VmsProgress *progress, VmsCidataResult **ret_result, GError **error);
void vms_cidata_free(VmsCidata *cidata);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCidataResult, vms_cidata_result_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCidata, vms_cidata_free)
