/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <string.h>

/* New disks and images from snapshots. */

#define NEW_DISK_OPTIONS                                                                           \
    { "to", 0, "PATH|POOL/VOLUME", "the new file; required, may not be there" },                   \
        { "size", 0, "N", "bytes, or with K, M, G, T; at least the disk's (as it was)" },          \
        { "format", 0, "raw|qcow2", "what the file is to be (as the disk was)" },                  \
        { "full", 0, NULL, "copy all, share no blocks" },                                          \
        { "reflink", 0, NULL, "share blocks with the snapshot, or fail" },                         \
        { "keep-owner", 0, NULL, "owner and mode as the disk had them" },                          \
        { "wait-ready", 0, "S", "seconds to wait for locks (0)" },                                 \
        { "dry-run", 0, NULL, "only tell what would be done, and what stands in the way" },

static const CliOption disk_options[] = {
    NEW_DISK_OPTIONS{ "linked", 0, NULL, "a qcow2 overlay over the snapshot's image" },
    { 0 },
};

static const CliOption image_options[] = {
    NEW_DISK_OPTIONS{ 0 },
};

/* ---- what was asked ---- */

static guint
shift_of(const char *unit)
{
    static const char units[] = "KMGT";
    const char *at = *unit ? strchr(units, g_ascii_toupper(*unit)) : NULL;

    return at ? 10 * ((guint)(at - units) + 1) : 0;
}

/* "N", or with one of K M G T. */
static gboolean
parse_size(const char *text, guint64 *ret_size)
{
    char *end = NULL;
    guint64 number;
    guint shift;

    if (!g_ascii_isdigit(*text))
        return FALSE;
    number = g_ascii_strtoull(text, &end, 10);
    shift = shift_of(end);
    if ((shift > 0 ? end[1] : *end) || number == 0 || number > (G_MAXUINT64 >> shift) >> 1)
        return FALSE;
    *ret_size = number << shift;
    return TRUE;
}

static gboolean
read_size(const Cli *cli, guint64 *ret_size)
{
    const char *text = cli_value(cli, "size");

    if (!text || parse_size(text, ret_size))
        return TRUE;
    (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                     "--size: %s is not a number of bytes, alone or with K, M, G or T", text);
    return FALSE;
}

static gboolean
read_method(const Cli *cli, guint32 *ret_method)
{
    static const struct {
        const char *option;
        vmsnap_new_disk_method method;
    } known[] = {
        { "full", VMSNAP_NEW_DISK_FULL },
        { "reflink", VMSNAP_NEW_DISK_REFLINK },
        { "linked", VMSNAP_NEW_DISK_LINKED },
    };

    *ret_method = VMSNAP_NEW_DISK_AUTO;
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
        if (!cli_given(cli, known[i].option))
            continue;
        if (*ret_method != VMSNAP_NEW_DISK_AUTO) {
            (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                             "only one of --full, --reflink and --linked");
            return FALSE;
        }
        *ret_method = known[i].method;
    }
    return TRUE;
}

static gboolean
read_options(const Cli *cli, vmsnap_new_disk_options *options)
{
    options->to = cli_value(cli, "to");
    options->format = cli_value(cli, "format");
    options->flags = cli_given(cli, "keep-owner") ? VMSNAP_NEW_DISK_KEEP_OWNER : 0;
    if (!options->to) {
        (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "--to is required");
        return FALSE;
    }
    return read_size(cli, &options->size) && read_method(cli, &options->method) &&
           cli_read_seconds(cli, "wait-ready", 1000, &options->wait_ready_ms);
}

/* ---- which snapshot ---- */

/* One that is not there is no failure yet: it may be of the other kind. */
static gboolean
is_absent(vmsnap_error **error)
{
    if (vmsnap_error_get_code(*error) != VMSNAP_E_NOT_FOUND)
        return FALSE;
    vmsnap_error_free(g_steal_pointer(error));
    return TRUE;
}

/* Of a VM when a target is named, else of whichever kind has that name. */
static CliExit
find_snapshot(const Cli *cli, const char *name, gboolean of_vm, vmsnap_snapshot **ret_snapshot)
{
    g_autoptr(vmsnap_snapshot) disk = NULL;
    g_autoptr(vmsnap_snapshot) vm = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_context_find_snapshot(cli->context, name, &vm, &error) < 0 && !is_absent(&error))
        return cli_fail(cli, error);
    if (vmsnap_context_find_disk_snapshot(cli->context, name, &disk, &error) < 0 &&
        (!vm || !is_absent(&error)))
        return cli_fail(cli, error);
    if (vm && disk && !of_vm)
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                          "both a VM's and a disk's snapshot are called %s: name a target, or the "
                          "UUID",
                          name);
    *ret_snapshot = vm ? g_steal_pointer(&vm) : g_steal_pointer(&disk);
    return CLI_DONE;
}

/* ---- making it ---- */

static CliExit
tell_plan(const Cli *cli, vmsnap_snapshot *snapshot, const vmsnap_new_disk_options *options)
{
    g_autoptr(vmsnap_plan) plan = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_new_disk_plan(snapshot, options, &plan, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_plan_get_json(plan));
    else
        cli_print_operation(vmsnap_plan_get_json(plan));
    return vmsnap_plan_get_conflict_count(plan, VMSNAP_MODE_DRY_RUN) ? CLI_CONFLICT : CLI_DONE;
}

static CliExit
make(const Cli *cli, vmsnap_snapshot *snapshot, const vmsnap_new_disk_options *options)
{
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_new_disk_start(snapshot, options, &job, &error) < 0 ||
        cli_watch(cli, job, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        cli_print_operation(vmsnap_job_get_json(job));
    return CLI_DONE;
}

static CliExit
run_with(Cli *cli, guint32 flags)
{
    vmsnap_new_disk_options options = VMSNAP_NEW_DISK_OPTIONS_INIT;
    gboolean dry = cli_given(cli, "dry-run");
    g_auto(GStrv) parts = g_strsplit(cli_argument(cli, 0), "/", 2);
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    CliExit status;

    if (!read_options(cli, &options))
        return CLI_USAGE;
    options.flags |= flags;
    options.target = parts[0] ? parts[1] : NULL;
    if (!cli_open(cli, dry ? CLI_ASK : CLI_CHANGE, &status))
        return status;
    status = find_snapshot(cli, parts[0] ? parts[0] : "", options.target != NULL, &snapshot);
    if (status != CLI_DONE)
        return status;
    return dry ? tell_plan(cli, snapshot, &options) : make(cli, snapshot, &options);
}

static CliExit
run_disk(Cli *cli)
{
    return run_with(cli, 0);
}

static CliExit
run_image(Cli *cli)
{
    return run_with(cli, VMSNAP_NEW_DISK_IMAGE);
}

const CliCommand cli_disk_restore = {
    .name = "disk restore",
    .arguments = "SNAPSHOT[/TARGET]",
    .summary = "Make a new disk from a snapshot",
    .options = disk_options,
    .least = 1,
    .most = 1,
    .run = run_disk,
};

const CliCommand cli_image_create = {
    .name = "image create",
    .arguments = "SNAPSHOT[/TARGET]",
    .summary = "Make a read-only image, with its digest, from a snapshot",
    .options = image_options,
    .least = 1,
    .most = 1,
    .run = run_image,
};
