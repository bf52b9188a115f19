/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/agent.h"
#include "adapter/qga/socket-channel.h"
#include "base/clock.h"
#include "base/error.h"
#include "plan/consistency.h"
#include "support/window-bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmsnap/snapshot.h>

/* agent-probe SOCKET [policy=N] [call=MS] [cut=MS]: one freeze window with the real agent adapter
 * on a socket, over a VM made of numbers; what came of it as lines of key=value. For tests whose
 * agent lies: see tests/system/test_freeze_hostile.py. */

static VmsAgent *
open_agent(VmsHypervisor *hv, const char *vm_uuid, const char *socket)
{
    (void)hv;
    (void)vm_uuid;
    return vms_qga_new(vms_qga_socket_channel_new(socket, -1));
}

/* KiB. */
static long
memory(const char *field)
{
    g_autofree char *text = NULL;
    const char *at;

    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
        return 0;
    at = strstr(text, field);
    return at ? strtol(at + strlen(field) + 1, NULL, 10) : 0;
}

static void
set_option(Bench *bench, const char *option)
{
    guint number = (guint)g_ascii_strtoull(strchr(option, '=') + 1, NULL, 10);

    if (g_str_has_prefix(option, "policy="))
        bench->window.policy = (vmsnap_consistency_policy)number;
    else if (g_str_has_prefix(option, "call="))
        bench->window.freeze_call_ms = number;
    else if (g_str_has_prefix(option, "cut="))
        bench->cut_us = (gint64)number * 1000;
}

static VmsVm *
make_vm(Bench *bench, const char *socket)
{
    VmsVm *vm = fake_world_survey(bench->world);
    VmsDisk *disk = vms_disk_new("vda");

    disk->bus = g_strdup("virtio");
    disk->address = g_strdup("0000:00:04.0");
    disk->source = VMS_SOURCE_FILE;
    g_ptr_array_add(vm->disks, disk);
    vm->agent_socket = g_strdup(socket);
    return vm;
}

static void
print_grade(const VmsEvidence *evidence)
{
    g_autoptr(VmsVerdict) verdict = NULL;

    g_ptr_array_add(evidence->disks, vms_disk_facts_new("vda", 1, FALSE));
    verdict = vms_consistency_judge(evidence);
    printf("grade=%s\nreason=%s\nmessage=%s\nfrozen=%d\nthawed=%d\n",
           vms_grade_name(verdict->grade), verdict->reason ? verdict->reason : "",
           verdict->message ? verdict->message : "", evidence->frozen_count,
           evidence->thawed_count);
    for (guint i = 0; i < evidence->warnings->len; i++)
        printf("warning=%s\n", (char *)evidence->warnings->pdata[i]);
}

static void
print_error(const GError *error)
{
    printf("error=%s\nreason=%s\nleft=%d\nmessage=%s\n", vms_code_name(vms_error_get_code(error)),
           vms_error_get_reason(error), vms_error_get_frozen(error), error->message);
}

int
main(int argc, char **argv)
{
    g_autoptr(Bench) bench = bench_new();
    long before;
    gint64 from_us;
    gboolean done;

    if (argc < 2)
        return EXIT_FAILURE;
    for (int i = 2; i < argc; i++)
        if (strchr(argv[i], '='))
            set_option(bench, argv[i]);
    bench->drivers->open_agent = open_agent;
    vms_vm_free(bench->vm);
    bench->vm = make_vm(bench, argv[1]);
    bench->window.vm = bench->vm;
    before = memory("VmRSS:");
    from_us = vms_clock_monotonic_us();
    done = vms_window_run(&bench->engine, &bench->window, bench->evidence, &bench->watch,
                          &bench->error);
    printf("took_ms=%" G_GINT64_FORMAT "\ngrown_kib=%ld\nlease=%d\n",
           (vms_clock_monotonic_us() - from_us) / 1000, memory("VmHWM:") - before,
           bench_has_lease(bench));
    if (done)
        print_grade(bench->evidence);
    else
        print_error(bench->error);
    return EXIT_SUCCESS;
}
