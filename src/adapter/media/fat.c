/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/medium.h"
#include "base/error.h"

#include <string.h>

enum {
    SECTOR = 512,
    FILES_MAX = 256, /* each takes a process to read */
    MEDIUM_MAX = 64 * 1024 * 1024
};

static gboolean
run(VmsProgress *progress, char **ret_text, GError **error, const char *const *words)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    for (; *words; words++)
        g_ptr_array_add(argv, (gpointer)*words);
    g_ptr_array_add(argv, NULL);
    return vms_medium_run(argv, progress, ret_text, error);
}

/* mtools takes some characters of a name for a pattern. */
static gboolean
is_plain(const char *path)
{
    return path[0] == '/' && path[strcspn(path, "*?[]\\")] == '\0';
}

static gboolean
read_file(const VmsMemoryFile *medium, const char *path, VmsProgress *progress,
          VmsMediumFile **ret_file, GError **error)
{
    g_auto(VmsMemoryFile) into = VMS_MEMORY_FILE_INIT;
    g_autofree char *from = g_strconcat("::", path, NULL);
    g_autoptr(GBytes) content = NULL;

    if (!is_plain(path))
        return vms_medium_refuse(error, "the name of a file on it is strange");
    if (!vms_memory_file_make(NULL, 0, &into, error))
        return FALSE;
    const char *const words[] = { "mcopy", "-i", medium->name, "-n", "--", from, into.name, NULL };

    if (!run(progress, NULL, error, words) ||
        !vms_memory_file_read(&into, MEDIUM_MAX, &content, error))
        return FALSE;
    *ret_file = vms_medium_file_new(path, content);
    return TRUE;
}

/* "::/meta-data"; folders end with a slash. */
static gboolean
read_files(const VmsMemoryFile *medium, const char *text, VmsProgress *progress, GPtrArray *files,
           GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (gsize i = 0; lines[i]; i++) {
        VmsMediumFile *file = NULL;

        if (lines[i][0] == '\0' || g_str_has_suffix(lines[i], "/"))
            continue;
        if (!g_str_has_prefix(lines[i], "::/") || files->len >= FILES_MAX)
            return vms_medium_refuse(error, "its list of files cannot be read");
        if (!read_file(medium, lines[i] + strlen("::"), progress, &file, error))
            return FALSE;
        g_ptr_array_add(files, file);
    }
    return vms_medium_sort(files, error);
}

static gboolean
fat_list(GBytes *medium, VmsProgress *progress, GPtrArray **ret_files, GError **error)
{
    gsize size = 0;
    gconstpointer data = g_bytes_get_data(medium, &size);
    g_auto(VmsMemoryFile) file = VMS_MEMORY_FILE_INIT;
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) files =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_medium_file_free);

    if (!vms_memory_file_make(data, size, &file, error))
        return FALSE;
    const char *const words[] = { "mdir", "-i", file.name, "-b", "-a", "-/", "::", NULL };

    if (!run(progress, &text, error, words) || !read_files(&file, text, progress, files, error))
        return FALSE;
    *ret_files = g_steal_pointer(&files);
    return TRUE;
}

/* What a file held would stay in the clusters it gives up. Files of this size lie in one piece,
 * from the start of a sector on. */
static gboolean
wipe(guint8 *data, gsize size, const VmsMediumFile *old, GError **error)
{
    gsize count = 0;
    gconstpointer content = g_bytes_get_data(old->content, &count);

    for (gsize at = 0; count > 0 && at < size && count <= size - at; at += SECTOR) {
        if (memcmp(data + at, content, count) != 0)
            continue;
        memset(data + at, 0, count);
        return TRUE;
    }
    return count == 0 || vms_medium_refuse(error, "%s lies on it in pieces", old->path);
}

static gboolean
put_file(const VmsMemoryFile *medium, const VmsMediumFile *file, VmsProgress *progress,
         GError **error)
{
    g_auto(VmsMemoryFile) from = VMS_MEMORY_FILE_INIT;
    g_autofree char *to = g_strconcat("::", file->path, NULL);
    gsize size = 0;
    gconstpointer data = g_bytes_get_data(file->content, &size);

    if (!vms_memory_file_make(data, size, &from, error))
        return FALSE;
    const char *const words[] = { "mcopy", "-i", medium->name, "-Q", "-D",
                                  "o",     "--", from.name,    to,   NULL };

    return run(progress, NULL, error, words);
}

/* The files as they are on @medium now. */
static gboolean
wipe_files(guint8 *data, gsize size, const GPtrArray *there, const GPtrArray *files, GError **error)
{
    for (guint i = 0, at = 0; i < files->len; i++) {
        const VmsMediumFile *file = files->pdata[i];
        const VmsMediumFile *old = NULL;

        while (at < there->len && (!old || strcmp(old->path, file->path) < 0))
            old = there->pdata[at++];
        if (!old || strcmp(old->path, file->path) != 0)
            return vms_medium_refuse(error, "%s is not on it", file->path);
        if (!wipe(data, size, old, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
fat_write(GBytes *medium, const char *path, const GPtrArray *files, VmsProgress *progress,
          GBytes **ret_medium, GError **error)
{
    g_auto(VmsMemoryFile) made = VMS_MEMORY_FILE_INIT;
    g_autoptr(GPtrArray) there = NULL;
    gsize size = g_bytes_get_size(medium);
    g_autofree guint8 *data = g_try_malloc(size);

    (void)path;
    if (!data)
        return vms_fail(error, VMSNAP_E_INTERNAL, "no memory for a medium of %zu bytes", size);
    memcpy(data, g_bytes_get_data(medium, NULL), size);
    if (!fat_list(medium, progress, &there, error) ||
        !wipe_files(data, size, there, files, error) ||
        !vms_memory_file_make(data, size, &made, error))
        return FALSE;
    for (guint i = 0; i < files->len; i++) {
        if (!put_file(&made, files->pdata[i], progress, error))
            return FALSE;
    }
    return vms_memory_file_read(&made, MEDIUM_MAX, ret_medium, error);
}

const VmsMediumKind vms_medium_fat = { .list = fat_list, .write = fat_write };
