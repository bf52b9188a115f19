/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Where things lie: one place for every name we give to a file. All returned texts are owned. */

/* The folder that images of a disk go to: the @store, or the disk's own. INVALID with reason
 * "StoreNeeded" where there is neither: a device lies in no folder of files. */
gboolean vms_layout_place(const char *store, const VmsImage *image, const char *path,
                          char **ret_folder, GError **error);
/* <folder>/.vmsnap/<uuid>: what one snapshot or operation keeps beside a disk. */
char *vms_layout_folder(const char *folder, const char *uuid);
/* The folder that such a folder is in, of a file in it; else the file's own. */
char *vms_layout_find_store(const char *path);
/* <folder>/<target>.<format> */
char *vms_layout_image(const char *folder, const char *target, const char *format);
/* <folder>/<word>-<number>.part: of what is no disk. */
char *vms_layout_part(const char *folder, const char *word, guint number);
/* <folder>/<target>.scratch */
char *vms_layout_scratch(const char *folder, const char *target);
/* <folder>/<target>.overlay: what its VM writes to while the disk is cloned. */
char *vms_layout_overlay(const char *folder, const char *target);
/* <folder>/snapshot.json: the record beside the images. */
char *vms_layout_manifest(const char *folder);
/* Its name, and the one under which it is made anew. */
#define VMS_LAYOUT_MANIFEST "snapshot.json"
#define VMS_LAYOUT_MANIFEST_NEXT "snapshot.json.next"
/* TRUE if the path ends in either. */
gboolean vms_layout_is_manifest(const char *path);
/* <runtime>/qemu-<uid>/<8 digits>.sock: short, for the 107 bytes of a socket's name. */
char *vms_layout_socket(const VmsEngine *engine, const char *operation_uuid);
/* The folder of these sockets: 0700 and QEMU's, below a runtime folder that it can pass. */
gboolean vms_layout_make_socket_folder(const VmsEngine *engine, GError **error);

/* PERMISSION with reason "UnsafeFolder" where somebody has put a link in place of the folder that
 * these @folders (char*) of ours are in. Asked before anything is recorded; nothing is ever made
 * through such a link later either. */
gboolean vms_layout_check(const GPtrArray *folders, GError **error);

/* Remove files, then folders (may be NULL; and their .vmsnap parent when it is empty). Missing is
 * success; so this may run again. */
gboolean vms_layout_remove(const VmsEngine *engine, const GPtrArray *files,
                           const GPtrArray *folders, GError **error);
