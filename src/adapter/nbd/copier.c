/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/nbd/copier.h"

#include "adapter/nbd/extents.h"
#include "adapter/nbd/link.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* What is under way on a connection fits into its socket's buffer. QEMU, blocked in sending to a
 * client that stands still (stopped, or waiting for a hung disk), would answer its monitor no more
 * as soon as anybody ends the job. Larger pieces are not faster. Nor are more connections: QEMU
 * serves them all on one thread, the guest's own requests beside them, and these wait for each. */
enum {
    CONNECTIONS = 2,
    IN_FLIGHT = 1,           /* requests of one connection */
    PIECE = 128 * 1024,      /* bytes of one request */
    BEHIND = 4 * 1024 * 1024 /* bytes that may wait to be written to the disk */
};

static const gint64 STALL_LIMIT_US = 120 * G_USEC_PER_SEC;

/* One copy, shared by its workers. The lock guards next, taken and error. */
typedef struct {
    const char *socket;
    const char *name;
    int target;
    VmsProgress *progress;
    const GArray *extents;
    pthread_mutex_t lock;
    guint next;    /* extent that is being handed out */
    guint64 taken; /* bytes of it that are handed out */
    GError *error; /* the first */
    atomic_int failed;
    atomic_ullong written; /* bytes, by all workers */
} Copy;

/* A request on its way; size 0: none. */
typedef struct {
    guint8 *buffer;
    guint64 offset;
    gsize size;
    uint64_t cookie;
} Slot;

/* FALSE when nothing is left. */
static gboolean
take_piece(Copy *copy, Slot *slot)
{
    gboolean found;

    pthread_mutex_lock(&copy->lock);
    found = copy->next < copy->extents->len;
    if (found) {
        const VmsExtent *extent = &g_array_index(copy->extents, VmsExtent, copy->next);

        slot->offset = extent->offset + copy->taken;
        slot->size = (gsize)MIN(extent->size - copy->taken, (guint64)PIECE);
        copy->taken += slot->size;
        if (copy->taken == extent->size) {
            copy->next++;
            copy->taken = 0;
        }
    }
    pthread_mutex_unlock(&copy->lock);
    return found;
}

static void
keep_error(Copy *copy, GError *error)
{
    pthread_mutex_lock(&copy->lock);
    if (!copy->error)
        copy->error = g_steal_pointer(&error);
    pthread_mutex_unlock(&copy->lock);
    atomic_store(&copy->failed, 1);
    g_clear_error(&error);
}

static gboolean
is_zero(const guint8 *data, gsize size)
{
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static gboolean
write_piece(int target, const Slot *slot, GError **error)
{
    gsize done = 0;

    if (is_zero(slot->buffer, slot->size))
        return TRUE;
    while (done < slot->size) {
        ssize_t n =
            pwrite(target, slot->buffer + done, slot->size - done, (off_t)(slot->offset + done));

        if (n < 0 && errno != EINTR)
            return vms_fail_errno(error, errno, "writing the copy");
        done += n > 0 ? (gsize)n : 0;
    }
    return TRUE;
}

/* What is written goes to the disk soon, and the copy waits for it: otherwise the kernel would
 * write gigabytes in one go, and the guest's own syncs on the same storage would wait for them.
 * What fails here is told here alone: a later sync of the same descriptor would say nothing. */
static gboolean
write_behind(Copy *copy, guint64 offset, gsize size, GError **error)
{
    const guint wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    guint64 before = atomic_fetch_add(&copy->written, size);
    off_t at = (off_t)offset;

    if (before / BEHIND == (before + size) / BEHIND)
        return TRUE;
    if (sync_file_range(copy->target, MAX(at - BEHIND, 0), BEHIND, SYNC_FILE_RANGE_WRITE) == 0 &&
        (at < 2 * BEHIND || sync_file_range(copy->target, at - 2 * BEHIND, BEHIND, wait) == 0))
        return TRUE;
    return errno == ENOSYS || errno == EINVAL || vms_fail_errno(error, errno, "writing the copy");
}

/* Whether anything was asked. */
static gboolean
fill_slots(Copy *copy, VmsNbd *nbd, Slot *slots, gboolean *ret_busy, GError **error)
{
    *ret_busy = FALSE;
    for (guint i = 0; i < IN_FLIGHT; i++) {
        int64_t cookie;

        if (slots[i].size == 0 && take_piece(copy, &slots[i])) {
            cookie = nbd_aio_pread(nbd, slots[i].buffer, slots[i].size, slots[i].offset,
                                   NBD_NULL_COMPLETION, 0);
            if (cookie < 0)
                return vms_link_fail(error, "reading the export");
            slots[i].cookie = (uint64_t)cookie;
        }
        *ret_busy |= slots[i].size > 0;
    }
    return TRUE;
}

static gboolean
collect_slots(Copy *copy, VmsNbd *nbd, Slot *slots, gboolean *ret_moved, GError **error)
{
    *ret_moved = FALSE;
    for (guint i = 0; i < IN_FLIGHT; i++) {
        int done = slots[i].size ? nbd_aio_command_completed(nbd, slots[i].cookie) : 0;

        if (done < 0)
            return vms_link_fail(error, "reading the export");
        if (done == 0)
            continue;
        if (!write_piece(copy->target, &slots[i], error) ||
            !write_behind(copy, slots[i].offset, slots[i].size, error))
            return FALSE;
        vms_progress_add(copy->progress, slots[i].size);
        slots[i].size = 0;
        *ret_moved = TRUE;
    }
    return TRUE;
}

static gboolean
pump(Copy *copy, VmsNbd *nbd, Slot *slots, GError **error)
{
    gint64 deadline = vms_clock_monotonic_us() + STALL_LIMIT_US;
    gboolean moved = FALSE;
    gboolean busy = FALSE;

    while (!atomic_load(&copy->failed)) {
        if (!vms_progress_check(copy->progress, error) ||
            !fill_slots(copy, nbd, slots, &busy, error))
            return FALSE;
        if (!busy)
            return TRUE;
        if (!vms_link_turn(nbd, error) || !collect_slots(copy, nbd, slots, &moved, error))
            return FALSE;
        if (moved)
            deadline = vms_clock_monotonic_us() + STALL_LIMIT_US;
        else if (vms_clock_monotonic_us() > deadline)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "the NBD server does not answer");
    }
    return TRUE; /* another worker has the error */
}

