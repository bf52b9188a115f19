/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/sparse.h"

#include "base/error.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const gsize PIECE = (gsize)2 * 1024 * 1024;

gboolean
vms_sparse_size(int fd, guint64 *ret_size, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return vms_fail_errno(error, errno, "size");
    if (!S_ISBLK(st.st_mode)) {
        *ret_size = (guint64)st.st_size;
        return TRUE;
    }
    if (ioctl(fd, BLKGETSIZE64, ret_size) != 0)
        return vms_fail_errno(error, errno, "size of block device");
    return TRUE;
}

/* The extent of one kind at @offset: where it ends, and whether it is a hole. Without support for
 * holes everything is data. */
static void
next_extent(int fd, guint64 offset, guint64 size, gboolean *ret_hole, guint64 *ret_end)
{
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
    off_t hole;

    *ret_hole = FALSE;
    *ret_end = size;
    if (data < 0) {
        *ret_hole = errno == ENXIO;
        return;
    }
    if ((guint64)data > offset) {
        *ret_hole = TRUE;
        *ret_end = MIN((guint64)data, size);
        return;
    }
    hole = lseek(fd, (off_t)offset, SEEK_HOLE);
    if (hole > (off_t)offset)
        *ret_end = MIN((guint64)hole, size);
}

static gboolean
read_piece(int fd, guint64 offset, guint8 *buffer, gsize size, GError **error)
{
    while (size > 0) {
        ssize_t n = pread(fd, buffer, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vms_fail_errno(error, errno, "reading");
        if (n == 0)
            return vms_fail(error, VMSNAP_E_IO, "it became shorter while it was read");
        buffer += n;
        offset += (guint64)n;
        size -= (gsize)n;
    }
    return TRUE;
}

gboolean
vms_sparse_walk(int fd, guint64 size, VmsSparseVisit visit, gpointer closure, VmsProgress *progress,
                GError **error)
{
    g_autofree guint8 *buffer = g_try_malloc(PIECE);
    guint64 offset = 0;
    guint64 end = 0;
    gboolean hole = FALSE;

    if (!buffer)
        return vms_fail_errno(error, ENOMEM, "buffer");
    while (offset < size) {
        gsize piece;

        if (!vms_progress_check(progress, error))
            return FALSE;
        if (offset >= end)
            next_extent(fd, offset, size, &hole, &end);
        piece = (gsize)MIN(end - offset, PIECE);
        if (!hole && !read_piece(fd, offset, buffer, piece, error))
            return FALSE;
        if (!visit(closure, offset, hole ? NULL : buffer, piece, error))
            return FALSE;
        vms_progress_add(progress, piece);
        offset += piece;
    }
    return TRUE;
}
