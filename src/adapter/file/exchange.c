/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/exchange.h"

#include "adapter/file/path.h"
#include "base/error.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { ATTRIBUTES_MAX = 65536 };

/* Where libvirt remembers owner and label of a file in use; they come along when a file is
 * exchanged away from under a running VM, and a later start with it fails. */
static const char STALE_PREFIX[] = "trusted.libvirt.security.";

static gboolean
sync_both(const VmsPath *a, const VmsPath *b, GError **error)
{
    struct stat first;
    struct stat second;

    if (!vms_sys_sync(a->dir, a->path, error))
        return FALSE;
    if (fstat(a->dir, &first) == 0 && fstat(b->dir, &second) == 0 &&
        first.st_dev == second.st_dev && first.st_ino == second.st_ino)
        return TRUE;
    return vms_sys_sync(b->dir, b->path, error);
}

gboolean
vms_exchange_files(const char *a, const char *b, GError **error)
{
    g_auto(VmsPath) one = VMS_PATH_INIT;
    g_auto(VmsPath) two = VMS_PATH_INIT;

    return vms_path_open(a, &one, error) && vms_path_open(b, &two, error) &&
           vms_sys_exchange(one.dir, one.name, two.dir, two.name, error) &&
           sync_both(&one, &two, error);
}

gboolean
vms_exchange_rename(const char *from, const char *to, GError **error)
{
    g_auto(VmsPath) old = VMS_PATH_INIT;
    g_auto(VmsPath) new = VMS_PATH_INIT;

    return vms_path_open(from, &old, error) && vms_path_open(to, &new, error) &&
           vms_sys_move(old.dir, old.name, new.dir, new.name, error) &&
           sync_both(&new, &old, error);
}

/* TRUE with nothing opened when even the folder is missing. */
static gboolean
open_if_there(const char *path, VmsPath *ret_place, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (vms_path_open(path, ret_place, &failure) ||
        vms_error_get_code(failure) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
vms_exchange_remove(const char *path, GError **error)
{
    g_auto(VmsPath) place = VMS_PATH_INIT;

    if (!open_if_there(path, &place, error))
        return FALSE;
    if (place.dir < 0)
        return TRUE;
    return vms_sys_unlink(place.dir, place.name, error) &&
           vms_sys_sync(place.dir, place.path, error);
}

gboolean
vms_exchange_remove_folder(const char *path, GError **error)
{
    g_auto(VmsPath) place = VMS_PATH_INIT;

    if (!path)
        return TRUE;
    if (!open_if_there(path, &place, error))
        return FALSE;
    if (place.dir < 0)
        return TRUE;
    return vms_sys_remove_dir(place.dir, place.name, error) &&
           vms_sys_sync(place.dir, place.path, error);
}

static gboolean
drop_stale_labels(int fd, const char *path, GError **error)
{
    g_autofree char *names = g_try_malloc(ATTRIBUTES_MAX);
    ssize_t size = names ? flistxattr(fd, names, ATTRIBUTES_MAX) : 0;

    if (size < 0 && errno != EOPNOTSUPP)
        return vms_fail_errno(error, errno, "attributes of %s", path);
    for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
        if (!g_str_has_prefix(name, STALE_PREFIX))
            continue;
        if (fremovexattr(fd, name) != 0 && errno != ENODATA)
            return vms_fail_errno(error, errno, "attribute %s of %s", name, path);
    }
    return TRUE;
}

gboolean
vms_exchange_adopt(const char *path, const VmsFileId *like, GError **error)
{
    struct stat st;
    g_auto(VmsFd) fd = vms_path_open_image(path, NULL, &st, error);

    if (fd < 0)
        return FALSE;
    /* Asked for only when it makes a difference: without the right to it nothing is lost then. */
    if ((st.st_uid != like->uid || st.st_gid != like->gid) &&
        !vms_sys_chown(fd, like->uid, like->gid, path, error))
        return FALSE;
    return vms_sys_chmod(fd, like->mode, path, error) && drop_stale_labels(fd, path, error) &&
           vms_sys_sync(fd, path, error);
}