/* libnbd may write into the buffers until the connection is closed: it goes first. */
static void
work(Copy *copy, VmsNbd *nbd)
{
    g_autofree guint8 *buffers = g_try_malloc((gsize)IN_FLIGHT * PIECE);
    g_autoptr(VmsNbd) owned = nbd;
    GError *error = NULL;
    Slot slots[IN_FLIGHT];

    if (!buffers) {
        vms_fail_errno(&error, ENOMEM, "buffer");
        keep_error(copy, error);
        return;
    }
    for (guint i = 0; i < IN_FLIGHT; i++)
        slots[i] = (Slot){ .buffer = buffers + (gsize)i * PIECE };
    if (!pump(copy, owned, slots, &error))
        keep_error(copy, error);
}

static void *
run_worker(void *data)
{
    Copy *copy = data;
    GError *error = NULL;
    VmsNbd *nbd = vms_link_open(copy->socket, copy->name, copy->progress, &error);

    if (nbd)
        work(copy, nbd);
    else
        keep_error(copy, error);
    return NULL;
}

/* Further connections on threads of their own, where no handler of the host may run. Fewer than
 * wanted is no failure. Returns how many. */
static guint
start_workers(Copy *copy, pthread_t *threads, guint wanted)
{
    guint started = 0;
    sigset_t before;
    sigset_t all;

    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return 0;
    while (started < wanted && pthread_create(&threads[started], NULL, run_worker, copy) == 0) {
        pthread_setname_np(threads[started], "vmsnap-copy");
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static guint64
sum(const GArray *extents)
{
    guint64 bytes = 0;

    for (guint i = 0; i < extents->len; i++)
        bytes += g_array_index(extents, VmsExtent, i).size;
    return bytes;
}

static gboolean
copy_extents(Copy *copy, VmsNbd *nbd, GError **error)
{
    pthread_t threads[CONNECTIONS - 1];
    guint64 pieces = sum(copy->extents) / ((guint64)IN_FLIGHT * PIECE);
    guint wanted = nbd_can_multi_conn(nbd) == 1 ? (guint)MIN(pieces, CONNECTIONS - 1) : 0;
    guint started;

    if (pthread_mutex_init(&copy->lock, NULL) != 0) {
        vms_link_close(nbd);
        return vms_fail(error, VMSNAP_E_INTERNAL, "no lock can be made");
    }
    started = start_workers(copy, threads, wanted);
    work(copy, nbd);
    for (guint i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&copy->lock);
    if (!copy->error)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&copy->error));
    return FALSE;
}

static gboolean
copier_copy(VmsCopier *copier, const char *socket, const char *name, int target_fd,
            VmsProgress *progress, GError **error)
{
    g_autoptr(VmsNbd) nbd = vms_link_open(socket, name, progress, error);
    g_autoptr(GArray) extents = NULL;
    int64_t size = nbd ? nbd_get_size(nbd) : -1;
    Copy copy = { .socket = socket, .name = name, .target = target_fd, .progress = progress };

    (void)copier;
    if (!nbd)
        return FALSE;
    if (size < 0)
        return vms_link_fail(error, "size of the export");
    if (!vms_sys_resize(target_fd, (guint64)size, name, error) ||
        !vms_extents_read(nbd, (guint64)size, progress, &extents, error))
        return FALSE;
    vms_progress_add(progress, (guint64)size - sum(extents));
    copy.extents = extents;
    return copy_extents(&copy, g_steal_pointer(&nbd), error);
}

static void
copier_free(VmsCopier *copier)
{
    g_free(copier);
}

VmsCopier *
vms_nbd_copier_new(void)
{
    static const VmsCopierOps ops = { .copy = copier_copy, .free = copier_free };
    VmsCopier *copier = g_new0(VmsCopier, 1);

    copier->ops = &ops;
    return copier;
}
