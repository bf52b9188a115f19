/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sys.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Folders of ours in those of others; no link in them is followed. */
#define OWN_FOLDER "/.vmsnap"
/* How often a folder may be removed under us; each time somebody else got a step further. */
#define MAKE_TRIES 1000

gboolean
vms_sys_random(void *data, gsize size)
{
    return getrandom(data, size, 0) == (ssize_t)size;
}

static gboolean
check_name(const char *name, GError **error)
{
    if (!name || !*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
        return vms_fail(error, VMSNAP_E_INVALID, "\"%s\" is not a plain file name",
                        name ? name : "");
    return TRUE;
}

/* A kernel without openat2() still has the last component checked. */
int
vms_sys_open_no_links(const char *path, int flags)
{
    struct open_how how = {
        .flags = (guint64)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    if (fd < 0 && errno == ENOSYS)
        return open(path, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd;
}

/* Where a folder of our own begins: it stands in folders of others. NULL: nowhere. */
static const char *
find_own(const char *path)
{
    const char *at = path;

    while ((at = strstr(at, OWN_FOLDER))) {
        char next = at[strlen(OWN_FOLDER)];

        if (next == '/' || next == '\0')
            return at;
        at++;
    }
    return NULL;
}

char *
vms_sys_settle(const char *path)
{
    const char *own = find_own(path);
    g_autofree char *head = own ? g_strndup(path, (gsize)(own - path)) : g_strdup(path);
    char settled[PATH_MAX];

    if (!realpath(*head ? head : "/", settled))
        return NULL;
    return own ? g_strconcat(settled[1] ? settled : "", own, NULL) : g_strdup(settled);
}

/* @path with the symbolic links above its last component resolved: folders above a user's disk
 * may be links (/var/run), its own name may not. */
static char *
settle_parent(const char *path, GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *bare = g_strdup(path);
    g_autofree char *parent = NULL;
    g_autofree char *settled = NULL;

    for (gsize n = strlen(bare); n > 1 && bare[n - 1] == '/'; n--)
        bare[n - 1] = '\0';
    parent = g_path_get_dirname(bare);
    settled = vms_sys_settle(parent);
    if (!settled) {
        vms_fail_errno(error, errno, "%s", parent);
        return NULL;
    }
    if (!strcmp(name, "/"))
        return g_strdup("/");
    return g_build_filename(settled, name, NULL);
}

static gboolean
is_link(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Who put it there wants us to write elsewhere. */
static gboolean
refuse_link(const char *path, GError **error)
{
    return vms_refuse(error, VMSNAP_E_PERMISSION, "UnsafeFolder",
                      "%s is, or is in, a symbolic link where a folder of our own should be", path);
}

int
vms_sys_open_dir(const char *path, GError **error)
{
    g_autofree char *settled = NULL;
    int number;
    int fd;

    if (!path || *path != '/') {
        vms_fail(error, VMSNAP_E_INVALID, "folder \"%s\" is not an absolute path",
                 path ? path : "");
        return -1;
    }
    settled = settle_parent(path, error);
    if (!settled)
        return -1;
    fd = vms_sys_open_no_links(settled, O_RDONLY | O_DIRECTORY);
    number = fd < 0 ? errno : 0;
    if (number == ELOOP || (number == ENOTDIR && is_link(AT_FDCWD, settled)))
        refuse_link(path, error);
    else if (number)
        vms_fail_errno(error, number, "folder %s", path);
    return fd;
}

gboolean
vms_sys_make_dir(int dir, const char *name, mode_t mode, GError **error)
{
    g_auto(VmsFd) made = VMS_FD_NONE;
    gboolean existed;

    if (!check_name(name, error))
        return FALSE;
    vms_crash_point("sys-make-dir");
    existed = mkdirat(dir, name, 0700) != 0;
    if (existed && errno != EEXIST)
        return vms_fail_errno(error, errno, "folder %s", name);
    made = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0 && existed && is_link(dir, name))
        return refuse_link(name, error);
    if (made < 0)
        return vms_fail_errno(error, errno, "folder %s", name);
    if (existed)
        return TRUE;
    if (fchmod(made, mode) != 0)
        return vms_fail_errno(error, errno, "mode of folder %s", name);
    if (!vms_sys_sync(dir, name, error))
        return FALSE;
    vms_crash_point("sys-make-dir-done");
    return TRUE;
}

/* The nearest existing folder at or above @path, opened; @ret_rest points to what is missing. */
static int
open_existing(const char *path, const char **ret_rest, GError **error)
{
    const char *own = find_own(path);
    g_autofree char *head =
        own && own > path ? g_strndup(path, (gsize)(own - path)) : g_strdup(path);
    char settled[PATH_MAX];
    int fd;

    while (!realpath(head, settled)) {
        char *slash = strrchr(head, '/');

        if (errno != ENOENT || !head[1]) {
            vms_fail_errno(error, errno, "folder %s", head);
            return -1;
        }
        slash[slash == head ? 1 : 0] = '\0';
    }
    fd = vms_sys_open_no_links(settled, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        vms_fail_errno(error, errno, "folder %s", head);
    *ret_rest = path + strlen(head);
    return fd;
}

/* NOT_FOUND: a folder on the way went while we were at it. */
static gboolean
make_missing(const char *path, mode_t mode, GError **error)
{
    g_auto(VmsFd) dir = VMS_FD_NONE;
    g_auto(GStrv) parts = NULL;
    const char *rest = NULL;

    dir = open_existing(path, &rest, error);
    if (dir < 0)
        return FALSE;
    parts = g_strsplit(rest, "/", -1);
    for (gsize i = 0; parts[i]; i++) {
        int next;

        if (!*parts[i])
            continue;
        if (!vms_sys_make_dir(dir, parts[i], mode, error))
            return FALSE;
        next = openat(dir, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return vms_fail_errno(error, errno, "folder %s", path);
        vms_fd_clear(&dir);
        dir = next;
    }
    return TRUE;
}

/* Folders that several share are removed by the last one who leaves, which may be just now. */
gboolean
vms_sys_make_dirs(const char *path, mode_t mode, GError **error)
{
    if (!path || *path != '/')
        return vms_fail(error, VMSNAP_E_INVALID, "folder \"%s\" is not an absolute path",
                        path ? path : "");
    for (guint tries = 1;; tries++) {
        g_autoptr(GError) failed = NULL;

        if (make_missing(path, mode, &failed))
            return TRUE;
        if (vms_error_get_code(failed) != VMSNAP_E_NOT_FOUND || tries == MAKE_TRIES) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
    }
}

/* Regular files only, and never waiting for the other end of a pipe. */
static int
open_regular(int dir, const char *path, GError **error)
{
    g_auto(VmsFd) fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0) {
        vms_fail_errno(error, errno, "%s", path);
        return -1;
    }
    if (fstat(fd, &st) != 0) {
        vms_fail_errno(error, errno, "%s", path);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        vms_fail(error, VMSNAP_E_UNSUPPORTED, "%s is not a regular file", path);
        return -1;
    }
    return vms_fd_steal(&fd);
}

int
vms_sys_create_file(int dir, const char *name, mode_t mode, GError **error)
{
    g_auto(VmsFd) fd = VMS_FD_NONE;

    if (!check_name(name, error))
        return -1;
    vms_crash_point("sys-create");
    fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        vms_fail_errno(error, errno, "%s", name);
        return -1;
    }
    if (fchmod(fd, mode) != 0) {
        int number = errno;

        unlinkat(dir, name, 0);
        vms_fail_errno(error, number, "mode of %s", name);
        return -1;
    }
    vms_crash_point("sys-create-done");
    return vms_fd_steal(&fd);
}

gboolean
vms_sys_write(int fd, const void *data, gsize size, GError **error)
{
    const char *from = data;

    vms_crash_point("sys-write");
    while (size > 0) {
        ssize_t n = write(fd, from, size);

        if (n < 0 && errno != EINTR)
            return vms_fail_errno(error, errno, "write");
        if (n > 0) {
            from += n;
            size -= (gsize)n;
        }
    }
    vms_crash_point("sys-write-done");
    return TRUE;
}

gboolean
vms_sys_sync(int fd, const char *what, GError **error)
{
    vms_crash_point("sys-sync");
    if (fsync(fd) != 0 && errno != EINVAL)
        return vms_fail_errno(error, errno, "sync of %s", what);
    vms_crash_point("sys-sync-done");
    return TRUE;
}

gboolean
vms_sys_clone(int target, int source, const char *what, GError **error)
{
    int number;

    vms_crash_point("sys-clone");
    if (ioctl(target, FICLONE, source) == 0) {
        vms_crash_point("sys-clone-done");
        return TRUE;
    }
    number = errno;
    if (number != EOPNOTSUPP && number != EXDEV && number != EINVAL && number != ENOTTY)
        return vms_fail_errno(error, number, "clone of %s", what);
    vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoReflink", "%s cannot be cloned here: %s", what,
               g_strerror(number));
    if (error)
        vms_error_set_origin(*error, "os", number);
    return FALSE;
}

gboolean
vms_sys_reserve(int fd, guint64 bytes, const char *what, GError **error)
{
    int result;

    if (bytes == 0)
        return TRUE;
    if (bytes > G_MAXINT64)
        return vms_fail(error, VMSNAP_E_INVALID, "%s: no file can be so large", what);
    vms_crash_point("sys-reserve");
    do {
        result = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    if (result != 0)
        return vms_fail_errno(error, errno, "reserving %" G_GUINT64_FORMAT " bytes for %s", bytes,
                              what);
    vms_crash_point("sys-reserve-done");
    return TRUE;
}

gboolean
vms_sys_resize(int fd, guint64 bytes, const char *what, GError **error)
{
    if (bytes > G_MAXINT64)
        return vms_fail(error, VMSNAP_E_INVALID, "%s: no file can be so large", what);
    vms_crash_point("sys-resize");
    if (ftruncate(fd, (off_t)bytes) != 0)
        return vms_fail_errno(error, errno, "size of %s", what);
    vms_crash_point("sys-resize-done");
    return TRUE;
}

gboolean
vms_sys_chown(int fd, uid_t uid, gid_t gid, const char *what, GError **error)
{
    vms_crash_point("sys-chown");
    if (fchown(fd, uid, gid) != 0)
        return vms_fail_errno(error, errno, "owner of %s", what);
    vms_crash_point("sys-chown-done");
    return TRUE;
}

gboolean
vms_sys_chmod(int fd, mode_t mode, const char *what, GError **error)
{
    vms_crash_point("sys-chmod");
    if (fchmod(fd, mode & 07777) != 0)
        return vms_fail_errno(error, errno, "mode of %s", what);
    vms_crash_point("sys-chmod-done");
    return TRUE;
}

gboolean
vms_sys_move(int from_dir, const char *from, int to_dir, const char *to, GError **error)
{
    if (!check_name(from, error) || !check_name(to, error))
        return FALSE;
    vms_crash_point("sys-rename");
    if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) != 0)
        return vms_fail_errno(error, errno, "renaming %s to %s", from, to);
    vms_crash_point("sys-rename-done");
    return TRUE;
}

gboolean
vms_sys_exchange(int dir_a, const char *a, int dir_b, const char *b, GError **error)
{
    if (!check_name(a, error) || !check_name(b, error))
        return FALSE;
    vms_crash_point("sys-exchange");
    if (renameat2(dir_a, a, dir_b, b, RENAME_EXCHANGE) != 0) {
        if (errno == EINVAL)
            return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoExchange",
                              "the file system of %s cannot exchange files", a);
        return vms_fail_errno(error, errno, "exchanging %s and %s", a, b);
    }
    vms_crash_point("sys-exchange-done");
    return TRUE;
}

