/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/holders.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { HOLDERS_MAX = 8 };

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

static gboolean
has_open(int proc, const char *pid, const struct stat *file)
{
    g_autofree char *path = g_strconcat(pid, "/fd", NULL);
    g_autoptr(DIR) list = open_list(proc, path);
    const struct dirent *entry;

    while (list && (entry = readdir(list))) {
        struct stat st;

        if (fstatat(dirfd(list), entry->d_name, &st, 0) == 0 && st.st_dev == file->st_dev &&
            st.st_ino == file->st_ino && entry->d_name[0] != '.')
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

    return fstatat(proc, path, &st, 0) == 0 && st.st_dev == file->st_dev &&
           st.st_ino == file->st_ino;
}

static gboolean
has_mapped(int proc, const char *pid, const struct stat *file)
{
    g_autofree char *path = g_strconcat("/proc/", pid, "/maps", NULL);
    g_autofree char *inode = g_strdup_printf(" %" G_GUINT64_FORMAT " ", (guint64)file->st_ino);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !strstr(text, inode))
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

/* Device-mapper and RAID devices that are built on a device. */
static void
add_devices(const struct stat *file, GPtrArray *holders)
{
    g_autofree char *path =
        g_strdup_printf("/sys/dev/block/%u:%u/holders", major(file->st_rdev), minor(file->st_rdev));
    g_autoptr(DIR) list = open_list(AT_FDCWD, path);
    const struct dirent *entry;

    while (list && holders->len < HOLDERS_MAX && (entry = readdir(list)))
        if (entry->d_name[0] != '.')
            g_ptr_array_add(holders, g_strdup_printf("device /dev/%s", entry->d_name));
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
        add_devices(file, holders);
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
