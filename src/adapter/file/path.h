/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/fd.h"
#include "model/image.h"

#include <glib.h>
#include <sys/stat.h>

/* A file named by its folder, opened, and its name in it. */
typedef struct {
    VmsFd dir;
    char *name;
    char *path; /* canonical: links above the last component resolved */
} VmsPath;

#define VMS_PATH_INIT                                                                              \
    {                                                                                              \
        .dir = VMS_FD_NONE                                                                         \
    }

/* Links may stand above the last component (/var/run), and below /dev everywhere: there a disk is
 * usually named by one. NOT_FOUND when the folder is missing. */
gboolean vms_path_open(const char *path, VmsPath *ret_path, GError **error);
void vms_path_clear(VmsPath *path);

/* What stands at the path, without opening it: the same errors as vms_path_open_image(). */
gboolean vms_path_stat(const char *path, struct stat *ret_stat, GError **error);

/* The file itself, read-only: NOT_FOUND/"ImageMissing" when it is missing, UNSUPPORTED when it is a
 * link or neither a regular file nor a block device. @ret_path may be NULL. */
int vms_path_open_image(const char *path, char **ret_path, struct stat *ret_stat, GError **error);

/* The same, opened otherwise than read-only. */
int vms_path_open_as(const char *path, int flags, char **ret_path, struct stat *ret_stat,
                     GError **error);

/* Names in a folder, sorted (char*). */
gboolean vms_path_list(const char *path, GPtrArray **ret_names, GError **error);

/* What tells a file from another; of a block device without its size, which only an open one
 * tells. */
VmsFileId vms_path_file_id(const struct stat *st);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsPath, vms_path_clear)
