/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* State and start time from /proc/PID/stat. The command's name may hold anything, so fields are
 * counted behind the last parenthesis. */
static gboolean
parse_stat(const char *text, char *ret_state, guint64 *ret_start)
{
    const char *close = strrchr(text, ')');
    g_auto(GStrv) fields = NULL;

    if (!close || close[1] != ' ')
        return FALSE;
    fields = g_strsplit(close + 2, " ", 21);
    if (g_strv_length(fields) < 20)
        return FALSE;
    *ret_state = fields[0][0];
    return g_ascii_string_to_unsigned(fields[19], 10, 0, G_MAXUINT64, ret_start, NULL);
}

gboolean
vms_process_identify(pid_t pid, VmsProcessId *ret_id)
{
    g_auto(VmsFd) fd = VMS_FD_NONE;
    char path[64];
    char text[1024];
    char state = 0;
    guint64 start = 0;
    ssize_t n;

    if (pid <= 0)
        return FALSE;
    g_snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return FALSE;
    do {
        n = read(fd, text, sizeof(text) - 1);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return FALSE;
    text[n] = '\0';
    if (!parse_stat(text, &state, &start) || state == 'Z' || state == 'X')
        return FALSE;
    *ret_id = (VmsProcessId){ .pid = pid, .start = start };
    return TRUE;
}

VmsProcessId
vms_process_self(void)
{
    VmsProcessId id = { 0 };

    if (!vms_process_identify(getpid(), &id))
        id.pid = getpid();
    return id;
}

/* The line of /proc/PID/status, for the owner of the folder is root's of a process that changed its
 * user. */
gint64
vms_process_user(const VmsProcessId *id)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/status", id->pid);
    g_autofree char *text = NULL;
    const char *line;
    char *at = NULL;
    guint64 user;

    if (id->pid <= 0 || !g_file_get_contents(path, &text, NULL, NULL) || !vms_process_alive(id))
        return -1;
    line = strstr(text, "\nUid:\t");
    if (!line)
        return -1;
    g_ascii_strtoull(line + strlen("\nUid:\t"), &at, 10); /* the real one; effective is next */
    if (*at != '\t')
        return -1;
    user = g_ascii_strtoull(at, NULL, 10);
    return user < G_MAXUINT32 ? (gint64)user : -1;
}

gboolean
vms_process_alive(const VmsProcessId *id)
{
    VmsProcessId now = { 0 };

    if (id->pid <= 0 || id->pid > G_MAXINT32 || !vms_process_identify((pid_t)id->pid, &now))
        return FALSE;
    return now.start == id->start;
}
