/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/device.h"

#include "adapter/file/holders.h"

#include <string.h>
#include <sys/sysmacros.h>

static char *
folder_of(dev_t number, const char *name)
{
    return g_strdup_printf("/sys/dev/block/%u:%u%s%s", major(number), minor(number),
                           name ? "/" : "", name ? name : "");
}

static void
add(GPtrArray *holders, char *text)
{
    if (holders->len < VMS_HOLDERS_MAX)
        g_ptr_array_add(holders, text);
    else
        g_free(text);
}

/* Device-mapper and RAID devices that are built on it. */
static void
add_built(dev_t number, GPtrArray *holders)
{
    g_autofree char *path = folder_of(number, "holders");
    g_autoptr(GDir) list = g_dir_open(path, 0, NULL);
    const char *name;

    while (list && (name = g_dir_read_name(list)))
        add(holders, g_strdup_printf("device /dev/%s", name));
}

/* Of a line of mountinfo: number of its device, and where it is mounted. */
static gboolean
is_mount_of(const char *line, dev_t number, char **ret_place)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 6);
    g_autofree char *wanted = g_strdup_printf("%u:%u", major(number), minor(number));

    if (g_strv_length(words) < 6 || strcmp(words[2], wanted) != 0)
        return FALSE;
    *ret_place = g_strcompress(words[4]);
    return TRUE;
}

/* In our own namespace; O_EXCL tells of the others. */
static void
add_mounts(dev_t number, GPtrArray *holders)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        g_autofree char *place = NULL;

        if (is_mount_of(lines[i], number, &place))
            add(holders, g_strdup_printf("file system at %s", place));
    }
}

static void
add_swap(dev_t number, GPtrArray *holders)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/swaps", &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        g_autofree char *path = g_strndup(lines[i], strcspn(lines[i], " \t"));
        struct stat st;

        if (*path == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == number)
            add(holders, g_strdup("swap"));
    }
}

static void
add_users(dev_t number, GPtrArray *holders)
{
    add_built(number, holders);
    add_mounts(number, holders);
    add_swap(number, holders);
}

/* FALSE for a name below a device that is no partition's. */
static gboolean
read_partition(dev_t number, const char *name, dev_t *ret_number)
{
    g_autofree char *folder = folder_of(number, name);
    g_autofree char *mark = g_build_filename(folder, "partition", NULL);
    g_autofree char *path = g_build_filename(folder, "dev", NULL);
    g_autofree char *text = NULL;
    char *rest = NULL;
    guint64 first;

    if (!g_file_test(mark, G_FILE_TEST_EXISTS) || !g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    first = g_ascii_strtoull(text, &rest, 10);
    if (*rest != ':')
        return FALSE;
    *ret_number = makedev((guint)first, (guint)g_ascii_strtoull(rest + 1, NULL, 10));
    return TRUE;
}

void
vms_device_add_users(const struct stat *device, GPtrArray *holders)
{
    g_autofree char *path = folder_of(device->st_rdev, NULL);
    g_autoptr(GDir) list = g_dir_open(path, 0, NULL);
    const char *name;

    add_users(device->st_rdev, holders);
    while (list && (name = g_dir_read_name(list))) {
        dev_t partition;

        if (read_partition(device->st_rdev, name, &partition))
            add_users(partition, holders);
    }
}
