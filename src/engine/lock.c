/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/lock-fd.h"
#include "base/process.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define POLL_US 20000
/* Longest note in a lock file. */
#define NOTE_SIZE 256

struct VmsLock {
    VmsLockFd *fd;
};

typedef struct {
    const char *runtime_dir;
    const char *file;
} Place;

void
vms_lock_free(VmsLock *lock)
{
    if (!lock)
        return;
    vms_lock_fd_free(lock->fd);
    g_free(lock);
}

/* Lock files stay when they are free: a name that goes and comes would let two hold "it". */
static int
open_lock_file(const char *runtime_dir, const char *file, GError **error)
{
    g_autofree char *folder = g_build_filename(runtime_dir, "locks", NULL);
    g_auto(VmsFd) dir = VMS_FD_NONE;
    g_autoptr(GError) refused = NULL;
    int fd = -1;

    /* QEMU's user passes the runtime folder on the way to its sockets, and no further. */
    if (!vms_sys_make_dirs(runtime_dir, 0711, error) || !vms_sys_make_dirs(folder, 0700, error))
        return -1;
    dir = vms_sys_open_dir(folder, error);
    if (dir < 0)
        return -1;
    fd = vms_sys_create_file(dir, file, 0600, &refused);
    if (fd >= 0)
        return fd;
    if (!g_error_matches(refused, VMS_ERROR, VMSNAP_E_EXISTS)) {
        g_propagate_error(error, g_steal_pointer(&refused));
        return -1;
    }
    fd = openat(dir, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        vms_fail_errno(error, errno, "lock %s", file);
    return fd;
}

static int
open_place(gpointer data, GError **error)
{
    const Place *place = data;

    return open_lock_file(place->runtime_dir, place->file, error);
}

static char *
make_note(const char *operation)
{
    VmsProcessId self = vms_process_self();
    g_autofree char *boot = vms_clock_boot_id();

    return g_strdup_printf("%" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %s %s\n", self.pid,
                           self.start, *boot ? boot : "-", operation ? operation : "-");
}

/* "process 4711 (operation 1f0c…)", as far as the file tells. */
static char *
read_holder(int fd)
{
    char note[NOTE_SIZE + 1] = "";
    g_auto(GStrv) words = NULL;

    if (pread(fd, note, NOTE_SIZE, 0) <= 0)
        return g_strdup("another process");
    words = g_strsplit(g_strchomp(note), " ", 4);
    if (g_strv_length(words) != 4)
        return g_strdup("another process");
    return g_strdup_printf("process %s (operation %s)", words[0], words[3]);
}

static gboolean
busy(int fd, const char *name, GError **error)
{
    g_autofree char *holder = read_holder(fd);

    vms_refuse(error, VMSNAP_E_BUSY, "Locked", "'%s' is locked by %s", name, holder);
    if (error)
        vms_error_set_object(*error, name);
    return FALSE;
}

/* Waiting in steps, not in the kernel: so that it ends on time and when cancelled. */
static gboolean
wait_for(int fd, const char *name, guint wait_ms, VmsProgress *progress, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + (gint64)wait_ms * 1000;

    for (;;) {
        struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        if (!vms_progress_check(progress, error))
            return FALSE;
        if (fcntl(fd, F_OFD_SETLK, &all) == 0)
            return TRUE;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return vms_fail_errno(error, errno, "lock '%s'", name);
        if (vms_clock_monotonic_us() >= until)
            return busy(fd, name, error);
        vms_clock_sleep_us(POLL_US);
    }
}

static gboolean
write_note(int fd, const char *name, const char *operation, GError **error)
{
    g_autofree char *note = make_note(operation);

    return vms_sys_resize(fd, 0, name, error) && vms_sys_write(fd, note, strlen(note), error);
}

gboolean
vms_lock_take(const char *runtime_dir, const char *name, const char *operation, guint wait_ms,
              VmsProgress *progress, VmsLock **ret_lock, GError **error)
{
    g_autofree char *file = g_strconcat(name, ".lock", NULL);
    Place place = { .runtime_dir = runtime_dir, .file = file };
    g_autoptr(VmsLockFd) lock_fd = vms_lock_fd_open(open_place, &place, error);
    int fd = lock_fd ? vms_lock_fd_get(lock_fd) : -1;

    if (fd < 0 || !wait_for(fd, name, wait_ms, progress, error) ||
        !write_note(fd, name, operation, error))
        return FALSE;
    *ret_lock = g_new0(VmsLock, 1);
    (*ret_lock)->fd = g_steal_pointer(&lock_fd);
    return TRUE;
}

char *
vms_lock_name_vm(const char *vm_uuid)
{
    return g_ascii_strdown(vm_uuid, -1);
}

char *
vms_lock_name_window(const char *vm_uuid)
{
    g_autofree char *vm = vms_lock_name_vm(vm_uuid);

    return g_strconcat(vm, ".window", NULL);
}

char *
vms_lock_name_disk(const char *canonical_path)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, canonical_path, -1);

    return g_strconcat("disk-", digest, NULL);
}
