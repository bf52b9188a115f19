/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/guest-fs.h"

#include <string.h>

typedef struct {
    const char *type;
    VmsFsKind kind;
} KindOfType;

/* Linux: freeze_fs or freeze_super of the kernel's file systems. Windows: what VSS takes. */
static const KindOfType kinds[] = {
    { "ext2", VMS_FS_KIND_FREEZES },       { "ext3", VMS_FS_KIND_FREEZES },
    { "ext4", VMS_FS_KIND_FREEZES },       { "xfs", VMS_FS_KIND_FREEZES },
    { "btrfs", VMS_FS_KIND_FREEZES },      { "jfs", VMS_FS_KIND_FREEZES },
    { "nilfs2", VMS_FS_KIND_FREEZES },     { "reiserfs", VMS_FS_KIND_FREEZES },
    { "f2fs", VMS_FS_KIND_FREEZES },       { "gfs2", VMS_FS_KIND_FREEZES },
    { "refs", VMS_FS_KIND_FREEZES },       { "iso9660", VMS_FS_KIND_READ_ONLY },
    { "squashfs", VMS_FS_KIND_READ_ONLY }, { "erofs", VMS_FS_KIND_READ_ONLY },
    { "cdfs", VMS_FS_KIND_READ_ONLY },     { "swap", VMS_FS_KIND_SWAP },
    { "vfat", VMS_FS_KIND_CANNOT },        { "msdos", VMS_FS_KIND_CANNOT },
    { "fat", VMS_FS_KIND_CANNOT },         { "fat32", VMS_FS_KIND_CANNOT },
    { "exfat", VMS_FS_KIND_CANNOT },       { "ntfs3", VMS_FS_KIND_CANNOT },
    { "fuseblk", VMS_FS_KIND_CANNOT },     { "udf", VMS_FS_KIND_CANNOT },
    { "hfs", VMS_FS_KIND_CANNOT },         { "hfsplus", VMS_FS_KIND_CANNOT },
    { "zfs", VMS_FS_KIND_CANNOT },         { "zfs_member", VMS_FS_KIND_CANNOT },
    { "bcachefs", VMS_FS_KIND_CANNOT },
};

/* Where distributions mount the EFI system partition. */
static const char *const efi_mounts[] = { "/boot/efi", "/efi", "/boot" };

VmsFsKind
vms_fs_type_kind(const char *type)
{
    if (!type)
        return VMS_FS_KIND_STRANGER;
    if (g_str_has_prefix(type, "opaque:"))
        type += strlen("opaque:");
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (g_ascii_strcasecmp(type, kinds[i].type) == 0)
            return kinds[i].kind;
    /* "ntfs" is Windows's own (VSS freezes it) and Linux's old driver (which cannot write). */
    if (g_ascii_strcasecmp(type, "ntfs") == 0)
        return VMS_FS_KIND_FREEZES;
    return VMS_FS_KIND_STRANGER;
}

VmsFsKind
vms_guest_fs_kind(const VmsGuestFs *fs)
{
    if (fs->mountpoint && g_strcmp0(fs->type, "vfat") == 0)
        for (gsize i = 0; i < G_N_ELEMENTS(efi_mounts); i++)
            if (strcmp(fs->mountpoint, efi_mounts[i]) == 0)
                return VMS_FS_KIND_EFI;
    return vms_fs_type_kind(fs->type);
}

const char *
vms_fs_kind_unfrozen(VmsFsKind kind)
{
    switch (kind) {
    case VMS_FS_KIND_FREEZES:
    case VMS_FS_KIND_STRANGER:
        return NULL;
    case VMS_FS_KIND_READ_ONLY:
        return "read-only by type";
    case VMS_FS_KIND_SWAP:
        return "swap";
    case VMS_FS_KIND_EFI:
        return "EFI system partition";
    case VMS_FS_KIND_CANNOT:
        break;
    }
    return "this kind of file system cannot be frozen";
}

const char *
vms_guest_fs_identity(const VmsGuestFs *fs)
{
    if (fs->name && fs->name[0])
        return fs->name;
    return fs->mountpoint ? fs->mountpoint : "";
}

gboolean
vms_guest_fs_lies_on(const VmsGuestFs *fs, const char *target)
{
    for (guint i = 0; i < fs->disks->len; i++)
        if (g_strcmp0(g_ptr_array_index(fs->disks, i), target) == 0)
            return TRUE;
    return FALSE;
}

gboolean
vms_guest_fs_may_lie_on(const VmsGuestFs *fs, const char *target)
{
    return fs->unmapped || vms_guest_fs_lies_on(fs, target);
}