/* A file system that may not be written to says so even of what is not there. */
static gboolean
is_missing(int dir, const char *name, int number)
{
    struct stat st;

    return number == ENOENT ||
           (number == EROFS && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
            errno == ENOENT);
}

gboolean
vms_sys_unlink(int dir, const char *name, GError **error)
{
    int number;

    if (!check_name(name, error))
        return FALSE;
    vms_crash_point("sys-unlink");
    number = unlinkat(dir, name, 0) == 0 ? 0 : errno;
    if (number && !is_missing(dir, name, number))
        return vms_fail_errno(error, number, "removing %s", name);
    vms_crash_point("sys-unlink-done");
    return TRUE;
}

gboolean
vms_sys_remove_dir(int dir, const char *name, GError **error)
{
    int number;

    if (!check_name(name, error))
        return FALSE;
    vms_crash_point("sys-remove-dir");
    number = unlinkat(dir, name, AT_REMOVEDIR) == 0 ? 0 : errno;
    if (number == ENOTEMPTY || number == EEXIST)
        return vms_refuse(error, VMSNAP_E_IN_USE, "NotEmpty", "folder %s is not empty", name);
    if (number && !is_missing(dir, name, number))
        return vms_fail_errno(error, number, "removing folder %s", name);
    vms_crash_point("sys-remove-dir-done");
    return TRUE;
}

