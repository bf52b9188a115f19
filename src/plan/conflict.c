/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/conflict.h"

#include <string.h>

#include <vmsnap/clone.h>
#include <vmsnap/restore.h>

#define REFUSED(the_reason, the_resolution)                                                        \
    {                                                                                              \
        .reason = the_reason, .severity = VMSNAP_SEVERITY_CONFLICT, .strict = VMS_ACT_REFUSE,      \
        .best_effort = VMS_ACT_REFUSE, .resolution = the_resolution                                \
    }
#define REFUSED_UNLESS(the_reason, the_flag, the_resolution)                                       \
    {                                                                                              \
        .reason = the_reason, .severity = VMSNAP_SEVERITY_CONFLICT, .strict = VMS_ACT_REFUSE,      \
        .best_effort = VMS_ACT_REFUSE, .told = the_flag, .resolution = the_resolution              \
    }
#define MISSING(the_reason, the_best_effort, the_resolution)                                       \
    {                                                                                              \
        .reason = the_reason, .severity = VMSNAP_SEVERITY_WARNING, .strict = VMS_ACT_LEAVE_OFF,    \
        .best_effort = the_best_effort, .resolution = the_resolution                               \
    }
#define WITHOUT(the_reason, the_resolution)                                                        \
    {                                                                                              \
        .reason = the_reason, .severity = VMSNAP_SEVERITY_CONFLICT, .strict = VMS_ACT_REFUSE,      \
        .best_effort = VMS_ACT_REMOVE, .resolution = the_resolution                                \
    }
#define REPORTED(the_reason)                                                                       \
    {                                                                                              \
        .reason = the_reason, .severity = VMSNAP_SEVERITY_WARNING, .strict = VMS_ACT_PROCEED,      \
        .best_effort = VMS_ACT_PROCEED                                                             \
    }

static const VmsConflict conflicts[] = {
    /* the VM */
    REFUSED("NotFound", "define the VM first: a restore in place needs it"),
    REFUSED("IdentityMismatch", "restore the VM the snapshot was taken of, under its own name"),
    REFUSED("Transient", "define the VM persistently"),
    REFUSED("Busy", "wait until the job or migration has ended, or end it"),
    REFUSED_UNLESS("ManagedSave", VMSNAP_RESTORE_DROP_MANAGED_SAVE,
                   "start the VM and shut it down, or allow the managed save to be dropped"),
    REPORTED("MetadataDropped"),
    /* the snapshot */
    REFUSED("NotReady", "restore from a snapshot that is Ready"),
    REFUSED("Lost", "restore from a snapshot whose files are whole"),
    REFUSED_UNLESS("Partial", VMSNAP_RESTORE_ALLOW_PARTIAL, "allow a partial restore"),
    REPORTED("WouldOrphan"),
    /* disks and other files */
    REFUSED("AttachedElsewhere", "detach it from the VM that holds it"),
    REFUSED("OpenElsewhere", "end what has it open"),
    REFUSED("BackingOfOther", "flatten what is built on it, or remove that"),
    REFUSED("ForeignFile", "move away what stands there"),
    REFUSED("OutOfSpace", "make room beside the disk"),
    REFUSED("TargetUnsupported",
            "put the VM's disk on a file of a local file system, or make a new "
            "disk from the snapshot"),
    REFUSED("TargetMissing", "make the device again, as large as it was"),
    REFUSED("TargetTooSmall", "make the device at least as large as it was"),
    REPORTED("TargetLarger"),
    REPORTED("Kept"),
    /* addresses */
    REFUSED("MACInUse", "give the holder another MAC address"),
    REPORTED("AddressNotManaged"),
    REPORTED("AddressDiffers"),
    REFUSED("AddressInUse", "give the holder another address, or wait until its lease ends"),
    /* what it refers to */
    MISSING("ImageMissing", VMS_ACT_REMOVE, "put the image back, or allow the VM to stay off"),
    MISSING("HostDeviceMissing", VMS_ACT_REMOVE,
            "attach the device to the host, or allow the VM to stay off"),
    MISSING("NetworkMissing", VMS_ACT_LEAVE_OFF,
            "define and start the network, or allow the VM to stay off"),
    MISSING("ClassMissing", VMS_ACT_LEAVE_OFF,
            "install what the host lacks, or allow the VM to stay off"),
    /* its secrets */
    { .reason = "SecretDiffers",
      .severity = VMSNAP_SEVERITY_CONFLICT,
      .strict = VMS_ACT_REFUSE,
      .best_effort = VMS_ACT_KEEP,
      .resolution = "remove the Secret, or let best-effort keep the one that is there" },
};

