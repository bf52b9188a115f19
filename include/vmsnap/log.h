/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_LOG_H
#define VMSNAP_LOG_H

/**
 * @file
 * Log lines. Without a handler the library is silent.
 */

#include <vmsnap/base.h>

VMSNAP_BEGIN_DECLS

/** How much a log line matters. */
typedef enum {
    VMSNAP_LOG_ERROR = 1,   /**< Something failed that no call will report. */
    VMSNAP_LOG_WARNING = 2, /**< Worth a person's look. */
    VMSNAP_LOG_INFO = 3,    /**< What an operation did. */
    VMSNAP_LOG_DEBUG = 4    /**< For finding defects. */
} vmsnap_log_level;

/**
 * Takes one log line. The one callback of the library: called from any of its threads, several
 * at a time; it must not call back into the library.
 *
 * @param level    A #vmsnap_log_level.
 * @param message  One line without newline, control characters escaped; valid during the call.
 * @param data     What was given with the handler.
 */
typedef void (*vmsnap_log_handler)(int level, const char *message, void *data);

VMSNAP_END_DECLS
#endif
