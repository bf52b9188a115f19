/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/operation.h"

#include <glib.h>

/* Whether a file that a record names may be removed: a record may have been edited by hand, and
 * what stands under a name may be another's by now. */

typedef enum {
    VMS_OWN_GONE = 0, /* nothing stands there */
    VMS_OWN_OURS,
    VMS_OWN_FOREIGN /* stays */
} VmsOwn;

/* TRUE for a name in a folder <somewhere>/.vmsnap/<uuid>. Only the text is looked at. */
gboolean vms_own_is_place(const char *path, const char *uuid);
/* TRUE for such a folder that is no link; it need not be there. */
gboolean vms_own_is_folder(VmsEngine *engine, const char *folder, const char *uuid);
/* Ours is a regular file in such a folder, reached through no link, and the one in @made: the same
 * inode, or, of a store that was moved, size and time. @made NULL: any. FALSE: it cannot be told
 * now. */
gboolean vms_own_check(VmsEngine *engine, const char *path, const char *uuid, const VmsFileId *made,
                       VmsOwn *ret_own, GError **error);
/* TRUE as well for what is no file, or cannot be looked at: reading it tells why not. */
gboolean vms_own_is_there(const VmsEngine *engine, const char *path);
/* What an operation that died may have made, for removing it: of its files (char*, borrowed) those
 * in folders named after it, or after the snapshot it was taking. The others are told and stay. */
GPtrArray *vms_own_pick_files(const VmsEngine *engine, const VmsOperation *operation);
