/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <vmsnap/vmsnap.h>

/* The command: what was asked, and where answers go. Everything it does it does through the
 * public library. */

/* Exit codes: a contract, see vmsnap(1). */
typedef enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_CONFLICT = 3,
    CLI_BUSY = 4,
    CLI_NOT_FOUND = 5,
    CLI_NOT_CONSISTENT = 6
} CliExit;

/* One option. */
typedef struct {
    const char *name;  /* without dashes */
    char letter;       /* 0: none */
    const char *value; /* what its value is called in the help; NULL: it takes none */
    const char *help;  /* NULL: not shown */
} CliOption;

typedef struct Cli Cli;

typedef struct {
    const char *name;         /* "snapshot create" */
    const char *arguments;    /* "VM NAME" */
    const char *summary;      /* one line */
    const CliOption *options; /* ended by a NULL name; NULL: none */
    guint least;              /* arguments it needs */
    guint most;
    CliExit (*run)(Cli *cli);
} CliCommand;

struct Cli {
    const CliCommand *command;
    GPtrArray *arguments; /* char*, borrowed from argv */
    GHashTable *values;   /* option name to GPtrArray of char*, borrowed from argv */
    gboolean json;
    vmsnap_context *context; /* after cli_open() */
};

/* ---- parse.c ---- */

extern const CliOption cli_global_options[];

/* Find the command and sort what follows; FALSE: a message was printed, @ret_exit is set. */
gboolean cli_parse(Cli *cli, const CliCommand *const *commands, char **argv, CliExit *ret_exit);
/* The last value given, or NULL. */
const char *cli_value(const Cli *cli, const char *option);
/* All values, ended by NULL, owned by the caller; NULL if the option was not given. */
const char **cli_values(const Cli *cli, const char *option);
gboolean cli_given(const Cli *cli, const char *option);
const char *cli_argument(const Cli *cli, guint index);
/* Seconds, a decimal point allowed, in units of which a second has @per_second (1: seconds, 1000:
 * milliseconds); 0 if not given. FALSE after a message. */
gboolean cli_read_seconds(const Cli *cli, const char *option, guint per_second, guint32 *ret_time);
/* The same for a limit with a default: 0 only if not given. */
gboolean cli_read_limit(const Cli *cli, const char *option, guint per_second, guint32 *ret_time);
/* The value's place in @words (ended by NULL); @fallback if not given. FALSE after a message. */
gboolean cli_read_word(const Cli *cli, const char *option, const char *const *words,
                       guint32 fallback, guint32 *ret_index);

/* ---- help.c ---- */

void cli_print_help(const CliCommand *const *commands, const char *prefix);
void cli_print_command_help(const CliCommand *command);

/* ---- output.c ---- */

/* Print an error (stderr, or stdout in JSON mode) and tell the exit code. Frees @error. */
CliExit cli_fail(const Cli *cli, vmsnap_error *error);
/* The same for what the command itself finds. */
CliExit cli_refuse(const Cli *cli, vmsnap_code code, const char *reason, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
CliExit cli_exit_of(int code);
/* A line for people on stderr, unless -q. */
void cli_note(const Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* One JSON document on stdout. */
void cli_print_json(const char *json);
/* {"items":[…]} of JSON documents (char*). */
void cli_print_list(const GPtrArray *documents);

/* A table on stdout: columns as wide as they must be. */
typedef struct CliTable CliTable;
CliTable *cli_table_new(const char *const *titles);
/* One more cell, row by row; takes @text, NULL prints as "-". */
void cli_table_add(CliTable *table, char *text);
/* Print and free. */
void cli_table_print(CliTable *table);

/* The answer of a list command: the JSON documents (char*), or a table with a row (or more) for
 * each. */
void cli_answer_list(const Cli *cli, const GPtrArray *documents, const char *const *titles,
                     void (*add_row)(CliTable *table, const char *json));

/* The answer of a job that lists its acts, in acts.c; @nothing is said when there are none. Takes
 * @error, which may be NULL. */
CliExit cli_tell_acts(const Cli *cli, const char *json, const char *nothing, vmsnap_error *error);

char *cli_format_size(guint64 bytes);
char *cli_format_age(const char *time);

/* ---- open.c ---- */

typedef enum {
    CLI_LOOK,   /* reads records and VMs: opened read-only */
    CLI_ASK,    /* changes nothing, but must ask guests and read secrets */
    CLI_CHANGE, /* recovery runs first */
    CLI_REPAIR  /* is the recovery */
} CliAccess;

/* Open cli->context. FALSE: reported, @ret_exit is set. */
gboolean cli_open(Cli *cli, CliAccess access, CliExit *ret_exit);

/* ---- plan-file.c: --plan FILE ---- */

/* CLI_DONE; else a message was printed. */
CliExit cli_plan_write(const Cli *cli, const char *path, const char *json);
/* The plan in a file, of a clone of the VM or snapshot with that UUID. */
CliExit cli_plan_read_clone(const Cli *cli, const char *path, const char *source_uuid,
                            vmsnap_plan **ret_plan);
/* The plan in a file, of a restore of @snapshot to the VM of the first argument. */
CliExit cli_plan_read(const Cli *cli, const char *path, const vmsnap_snapshot *snapshot,
                      vmsnap_plan **ret_plan);

/* ---- plan-run.c ---- */

/* --mode, which is required. FALSE after a message. */
gboolean cli_mode_read(const Cli *cli, guint32 *ret_mode);
/* A plan in a file has its options with it: others would make it another plan. FALSE after a
 * message. */
gboolean cli_plan_check_options(const Cli *cli, const CliOption *options, guint32 mode);
/* A dry-run's answer. */
CliExit cli_plan_answer(const Cli *cli, const vmsnap_plan *plan);
typedef int (*CliPlanStart)(vmsnap_plan *plan, uint32_t mode, vmsnap_job **ret_job,
                            vmsnap_error **ret_error);
/* Start it, watch it, and tell what came of it. */
CliExit cli_plan_run(const Cli *cli, vmsnap_plan *plan, guint32 mode, CliPlanStart start);

/* ---- watch.c ---- */

/* From now on Ctrl-C asks the running job to stop instead of ending the process. */
void cli_watch_signals(void);
/* Wait for @job, with a progress bar on a terminal. 1, or the negative code it failed with. */
int cli_watch(const Cli *cli, vmsnap_job *job, vmsnap_error **ret_error);
/* Thaw a VM, in cmd-freeze.c; as cli_watch(). */
int cli_thaw_job(Cli *cli, const char *name, guint32 flags, vmsnap_job **ret_job,
                 vmsnap_error **error);
/* TRUE after Ctrl-C. */
gboolean cli_interrupted(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_vm, vmsnap_vm_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_vm_list, vmsnap_vm_list_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_disk, vmsnap_disk_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_disk_list, vmsnap_disk_list_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_check, vmsnap_check_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_snapshot, vmsnap_snapshot_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_snapshot_list, vmsnap_snapshot_list_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_operation, vmsnap_operation_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_operation_list, vmsnap_operation_list_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_undo_set_list, vmsnap_undo_set_list_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_inventory, vmsnap_inventory_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_freeze, vmsnap_freeze_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_plan, vmsnap_plan_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_job, vmsnap_job_unref)
