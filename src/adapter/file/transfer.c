/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/transfer.h"

#include "adapter/file/path.h"
#include "adapter/file/sparse.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    VmsTransfer base;
    VmsFd source; /* VMS_FD_NONE: none */
    VmsPath place;
    VmsFd target;
    gboolean finished;
} FileTransfer;

static gboolean
need_source(const FileTransfer *self, GError **error)
{
    if (self->source < 0)
        return vms_fail(error, VMSNAP_E_INTERNAL, "%s has no source", self->place.path);
    return TRUE;
}

static gboolean
transfer_clone(VmsTransfer *transfer, GError **error)
{
    FileTransfer *self = (FileTransfer *)transfer;

    return need_source(self, error) &&
           vms_sys_clone(self->target, self->source, self->place.path, error);
}

static gboolean
is_zero(const guint8 *data, gsize size)
{
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

static gboolean
write_at(int fd, guint64 offset, const guint8 *data, gsize size, GError **error)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, data, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vms_fail_errno(error, errno, "writing");
        data += n;
        offset += (guint64)n;
        size -= (gsize)n;
    }
    return TRUE;
}

/* Zeros are not written: the target is new, they are there as a hole. */
static gboolean
copy_piece(gpointer closure, guint64 offset, const guint8 *data, gsize size, GError **error)
{
    const int *target = closure;

    if (!data || is_zero(data, size))
        return TRUE;
    return write_at(*target, offset, data, size, error);
}

static gboolean
transfer_copy(VmsTransfer *transfer, VmsProgress *progress, GError **error)
{
    FileTransfer *self = (FileTransfer *)transfer;
    guint64 size = 0;

    if (!need_source(self, error) || !vms_sparse_size(self->source, &size, error) ||
        !vms_sys_resize(self->target, size, self->place.path, error))
        return FALSE;
    vms_crash_point("file-copy");
    if (!vms_sparse_walk(self->source, size, copy_piece, &self->target, progress, error)) {
        g_prefix_error(error, "copy to %s: ", self->place.path);
        return FALSE;
    }
    vms_crash_point("file-copy-done");
    return TRUE;
}

static int
transfer_get_fd(VmsTransfer *transfer)
{
    return ((FileTransfer *)transfer)->target;
}

static gboolean
transfer_finish(VmsTransfer *transfer, guint32 mode, VmsFileId *ret_id, GError **error)
{
    FileTransfer *self = (FileTransfer *)transfer;
    struct stat st;

    if (!vms_sys_chmod(self->target, mode, self->place.path, error) ||
        !vms_sys_sync(self->target, self->place.path, error) ||
        !vms_sys_sync(self->place.dir, self->place.path, error))
        return FALSE;
    if (fstat(self->target, &st) != 0)
        return vms_fail_errno(error, errno, "%s", self->place.path);
    self->finished = TRUE;
    if (ret_id)
        *ret_id = vms_path_file_id(&st);
    return TRUE;
}

/* Only what is still ours: somebody may have put another file there. */
static void
remove_target(const FileTransfer *self)
{
    struct stat ours;
    struct stat there;

    if (fstat(self->target, &ours) == 0 &&
        fstatat(self->place.dir, self->place.name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
        vms_sys_unlink(self->place.dir, self->place.name, NULL);
}

static void
transfer_free(VmsTransfer *transfer)
{
    FileTransfer *self = (FileTransfer *)transfer;

    if (self->target >= 0 && !self->finished)
        remove_target(self);
    vms_fd_clear(&self->source);
    vms_fd_clear(&self->target);
    vms_path_clear(&self->place);
    g_free(self);
}

gboolean
vms_transfer_open(const char *source, const char *target, VmsTransfer **ret_transfer,
                  GError **error)
{
    static const VmsTransferOps ops = {
        .clone = transfer_clone,
        .copy = transfer_copy,
        .get_fd = transfer_get_fd,
        .finish = transfer_finish,
        .free = transfer_free,
    };
    g_autoptr(VmsTransfer) transfer = NULL;
    FileTransfer *self = g_new0(FileTransfer, 1);
    struct stat st;

    *self = (FileTransfer){
        .base = { .ops = &ops },
        .source = VMS_FD_NONE,
        .place = VMS_PATH_INIT,
        .target = VMS_FD_NONE,
    };
    transfer = &self->base;
    if (source) {
        self->source = vms_path_open_image(source, NULL, &st, error);
        if (self->source < 0)
            return FALSE;
    }
    if (!vms_path_open(target, &self->place, error))
        return FALSE;
    self->target = vms_sys_create_file(self->place.dir, self->place.name, 0600, error);
    if (self->target < 0)
        return FALSE;
    *ret_transfer = g_steal_pointer(&transfer);
    return TRUE;
}
