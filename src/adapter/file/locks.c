/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/locks.h"

#include "adapter/file/holders.h"
#include "adapter/file/lease.h"
#include "adapter/file/path.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/lock-fd.h"

#include <errno.h>
#include <fcntl.h>

enum { HELD = 100, NOT_SHARED = 200, PERMISSIONS = 4, WRITE = 1, RESIZE = 3 };

typedef enum { LOCK_FREE = 0, LOCK_TAKEN, LOCK_UNKNOWN } LockAnswer;

typedef struct {
    VmsHold base;
    VmsLockFd *fd;
} FileHold;

typedef struct {
    const char *path;
    int flags;
    struct stat st;
} Opening;

/* Does anybody else have a lock on one of @count bytes from @first? */
static LockAnswer
ask(int fd, int first, int count)
{
    struct flock lock = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = first,
        .l_len = count,
    };

    if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
        return LOCK_UNKNOWN;
    return lock.l_type == F_UNLCK ? LOCK_FREE : LOCK_TAKEN;
}

/* 0, or errno. */
static int
take(int fd, int first, int count)
{
    struct flock lock = {
        .l_type = F_RDLCK,
        .l_whence = SEEK_SET,
        .l_start = first,
        .l_len = count,
    };

    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

static void
read_use(int fd, const struct stat *st, VmsImageUse *use)
{
    LockAnswer writer = ask(fd, HELD + WRITE, 1);
    LockAnswer held = ask(fd, HELD, PERMISSIONS);
    LockAnswer not_shared = ask(fd, NOT_SHARED, PERMISSIONS);

    use->unknown = writer == LOCK_UNKNOWN;
    use->writer = writer == LOCK_TAKEN || vms_lease_ask(fd) == VMS_LEASE_WRITER;
    use->reader = held == LOCK_TAKEN || not_shared == LOCK_TAKEN;
    /* A QEMU with a private /dev has another node of a device, and its locks there: only its
     * descriptors tell. */
    if (use->writer || use->reader || S_ISBLK(st->st_mode))
        use->holders = vms_holders_find(st);
    else
        use->holders = g_ptr_array_new_with_free_func(g_free);
    if (use->holders->len > 0)
        use->reader = TRUE;
    if (use->holders->len > 0 && S_ISBLK(st->st_mode))
        use->writer = TRUE;
}

gboolean
vms_locks_read_use(const char *path, VmsImageUse *ret_use, GError **error)
{
    struct stat st;
    g_auto(VmsFd) fd = vms_path_open_image(path, NULL, &st, error);
    VmsImageUse use = { 0 };

    if (fd < 0)
        return FALSE;
    read_use(fd, &st, &use);
    *ret_use = use;
    return TRUE;
}

static void
hold_free(VmsHold *hold)
{
    FileHold *self = (FileHold *)hold;

    vms_lock_fd_free(self->fd);
    g_free(self);
}

/* As QEMU does: first say what we do, then look who contradicts. Read locks never clash, so the
 * answer lies in the look alone. Whether it is free; @ret_number is set when locks do not work. */
static gboolean
take_and_look(int fd, VmsHoldKind kind, int *ret_number)
{
    if (kind == VMS_HOLD_REPLACE) {
        *ret_number = take(fd, HELD, PERMISSIONS);
        if (!*ret_number)
            *ret_number = take(fd, NOT_SHARED, PERMISSIONS);
        return ask(fd, HELD, PERMISSIONS) != LOCK_TAKEN &&
               ask(fd, NOT_SHARED, PERMISSIONS) != LOCK_TAKEN;
    }
    *ret_number = take(fd, NOT_SHARED + WRITE, 1);
    if (!*ret_number)
        *ret_number = take(fd, NOT_SHARED + RESIZE, 1);
    return ask(fd, HELD + WRITE, 1) != LOCK_TAKEN && ask(fd, HELD + RESIZE, 1) != LOCK_TAKEN;
}

static gboolean
refuse_busy(const char *path, const struct stat *st, GError **error)
{
    g_autoptr(GPtrArray) holders = vms_holders_find(st);
    g_autofree char *who = vms_holders_describe(holders);

    return vms_refuse(error, VMSNAP_E_BUSY, "OpenElsewhere", "image %s is open in %s", path, who);
}

/* Takes @why. */
static gboolean
refuse_claimed(const Opening *opening, GError *why, GError **error)
{
    if (vms_error_get_code(why) != VMSNAP_E_BUSY) {
        g_propagate_error(error, why);
        return FALSE;
    }
    g_error_free(why);
    return refuse_busy(opening->path, &opening->st, error);
}

/* A file system without locks has nobody excluded by them either: QEMU goes on there, so do we. */
static gboolean
locks_missing(int number)
{
    return number == EINVAL || number == ENOLCK || number == ENOSYS || number == EOPNOTSUPP;
}

static int
open_image(gpointer data, GError **error)
{
    Opening *opening = data;

    return vms_path_open_as(opening->path, opening->flags, NULL, &opening->st, error);
}

/* A device is claimed, as whoever mounts it or builds on it does: while we have it that fails, and
 * while they have it, we. */
static gboolean
settle_flags(Opening *opening, GError **error)
{
    if (!vms_path_stat(opening->path, &opening->st, error))
        return FALSE;
    opening->flags = S_ISBLK(opening->st.st_mode) ? O_RDONLY | O_EXCL : O_RDONLY;
    return TRUE;
}

/* QEMU claims nothing. */
static gboolean
is_written(const struct stat *st)
{
    g_autoptr(GPtrArray) holders = NULL;

    if (!S_ISBLK(st->st_mode))
        return FALSE;
    holders = vms_holders_find(st);
    return holders->len > 0;
}

gboolean
vms_locks_hold(const char *path, VmsHoldKind kind, VmsHold **ret_hold, GError **error)
{
    Opening opening = { .path = path };
    g_autoptr(VmsLockFd) lock_fd = NULL;
    g_autoptr(GError) claimed = NULL;
    FileHold *hold;
    int number = 0;
    int fd;

    if (!settle_flags(&opening, error))
        return FALSE;
    lock_fd = vms_lock_fd_open(open_image, &opening, &claimed);
    if (!lock_fd)
        return refuse_claimed(&opening, g_steal_pointer(&claimed), error);
    fd = vms_lock_fd_get(lock_fd);
    if (!take_and_look(fd, kind, &number) || number == EAGAIN || number == EACCES)
        return refuse_busy(path, &opening.st, error);
    if (number && !locks_missing(number))
        return vms_fail_errno(error, number, "locking image %s", path);
    if (vms_lease_ask(fd) == VMS_LEASE_WRITER || is_written(&opening.st))
        return refuse_busy(path, &opening.st, error);
    hold = g_new0(FileHold, 1);
    hold->base.free = hold_free;
    hold->fd = g_steal_pointer(&lock_fd);
    *ret_hold = &hold->base;
    return TRUE;
}
