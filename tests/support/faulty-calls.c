/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef _FORTIFY_SOURCE /* its wrappers are what is defined here */
#include "support/faulty-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static FaultyHook hooked;
static int inside;

void
faulty_calls_hook(FaultyHook hook)
{
    hooked = hook;
}

const char *
faulty_calls_path(int fd)
{
    static char target[4096];
    char link[64];
    ssize_t size;

    g_snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    size = readlink(link, target, sizeof(target) - 1);
    target[size > 0 ? size : 0] = '\0';
    return target;
}

/* TRUE: the call is to be made. */
static gboolean
may(const char *call, int fd, long *ret_result)
{
    int answer;

    if (!hooked || inside)
        return TRUE;
    inside = 1;
    answer = hooked(call, fd);
    inside = 0;
    if (answer == FAULTY_GO_ON)
        return TRUE;
    *ret_result = answer == FAULTY_SKIP ? 0 : -1;
    if (answer > 0)
        errno = answer;
    return FALSE;
}

#define MADE(name, fd, call)                                                                       \
    long result = 0;                                                                               \
    return may(name, fd, &result) ? (call) : result

int
fsync(int fd)
{
    MADE("sync", fd, (int)syscall(SYS_fsync, fd));
}

int
fdatasync(int fd)
{
    MADE("sync", fd, (int)syscall(SYS_fdatasync, fd));
}

ssize_t
write(int fd, const void *data, size_t size)
{
    MADE("write", fd, syscall(SYS_write, fd, data, size));
}

static ssize_t
write_at(int fd, const void *data, size_t size, off64_t offset)
{
    MADE("write", fd, syscall(SYS_pwrite64, fd, data, size, offset));
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return write_at(fd, data, size, offset);
}

static int
truncate_fd(int fd, off64_t size)
{
    MADE("truncate", fd, (int)syscall(SYS_ftruncate, fd, size));
}

int
ftruncate64(int fd, off64_t size)
{
    return truncate_fd(fd, size);
}

int
fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    MADE("allocate", fd, (int)syscall(SYS_fallocate, fd, mode, offset, size));
}

int
fchmod(int fd, mode_t mode)
{
    MADE("chmod", fd, (int)syscall(SYS_fchmod, fd, mode));
}

int
fchown(int fd, uid_t uid, gid_t gid)
{
    MADE("chown", fd, (int)syscall(SYS_fchown, fd, uid, gid));
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
    MADE("mkdir", dir, (int)syscall(SYS_mkdirat, dir, name, mode));
}

int
unlinkat(int dir, const char *name, int flags)
{
    MADE("unlink", dir, (int)syscall(SYS_unlinkat, dir, name, flags));
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    MADE("rename", from_dir, (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    MADE("rename", from_dir, (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int
ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *argument;
    long result = 0;

    va_start(args, request);
    argument = va_arg(args, void *);
    va_end(args);
    if (request == FICLONE && !may("clone", fd, &result))
        return (int)result;
    return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* Only what makes a file: by a name in a folder, or by a path. */
int
openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;
    long result = 0;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    if ((flags & O_CREAT) != 0 && dir >= 0 && !may("create", dir, &result))
        return result == 0 ? -1 : (int)result;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}
