/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <vmsnap/log.h>

/* Where log lines go: one per context, handed down to whoever logs. NULL means silence. */
typedef struct {
    vmsnap_log_handler handler;
    void *data;
    guint level; /* most detailed vmsnap_log_level wanted */
} VmsLog;

void vms_log(const VmsLog *log, int level, const char *format, ...) G_GNUC_PRINTF(3, 4);
