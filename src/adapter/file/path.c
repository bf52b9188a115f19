/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/path.h"

#include "base/error.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static char *
settle(const char *path, GError **error)
{
    g_autofree char *parent = NULL;
    g_autofree char *name = NULL;
    g_autofree char *settled = NULL;

    if (!path || *path != '/' || g_str_has_suffix(path, "/")) {
        vms_fail(error, VMSNAP_E_INVALID, "\"%s\" is not the absolute path of a file",
                 path ? path : "");
        return NULL;
    }
    if (g_str_has_prefix(path, "/dev/"))
        settled = vms_sys_settle(path);
    if (settled)
        return g_steal_pointer(&settled);
    parent = g_path_get_dirname(path);
    name = g_path_get_basename(path);
    settled = vms_sys_settle(parent);
    if (!settled) {
        vms_fail_errno(error, errno, "folder %s", parent);
        return NULL;
    }
    return g_build_filename(settled, name, NULL);
}

gboolean
vms_path_open(const char *path, VmsPath *ret_path, GError **error)
{
    g_auto(VmsPath) opened = VMS_PATH_INIT;
    g_autofree char *folder = NULL;

    opened.path = settle(path, error);
    if (!opened.path)
        return FALSE;
    folder = g_path_get_dirname(opened.path);
    opened.name = g_path_get_basename(opened.path);
    opened.dir = vms_sys_open_dir(folder, error);
    if (opened.dir < 0)
        return FALSE;
    *ret_path = opened;
    opened = (VmsPath)VMS_PATH_INIT;
    return TRUE;
}

void
vms_path_clear(VmsPath *path)
{
    vms_fd_clear(&path->dir);
    g_clear_pointer(&path->name, g_free);
    g_clear_pointer(&path->path, g_free);
}

static gboolean
fail_open(GError **error, int number, const char *path)
{
    if (number == ENOENT || number == ENOTDIR)
        return vms_refuse(error, VMSNAP_E_NOT_FOUND, "ImageMissing", "image %s is missing", path);
    if (number == ELOOP)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported", "%s is a symbolic link",
                          path);
    return vms_fail_errno(error, number, "%s", path);
}

/* A missing folder means a missing image. */
static char *
settle_image(const char *path, GError **error)
{
    g_autoptr(GError) failure = NULL;
    char *settled = settle(path, &failure);

    if (settled)
        return settled;
    if (vms_error_get_code(failure) == VMSNAP_E_NOT_FOUND)
        fail_open(error, ENOENT, path);
    else
        g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}

static gboolean
check_kind(const struct stat *st, const char *path, GError **error)
{
    if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
        return TRUE;
    if (S_ISLNK(st->st_mode))
        return fail_open(error, ELOOP, path);
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported",
                      "%s is neither a regular file nor a block device", path);
}

gboolean
vms_path_stat(const char *path, struct stat *ret_stat, GError **error)
{
    g_autofree char *settled = settle_image(path, error);
    g_auto(VmsFd) fd = VMS_FD_NONE;
    struct stat st;

    if (!settled)
        return FALSE;
    fd = vms_sys_open_no_links(settled, O_PATH);
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail_open(error, errno, path);
    if (!check_kind(&st, path, error))
        return FALSE;
    *ret_stat = st;
    return TRUE;
}

int
vms_path_open_image(const char *path, char **ret_path, struct stat *ret_stat, GError **error)
{
    return vms_path_open_as(path, O_RDONLY, ret_path, ret_stat, error);
}

int
vms_path_open_as(const char *path, int flags, char **ret_path, struct stat *ret_stat,
                 GError **error)
{
    g_autofree char *settled = settle_image(path, error);
    g_auto(VmsFd) fd = VMS_FD_NONE;
    struct stat st;

    if (!settled)
        return -1;
    /* Not waiting for the other end of a pipe; it makes no difference to files. */
    fd = vms_sys_open_no_links(settled, flags | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail_open(error, errno, path);
        return -1;
    }
    if (!check_kind(&st, path, error))
        return -1;
    if (ret_path)
        *ret_path = g_steal_pointer(&settled);
    *ret_stat = st;
    return vms_fd_steal(&fd);
}

/* So far this device was written to by anybody, in sectors; 0 where it cannot be told. */
static gint64
read_written(const struct stat *st)
{
    enum { WRITTEN = 6 };
    g_autofree char *path =
        g_strdup_printf("/sys/dev/block/%u:%u/stat", major(st->st_rdev), minor(st->st_rdev));
    g_autofree char *text = NULL;
    const char *at;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    at = text + strspn(text, " ");
    for (guint i = 0; i < WRITTEN; i++) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return g_ascii_strtoll(at, NULL, 10);
}

/* No inode of a file system is that large. */
static VmsFileId
device_id(const struct stat *st)
{
    return (VmsFileId){
        .dev = st->st_rdev,
        .ino = (guint64)st->st_rdev | G_GUINT64_CONSTANT(1) << 62,
        .mtime_us = read_written(st),
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mode = st->st_mode & 07777,
        .links = (guint32)st->st_nlink,
    };
}

VmsFileId
vms_path_file_id(const struct stat *st)
{
    if (S_ISBLK(st->st_mode))
        return device_id(st);
    return (VmsFileId){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (guint64)st->st_size,
        .allocated = (guint64)st->st_blocks * 512,
        .mtime_us = (gint64)st->st_mtim.tv_sec * G_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000,
        .ctime_us = (gint64)st->st_ctim.tv_sec * G_USEC_PER_SEC + st->st_ctim.tv_nsec / 1000,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mode = st->st_mode & 07777,
        .links = (guint32)st->st_nlink,
    };
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

gboolean
vms_path_list(const char *path, GPtrArray **ret_names, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int fd = vms_sys_open_dir(path, error);
    const struct dirent *entry;
    DIR *dir;

    if (fd < 0)
        return FALSE;
    dir = fdopendir(fd); /* takes the descriptor */
    if (!dir) {
        vms_fail_errno(error, errno, "folder %s", path);
        vms_fd_clear(&fd);
        return FALSE;
    }
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    closedir(dir);
    g_ptr_array_sort(names, compare_names);
    *ret_names = g_steal_pointer(&names);
    return TRUE;
}
