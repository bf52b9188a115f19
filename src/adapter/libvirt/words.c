/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/words.h"

#include <libvirt/libvirt.h>

static const char *const running_words[] = {
    [VIR_DOMAIN_RUNNING_BOOTED] = "booted",
    [VIR_DOMAIN_RUNNING_MIGRATED] = "migrated",
    [VIR_DOMAIN_RUNNING_RESTORED] = "restored",
    [VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] = "from-snapshot",
    [VIR_DOMAIN_RUNNING_UNPAUSED] = "unpaused",
    [VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] = "migration-canceled",
    [VIR_DOMAIN_RUNNING_SAVE_CANCELED] = "save-canceled",
    [VIR_DOMAIN_RUNNING_WAKEUP] = "wakeup",
    [VIR_DOMAIN_RUNNING_CRASHED] = "crashed",
    [VIR_DOMAIN_RUNNING_POSTCOPY] = "postcopy",
    [VIR_DOMAIN_RUNNING_POSTCOPY_FAILED] = "postcopy-failed",
};

static const char *const paused_words[] = {
    [VIR_DOMAIN_PAUSED_USER] = "user",
    [VIR_DOMAIN_PAUSED_MIGRATION] = "migration",
    [VIR_DOMAIN_PAUSED_SAVE] = "save",
    [VIR_DOMAIN_PAUSED_DUMP] = "dump",
    [VIR_DOMAIN_PAUSED_IOERROR] = "ioerror",
    [VIR_DOMAIN_PAUSED_WATCHDOG] = "watchdog",
    [VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = "from-snapshot",
    [VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = "shutting-down",
    [VIR_DOMAIN_PAUSED_SNAPSHOT] = "snapshot",
    [VIR_DOMAIN_PAUSED_CRASHED] = "crashed",
    [VIR_DOMAIN_PAUSED_STARTING_UP] = "starting-up",
    [VIR_DOMAIN_PAUSED_POSTCOPY] = "postcopy",
    [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = "postcopy-failed",
};

static const char *const stopping_words[] = {
    [VIR_DOMAIN_SHUTDOWN_USER] = "user",
};

static const char *const off_words[] = {
    [VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "shutdown",
    [VIR_DOMAIN_SHUTOFF_DESTROYED] = "destroyed",
    [VIR_DOMAIN_SHUTOFF_CRASHED] = "crashed",
    [VIR_DOMAIN_SHUTOFF_MIGRATED] = "migrated",
    [VIR_DOMAIN_SHUTOFF_SAVED] = "saved",
    [VIR_DOMAIN_SHUTOFF_FAILED] = "failed",
    [VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "from-snapshot",
    [VIR_DOMAIN_SHUTOFF_DAEMON] = "daemon",
};

static const char *const crashed_words[] = {
    [VIR_DOMAIN_CRASHED_PANICKED] = "panicked",
};

static const char *const job_words[] = {
    [VIR_DOMAIN_JOB_OPERATION_START] = "start",
    [VIR_DOMAIN_JOB_OPERATION_SAVE] = "save",
    [VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restore",
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "migration",
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "migration",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "snapshot",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "snapshot-revert",
    [VIR_DOMAIN_JOB_OPERATION_DUMP] = "dump",
    [VIR_DOMAIN_JOB_OPERATION_BACKUP] = "backup",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE] = "snapshot-delete",
};

typedef struct {
    vmsnap_vm_state state;
    const char *const *words;
    gsize count;
} State;

static const State states[] = {
    [VIR_DOMAIN_NOSTATE] = { VMSNAP_VM_UNKNOWN, NULL, 0 },
    [VIR_DOMAIN_RUNNING] = { VMSNAP_VM_RUNNING, running_words, G_N_ELEMENTS(running_words) },
    [VIR_DOMAIN_BLOCKED] = { VMSNAP_VM_RUNNING, NULL, 0 },
    [VIR_DOMAIN_PAUSED] = { VMSNAP_VM_PAUSED, paused_words, G_N_ELEMENTS(paused_words) },
    [VIR_DOMAIN_SHUTDOWN] = { VMSNAP_VM_STOPPING, stopping_words, G_N_ELEMENTS(stopping_words) },
    [VIR_DOMAIN_SHUTOFF] = { VMSNAP_VM_OFF, off_words, G_N_ELEMENTS(off_words) },
    [VIR_DOMAIN_CRASHED] = { VMSNAP_VM_CRASHED, crashed_words, G_N_ELEMENTS(crashed_words) },
    [VIR_DOMAIN_PMSUSPENDED] = { VMSNAP_VM_PMSUSPENDED, NULL, 0 },
};

static const char *
word_at(const char *const *words, gsize count, int index)
{
    const char *word = words && index >= 0 && (gsize)index < count ? words[index] : NULL;

    return word ? word : "unknown";
}

vmsnap_vm_state
vms_words_state(int state)
{
    if (state < 0 || (gsize)state >= G_N_ELEMENTS(states))
        return VMSNAP_VM_UNKNOWN;
    return states[state].state;
}

const char *
vms_words_reason(int state, int reason)
{
    if (state < 0 || (gsize)state >= G_N_ELEMENTS(states))
        return "unknown";
    return word_at(states[state].words, states[state].count, reason);
}

gboolean
vms_words_is_migrating(int state, int reason)
{
    if (state == VIR_DOMAIN_PAUSED)
        return reason == VIR_DOMAIN_PAUSED_MIGRATION || reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
               reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
    if (state == VIR_DOMAIN_RUNNING)
        return reason == VIR_DOMAIN_RUNNING_POSTCOPY ||
               reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED;
    return FALSE;
}

const char *
vms_words_job(int operation)
{
    return word_at(job_words, G_N_ELEMENTS(job_words), operation);
}
