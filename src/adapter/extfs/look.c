/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/extfs/look.h"

#include "adapter/extfs/extfs-io.h"
#include "model/leftover.h"
#include "model/mac-text.h"

#include <string.h>

enum {
    FILE_BYTES = 64 * 1024, /* of a file that are looked through */
    NAMES_MAX = 256,        /* of a folder */
    ID_DIGITS = 32
};

/* A place where a network configuration names an interface by its MAC address. */
static const char *const network_folders[] = {
    "/etc/netplan",
    "/etc/NetworkManager/system-connections",
    "/etc/systemd/network",
    "/etc/sysconfig/network-scripts",
    "/etc/sysconfig/network",
    "/etc/network",
    "/etc/network/interfaces.d",
    "/etc/udev/rules.d",
    "/etc/cloud/cloud.cfg.d",
};

typedef struct {
    ext2_filsys fs;
    guint partition;
    const char *const *macs;
    GPtrArray *leftovers;
} Look;

/* A regular file, or a folder; symbolic links are followed within the file system. */
static gboolean
find(const Look *look, const char *path, gboolean folder, ext2_ino_t *ret_ino,
     struct ext2_inode *ret_inode)
{
    if (ext2fs_namei_follow(look->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ret_ino) != 0 ||
        ext2fs_read_inode(look->fs, *ret_ino, ret_inode) != 0)
        return FALSE;
    return folder ? LINUX_S_ISDIR(ret_inode->i_mode) : LINUX_S_ISREG(ret_inode->i_mode);
}

/* The start of a file, with a NUL after it; NULL: none that can be read. */
static char *
read_file(const Look *look, const char *path, gsize *ret_size)
{
    g_autofree char *data = g_malloc(FILE_BYTES + 1);
    struct ext2_inode inode;
    ext2_file_t file = NULL;
    ext2_ino_t ino = 0;
    unsigned got = 0;
    gboolean good;

    if (!find(look, path, FALSE, &ino, &inode) ||
        ext2fs_file_open2(look->fs, ino, &inode, 0, &file) != 0)
        return NULL;
    good = ext2fs_file_read(file, data, FILE_BYTES, &got) == 0;
    (void)ext2fs_file_close(file);
    if (!good || got > FILE_BYTES)
        return NULL;
    /* What lies in the inode itself is given with all that could. */
    got = (unsigned)MIN((guint64)got, EXT2_I_SIZE(&inode));
    data[got] = '\0';
    *ret_size = got;
    return g_steal_pointer(&data);
}

static int
take_name(struct ext2_dir_entry *entry, int offset, int blocksize, char *buffer, void *data)
{
    GPtrArray *names = data;
    int size = ext2fs_dirent_name_len(entry);

    (void)offset;
    (void)blocksize;
    (void)buffer;
    if (size > 0 && entry->name[0] != '.' && !memchr(entry->name, '/', (gsize)size))
        g_ptr_array_add(names, g_strndup(entry->name, (gsize)size));
    return names->len >= NAMES_MAX ? DIRENT_ABORT : 0;
}

/* Names in a folder but for hidden ones; none if it is not there. */
static GPtrArray *
list_folder(const Look *look, const char *path)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    struct ext2_inode inode;
    ext2_ino_t ino = 0;

    if (find(look, path, TRUE, &ino, &inode))
        (void)ext2fs_dir_iterate(look->fs, ino, 0, NULL, take_name, names);
    return names;
}

static void
add(const Look *look, VmsLeftoverKind kind, const char *mac, const char *path)
{
    if (look->leftovers->len < VMS_LEFTOVERS_MAX)
        g_ptr_array_add(look->leftovers, vms_leftover_new(kind, look->partition, mac, path));
}

/* An empty one, or "uninitialized", is made anew with the next start. */
static void
look_for_machine_id(const Look *look)
{
    gsize size = 0;
    g_autofree char *text = read_file(look, "/etc/machine-id", &size);
    gsize digits = 0;

    while (text && g_ascii_isxdigit(text[digits]))
        digits++;
    if (digits == ID_DIGITS)
        add(look, VMS_LEFTOVER_MACHINE_ID, NULL, "/etc/machine-id");
}

static void
look_for_host_keys(const Look *look)
{
    g_autoptr(GPtrArray) names = list_folder(look, "/etc/ssh");

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename("/etc/ssh", names->pdata[i], NULL);
        gsize size = 0;
        g_autofree char *text = NULL;

        if (!g_str_has_prefix(names->pdata[i], "ssh_host_") ||
            !g_str_has_suffix(names->pdata[i], "_key"))
            continue;
        text = read_file(look, path, &size);
        if (size > 0)
            add(look, VMS_LEFTOVER_HOST_KEY, NULL, path);
    }
}

/* Others take theirs from the machine-id. */
static void
look_for_duid(const Look *look)
{
    g_autoptr(GPtrArray) names = list_folder(look, "/var/lib/dhcp");
    gsize size = 0;
    g_autofree char *wicked = read_file(look, "/var/lib/wicked/duid.xml", &size);

    if (size > 0)
        add(look, VMS_LEFTOVER_DUID, NULL, "/var/lib/wicked/duid.xml");
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename("/var/lib/dhcp", names->pdata[i], NULL);
        g_autofree char *text = read_file(look, path, &size);

        if (text && memmem(text, size, "default-duid", strlen("default-duid")))
            add(look, VMS_LEFTOVER_DUID, NULL, path);
    }
}

static void
look_for_macs(const Look *look, const char *folder)
{
    g_autoptr(GPtrArray) names = list_folder(look, folder);

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        gsize size = 0;
        g_autofree char *text = read_file(look, path, &size);
        gsize at = 0;

        for (gsize m = 0; text && look->macs && look->macs[m]; m++)
            if (vms_mac_text_find(text, size, 0, look->macs[m], &at))
                add(look, VMS_LEFTOVER_MAC, look->macs[m], path);
    }
}

gboolean
vms_extfs_look(const VmsExtfsSource *source, guint partition, const char *const *macs,
               GPtrArray *leftovers)
{
    Look look = { .partition = partition, .macs = macs, .leftovers = leftovers };

    if (ext2fs_open("image", EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP, 0, 0, vms_extfs_io(source),
                    &look.fs) != 0)
        return FALSE;
    look_for_machine_id(&look);
    look_for_host_keys(&look);
    look_for_duid(&look);
    for (gsize i = 0; i < G_N_ELEMENTS(network_folders); i++)
        look_for_macs(&look, network_folders[i]);
    ext2fs_free(look.fs);
    return TRUE;
}