/* Write @data into the new file @temporary and move it over @name. */
static gboolean
fill_and_move(int dir, int fd, const char *temporary, const char *name, GBytes *data,
              GError **error)
{
    gsize size = 0;
    const void *bytes = g_bytes_get_data(data, &size);

    if (!vms_sys_write(fd, bytes, size, error) || !vms_sys_sync(fd, name, error))
        return FALSE;
    vms_crash_point("sys-replace");
    if (renameat(dir, temporary, dir, name) != 0)
        return vms_fail_errno(error, errno, "replacing %s", name);
    vms_crash_point("sys-replace-done");
    return TRUE;
}

gboolean
vms_sys_replace_file(int dir, const char *name, const void *data, gsize size, mode_t mode,
                     GError **error)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    g_autofree char *temporary = NULL;
    g_auto(VmsFd) fd = VMS_FD_NONE;
    guint64 salt = 0;

    if (!check_name(name, error))
        return FALSE;
    if (!vms_sys_random(&salt, sizeof(salt)))
        return vms_fail_errno(error, errno, "random name beside %s", name);
    temporary = g_strdup_printf(".%s.%016" G_GINT64_MODIFIER "x.tmp", name, salt);
    fd = vms_sys_create_file(dir, temporary, mode, error);
    if (fd < 0)
        return FALSE;
    if (!fill_and_move(dir, fd, temporary, name, bytes, error)) {
        unlinkat(dir, temporary, 0);
        return FALSE;
    }
    return vms_sys_sync(dir, name, error);
}

