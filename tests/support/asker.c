/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/asker.h"

#include "base/error.h"
#include "engine/window-queue.h"

#include <stdlib.h>
#include <string.h>

static gboolean
cut(void *data, GError **error)
{
    Asker *asker = data;

    fake_world_log(asker->bench->world, "cut");
    asker->cut = TRUE;
    return !asker->cut_fails || vms_fail(error, VMSNAP_E_NO_SPACE, "the cut was made to fail");
}

Asker *
asker_new(Bench *bench, int number, vmsnap_consistency_policy policy)
{
    Asker *asker = g_new0(Asker, 1);

    asker->bench = bench;
    asker->vm = fake_world_survey(bench->world);
    asker->evidence = vms_evidence_new();
    vms_progress_init(&asker->progress);
    g_snprintf(asker->operation, sizeof(asker->operation), "aaaaaaaa-0000-4000-8000-%012d", number);
    asker->window = (VmsWindow){ .vm = asker->vm,
                                 .operation_uuid = asker->operation,
                                 .policy = policy,
                                 .suspend = TRUE,
                                 .wait_ms = 5000,
                                 .progress = &asker->progress,
                                 .cut = cut,
                                 .data = asker };
    return asker;
}

void
asker_need_job(Asker *asker)
{
    static const VmsBackupDisk even[] = { { .target = "vda", .scratch = "/even" },
                                          { .target = "vdb" },
                                          { 0 } };
    static const VmsBackupDisk odd[] = { { .target = "vda" },
                                         { .target = "vdb", .scratch = "/odd" },
                                         { 0 } };

    asker->window.suspend = FALSE;
    g_snprintf(asker->socket, sizeof(asker->socket), "/run/x/%s", asker->operation + 30);
    asker->window.backup_socket = asker->socket;
    asker->window.backup = strchr("13579", asker->operation[35]) ? odd : even;
}

static void *
ask(void *data)
{
    Asker *asker = data;

    asker->done = vms_window_join(&asker->bench->engine, &asker->window, asker->evidence,
                                  &asker->watch, &asker->error);
    return NULL;
}

void
asker_start(Asker *asker)
{
    if (pthread_create(&asker->thread, NULL, ask, asker) != 0)
        abort();
}

gboolean
asker_join(Asker *asker)
{
    (void)pthread_join(asker->thread, NULL);
    return asker->done;
}

void
asker_free(Asker *asker)
{
    if (!asker)
        return;
    vms_watch_abandon(asker->watch);
    vms_vm_free(asker->vm);
    vms_evidence_free(asker->evidence);
    g_clear_error(&asker->error);
    g_free(asker);
}

int
asker_count(const Bench *bench, const char *name)
{
    g_auto(GStrv) calls = g_strsplit(bench->world->log, " ", -1);
    int count = 0;

    for (int i = 0; calls[i]; i++)
        count += strcmp(calls[i], name) == 0;
    return count;
}
