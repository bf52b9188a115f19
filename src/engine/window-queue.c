/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/window-queue.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/lock.h"
#include "engine/window-run.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include <vmsnap/job.h>

/* So often a request looks whether it was cancelled, and its leader whether somebody else of this
 * process got the window. */
#define LOOK_MS 100

typedef enum {
    WAITING,
    LEADING, /* waits for the lock, for all who are like it */
    TAKEN,   /* in a window */
    DONE
} State;

typedef struct {
    VmsMember member; /* first: a window knows it by this */
    State state;
} Request;

struct VmsWindowQueue {
    pthread_mutex_t lock; /* guards all below and the states of requests */
    pthread_cond_t changed;
    GPtrArray *requests; /* Request*, borrowed, in the order of their coming */
};

VmsWindowQueue *
vms_window_queue_new(void)
{
    VmsWindowQueue *queue = g_new0(VmsWindowQueue, 1);
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&queue->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&queue->lock, NULL);
    queue->requests = g_ptr_array_new();
    return queue;
}

void
vms_window_queue_free(VmsWindowQueue *queue)
{
    if (!queue)
        return;
    g_ptr_array_unref(queue->requests);
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->lock);
    g_free(queue);
}

/* ---- the window ---- */

static gboolean
is_of_vm(const Request *request, const char *vm_uuid)
{
    return strcmp(request->member.window->vm->uuid, vm_uuid) == 0;
}

/* Takes who waits, with the lock of the queue held. */
static void
take_waiting(VmsWindowQueue *queue, VmsWindowRun *run, const char *vm_uuid)
{
    for (guint i = 0; i < queue->requests->len; i++) {
        Request *request = queue->requests->pdata[i];

        if ((request->state == WAITING || request->state == LEADING) &&
            is_of_vm(request, vm_uuid) && vms_window_admit(run, &request->member))
            request->state = TAKEN;
    }
}

static void
gather(void *data, VmsWindowRun *run)
{
    VmsWindowQueue *queue = data;

    (void)pthread_mutex_lock(&queue->lock);
    take_waiting(queue, run, run->vm->uuid);
    (void)pthread_mutex_unlock(&queue->lock);
}

static void
tell_all(VmsWindowQueue *queue, const GPtrArray *members)
{
    (void)pthread_mutex_lock(&queue->lock);
    for (guint i = 0; i < members->len; i++)
        ((Request *)members->pdata[i])->state = DONE;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->lock);
}

/* FALSE when another thread took @leader into its own window just now. Takes @lock. */
static gboolean
open_window(VmsEngine *engine, Request *leader, VmsLock *lock)
{
    VmsWindowQueue *queue = engine->windows;
    g_autoptr(GPtrArray) members = g_ptr_array_new();
    VmsWindowRun run = {
        .engine = engine,
        .members = members,
        .recheck = TRUE,
        .gather = gather,
        .gather_data = queue,
    };

    (void)pthread_mutex_lock(&queue->lock);
    if (leader->state != TAKEN && leader->state != DONE) {
        vms_window_admit(&run, &leader->member);
        leader->state = TAKEN;
        take_waiting(queue, &run, leader->member.window->vm->uuid);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (members->len == 0) {
        vms_lock_free(lock);
        return FALSE;
    }
    vms_window_run_all(&run);
    vms_window_keep_lock(&run, lock);
    tell_all(queue, members);
    return TRUE;
}

/* ---- waiting for it ---- */

/* With the lock of the queue held: whether somebody waits for the window whom @request would be cut
 * together with. */
static gboolean
has_leader(const VmsWindowQueue *queue, const Request *request)
{
    const VmsWindow *window = request->member.window;

    for (guint i = 0; i < queue->requests->len; i++) {
        const Request *other = queue->requests->pdata[i];

        if (other->state == LEADING && is_of_vm(other, window->vm->uuid) &&
            vms_window_suits(other->member.window, window))
            return TRUE;
    }
    return FALSE;
}

static gint64
deadline_of(const Request *request, gint64 since_us)
{
    return since_us + (gint64)request->member.window->wait_ms * 1000;
}

/* A try for the lock, for at most @wait_ms. */
static gboolean
try_window(VmsEngine *engine, Request *request, guint wait_ms, GError **error)
{
    const VmsWindow *window = request->member.window;
    g_autofree char *name = vms_lock_name_window(window->vm->uuid);
    VmsLock *lock = NULL;

    if (!vms_lock_take(engine->runtime_dir, name, window->operation_uuid, wait_ms, window->progress,
                       &lock, error))
        return FALSE;
    open_window(engine, request, lock);
    return TRUE;
}

/* Wait for the lock in the name of all, until another thread of ours has it or we give up. Called
 * and returns with the lock of the queue held. */
static void
lead(VmsEngine *engine, Request *request, gint64 until_us)
{
    VmsWindowQueue *queue = engine->windows;

    request->state = LEADING;
    while (request->state == LEADING) {
        gint64 left_ms = (until_us - vms_clock_monotonic_us()) / 1000;
        g_autoptr(GError) failed = NULL;
        gboolean opened;

        (void)pthread_mutex_unlock(&queue->lock);
        opened = try_window(engine, request, (guint)CLAMP(left_ms, 0, LOOK_MS), &failed);
        (void)pthread_mutex_lock(&queue->lock);
        if (opened || request->state != LEADING)
            continue;
        if (vms_error_get_code(failed) == VMSNAP_E_BUSY && left_ms > LOOK_MS)
            continue;
        request->member.error = g_steal_pointer(&failed);
        request->state = DONE;
    }
    (void)pthread_cond_broadcast(&queue->changed); /* somebody else leads */
}

/* As a follower, for a while. */
static void
follow(VmsWindowQueue *queue)
{
    struct timespec until = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
}

/* One step of waiting, with the lock of the queue held. */
static void
wait_on(VmsEngine *engine, Request *request, gint64 until_us)
{
    VmsWindowQueue *queue = engine->windows;
    const gboolean late = vms_clock_monotonic_us() >= until_us;

    if (request->state == TAKEN)
        (void)pthread_cond_wait(&queue->changed, &queue->lock);
    else if (late || vms_progress_is_cancelled(request->member.window->progress) ||
             !has_leader(queue, request))
        lead(engine, request, until_us);
    else
        follow(queue);
}

static void
wait_for_window(VmsEngine *engine, Request *request)
{
    VmsWindowQueue *queue = engine->windows;
    const gint64 until_us = deadline_of(request, vms_clock_monotonic_us());

    (void)pthread_mutex_lock(&queue->lock);
    g_ptr_array_add(queue->requests, request);
    while (request->state != DONE)
        wait_on(engine, request, until_us);
    g_ptr_array_remove(queue->requests, request);
    (void)pthread_mutex_unlock(&queue->lock);
}

gboolean
vms_window_join(VmsEngine *engine, const VmsWindow *window, VmsEvidence *evidence,
                VmsWatch **ret_watch, GError **error)
{
    Request request = { .member = { .window = window, .evidence = evidence } };

    vms_progress_enter(window->progress, VMSNAP_STAGE_WAITING);
    wait_for_window(engine, &request);
    return vms_member_end(&request.member, ret_watch, error);
}
