/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/place.h"

#include "adapter/file/path.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

/* The kernel has this structure for ever, but hands out no header with it. */
typedef struct {
    guint32 sizes[8];
    guint64 counts[4];
    guint8 uuid[16];
    guint32 sunit;
    guint32 swidth;
    gint32 version;
    guint32 flags;
    guint32 more[4];
} XfsGeometry;

G_STATIC_ASSERT(sizeof(XfsGeometry) == 112);

#define XFS_GEOMETRY _IOR('X', 124, XfsGeometry)

enum { XFS_HAS_REFLINK = 1 << 20 };

typedef struct {
    guint32 magic;
    const char *name;
    VmsReflink reflink; /* what can be said without asking further */
} FileSystem;

/* MAYBE is for what can clone in some versions or set-ups only. */
static const FileSystem file_systems[] = {
    { 0x58465342, "xfs", VMS_REFLINK_YES },
    { BTRFS_SUPER_MAGIC, "btrfs", VMS_REFLINK_YES },
    { EXT4_SUPER_MAGIC, "ext4", VMS_REFLINK_NO },
    { TMPFS_MAGIC, "tmpfs", VMS_REFLINK_NO },
    { MSDOS_SUPER_MAGIC, "vfat", VMS_REFLINK_NO },
    { 0x2011bab0, "exfat", VMS_REFLINK_NO },
    { NFS_SUPER_MAGIC, "nfs", VMS_REFLINK_MAYBE },
    { CIFS_SUPER_MAGIC, "cifs", VMS_REFLINK_MAYBE },
    { 0xfe534d42, "smb2", VMS_REFLINK_MAYBE },
    { OCFS2_SUPER_MAGIC, "ocfs2", VMS_REFLINK_MAYBE },
    { 0x00c36400, "ceph", VMS_REFLINK_MAYBE },
    { 0x01161970, "gfs2", VMS_REFLINK_MAYBE },
    { 0x65735546, "fuse", VMS_REFLINK_MAYBE },
    { 0x0bd00bd0, "lustre", VMS_REFLINK_MAYBE },
    { 0x47504653, "gpfs", VMS_REFLINK_MAYBE },
    { 0x19830326, "beegfs", VMS_REFLINK_MAYBE },
    { 0x01021997, "9p", VMS_REFLINK_MAYBE },
    { 0xca451a4e, "bcachefs", VMS_REFLINK_MAYBE },
    { 0x2fc12fc1, "zfs", VMS_REFLINK_MAYBE },
    { OVERLAYFS_SUPER_MAGIC, "overlay", VMS_REFLINK_MAYBE },
};

static const FileSystem *
find_file_system(guint32 magic)
{
    for (gsize i = 0; i < G_N_ELEMENTS(file_systems); i++) {
        if (file_systems[i].magic == magic)
            return &file_systems[i];
    }
    return NULL;
}

/* The folder, or the nearest above it that exists: it will be made there. */
static int
open_nearest(const char *folder, GError **error)
{
    g_autofree char *path = g_strdup(folder);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    while (fd < 0 && errno == ENOENT && path[1]) {
        g_autofree char *upper = g_path_get_dirname(path);

        g_free(path);
        path = g_steal_pointer(&upper);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        vms_fail_errno(error, errno, "folder %s", path);
    return fd;
}

static VmsReflink
ask_xfs(int source, int folder)
{
    XfsGeometry geometry = { 0 };
    struct stat a;
    struct stat b;

    if (fstat(source, &a) != 0 || fstat(folder, &b) != 0 || a.st_dev != b.st_dev)
        return VMS_REFLINK_NO;
    if (ioctl(folder, XFS_GEOMETRY, &geometry) != 0)
        return VMS_REFLINK_MAYBE;
    return geometry.flags & XFS_HAS_REFLINK ? VMS_REFLINK_YES : VMS_REFLINK_NO;
}

/* Subvolumes have device numbers of their own, so the file system's UUID is compared. A new file
 * takes No-COW from its folder, and only files that agree in it can share blocks. */
static VmsReflink
ask_btrfs(int source, int folder)
{
    struct btrfs_ioctl_fs_info_args a = { 0 };
    struct btrfs_ioctl_fs_info_args b = { 0 };
    int source_flags = 0;
    int folder_flags = 0;

    if (ioctl(source, BTRFS_IOC_FS_INFO, &a) != 0 || ioctl(folder, BTRFS_IOC_FS_INFO, &b) != 0 ||
        memcmp(a.fsid, b.fsid, sizeof(a.fsid)) != 0)
        return VMS_REFLINK_NO;
    if (ioctl(source, FS_IOC_GETFLAGS, &source_flags) != 0 ||
        ioctl(folder, FS_IOC_GETFLAGS, &folder_flags) != 0)
        return VMS_REFLINK_MAYBE;
    return (source_flags & FS_NOCOW_FL) == (folder_flags & FS_NOCOW_FL) ? VMS_REFLINK_YES
                                                                        : VMS_REFLINK_NO;
}

static VmsReflink
ask_reflink(int source, int folder, const FileSystem *fs)
{
    struct stat a;
    struct stat b;

    if (fstat(source, &a) != 0 || !S_ISREG(a.st_mode) || fstat(folder, &b) != 0)
        return VMS_REFLINK_NO;
    if (fs && fs->magic == BTRFS_SUPER_MAGIC)
        return ask_btrfs(source, folder);
    if (a.st_dev != b.st_dev)
        return VMS_REFLINK_NO;
    if (fs && fs->reflink == VMS_REFLINK_YES)
        return ask_xfs(source, folder);
    return fs ? fs->reflink : VMS_REFLINK_MAYBE;
}

/* Not synced first: what is not on disk yet is missing in the count, but asking costs nothing. */
static guint64
count_extents(int fd)
{
    struct fiemap map = { .fm_length = FIEMAP_MAX_OFFSET };

    return ioctl(fd, FS_IOC_FIEMAP, &map) == 0 ? map.fm_mapped_extents : 0;
}

gboolean
vms_place_read(const char *source, const char *folder, VmsPlaceInfo *ret_info, GError **error)
{
    g_auto(VmsFd) source_fd = VMS_FD_NONE;
    g_auto(VmsFd) folder_fd = VMS_FD_NONE;
    VmsPlaceInfo info = { 0 };
    const FileSystem *known;
    struct statfs fs;
    struct stat st;

    if (!folder || *folder != '/')
        return vms_fail(error, VMSNAP_E_INVALID, "folder \"%s\" is not an absolute path",
                        folder ? folder : "");
    folder_fd = open_nearest(folder, error);
    if (folder_fd < 0)
        return FALSE;
    if (source) {
        source_fd = vms_path_open_image(source, NULL, &st, error);
        if (source_fd < 0)
            return FALSE;
    }
    if (fstatfs(folder_fd, &fs) != 0)
        return vms_fail_errno(error, errno, "file system of %s", folder);
    known = find_file_system((guint32)fs.f_type);
    if (source) {
        info.reflink = ask_reflink(source_fd, folder_fd, known);
        info.extents = count_extents(source_fd);
    }
    info.free_bytes = (guint64)fs.f_bavail * (guint64)fs.f_frsize;
    info.total_bytes = (guint64)fs.f_blocks * (guint64)fs.f_frsize;
    info.fs_type = known ? g_strdup(known->name) : g_strdup_printf("0x%x", (guint)fs.f_type);
    *ret_info = info;
    return TRUE;
}
