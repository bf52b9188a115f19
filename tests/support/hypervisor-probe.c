/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/hypervisor.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The libvirt adapter by hand: one command a line, words separated by tabs, one answer a line:
 * "ok MS TEXT" or "error MS CODE REASON NUMBER MESSAGE". SIGPIPE keeps its default action. */

typedef struct {
    VmsHypervisor *hv;
    char **words; /* the command and its words, ended by NULL */
    GString *answer;
} Request;

typedef struct {
    const char *name;
    guint words; /* how many follow, at least */
    gboolean (*run)(Request *request, GError **error);
} Command;

static void
describe_disks(GString *text, const char *name, const GPtrArray *disks)
{
    g_string_append_printf(text, " %s=", name);
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        g_string_append_printf(text, "[%s %s %s backing:%u busy:%d at:%s]", disk->target,
                               disk->path ? disk->path : "-", disk->format, disk->backing->len,
                               disk->busy, disk->address ? disk->address : "-");
    }
}

static void
describe(GString *text, const VmsVm *vm)
{
    g_string_append_printf(text,
                           "%s %s state=%s reason=%s id=%d persistent=%d autostart=%d saved=%d "
                           "channel=%d connected=%d tpm=%d migrating=%d job=%s nvram=%s "
                           "machine=%s inactive=%d live=%d checkpoints=%u snapshots=%u nics=%u",
                           vm->name, vm->uuid, vms_vm_state_name(vm->state), vm->state_reason,
                           vm->domain_id, vm->persistent, vm->autostart, vm->managed_save,
                           vm->has_agent_channel, vm->agent_connected, vm->has_tpm, vm->migrating,
                           vm->job ? vm->job : "-", vm->nvram ? vm->nvram : "-", vm->machine,
                           vm->inactive_xml != NULL, vm->live_xml != NULL, vm->checkpoints,
                           vm->snapshots, vm->nics->len);
    describe_disks(text, "disks", vm->disks);
    describe_disks(text, "live", vm->live_disks);
}

static gboolean
run_facts(Request *request, GError **error)
{
    const VmsHypervisor *hv = request->hv;

    (void)error;
    g_string_append_printf(request->answer, "%s remote=%d session=%d ro=%d qemu=%u:%u", hv->uri,
                           hv->remote, hv->session, hv->read_only, hv->qemu_uid, hv->qemu_gid);
    return TRUE;
}

static gboolean
run_list(Request *request, GError **error)
{
    g_autoptr(GPtrArray) vms = NULL;

    if (!vms_hypervisor_list_vms(request->hv, TRUE, &vms, error))
        return FALSE;
    g_string_append_printf(request->answer, "%u", vms->len);
    for (guint i = 0; i < vms->len; i++)
        g_string_append_printf(request->answer, " %s", ((const VmsVm *)vms->pdata[i])->name);
    return TRUE;
}

static gboolean
run_find(Request *request, GError **error)
{
    g_autoptr(VmsVm) vm = NULL;

    if (!vms_hypervisor_find_vm(request->hv, request->words[1], TRUE, &vm, error))
        return FALSE;
    describe(request->answer, vm);
    return TRUE;
}

static gboolean
run_state(Request *request, GError **error)
{
    VmsInstance instance = { 0 };
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;

    if (!vms_hypervisor_read_state(request->hv, request->words[1], &state, &instance, error))
        return FALSE;
    g_string_append_printf(request->answer, "%s %d %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT,
                           vms_vm_state_name(state), instance.domain_id, instance.process.pid,
                           instance.process.start);
    return TRUE;
}

static gboolean
run_block(Request *request, GError **error)
{
    VmsBlockInfo info = { 0 };
    gint64 writes = -1;

    if (!vms_hypervisor_read_block(request->hv, request->words[1], request->words[2], &info,
                                   error) ||
        !vms_hypervisor_read_writes(request->hv, request->words[1], request->words[2], &writes,
                                    error))
        return FALSE;
    g_string_append_printf(request->answer,
                           "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                           " %" G_GINT64_FORMAT,
                           info.capacity, info.allocation, info.physical, writes);
    return TRUE;
}

static gboolean
run_suspend(Request *request, GError **error)
{
    return vms_hypervisor_suspend(request->hv, request->words[1], error);
}

static gboolean
run_resume(Request *request, GError **error)
{
    return vms_hypervisor_resume(request->hv, request->words[1], error);
}

