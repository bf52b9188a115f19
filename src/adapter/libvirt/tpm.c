/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/tpm.h"

#include <pwd.h>
#include <unistd.h>

#define SYSTEM_FOLDER "/var/lib/libvirt/swtpm"
#define USER_FOLDER ".config/libvirt/qemu/swtpm"

/* A user who moved his configuration elsewhere has no state there: then it is not found. */
static char *
user_folder(void)
{
    char buffer[16384];
    struct passwd entry;
    struct passwd *found = NULL;

    if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) != 0 || !found)
        return NULL;
    return g_build_filename(found->pw_dir, USER_FOLDER, NULL);
}

char *
vms_tpm_state_path(gboolean session, const char *vm_uuid, const char *state)
{
    g_autofree char *folder = session ? user_folder() : g_strdup(SYSTEM_FOLDER);

    if (!folder || !vm_uuid || !state)
        return NULL;
    return g_build_filename(folder, vm_uuid, state, NULL);
}
