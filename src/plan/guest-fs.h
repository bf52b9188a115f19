/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"

#include <glib.h>

/* What a freeze can be expected to do to a kind of file system. Pure. */

typedef enum {
    VMS_FS_KIND_FREEZES = 0, /* the kernel can freeze it */
    VMS_FS_KIND_READ_ONLY,   /* read-only by type: nothing to freeze */
    VMS_FS_KIND_SWAP,        /* its contents die with the machine */
    VMS_FS_KIND_EFI,         /* vfat on the EFI system partition: no state worth a refusal */
    VMS_FS_KIND_CANNOT,      /* known to pass a freeze by */
    VMS_FS_KIND_STRANGER     /* not known here: must be shown to be frozen */
} VmsFsKind;

VmsFsKind vms_guest_fs_kind(const VmsGuestFs *fs);
/* By type only, as seen on an image, where no mount point is known. */
VmsFsKind vms_fs_type_kind(const char *type);
/* Why a freeze passes a file system of this kind by; NULL: it does not. */
const char *vms_fs_kind_unfrozen(VmsFsKind kind);
/* What tells one mounted file system from another: entries of one device are one. */
const char *vms_guest_fs_identity(const VmsGuestFs *fs);
/* It may lie on the disk @target: listed there, or on a disk nobody could match. */
gboolean vms_guest_fs_may_lie_on(const VmsGuestFs *fs, const char *target);
gboolean vms_guest_fs_lies_on(const VmsGuestFs *fs, const char *target);