/* Nothing of a clone is there before: what it would lack cannot be left off for later. */
static const VmsConflict clone_conflicts[] = {
    /* the source */
    REFUSED("NotReady", "clone from a snapshot that is Ready"),
    REFUSED("Lost", "clone from a snapshot whose files are whole"),
    REFUSED_UNLESS("Partial", VMSNAP_CLONE_ALLOW_PARTIAL, "allow a clone of what there is"),
    REFUSED("PotentiallyInconsistent", "start the VM and shut it down, or clone a snapshot of it"),
    REFUSED("OpenElsewhere", "end what has it open"),
    REFUSED("TargetUnsupported", "move the disk to a file of a local file system"),
    /* names */
    REFUSED("NameTaken", "choose another name, or remove what has it"),
    REFUSED("NameCollision", "give one of the two another name by a rule"),
    REFUSED("NameInvalid", "choose another name"),
    REPORTED("RuleUnused"),
    REFUSED("FolderMissing", "make the folder"),
    REFUSED("OutOfSpace", "make room beside the disk"),
    /* what its guest sees */
    REFUSED("MediaNotUnderstood", "eject the medium, or put in one that can be made anew"),
    REPORTED("NetworkConfigChanged"),
    REPORTED("MediaNamesSource"),
    REPORTED("MachineIdKept"),
    REPORTED("HostKeysKept"),
    REPORTED("DuidKept"),
    REPORTED("OldMacInGuest"),
    REPORTED("GuestNotRead"),
    /* what it refers to */
    WITHOUT("ImageMissing", "put the image back, or let best-effort do without"),
    WITHOUT("HostDeviceMissing", "attach the device to the host, or let best-effort do without"),
    WITHOUT("HostDeviceShared", "let best-effort do without: one VM at a time can have it"),
    REFUSED("NetworkMissing", "define and start the network"),
    REFUSED("ClassMissing", "install what the host lacks"),
};

static const VmsConflict unknown = REFUSED(NULL, NULL);

static const struct {
    const char *kind;
    const char *reason;
} lacks[] = {
    { "VirtualImage", "ImageMissing" },
    { "Network", "NetworkMissing" },
    { "HostDevice", "HostDeviceMissing" },
    { "VirtualMachineClass", "ClassMissing" },
};

static const VmsConflict *
find(const VmsConflict *table, gsize count, const char *reason)
{
    for (gsize i = 0; i < count; i++) {
        if (strcmp(table[i].reason, reason) == 0)
            return &table[i];
    }
    return &unknown;
}

const VmsConflict *
vms_conflict_at(gsize index)
{
    return index < G_N_ELEMENTS(conflicts) ? &conflicts[index] : NULL;
}

const VmsConflict *
vms_conflict_find(const char *reason)
{
    return find(conflicts, G_N_ELEMENTS(conflicts), reason);
}

const VmsConflict *
vms_conflict_at_clone(gsize index)
{
    return index < G_N_ELEMENTS(clone_conflicts) ? &clone_conflicts[index] : NULL;
}

const VmsConflict *
vms_conflict_find_clone(const char *reason)
{
    return find(clone_conflicts, G_N_ELEMENTS(clone_conflicts), reason);
}

const char *
vms_conflict_of_lack(const char *kind)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lacks); i++) {
        if (strcmp(lacks[i].kind, kind) == 0)
            return lacks[i].reason;
    }
    return "ClassMissing";
}
