/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/digest.h"

#include "adapter/file/path.h"
#include "adapter/file/sparse.h"
#include "base/fd.h"

static gboolean
take_piece(gpointer closure, guint64 offset, const guint8 *data, gsize size, GError **error)
{
    static const guint8 zeros[65536];
    GChecksum *checksum = closure;

    (void)offset;
    (void)error;
    if (data) {
        g_checksum_update(checksum, data, (gssize)size);
        return TRUE;
    }
    for (gsize left = size; left > 0; left -= MIN(left, sizeof(zeros)))
        g_checksum_update(checksum, zeros, (gssize)MIN(left, sizeof(zeros)));
    return TRUE;
}

gboolean
vms_digest_file(const char *path, VmsProgress *progress, char **ret_sha256, GError **error)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    struct stat st;
    g_auto(VmsFd) fd = vms_path_open_image(path, NULL, &st, error);
    guint64 size = 0;

    if (fd < 0)
        return FALSE;
    if (!vms_sparse_size(fd, &size, error) ||
        !vms_sparse_walk(fd, size, take_piece, checksum, progress, error)) {
        g_prefix_error(error, "digest of %s: ", path);
        return FALSE;
    }
    *ret_sha256 = g_strdup(g_checksum_get_string(checksum));
    return TRUE;
}
