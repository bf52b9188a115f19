/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/window-run.h"

#include <pthread.h>

/* What the watches of one job share. */
typedef struct {
    pthread_mutex_t lock; /* guards users and watches */
    guint users;          /* who still needs the exports */
    guint watches;
    /* used by the last only */
    VmsEngine *engine;
    VmsHolding *holding; /* NULL: nothing but overlays remains */
    VmsLock *window;     /* no other window meanwhile; NULL: the caller has it */
    char *socket;
} Vigil;

struct VmsWatch {
    Vigil *vigil;
    gboolean needs;   /* the exports */
    gboolean is_last; /* ends the job and settles the holding */
};

static void
vigil_free(Vigil *vigil)
{
    vms_lock_free(vigil->window);
    (void)pthread_mutex_destroy(&vigil->lock);
    g_free(vigil->socket);
    g_free(vigil);
}

static Vigil *
vigil_new(VmsWindowRun *run)
{
    Vigil *vigil = g_new0(Vigil, 1);

    (void)pthread_mutex_init(&vigil->lock, NULL);
    vigil->engine = run->engine;
    vigil->socket = run->holding ? g_strdup(run->socket) : NULL;
    vigil->holding = g_steal_pointer(&run->holding);
    return vigil;
}

static gboolean
remains(const VmsMember *member)
{
    return !member->error && (member->window->backup || member->window->overlays);
}

void
vms_window_watch(VmsWindowRun *run)
{
    Vigil *vigil = NULL;

    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!remains(member))
            continue;
        if (!vigil)
            vigil = vigil_new(run);
        member->watch = g_new0(VmsWatch, 1);
        *member->watch = (VmsWatch){ .vigil = vigil, .needs = TRUE };
        vigil->users++;
        vigil->watches++;
    }
}

void
vms_window_keep_lock(VmsWindowRun *run, VmsLock *lock)
{
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->watch)
            continue;
        member->watch->vigil->window = lock;
        return;
    }
    vms_lock_free(lock);
}

const char *
vms_watch_get_socket(const VmsWatch *watch)
{
    return watch->vigil->socket;
}

static void
stop_needing(VmsWatch *watch)
{
    Vigil *vigil = watch->vigil;

    if (!watch->needs)
        return;
    watch->needs = FALSE;
    (void)pthread_mutex_lock(&vigil->lock);
    watch->is_last = --vigil->users == 0;
    (void)pthread_mutex_unlock(&vigil->lock);
}

gboolean
vms_watch_end_job(VmsWatch *watch, GError **error)
{
    stop_needing(watch);
    return !watch->is_last || !watch->vigil->holding ||
           vms_holding_end_job(watch->vigil->holding, error);
}

static void
watch_free(VmsWatch *watch)
{
    Vigil *vigil = watch->vigil;
    gboolean done;

    (void)pthread_mutex_lock(&vigil->lock);
    done = --vigil->watches == 0;
    (void)pthread_mutex_unlock(&vigil->lock);
    if (done)
        vigil_free(vigil);
    g_free(watch);
}

/* QEMU removes its socket with the job; one that died left it. */
static gboolean
settle(Vigil *vigil, GError **error)
{
    VmsVolume *volume = vigil->engine->drivers->volume;
    gboolean settled =
        !vigil->holding || vms_holding_settle(g_steal_pointer(&vigil->holding), error);

    g_clear_pointer(&vigil->window, vms_lock_free);
    return settled &&
           (!vigil->socket || !volume || vms_volume_remove(volume, vigil->socket, error));
}

gboolean
vms_watch_release(VmsWatch *watch, GError **error)
{
    gboolean released;

    if (!watch)
        return TRUE;
    stop_needing(watch);
    released = !watch->is_last || settle(watch->vigil, error);
    watch_free(watch);
    return released;
}

void
vms_watch_abandon(VmsWatch *watch)
{
    if (!watch)
        return;
    stop_needing(watch);
    if (watch->is_last) {
        if (watch->vigil->holding)
            vms_holding_abandon(g_steal_pointer(&watch->vigil->holding));
        g_clear_pointer(&watch->vigil->window, vms_lock_free);
    }
    watch_free(watch);
}
