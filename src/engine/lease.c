/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lease.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "model/name.h"
#include "record/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_SIZE (1024 * 1024)
#define SUFFIX ".json"

static char *
folder_of(const char *state_dir)
{
    return g_build_filename(state_dir, "leases", NULL);
}

/* Also what keeps a name from becoming another path. */
static gboolean
file_of(const char *vm_uuid, char **ret_file, GError **error)
{
    g_autofree char *lower = NULL;

    if (!vms_name_is_uuid(vm_uuid))
        return vms_fail(error, VMSNAP_E_INVALID, "'%s' is no UUID", vm_uuid ? vm_uuid : "");
    lower = g_ascii_strdown(vm_uuid, -1);
    *ret_file = g_strconcat(lower, SUFFIX, NULL);
    return TRUE;
}

gboolean
vms_lease_write(const char *state_dir, const VmsLease *lease, GError **error)
{
    g_autofree char *folder = folder_of(state_dir);
    g_autofree char *text = vms_record_write_lease(lease);
    g_autoptr(VmsLease) again = vms_record_read_lease(text, error);
    g_autofree char *file = NULL;
    g_auto(VmsFd) dir = VMS_FD_NONE;

    if (!again) /* a lease that nobody can read would leave a guest frozen */
        return FALSE;
    if (!file_of(lease->vm_uuid, &file, error) || !vms_sys_make_dirs(folder, 0700, error))
        return FALSE;
    dir = vms_sys_open_dir(folder, error);
    return dir >= 0 && vms_sys_replace_file(dir, file, text, strlen(text), 0600, error);
}

/* FALSE without an error: there is no folder. */
static gboolean
open_folder(const char *state_dir, VmsFd *ret_dir, GError **error)
{
    g_autofree char *folder = folder_of(state_dir);
    g_autoptr(GError) refused = NULL;

    *ret_dir = vms_sys_open_dir(folder, &refused);
    if (*ret_dir >= 0)
        return TRUE;
    if (!g_error_matches(refused, VMS_ERROR, VMSNAP_E_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

gboolean
vms_lease_remove(const char *state_dir, const char *vm_uuid, GError **error)
{
    g_autoptr(GError) refused = NULL;
    g_autofree char *file = NULL;
    g_auto(VmsFd) dir = VMS_FD_NONE;

    if (!file_of(vm_uuid, &file, error))
        return FALSE;
    /* Not synced: one that a power cut brings back is of a VM that is gone. */
    if (open_folder(state_dir, &dir, &refused))
        return vms_sys_unlink(dir, file, error);
    if (!refused)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

static VmsLease *
read_from(int dir, const char *file, GError **error)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!vms_sys_read_file(dir, file, MAX_SIZE, &text, &size, error))
        return NULL;
    if (strlen(text) == size)
        lease = vms_record_read_lease(text, error);
    else
        vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "lease %s holds a NUL", file);
    if (!lease)
        return NULL;
    if (g_ascii_strncasecmp(file, lease->vm_uuid, strlen(lease->vm_uuid)) != 0) {
        vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "lease %s is of VM %s", file,
                   lease->vm_uuid);
        return NULL;
    }
    return g_steal_pointer(&lease);
}

gboolean
vms_lease_read(const char *state_dir, const char *vm_uuid, VmsLease **ret_lease, GError **error)
{
    g_autoptr(GError) refused = NULL;
    g_autofree char *file = NULL;
    g_auto(VmsFd) dir = VMS_FD_NONE;
    VmsLease *lease = NULL;

    if (!file_of(vm_uuid, &file, error))
        return FALSE;
    if (open_folder(state_dir, &dir, &refused)) {
        lease = read_from(dir, file, error);
        if (lease)
            *ret_lease = lease;
        return lease != NULL;
    }
    if (!refused)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no lease of VM %s", vm_uuid);
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

/* "<uuid>.json"; others, such as one half-written, are none. */
static gboolean
is_lease_file(const char *name)
{
    g_autofree char *uuid = NULL;

    if (!g_str_has_suffix(name, SUFFIX))
        return FALSE;
    uuid = g_strndup(name, strlen(name) - strlen(SUFFIX));
    return vms_name_is_uuid(uuid);
}

static void
add_one(int dir, const char *file, GPtrArray *leases, GPtrArray *damaged)
{
    g_autoptr(GError) wrong = NULL;
    VmsLease *lease = read_from(dir, file, &wrong);

    if (lease)
        g_ptr_array_add(leases, lease);
    else if (!g_error_matches(wrong, VMS_ERROR, VMSNAP_E_NOT_FOUND)) /* gone meanwhile */
        g_ptr_array_add(damaged, g_strdup_printf("lease %s: %s", file, wrong->message));
}

static gboolean
add_all(VmsFd *dir, GPtrArray *leases, GPtrArray *damaged, GError **error)
{
    DIR *stream = fdopendir(*dir);
    const struct dirent *entry = NULL;
    int number = 0;

    if (!stream)
        return vms_fail_errno(error, errno, "folder of leases");
    vms_fd_steal(dir); /* the stream's now */
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (is_lease_file(entry->d_name))
            add_one(dirfd(stream), entry->d_name, leases, damaged);
    }
    number = errno;
    closedir(stream);
    return number == 0 || vms_fail_errno(error, number, "folder of leases");
}

gboolean
vms_lease_list(const char *state_dir, GPtrArray **ret_leases, GPtrArray **ret_damaged,
               GError **error)
{
    g_autoptr(GPtrArray) leases = g_ptr_array_new_with_free_func((GDestroyNotify)vms_lease_free);
    g_autoptr(GPtrArray) damaged = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) refused = NULL;
    g_auto(VmsFd) dir = VMS_FD_NONE;

    if (!open_folder(state_dir, &dir, &refused)) {
        if (refused) {
            g_propagate_error(error, g_steal_pointer(&refused));
            return FALSE;
        }
    } else if (!add_all(&dir, leases, damaged, error)) {
        return FALSE;
    }
    *ret_leases = g_steal_pointer(&leases);
    if (ret_damaged)
        *ret_damaged = g_steal_pointer(&damaged);
    return TRUE;
}

static gboolean
sweep_folder(VmsFd *dir, const char *file, GError **error)
{
    g_autofree char *prefix = g_strdup_printf(".%s.", file);
    DIR *stream = fdopendir(*dir);
    const struct dirent *entry = NULL;
    gboolean good = TRUE;

    if (!stream)
        return vms_fail_errno(error, errno, "folder of leases");
    vms_fd_steal(dir); /* the stream's now */
    while (good && (entry = readdir(stream)) != NULL) {
        if (g_str_has_prefix(entry->d_name, prefix) && g_str_has_suffix(entry->d_name, ".tmp"))
            good = vms_sys_unlink(dirfd(stream), entry->d_name, error);
    }
    closedir(stream);
    return good;
}

gboolean
vms_lease_sweep(const char *state_dir, const char *vm_uuid, GError **error)
{
    g_autoptr(GError) refused = NULL;
    g_autofree char *file = NULL;
    g_auto(VmsFd) dir = VMS_FD_NONE;

    if (!file_of(vm_uuid, &file, error))
        return FALSE;
    if (open_folder(state_dir, &dir, &refused))
        return sweep_folder(&dir, file, error);
    if (!refused)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}
