/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>
#include <sys/types.h>

/* A process as it can be named for ever: its pid and when it started. */
typedef struct {
    gint64 pid;    /* 0: none */
    guint64 start; /* clock ticks since boot, field 22 of /proc/PID/stat */
} VmsProcessId;

/* This process. */
VmsProcessId vms_process_self(void);
/* Fill from a pid; FALSE if there is no such process. */
gboolean vms_process_identify(pid_t pid, VmsProcessId *ret_id);
/* TRUE if exactly that process lives (a zombie does not). */
gboolean vms_process_alive(const VmsProcessId *id);

/* Its effective user id; -1 if that process does not live or cannot be asked. */
gint64 vms_process_user(const VmsProcessId *id);

typedef struct {
    guint limit_ms;        /* wall clock; 0: 30 s; then SIGKILL and TIMEOUT */
    guint64 memory_bytes;  /* RLIMIT_AS; 0: none */
    guint cpu_s;           /* RLIMIT_CPU; 0: none */
    gboolean own;          /* it limits itself, dies with us, and may become another user at once:
                              set nothing */
    VmsProgress *progress; /* cancelled: killed, CANCELLED; may be NULL */
    /* Called about ten times a second while it runs, on the calling thread; may be NULL. */
    void (*tick)(gpointer data);
    gpointer tick_data;
} VmsProcessLimits;

/* Run @argv (argv[0] searched in a fixed PATH) to its end, stdin /dev/null, and take what it
 * wrote (each at most 1 MiB kept). All signals default, no descriptor but the three inherited. A
 * non-zero exit is a failure with VMSNAP_E_IO and the last line of its stderr. No shell. It is
 * killed when the calling thread ends. */
gboolean vms_process_run(const char *const *argv, const VmsProcessLimits *limits, char **ret_stdout,
                         GError **error);
