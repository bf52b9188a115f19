/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/medium.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum {
    SECTOR = 2048,
    MADE_MAX = 128 * 1024 * 1024 /* padded, with its tables made anew */
};

static void
add_words(GPtrArray *argv, const char *const *words)
{
    for (; *words; words++)
        g_ptr_array_add(argv, g_strdup(*words));
}

static GPtrArray *
begin_words(const VmsMemoryFile *medium)
{
    static const char *const lead[] = { "xorriso",       "-no_rc",  "-abort_on", "FAILURE",
                                        "-report_about", "WARNING", "-indev",    NULL };
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

    add_words(argv, lead);
    g_ptr_array_add(argv, g_strconcat("stdio:", medium->name, NULL));
    return argv;
}

/* "File data lba:  0 ,       35 ,        1 ,       41 , '/meta-data'"; a quote within a name, which
 * is written in another way, stays in that: such a name is none of ours. */
static gboolean
take_line(const char *line, GBytes *medium, GPtrArray *files, GError **error)
{
    guint64 size = g_bytes_get_size(medium);
    g_autoptr(GBytes) content = NULL;
    g_autofree char *path = NULL;
    VmsMediumFile *file;
    guint64 number[4]; /* piece, sector, sectors, bytes */
    const char *at = line + strlen("File data lba:");
    const char *end;

    for (gsize i = 0; i < G_N_ELEMENTS(number); i++) {
        char *after = NULL;

        number[i] = g_ascii_strtoull(at, &after, 10);
        at = after + strspn(after, " ");
        if (*at != ',')
            return vms_medium_refuse(error, "its list of files cannot be read");
        at++;
    }
    at += strspn(at, " ");
    end = strrchr(at, '\'');
    if (*at != '\'' || !end || end == at || end[1] != '\0')
        return vms_medium_refuse(error, "its list of files cannot be read");
    if (number[0] != 0 || number[1] > size / SECTOR || number[3] > size - number[1] * SECTOR)
        return vms_medium_refuse(error, "a file on it is in pieces, or lies beyond its end");
    path = g_strndup(at + 1, (gsize)(end - at - 1));
    content = g_bytes_new_from_bytes(medium, (gsize)(number[1] * SECTOR), (gsize)number[3]);
    file = vms_medium_file_new(path, content);
    file->offset = number[1] * SECTOR;
    g_ptr_array_add(files, file);
    return TRUE;
}

static gboolean
take_lines(const char *text, GBytes *medium, GPtrArray *files, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (gsize i = 0; lines[i]; i++) {
        const char *line = lines[i];

        if (line[0] == '\0' || g_str_has_prefix(line, "Report layout:"))
            continue;
        if (!g_str_has_prefix(line, "File data lba:"))
            return vms_medium_refuse(error, "its list of files cannot be read");
        if (!take_line(line, medium, files, error))
            return FALSE;
    }
    return vms_medium_sort(files, error);
}

static gboolean
iso_list(GBytes *medium, VmsProgress *progress, GPtrArray **ret_files, GError **error)
{
    static const char *const what[] = { "-find", "/",          "-type", "f",
                                        "-exec", "report_lba", "--",    NULL };
    gsize size = 0;
    gconstpointer data = g_bytes_get_data(medium, &size);
    g_auto(VmsMemoryFile) file = VMS_MEMORY_FILE_INIT;
    g_autoptr(GPtrArray) argv = NULL;
    g_autoptr(GPtrArray) files =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_medium_file_free);
    g_autofree char *text = NULL;

    if (!vms_memory_file_make(data, size, &file, error))
        return FALSE;
    argv = begin_words(&file);
    add_words(argv, what);
    g_ptr_array_add(argv, NULL);
    if (!vms_medium_run(argv, progress, &text, error) || !take_lines(text, medium, files, error))
        return FALSE;
    *ret_files = g_steal_pointer(&files);
    return TRUE;
}

/* xorriso takes contents from files that have a name of their own in a folder, and our secrets are
 * to have none: so it gets as many bytes of any such file, and they are overwritten in memory. */
static void
add_place(GPtrArray *argv, const char *path, const VmsMediumFile *file)
{
    const char *const chmod[] = { "-chmod", "a=r", file->path, "--", NULL };

    g_ptr_array_add(argv, g_strdup("-cut_out"));
    g_ptr_array_add(argv, g_strdup(path));
    g_ptr_array_add(argv, g_strdup("0"));
    g_ptr_array_add(argv, g_strdup_printf("%zu", g_bytes_get_size(file->content)));
    g_ptr_array_add(argv, g_strdup(file->path));
    add_words(argv, chmod);
}

/* Where xorriso put the places of @files on @medium, their contents are written. */
static gboolean
fill_places(GBytes *medium, const GPtrArray *files, VmsProgress *progress, GBytes **ret_medium,
            GError **error)
{
    g_autoptr(GPtrArray) made = NULL;
    gsize size = g_bytes_get_size(medium);
    g_autofree guint8 *data = g_try_malloc(size);

    if (!data)
        return vms_fail(error, VMSNAP_E_INTERNAL, "no memory for a medium of %zu bytes", size);
    memcpy(data, g_bytes_get_data(medium, NULL), size);
    if (!iso_list(medium, progress, &made, error))
        return FALSE;
    for (guint i = 0, at = 0; i < files->len; i++) {
        const VmsMediumFile *file = files->pdata[i];
        const VmsMediumFile *place = NULL;
        gsize count = g_bytes_get_size(file->content);

        while (at < made->len && (!place || strcmp(place->path, file->path) < 0))
            place = made->pdata[at++];
        if (!place || strcmp(place->path, file->path) != 0 ||
            g_bytes_get_size(place->content) != count)
            return vms_medium_refuse(error, "%s cannot be written to it", file->path);
        memcpy(data + place->offset, g_bytes_get_data(file->content, NULL), count);
    }
    *ret_medium = g_bytes_new_take(g_steal_pointer(&data), size);
    return TRUE;
}

static gboolean
iso_write(GBytes *medium, const char *path, const GPtrArray *files, VmsProgress *progress,
          GBytes **ret_medium, GError **error)
{
    static const char *const keep[] = { "-boot_image", "any", "keep", "-joliet", "on", NULL };
    gsize size = 0;
    gconstpointer data = g_bytes_get_data(medium, &size);
    g_auto(VmsMemoryFile) from = VMS_MEMORY_FILE_INIT;
    g_auto(VmsMemoryFile) to = VMS_MEMORY_FILE_INIT;
    g_autoptr(GPtrArray) argv = NULL;
    g_autoptr(GBytes) made = NULL;

    if (!vms_memory_file_make(data, size, &from, error) ||
        !vms_memory_file_make(NULL, 0, &to, error))
        return FALSE;
    argv = begin_words(&from);
    g_ptr_array_add(argv, g_strdup("-outdev"));
    g_ptr_array_add(argv, g_strconcat("stdio:", to.name, NULL));
    add_words(argv, keep);
    for (guint i = 0; i < files->len; i++)
        add_place(argv, path, files->pdata[i]);
    g_ptr_array_add(argv, g_strdup("-commit"));
    g_ptr_array_add(argv, NULL);
    return vms_medium_run(argv, progress, NULL, error) &&
           vms_memory_file_read(&to, MADE_MAX, &made, error) &&
           fill_places(made, files, progress, ret_medium, error);
}

const VmsMediumKind vms_medium_iso = { .list = iso_list, .write = iso_write };
