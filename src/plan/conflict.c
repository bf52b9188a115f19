/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/conflict.h"

#include <string.h>

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

static const VmsConflict unknown = REFUSED(NULL, NULL);

const VmsConflict *
vms_conflict_at(gsize index)
{
    return index < G_N_ELEMENTS(conflicts) ? &conflicts[index] : NULL;
}

const VmsConflict *
vms_conflict_find(const char *reason)
{
    for (gsize i = 0; i < G_N_ELEMENTS(conflicts); i++) {
        if (strcmp(conflicts[i].reason, reason) == 0)
            return &conflicts[i];
    }
    return &unknown;
}
