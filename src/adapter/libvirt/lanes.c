/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/lanes.h"

#include <pthread.h>

/* libvirtd reads no more from a connection that has five calls under way, and was seen to read no
 * more, after one quick call, from one that had four. */
#define MOST_CALLS 3
/* The first lane is for everything else, too. */
#define MOST_ON_FIRST 1
/* Beyond that they share. */
#define MOST_LANES 32

typedef struct {
    VmsConnection *connection;
    gboolean owned;
    guint most;
    guint calls; /* under way */
} Lane;

struct VmsLanes {
    char *uri;
    gboolean read_only;
    const VmsLog *log;
    pthread_mutex_t lock; /* guards lanes */
    GPtrArray *lanes;     /* Lane* */
};

static void
lane_free(gpointer data)
{
    Lane *lane = data;

    if (lane->owned)
        vms_connection_free(lane->connection);
    g_free(lane);
}

static Lane *
add_lane(VmsLanes *lanes, VmsConnection *connection, gboolean owned)
{
    Lane *lane = g_new0(Lane, 1);

    lane->connection = connection;
    lane->owned = owned;
    lane->most = owned ? MOST_CALLS : MOST_ON_FIRST;
    g_ptr_array_add(lanes->lanes, lane);
    return lane;
}

VmsLanes *
vms_lanes_new(VmsConnection *first, const char *uri, gboolean read_only, const VmsLog *log)
{
    VmsLanes *lanes = g_new0(VmsLanes, 1);

    lanes->uri = g_strdup(uri);
    lanes->read_only = read_only;
    lanes->log = log;
    (void)pthread_mutex_init(&lanes->lock, NULL);
    lanes->lanes = g_ptr_array_new_with_free_func(lane_free);
    add_lane(lanes, first, FALSE);
    return lanes;
}

void
vms_lanes_spare_first(VmsLanes *lanes)
{
    ((Lane *)lanes->lanes->pdata[0])->most = 0;
}

void
vms_lanes_free(VmsLanes *lanes)
{
    if (!lanes)
        return;
    g_ptr_array_unref(lanes->lanes);
    (void)pthread_mutex_destroy(&lanes->lock);
    g_free(lanes->uri);
    g_free(lanes);
}

/* With the lock held; NULL: another one must be opened. */
static Lane *
find_lane(const VmsLanes *lanes)
{
    Lane *fewest = NULL;

    for (guint i = 0; i < lanes->lanes->len; i++) {
        Lane *lane = lanes->lanes->pdata[i];

        if (lane->calls < lane->most)
            return lane;
        if (lane->most > 0 && (!fewest || lane->calls < fewest->calls))
            fewest = lane;
    }
    return lanes->lanes->len >= MOST_LANES ? fewest : NULL;
}

static VmsConnection *
enter_found(VmsLanes *lanes)
{
    VmsConnection *connection = NULL;
    Lane *lane;

    (void)pthread_mutex_lock(&lanes->lock);
    lane = find_lane(lanes);
    if (lane) {
        lane->calls++;
        connection = lane->connection;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    return connection;
}

VmsConnection *
vms_lanes_enter(VmsLanes *lanes, GError **error)
{
    VmsConnection *connection = enter_found(lanes);

    if (connection)
        return connection;
    /* Without the lock: a daemon that is slow to answer keeps nobody from leaving. */
    connection = vms_connection_new(lanes->uri, lanes->read_only, lanes->log, error);
    if (!connection)
        return NULL;
    (void)pthread_mutex_lock(&lanes->lock);
    add_lane(lanes, connection, TRUE)->calls = 1;
    (void)pthread_mutex_unlock(&lanes->lock);
    return connection;
}

void
vms_lanes_leave(VmsLanes *lanes, VmsConnection *connection)
{
    (void)pthread_mutex_lock(&lanes->lock);
    for (guint i = 0; i < lanes->lanes->len; i++) {
        Lane *lane = lanes->lanes->pdata[i];

        if (lane->connection == connection)
            lane->calls--;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
}
