/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/group.h"

#include <pthread.h>
#include <string.h>

/* One member at work. */
typedef struct {
    VmsEngine *engine;
    VmsGroup *group;
    guint number;
    VmsGroupMember *member;
    VmsProgress *progress;
    pthread_t thread;
    GError *error;
} Work;

static void *
work_main(void *data)
{
    Work *work = data;

    vms_group_snapshot(work->engine, work->member, work->group, work->number, work->progress,
                       &work->error);
    vms_group_leave(work->group, work->number);
    return NULL;
}

static int
compare_members(gconstpointer a, gconstpointer b)
{
    const VmsGroupMember *const *first = a;
    const VmsGroupMember *const *second = b;

    return strcmp((*first)->vm_uuid, (*second)->vm_uuid);
}

/* What says most about why: not that others failed. */
static const Work *
find_reason(const Work *works, guint count)
{
    const Work *found = NULL;

    for (guint i = 0; i < count; i++) {
        const GError *error = works[i].error;

        if (error && (!found || strcmp(vms_error_get_reason(found->error), "GroupAborted") == 0))
            found = &works[i];
    }
    return found;
}

static guint
count_failed(const Work *works, guint count)
{
    guint failed = 0;

    for (guint i = 0; i < count; i++)
        failed += works[i].error != NULL;
    return failed;
}

static gboolean
judge(const Work *works, guint count, gboolean abort, GError **error)
{
    const Work *reason = find_reason(works, count);

    if (!reason || (!abort && count_failed(works, count) < count))
        return TRUE;
    g_propagate_prefixed_error(error, g_error_copy(reason->error),
                               "VM %s: ", reason->member->vm_name);
    return FALSE;
}

static void
start(Work *work)
{
    int number = pthread_create(&work->thread, NULL, work_main, work);

    if (number == 0)
        return;
    work->thread = pthread_self(); /* nothing to join */
    vms_fail_errno(&work->error, number, "cannot start a thread");
    vms_group_leave(work->group, work->number);
}

gboolean
vms_engine_snapshot_group(VmsEngine *engine, GPtrArray *members, gboolean abort,
                          VmsProgress *progress, GError **error)
{
    g_autofree Work *works = g_new0(Work, members->len);
    VmsGroup *group = vms_group_new(members->len, abort);
    gboolean done;

    g_ptr_array_sort(members, compare_members);
    for (guint i = 0; i < members->len; i++)
        vms_group_set_vm(group, i, ((const VmsGroupMember *)members->pdata[i])->vm_uuid);
    for (guint i = 0; i < members->len; i++) {
        works[i] = (Work){ .engine = engine,
                           .group = group,
                           .number = i,
                           .member = members->pdata[i],
                           .progress = progress };
        start(&works[i]);
    }
    for (guint i = 0; i < members->len; i++) {
        if (!pthread_equal(works[i].thread, pthread_self()))
            (void)pthread_join(works[i].thread, NULL);
    }
    done = judge(works, members->len, abort, error);
    for (guint i = 0; i < members->len; i++)
        g_clear_error(&works[i].error);
    vms_group_free(group);
    return done;
}
