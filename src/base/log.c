/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include "base/error.h"

#include <stdarg.h>

void
vms_log(const VmsLog *log, int level, const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    va_list args;

    if (!log || !log->handler || level > (int)log->level)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    line = vms_escape_text(text);
    log->handler(level, line, log->data);
}
