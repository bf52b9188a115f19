/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/holders.h"

#include "adapter/file/device.h"
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { HOLDERS_MAX = VMS_HOLDERS_MAX };

static void
close_dir(DIR *dir)
{
    closedir(dir);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, close_dir)

static DIR *
open_list(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);

    if (!list && fd >= 0)
        close(fd);
    return list;
}

/* A device may have several nodes: in the private /dev that a QEMU gets it has another. */
static gboolean
is_same(const struct stat *st, const struct stat *file)
{
    if (S_ISBLK(file->st_mode))
        return S_ISBLK(st->st_mode) && st->st_rdev == file->st_rdev;
    return st->st_dev == file->st_dev && st->st_ino == file->st_ino;
}

/* What the descriptor was opened for, as the kernel tells. */
static gboolean
may_write(int proc, const char *pid, const char *number)
{
    g_autofree char *path = g_strconcat(pid, "/fdinfo/", number, NULL);
    g_auto(VmsFd) fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    char text[256] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    const char *flags = n > 0 ? strstr(text, "flags:") : NULL;

    return flags && (g_ascii_strtoull(flags + strlen("flags:"), NULL, 8) & O_ACCMODE) != O_RDONLY;
}

/* Of a device only who may write to it counts: everybody looks into devices now and then. */
static gboolean
has_open(int proc, const char *pid, const struct stat *file)
{
    g_autofree char *path = g_strconcat(pid, "/fd", NULL);
    g_autoptr(DIR) list = open_list(proc, path);
    const struct dirent *entry;

    while (list && (entry = readdir(list))) {
        struct stat st;

        if (entry->d_name[0] != '.' && fstatat(dirfd(list), entry->d_name, &st, 0) == 0 &&
            is_same(&st, file) && (!S_ISBLK(file->st_mode) || may_write(proc, pid, entry->d_name)))
            return TRUE;
    }
    return FALSE;
}

/* A mapping outlives the descriptor it was made with. Its line in maps has the inode; the entry of
 * its address range in map_files tells which file that is. */
static gboolean
is_mapped_at(int proc, const char *pid, const char *range, const struct stat *file)
{
    g_autofree char *path = g_strconcat(pid, "/map_files/", range, NULL);
    struct stat st;

    return fstatat(proc, path, &st, 0) == 0 && is_same(&st, file);
}

/* Lines name a device's mapping by the inode of its node, so of devices only descriptors count. */
static gboolean
has_mapped(int proc, const char *pid, const struct stat *file)
{
    g_autofree char *path = g_strconcat("/proc/", pid, "/maps", NULL);
    g_autofree char *inode = g_strdup_printf(" %" G_GUINT64_FORMAT " ", (guint64)file->st_ino);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (S_ISBLK(file->st_mode) || !g_file_get_contents(path, &text, NULL, NULL) ||
        !strstr(text, inode))
        return FALSE;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        g_autofree char *range = g_strndup(lines[i], strcspn(lines[i], " "));

        if (strstr(lines[i], inode) && is_mapped_at(proc, pid, range, file))
            return TRUE;
    }
    return FALSE;
}

static char *
describe(int proc, const char *pid)
{
    g_autofree char *path = g_strconcat(pid, "/comm", NULL);
    g_auto(VmsFd) fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    char name[64] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);

    name[n > 0 ? n : 0] = '\0';
    return g_strdup_printf("process %s (%s)", pid, g_strchomp(name));
}

/* ---- the kernel's own ---- */

static gboolean
is_behind_loop(const char *name, const struct stat *file)
{
    g_autofree char *path = g_strdup_printf("/sys/block/%s/loop/backing_file", name);
    g_autofree char *backing = NULL;
    struct stat st;

    return g_file_get_contents(path, &backing, NULL, NULL) && stat(g_strchomp(backing), &st) == 0 &&
           st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

/* No process has a file open that a loop device is on. */
static void
add_loops(const struct stat *file, GPtrArray *holders)
{
    g_autoptr(DIR) list = open_list(AT_FDCWD, "/sys/block");
    const struct dirent *entry;

    while (list && holders->len < HOLDERS_MAX && (entry = readdir(list)))
        if (g_str_has_prefix(entry->d_name, "loop") && is_behind_loop(entry->d_name, file))
            g_ptr_array_add(holders, g_strdup_printf("loop device /dev/%s", entry->d_name));
}

GPtrArray *
vms_holders_find(const struct stat *file)
{
    GPtrArray *holders = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(DIR) proc = open_list(AT_FDCWD, "/proc");
    g_autofree char *self = g_strdup_printf("%d", (int)getpid());
    const struct dirent *entry;

    while (proc && holders->len < HOLDERS_MAX && (entry = readdir(proc))) {
        if (!g_ascii_isdigit(entry->d_name[0]) || !strcmp(entry->d_name, self))
            continue;
        if (has_open(dirfd(proc), entry->d_name, file) ||
            has_mapped(dirfd(proc), entry->d_name, file))
            g_ptr_array_add(holders, describe(dirfd(proc), entry->d_name));
    }
    if (S_ISBLK(file->st_mode))
        vms_device_add_users(file, holders);
    else
        add_loops(file, holders);
    return holders;
}

char *
vms_holders_describe(const GPtrArray *holders)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < holders->len; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", (char *)holders->pdata[i]);
    if (!text->len)
        g_string_append(text, "another process");
    return g_string_free(text, FALSE);
}