/* Read to the end, at most @limit bytes; files whose size is not known in advance too. */
static gboolean
read_all(int fd, const char *name, gsize limit, GByteArray *into, GError **error)
{
    guint8 buffer[16384];

    for (;;) {
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vms_fail_errno(error, errno, "%s", name);
        if (n == 0)
            return TRUE;
        if ((gsize)n > limit - into->len)
            return vms_refuse(error, VMSNAP_E_IO, "TooLarge",
                              "%s has more than %" G_GSIZE_FORMAT " bytes", name, limit);
        g_byte_array_append(into, buffer, (guint)n);
    }
}

gboolean
vms_sys_read_file(int dir, const char *name, gsize limit, char **ret_data, gsize *ret_size,
                  GError **error)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_auto(VmsFd) fd = VMS_FD_NONE;
    gsize size;

    if (!check_name(name, error))
        return FALSE;
    fd = open_regular(dir, name, error);
    if (fd < 0 || !read_all(fd, name, MIN(limit, G_MAXINT32), data, error))
        return FALSE;
    size = data->len;
    g_byte_array_append(data, (const guint8 *)"", 1);
    *ret_data = (char *)g_byte_array_free(g_steal_pointer(&data), FALSE);
    if (ret_size)
        *ret_size = size;
    return TRUE;
}