static gboolean
run_define(Request *request, GError **error)
{
    g_autofree char *xml = NULL;

    return g_file_get_contents(request->words[1], &xml, NULL, error) &&
           vms_hypervisor_define(request->hv, xml, error);
}

static gboolean
run_start(Request *request, GError **error)
{
    return vms_hypervisor_start(request->hv, request->words[1], request->words[2] != NULL, error);
}

static gboolean
run_stop(Request *request, GError **error)
{
    VmsStopWay way = strcmp(request->words[2], "agent") == 0 ? VMS_STOP_AGENT : VMS_STOP_ACPI;

    return vms_hypervisor_stop(request->hv, request->words[1], way, error);
}

static gboolean
run_destroy(Request *request, GError **error)
{
    return vms_hypervisor_destroy(request->hv, request->words[1], error);
}

static gboolean
run_drop(Request *request, GError **error)
{
    return vms_hypervisor_drop_managed_save(request->hv, request->words[1], error);
}

/* begin UUID SOCKET TARGET=SCRATCH… */
static gboolean
run_begin(Request *request, GError **error)
{
    VmsBackupDisk disks[16] = { 0 };
    char **word = request->words + 3;

    for (guint i = 0; word[i] && i < G_N_ELEMENTS(disks) - 1; i++) {
        char *scratch = strchr(word[i], '=');

        if (scratch)
            *scratch++ = '\0';
        disks[i].target = word[i];
        disks[i].scratch = scratch;
    }
    return vms_hypervisor_begin_backup(request->hv, request->words[1], request->words[2], disks,
                                       error);
}

static gboolean
run_end(Request *request, GError **error)
{
    return vms_hypervisor_end_backup(request->hv, request->words[1], error);
}

static gboolean
run_job(Request *request, GError **error)
{
    g_autofree char *socket = NULL;
    VmsJobKind kind = VMS_JOB_NONE;

    if (!vms_hypervisor_read_job(request->hv, request->words[1], &kind, &socket, error))
        return FALSE;
    g_string_append_printf(request->answer, "%d %s", kind, socket ? socket : "-");
    return TRUE;
}

static gboolean
run_agent(Request *request, GError **error)
{
    guint limit = (guint)g_ascii_strtoull(request->words[2], NULL, 10);
    g_autofree char *reply = NULL;

    if (!vms_hypervisor_agent_call(request->hv, request->words[1], request->words[3], limit, &reply,
                                   error))
        return FALSE;
    g_string_append(request->answer, reply);
    return TRUE;
}

static const Command commands[] = {
    { "facts", 0, run_facts },   { "list", 0, run_list },       { "find", 1, run_find },
    { "state", 1, run_state },   { "block", 2, run_block },     { "suspend", 1, run_suspend },
    { "resume", 1, run_resume }, { "define", 1, run_define },   { "start", 1, run_start },
    { "stop", 2, run_stop },     { "destroy", 1, run_destroy }, { "drop", 1, run_drop },
    { "begin", 2, run_begin },   { "end", 1, run_end },         { "job", 1, run_job },
    { "agent", 3, run_agent },
};

static gboolean
run(Request *request, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_strcmp0(request->words[0], commands[i].name) == 0 &&
            g_strv_length(request->words) > commands[i].words)
            return commands[i].run(request, error);
    return vms_fail(error, VMSNAP_E_INVALID, "no such command");
}

static void
answer(VmsHypervisor *hv, char *line)
{
    g_auto(GStrv) words = g_strsplit(line, "\t", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Request request = { hv, words, text };
    gint64 start = vms_clock_monotonic_us();
    gboolean done = run(&request, &error);
    double ms = (double)(vms_clock_monotonic_us() - start) / 1000;

    if (done)
        printf("ok %.2f %s\n", ms, text->str);
    else
        printf("error %.2f %s %s %d %s\n", ms, vms_code_name(vms_error_get_code(error)),
               vms_error_get_reason(error), vms_error_get_origin_code(error), error->message);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gboolean read_only = argc > 2 && strcmp(argv[2], "ro") == 0;
    gint64 start = vms_clock_monotonic_us();
    g_autoptr(VmsHypervisor) hv =
        vms_libvirt_open(argc > 1 ? argv[1] : NULL, read_only, NULL, &error);
    char *line = NULL;
    size_t size = 0;

    if (!hv) {
        printf("error 0 %s\n", error->message);
        return 1;
    }
    printf("ok %.2f open\n", (double)(vms_clock_monotonic_us() - start) / 1000);
    fflush(stdout);
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        answer(hv, line);
    }
    free(line);
    return 0;
}
