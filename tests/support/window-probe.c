/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/window.h"
#include "plan/consistency.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One freeze window on a real VM, by hand: window-probe URI STATE_DIR GUARD VM KEY=VALUE…
 *
 * policy=N suspend=0|1 call=MS budget=MS socket=PATH; what the cut does: clone=SOURCE:TARGET
 * (repeatable), sleep=MS, kill=1 (itself, by SIGKILL), child=1 (leave a child that lives on).
 * Prints one KEY=VALUE a line. */

typedef struct {
    GPtrArray *sources; /* descriptors */
    GPtrArray *targets;
    VmsWindow window;
    guint sleep_ms;
    gboolean kills;
    gboolean child;
    char *socket; /* of the agent; NULL: over libvirt */
} Probe;

static void
print_now(const char *name)
{
    printf("%s=%" G_GINT64_FORMAT "\n", name, vms_clock_monotonic_us());
    fflush(stdout);
}

static void
leave_child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    printf("child=%d\n", (int)pid);
    fflush(stdout);
}

static gboolean
cut(void *data, GError **error)
{
    Probe *probe = data;

    for (guint i = 0; i < probe->sources->len; i++)
        if (!vms_sys_clone(GPOINTER_TO_INT(probe->targets->pdata[i]),
                           GPOINTER_TO_INT(probe->sources->pdata[i]), "clone", error))
            return FALSE;
    if (probe->child)
        leave_child();
    if (probe->sleep_ms || probe->kills)
        print_now("in_cut");
    vms_clock_sleep_us((gint64)probe->sleep_ms * 1000);
    if (probe->kills)
        raise(SIGKILL);
    return TRUE;
}

static gboolean
add_clone(Probe *probe, const char *value)
{
    g_auto(GStrv) names = g_strsplit(value, ":", 2);
    int source = open(names[0], O_RDONLY | O_CLOEXEC);
    int target = names[1] ? open(names[1], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;

    g_ptr_array_add(probe->sources, GINT_TO_POINTER(source));
    g_ptr_array_add(probe->targets, GINT_TO_POINTER(target));
    return source >= 0 && target >= 0;
}

static gboolean
set_option(Probe *probe, const char *option)
{
    g_auto(GStrv) pair = g_strsplit(option, "=", 2);
    const char *value = pair[1] ? pair[1] : "";
    guint number = (guint)g_ascii_strtoull(value, NULL, 10);

    if (strcmp(pair[0], "clone") == 0)
        return add_clone(probe, value);
    if (strcmp(pair[0], "policy") == 0)
        probe->window.policy = (vmsnap_consistency_policy)number;
    else if (strcmp(pair[0], "suspend") == 0)
        probe->window.suspend = number != 0;
    else if (strcmp(pair[0], "call") == 0)
        probe->window.freeze_call_ms = number;
    else if (strcmp(pair[0], "budget") == 0)
        probe->window.freeze_budget_ms = number;
    else if (strcmp(pair[0], "sleep") == 0)
        probe->sleep_ms = number;
    else if (strcmp(pair[0], "kill") == 0)
        probe->kills = number != 0;
    else if (strcmp(pair[0], "socket") == 0)
        probe->socket = g_strdup(value);
    else if (strcmp(pair[0], "child") == 0)
        probe->child = number != 0;
    else
        return FALSE;
    return TRUE;
}

static void
print_evidence(const VmsEvidence *evidence, const VmsVm *vm)
{
    const VmsTimes *t = &evidence->times;
    g_autoptr(VmsVerdict) verdict = NULL;

    for (guint i = 0; i < vm->live_disks->len; i++)
        g_ptr_array_add(
            evidence->disks,
            vms_disk_facts_new(((VmsDisk *)vm->live_disks->pdata[i])->target, -1, FALSE));
    verdict = vms_consistency_judge(evidence);
    printf("grade=%s\nreason=%s\nmessage=%s\n", vms_grade_name(verdict->grade),
           verdict->reason ? verdict->reason : "", verdict->message ? verdict->message : "");
    printf("frozen=%d\nthawed=%d\noverdue=%d\nversion=%s\nguard=%d\n", evidence->frozen_count,
           evidence->thawed_count, evidence->overdue,
           evidence->agent_version ? evidence->agent_version : "", evidence->guard);
    printf("freeze_us=%" G_GINT64_FORMAT "\nheld_us=%" G_GINT64_FORMAT "\nthaw_us=%" G_GINT64_FORMAT
           "\nstill_us=%" G_GINT64_FORMAT "\n",
           t->freeze_acked - t->freeze_sent, t->thaw_sent - t->freeze_acked,
           t->thaw_acked - t->thaw_sent, t->resumed - t->suspend_sent);
    for (guint i = 0; i < evidence->filesystems->len; i++) {
        const VmsGuestFs *fs = evidence->filesystems->pdata[i];

        printf("fs=%s %s %s %s\n", fs->mountpoint, fs->type, fs->name,
               fs->disks->len ? (char *)fs->disks->pdata[0] : "-");
    }
    for (guint i = 0; i < evidence->warnings->len; i++)
        printf("warning=%s\n", (char *)evidence->warnings->pdata[i]);
}

static void
print_error(const GError *error)
{
    printf("error=%s\nreason=%s\nleft=%d\nmessage=%s\n", vms_code_name(vms_error_get_code(error)),
           vms_error_get_reason(error), vms_error_get_frozen(error), error->message);
}

static gboolean
run(Probe *probe, VmsEngine *engine, const char *name, GError **error)
{
    g_autoptr(VmsEvidence) evidence = vms_evidence_new();
    g_autoptr(VmsWatch) watch = NULL;
    g_autoptr(VmsVm) vm = NULL;
    gint64 start_us;

    if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, name, FALSE, &vm, error))
        return FALSE;
    vm->agent_socket = g_strdup(probe->socket);
    probe->window.vm = vm;
    start_us = vms_clock_monotonic_us();
    if (!vms_window_run(engine, &probe->window, evidence, &watch, error))
        return FALSE;
    printf("total_us=%" G_GINT64_FORMAT "\n", vms_clock_monotonic_us() - start_us);
    print_evidence(evidence, vm);
    return TRUE;
}

int
main(int argc, char **argv)
{
    Probe probe = { .sources = g_ptr_array_new(),
                    .targets = g_ptr_array_new(),
                    .window = { .operation_uuid = "aaaaaaaa-0000-4000-8000-000000000001",
                                .suspend = TRUE,
                                .cut = cut,
                                .data = &probe } };
    g_autoptr(VmsDrivers) drivers = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *boot_id = vms_clock_boot_id();
    VmsEngine engine = { .boot_id = boot_id };

    if (argc < 5)
        return 2;
    for (int i = 5; i < argc; i++)
        if (!set_option(&probe, argv[i]))
            return 2;
    if (!vms_wire_open(&(VmsWireRequest){ .uri = argv[1] }, &drivers, &error)) {
        print_error(error);
        return 1;
    }
    engine.drivers = drivers;
    engine.uri = argv[1];
    engine.state_dir = argv[2];
    engine.guard_path = argv[3];
    if (!run(&probe, &engine, argv[4], &error)) {
        print_error(error);
        return 1;
    }
    return 0;
}
