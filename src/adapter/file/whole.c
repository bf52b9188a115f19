/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/whole.h"

#include "adapter/file/path.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <unistd.h>

enum { TRIES = 3 };

static gboolean
read_all(int fd, guint8 *data, gsize size, const char *path, GError **error)
{
    for (gsize done = 0; done < size;) {
        ssize_t n = pread(fd, data + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vms_fail_errno(error, errno, "%s", path);
        if (n == 0)
            return vms_fail(error, VMSNAP_E_IO, "%s ended early", path);
        done += (gsize)n;
    }
    return TRUE;
}

/* TRUE with *ret_bytes NULL: it did not stand still, or is not what stands at the path any more. */
static gboolean
try_read(const char *path, guint64 limit, GBytes **ret_bytes, VmsFileId *ret_id, GError **error)
{
    struct stat st;
    struct stat after;
    g_auto(VmsFd) fd = vms_path_open_image(path, NULL, &st, error);
    g_autofree guint8 *data = NULL;
    VmsFileId before;
    VmsFileId now;

    if (fd < 0)
        return FALSE;
    if (!S_ISREG(st.st_mode) || (guint64)st.st_size > limit)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported", "%s is no small file",
                          path);
    data = g_try_malloc((gsize)st.st_size + 1);
    if (!data)
        return vms_fail_errno(error, ENOMEM, "%s", path);
    if (!read_all(fd, data, (gsize)st.st_size, path, error) || !vms_path_stat(path, &after, error))
        return FALSE;
    before = vms_path_file_id(&st);
    now = vms_path_file_id(&after);
    if (!vms_file_id_unchanged(&before, &now))
        return TRUE;
    *ret_id = before;
    *ret_bytes = g_bytes_new_take(g_steal_pointer(&data), (gsize)st.st_size);
    return TRUE;
}

gboolean
vms_whole_read(const char *path, guint64 limit, GBytes **ret_bytes, VmsFileId *ret_id,
               GError **error)
{
    for (int attempt = 0; attempt < TRIES; attempt++) {
        GBytes *bytes = NULL;
        VmsFileId id = { 0 };

        if (!try_read(path, limit, &bytes, &id, error))
            return FALSE;
        if (!bytes)
            continue;
        *ret_bytes = bytes;
        *ret_id = id;
        return TRUE;
    }
    return vms_refuse(error, VMSNAP_E_BUSY, "StateChanged", "%s changes all the time", path);
}
