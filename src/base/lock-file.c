/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lock-file.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

typedef struct {
    const char *runtime_dir;
    const char *file;
} Place;

static int
open_there(int dir, const char *file)
{
    return openat(dir, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static int
open_file(int dir, const char *file, GError **error)
{
    g_autoptr(GError) refused = NULL;
    int fd = -1;

    if (strchr(file, '/')) {
        vms_fail(error, VMSNAP_E_INVALID, "'%s' is no name of a lock", file);
        return -1;
    }
    fd = open_there(dir, file);
    if (fd < 0 && errno == ENOENT) {
        fd = vms_sys_create_file(dir, file, 0600, &refused);
        if (fd < 0 && !g_error_matches(refused, VMS_ERROR, VMSNAP_E_EXISTS)) {
            g_propagate_error(error, g_steal_pointer(&refused));
            return -1;
        }
        fd = fd < 0 ? open_there(dir, file) : fd; /* somebody was quicker */
    }
    if (fd < 0)
        vms_fail_errno(error, errno, "lock %s", file);
    return fd;
}

static int
open_place(gpointer data, GError **error)
{
    const Place *place = data;
    g_autofree char *folder = g_build_filename(place->runtime_dir, "locks", NULL);
    g_auto(VmsFd) dir = VMS_FD_NONE;

    /* QEMU's user passes the runtime folder on the way to its sockets, and no further. */
    if (!vms_sys_make_dirs(place->runtime_dir, 0711, error) ||
        !vms_sys_make_dirs(folder, 0700, error))
        return -1;
    dir = vms_sys_open_dir(folder, error);
    return dir < 0 ? -1 : open_file(dir, place->file, error);
}

VmsLockFd *
vms_lock_file_open(const char *runtime_dir, const char *file, GError **error)
{
    Place place = { .runtime_dir = runtime_dir, .file = file };

    return vms_lock_fd_open(open_place, &place, error);
}
