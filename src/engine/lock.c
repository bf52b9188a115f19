/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "base/process.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_US 20000

/* Who waits to have it alone has the second byte locked meanwhile: nobody begins to share it then,
 * or those who come and go would keep him out for ever.
 *
 * A lock file has a line for each that may hold it at a time, and locks on single bytes, which need
 * not exist: who shares the lock has a read lock on the first, who has it alone a write lock. The
 * holder of a line has locked that line's byte, so the lines of the dead are known as such. The
 * last kind says that somebody works in the name of an operation. */
#define LOCK_AT 0
#define WAIT_AT 1
#define LINES_AT 16
#define OPERATIONS_AT ((guint64)1 << 62)

#define LINE_SIZE 192
#define MOST_LINES 512
/* So many are named to who finds it busy. */
#define MOST_NAMED 3

struct VmsLock {
    VmsLockFd *fd;
    guint line; /* ours; MOST_LINES: none was free */
};

void
vms_lock_free(VmsLock *lock)
{
    if (!lock)
        return;
    vms_lock_fd_free(lock->fd);
    g_free(lock);
}

/* One byte, not waiting. TRUE in @ret_taken if it is ours now. */
static gboolean
lock_byte(int fd, guint64 at, short type, gboolean *ret_taken, GError **error)
{
    struct flock byte = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1 };

    *ret_taken = fcntl(fd, F_OFD_SETLK, &byte) == 0;
    if (*ret_taken || errno == EAGAIN || errno == EACCES || errno == EINTR)
        return TRUE;
    return vms_fail_errno(error, errno, "lock file");
}

static void
unlock_byte(int fd, guint64 at)
{
    struct flock byte = {
        .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1
    };

    (void)fcntl(fd, F_OFD_SETLK, &byte);
}

/* ---- who holds it ---- */

static gboolean
is_held(int fd, guint64 at)
{
    struct flock byte = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1
    };

    return fcntl(fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}

/* "process 4711 (operation 1f0c…, until …)", as far as the line tells; NULL: nothing. */
static char *
read_holder(int fd, guint number)
{
    char line[LINE_SIZE + 1] = "";
    g_auto(GStrv) words = NULL;

    if (pread(fd, line, LINE_SIZE, (off_t)number * LINE_SIZE) <= 0)
        return NULL;
    words = g_strsplit(g_strchomp(line), " ", 5);
    if (g_strv_length(words) < 4)
        return NULL;
    return g_strdup_printf("process %s (operation %s%s%s)", words[0], words[3],
                           words[4] ? ", until " : "", words[4] ? words[4] : "");
}

static char *
name_holders(int fd)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct stat info = { 0 };
    guint named = 0;

    if (fstat(fd, &info) != 0)
        info.st_size = 0;
    for (guint i = 0; named < MOST_NAMED && (off_t)i * LINE_SIZE < info.st_size; i++) {
        g_autofree char *holder = is_held(fd, LINES_AT + i) ? read_holder(fd, i) : NULL;

        if (holder)
            g_string_append_printf(text, "%s%s", named++ > 0 ? ", " : "", holder);
    }
    return g_strdup(named > 0 ? text->str : "another process");
}

static gboolean
busy(int fd, const char *name, GError **error)
{
    g_autofree char *holders = name_holders(fd);

    vms_refuse(error, VMSNAP_E_BUSY, "Locked", "'%s' is locked by %s", name, holders);
    if (error)
        vms_error_set_object(*error, name);
    return FALSE;
}

/* The first line that is free. Without one nobody learns who holds it; that is all. */
static gboolean
take_line(int fd, guint *ret_number, GError **error)
{
    gboolean taken = FALSE;
    guint number = 0;

    while (number < MOST_LINES && !taken) {
        if (!lock_byte(fd, LINES_AT + number, F_WRLCK, &taken, error))
            return FALSE;
        number += !taken;
    }
    *ret_number = number;
    return TRUE;
}

