/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/rewrite.h"

#include "adapter/file/path.h"
#include "adapter/file/sparse.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Read at a time; written at a time, if anything in it differs; whole on the medium, or not at all,
 * whatever happens. */
enum { PIECE = 1024 * 1024, CHUNK = 16 * 1024, SECTOR = 512 };

/* A file or device, as if it went on with zeros for ever. */
typedef struct {
    const char *path;
    VmsFd fd;
    guint64 size;
    guint8 *piece;
} Side;

typedef struct {
    Side device;
    Side source;
    Side other;
    VmsProgress *progress;
} Rewriting;

static void
side_clear(Side *side)
{
    vms_fd_clear(&side->fd);
    g_free(side->piece);
}

static void
rewriting_clear(Rewriting *self)
{
    side_clear(&self->device);
    side_clear(&self->source);
    side_clear(&self->other);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rewriting, rewriting_clear)

static gboolean
open_side(Side *side, const char *path, int flags, GError **error)
{
    struct stat st;

    side->path = path;
    side->fd = vms_path_open_as(path, flags, NULL, &st, error);
    if (side->fd < 0 || !vms_sparse_size(side->fd, &side->size, error))
        return FALSE;
    side->piece = g_try_malloc(PIECE);
    return side->piece || vms_fail_errno(error, ENOMEM, "buffer");
}

static gboolean
read_side(Side *side, guint64 at, gsize size, GError **error)
{
    gsize have = at < side->size ? (gsize)MIN(side->size - at, size) : 0;

    memset(side->piece + have, 0, size - have);
    for (gsize done = 0; done < have;) {
        ssize_t n = pread(side->fd, side->piece + done, have - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vms_fail_errno(error, errno, "reading %s", side->path);
        if (n == 0)
            return vms_fail(error, VMSNAP_E_IO, "%s became shorter while it was read", side->path);
        done += (gsize)n;
    }
    return TRUE;
}

static gboolean
write_chunk(const Rewriting *self, guint64 at, const guint8 *data, gsize size, GError **error)
{
    while (size > 0) {
        ssize_t n = pwrite(self->device.fd, data, size, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vms_fail_errno(error, errno, "writing %s", self->device.path);
        data += n;
        at += (guint64)n;
        size -= (gsize)n;
    }
    vms_crash_point("device-written");
    return TRUE;
}

static gboolean
write_piece(const Rewriting *self, guint64 at, gsize size, GError **error)
{
    for (gsize done = 0; done < size; done += CHUNK) {
        gsize chunk = MIN(size - done, CHUNK);
        const guint8 *wanted = self->source.piece + done;

        if (memcmp(self->device.piece + done, wanted, chunk) != 0 &&
            !write_chunk(self, at + done, wanted, chunk, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_piece(const Rewriting *self, guint64 at, gsize size, GError **error)
{
    for (gsize done = 0; done < size; done += SECTOR) {
        gsize sector = MIN(size - done, SECTOR);
        const guint8 *now = self->device.piece + done;

        if (memcmp(now, self->source.piece + done, sector) != 0 &&
            memcmp(now, self->other.piece + done, sector) != 0)
            return vms_fail(error, VMSNAP_E_UNCERTAIN,
                            "'%s' holds at %" G_GUINT64_FORMAT " what neither '%s' nor '%s' does: "
                            "somebody else wrote to it, or it is another device",
                            self->device.path, at + done, self->source.path, self->other.path);
    }
    return TRUE;
}

/* Nothing is written before all of it is known to be one of the two. */
static gboolean
check_all(Rewriting *self, GError **error)
{
    for (guint64 at = 0; at < self->device.size; at += PIECE) {
        gsize size = (gsize)MIN(self->device.size - at, PIECE);

        if (!read_side(&self->device, at, size, error) ||
            !read_side(&self->source, at, size, error) ||
            !read_side(&self->other, at, size, error) || !check_piece(self, at, size, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
write_all(Rewriting *self, GError **error)
{
    for (guint64 at = 0; at < self->device.size; at += PIECE) {
        gsize size = (gsize)MIN(self->device.size - at, PIECE);

        if (!vms_progress_check(self->progress, error) ||
            !read_side(&self->device, at, size, error) ||
            !read_side(&self->source, at, size, error) || !write_piece(self, at, size, error))
            return FALSE;
        vms_progress_add(self->progress, size);
    }
    return TRUE;
}

gboolean
vms_rewrite_device(const char *path, const char *source, const char *other, VmsProgress *progress,
                   GError **error)
{
    g_auto(Rewriting) self = {
        .device.fd = VMS_FD_NONE,
        .source.fd = VMS_FD_NONE,
        .other.fd = VMS_FD_NONE,
        .progress = progress,
    };

    if (!open_side(&self.device, path, O_RDWR, error) ||
        !open_side(&self.source, source, O_RDONLY, error) ||
        (other && !open_side(&self.other, other, O_RDONLY, error)))
        return FALSE;
    if (self.source.size > self.device.size)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "TargetTooSmall",
                          "'%s' has %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT " are needed",
                          path, self.device.size, self.source.size);
    if (other && !check_all(&self, error))
        return FALSE;
    vms_crash_point("device-rewrite");
    return write_all(&self, error) && vms_sys_sync(self.device.fd, path, error);
}
