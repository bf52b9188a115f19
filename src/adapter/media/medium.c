/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/medium.h"

#include "base/error.h"
#include "base/process.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const guint64 MEMORY_LIMIT = G_GUINT64_CONSTANT(512) << 20;

enum {
    LIMIT_MS = 30000,
    CPU_S = 20,
    TEXT_MAX = 1000 * 1000 /* of what a program says; a longer text may have been cut off */
};

gboolean
vms_medium_refuse(GError **error, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "MediaNotUnderstood", "%s", why);
}

static gboolean
write_all(int fd, const guint8 *data, gsize size)
{
    for (gsize done = 0; done < size;) {
        ssize_t n = pwrite(fd, data + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        done += (gsize)n;
    }
    return TRUE;
}

gboolean
vms_memory_file_make(const void *data, gsize size, VmsMemoryFile *ret_file, GError **error)
{
    g_auto(VmsMemoryFile) file = VMS_MEMORY_FILE_INIT;

    file.fd = memfd_create("vmsnap-medium", MFD_CLOEXEC);
    if (file.fd < 0 || !write_all(file.fd, data, size))
        return vms_fail_errno(error, errno, "medium in memory");
    ret_file->name = g_strdup_printf("/proc/%ld/fd/%d", (long)getpid(), file.fd);
    ret_file->fd = vms_fd_steal(&file.fd);
    return TRUE;
}

gboolean
vms_memory_file_read(const VmsMemoryFile *file, gsize limit, GBytes **ret_bytes, GError **error)
{
    g_autofree guint8 *data = NULL;
    struct stat st;
    gsize done = 0;

    if (fstat(file->fd, &st) != 0)
        return vms_fail_errno(error, errno, "medium in memory");
    if ((guint64)st.st_size > limit)
        return vms_medium_refuse(error, "it is larger than %zu bytes", limit);
    data = g_try_malloc((gsize)st.st_size + 1);
    if (!data)
        return vms_fail_errno(error, ENOMEM, "medium in memory");
    while (done < (gsize)st.st_size) {
        ssize_t n = pread(file->fd, data + done, (gsize)st.st_size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vms_fail_errno(error, n < 0 ? errno : EIO, "medium in memory");
        done += (gsize)n;
    }
    *ret_bytes = g_bytes_new_take(g_steal_pointer(&data), done);
    return TRUE;
}

void
vms_memory_file_clear(VmsMemoryFile *file)
{
    vms_fd_clear(&file->fd);
    g_clear_pointer(&file->name, g_free);
}

VmsMediumFile *
vms_medium_file_new(const char *path, GBytes *content)
{
    VmsMediumFile *file = g_new0(VmsMediumFile, 1);

    file->path = g_strdup(path);
    file->content = g_bytes_ref(content);
    return file;
}

void
vms_medium_file_free(VmsMediumFile *file)
{
    if (!file)
        return;
    g_free(file->path);
    g_bytes_unref(file->content);
    g_free(file);
}

/* A medium it cannot read, or that keeps it busy, is one we do not understand. */
static gboolean
fail_of_program(const GError *failed, GError **error)
{
    int code = vms_error_get_code(failed);

    if (code == VMSNAP_E_IO || code == VMSNAP_E_TIMEOUT)
        return vms_medium_refuse(error, "%s", failed->message);
    if (error)
        *error = g_error_copy(failed);
    return FALSE;
}

gboolean
vms_medium_run(const GPtrArray *argv, VmsProgress *progress, char **ret_text, GError **error)
{
    const VmsProcessLimits limits = {
        .limit_ms = LIMIT_MS, .memory_bytes = MEMORY_LIMIT, .cpu_s = CPU_S, .progress = progress
    };
    g_autoptr(GError) failed = NULL;
    g_autofree char *text = NULL;

    if (!vms_process_run((const char *const *)argv->pdata, &limits, &text, &failed))
        return fail_of_program(failed, error);
    if (strlen(text) > TEXT_MAX)
        return vms_medium_refuse(error, "it has too many files");
    if (ret_text)
        *ret_text = g_steal_pointer(&text);
    return TRUE;
}

static gint
compare_files(gconstpointer a, gconstpointer b)
{
    const VmsMediumFile *const *first = a;
    const VmsMediumFile *const *second = b;

    return strcmp((*first)->path, (*second)->path);
}

gboolean
vms_medium_sort(GPtrArray *files, GError **error)
{
    g_ptr_array_sort(files, compare_files);
    for (guint i = 1; i < files->len; i++) {
        const VmsMediumFile *one = files->pdata[i - 1];
        const VmsMediumFile *other = files->pdata[i];

        if (strcmp(one->path, other->path) == 0)
            return vms_medium_refuse(error, "a file is there twice, or in pieces");
    }
    return TRUE;
}