/* RFC 3339; NULL if there is no such time. */
static char *
format_until(gint64 until_us)
{
    g_autoptr(GDateTime) time =
        until_us > 0 ? g_date_time_new_from_unix_utc(until_us / G_USEC_PER_SEC) : NULL;

    return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

/* @until_us: 0: it is not known. */
static gboolean
write_line(VmsLock *lock, const VmsProcessId *holder, const char *operation, gint64 until_us,
           GError **error)
{
    int fd = vms_lock_fd_get(lock->fd);
    g_autofree char *boot = vms_clock_boot_id();
    g_autofree char *until = format_until(until_us);
    g_autofree char *note = g_strdup_printf(
        "%" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %s %.64s%s%s", holder->pid, holder->start,
        *boot ? boot : "-", operation ? operation : "-", until ? " " : "", until ? until : "");
    g_autofree char *line = g_strdup_printf("%-*s\n", LINE_SIZE - 1, note);

    if (lock->line >= MOST_LINES || lseek(fd, (off_t)lock->line * LINE_SIZE, SEEK_SET) < 0)
        return TRUE;
    return vms_sys_write(fd, line, LINE_SIZE, error);
}

/* ---- taking it ---- */

/* The operation's byte: a number from its name, random enough to be nobody else's. */
static guint64
place_of_operation(const char *operation)
{
    guint64 hash = 14695981039346656037U;

    for (const char *at = operation; *at; at++)
        hash = (hash ^ (guint8)*at) * 1099511628211U;
    return OPERATIONS_AT + hash % OPERATIONS_AT;
}

static gboolean
try_once(int fd, short type, const char *operation, gboolean *ret_taken, GError **error)
{
    *ret_taken = FALSE;
    if (type == F_RDLCK && is_held(fd, WAIT_AT))
        return TRUE;
    if (!lock_byte(fd, LOCK_AT, type, ret_taken, error))
        return FALSE;
    if (!*ret_taken || !operation)
        return TRUE;
    if (!lock_byte(fd, place_of_operation(operation), F_WRLCK, ret_taken, error))
        return FALSE;
    if (!*ret_taken)
        unlock_byte(fd, LOCK_AT);
    return TRUE;
}

typedef struct {
    const char *name;
    const char *operation;
    short type;
    guint wait_ms;
    VmsProgress *progress;
} Wanted;

/* Waiting in steps, not in the kernel: so that it ends on time and when cancelled. */
static gboolean
wait_for(int fd, const Wanted *wanted, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + (gint64)wanted->wait_ms * 1000;
    gboolean taken = FALSE;
    gboolean waits = FALSE;

    for (;;) {
        if (!vms_progress_check(wanted->progress, error) ||
            !try_once(fd, wanted->type, wanted->operation, &taken, error))
            return FALSE;
        if (taken) {
            if (waits)
                unlock_byte(fd, WAIT_AT);
            return TRUE;
        }
        /* Of several who want it alone one at a time keeps the others from sharing it. */
        if (wanted->type == F_WRLCK && !waits && !lock_byte(fd, WAIT_AT, F_WRLCK, &waits, error))
            return FALSE;
        if (vms_clock_monotonic_us() >= until)
            return busy(fd, wanted->name, error);
        vms_clock_sleep_us(POLL_US);
    }
}

static gboolean
take(const char *runtime_dir, const Wanted *wanted, VmsLock **ret_lock, GError **error)
{
    g_autofree char *file = g_strconcat(wanted->name, ".lock", NULL);
    const VmsProcessId self = vms_process_self();
    g_autoptr(VmsLock) lock = g_new0(VmsLock, 1);
    int fd;

    lock->fd = vms_lock_file_open(runtime_dir, file, error);
    fd = lock->fd ? vms_lock_fd_get(lock->fd) : -1;
    if (fd < 0 || !wait_for(fd, wanted, error) || !take_line(fd, &lock->line, error) ||
        !write_line(lock, &self, wanted->operation, 0, error))
        return FALSE;
    *ret_lock = g_steal_pointer(&lock);
    return TRUE;
}

gboolean
vms_lock_take(const char *runtime_dir, const char *name, const char *operation, guint wait_ms,
              VmsProgress *progress, VmsLock **ret_lock, GError **error)
{
    const Wanted wanted = { .name = name,
                            .operation = operation,
                            .type = F_WRLCK,
                            .wait_ms = wait_ms,
                            .progress = progress };

    return take(runtime_dir, &wanted, ret_lock, error);
}

gboolean
vms_lock_share(const char *runtime_dir, const char *name, const char *operation, guint wait_ms,
               VmsProgress *progress, VmsLock **ret_lock, GError **error)
{
    const Wanted wanted = { .name = name,
                            .operation = operation,
                            .type = F_RDLCK,
                            .wait_ms = wait_ms,
                            .progress = progress };

    return take(runtime_dir, &wanted, ret_lock, error);
}

gboolean
vms_lock_is_at_work(const char *runtime_dir, const char *name, const char *operation)
{
    g_autofree char *file = g_strconcat(name, ".lock", NULL);
    g_autoptr(VmsLockFd) lock_fd = vms_lock_file_open(runtime_dir, file, NULL);

    return lock_fd && is_held(vms_lock_fd_get(lock_fd), place_of_operation(operation));
}

gboolean
vms_lock_note(VmsLock *lock, const VmsProcessId *holder, const char *operation, gint64 until_us,
              GError **error)
{
    return write_line(lock, holder, operation, until_us, error);
}

int
vms_lock_get_fd(const VmsLock *lock)
{
    return vms_lock_fd_get(lock->fd);
}

void
vms_lock_leave(VmsLock *lock)
{
    g_auto(VmsFd) fd = VMS_FD_NONE;

    if (!lock)
        return;
    fd = vms_lock_fd_release(lock->fd);
    g_free(lock);
}

char *
vms_lock_find_holder(const char *runtime_dir, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/locks/%s.lock", runtime_dir, name);
    g_auto(VmsFd) fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct flock byte = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = 1 };

    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &byte) != 0 || byte.l_type == F_UNLCK)
        return NULL;
    return name_holders(fd);
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
vms_lock_name_thaw(const char *vm_uuid)
{
    g_autofree char *vm = vms_lock_name_vm(vm_uuid);

    return g_strconcat(vm, ".thaw", NULL);
}

char *
vms_lock_name_snapshot(const char *snapshot_uuid)
{
    return g_strconcat("snapshot-", snapshot_uuid, NULL);
}

char *
vms_lock_name_disk(const char *canonical_path)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, canonical_path, -1);

    return g_strconcat("disk-", digest, NULL);
}

char *
vms_lock_name_new_vm(const char *name)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);

    return g_strconcat("name-", digest, NULL);
}
