/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"
#include "base/fd.h"

#include <glib.h>

/* A small medium in memory, and the files on it. Programs read and write it by a name that leads to
 * our own descriptor, so nothing of it, a password say, is ever on a disk on the way. */

typedef struct {
    VmsFd fd;
    char *name; /* for programs we start */
} VmsMemoryFile;

#define VMS_MEMORY_FILE_INIT                                                                       \
    {                                                                                              \
        .fd = VMS_FD_NONE                                                                          \
    }

gboolean vms_memory_file_make(const void *data, gsize size, VmsMemoryFile *ret_file,
                              GError **error);
/* All of it; UNSUPPORTED above @limit. */
gboolean vms_memory_file_read(const VmsMemoryFile *file, gsize limit, GBytes **ret_bytes,
                              GError **error);
void vms_memory_file_clear(VmsMemoryFile *file);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsMemoryFile, vms_memory_file_clear)

/* A file on a medium. */
typedef struct {
    char *path; /* "/openstack/latest/meta_data.json" */
    GBytes *content;
    guint64 offset; /* in the medium, where that is known: in one piece */
} VmsMediumFile;

VmsMediumFile *vms_medium_file_new(const char *path, GBytes *content);
void vms_medium_file_free(VmsMediumFile *file);

/* One kind of file system, by the program that reads and writes it. */
typedef struct {
    /* Regular files (VmsMediumFile), sorted by path, each once. */
    gboolean (*list)(GBytes *medium, VmsProgress *progress, GPtrArray **ret_files, GError **error);
    /* @medium with the contents of @files, which are on it, in place of theirs. @path: where a file
     * of at least that size stands that is no secret to whoever reads the medium. */
    gboolean (*write)(GBytes *medium, const char *path, const GPtrArray *files,
                      VmsProgress *progress, GBytes **ret_medium, GError **error);
} VmsMediumKind;

/* Run @argv under the limits of all of them; @ret_text may be NULL. */
gboolean vms_medium_run(const GPtrArray *argv, VmsProgress *progress, char **ret_text,
                        GError **error);
/* UNSUPPORTED/"MediaNotUnderstood". */
gboolean vms_medium_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Sort by path; refuses what is there twice. */
gboolean vms_medium_sort(GPtrArray *files, GError **error);

/* ISO 9660 by xorriso, FAT by mtools. */
extern const VmsMediumKind vms_medium_iso;
extern const VmsMediumKind vms_medium_fat;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsMediumFile, vms_medium_file_free)
