/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Far above any plan. The file is whatever the user names. */
#define FILE_LIMIT ((gsize)4 * 1024 * 1024)
/* A parser of JSON recurses. */
#define DEPTH_LIMIT 16

/* 0, or errno. */
static int
write_all(int fd, const char *text, gsize size)
{
    while (size > 0) {
        gssize n = write(fd, text, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        text += n;
        size -= (gsize)n;
    }
    return fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
}

CliExit
cli_plan_write(const Cli *cli, const char *path, const char *json)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int number = fd < 0 ? errno : write_all(fd, json, strlen(json));

    if (fd >= 0 && close(fd) != 0 && !number)
        number = errno;
    if (!number)
        return CLI_DONE;
    return cli_refuse(cli, VMSNAP_E_IO, "IO", "cannot write the plan to %s: %s", path,
                      g_strerror(number));
}

/* Owned; NULL with errno set. */
static char *
read_all(int fd)
{
    g_autofree char *text = g_malloc(FILE_LIMIT + 1);
    gsize size = 0;

    for (;;) {
        gssize n = read(fd, text + size, FILE_LIMIT + 1 - size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NULL;
        if (n == 0)
            break;
        size += (gsize)n;
        if (size > FILE_LIMIT) {
            errno = EFBIG;
            return NULL;
        }
    }
    text[size] = '\0';
    return g_steal_pointer(&text);
}

static char *
read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = fd < 0 ? NULL : read_all(fd);
    int number = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = number;
    return text;
}

static gboolean
is_shallow(const char *text)
{
    gboolean quoted = FALSE;
    guint depth = 0;

    for (; *text && depth <= DEPTH_LIMIT; text++) {
        if (quoted && text[0] == '\\' && text[1])
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (!quoted && strchr("[{", *text))
            depth++;
        else if (!quoted && strchr("]}", *text) && depth > 0)
            depth--;
    }
    return depth <= DEPTH_LIMIT;
}

/* NULL if it is no plan. */
static char *
hash_in(const char *text)
{
    g_autoptr(JsonNode) document = is_shallow(text) ? cli_document_parse(text) : NULL;

    return cli_text(cli_object(cli_document_root(document), "plan"), "hash");
}

CliExit
cli_plan_compare(const Cli *cli, const char *path, const vmsnap_plan *plan)
{
    g_autofree char *text = read_file(path);
    g_autofree char *hash = NULL;

    if (!text)
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "cannot read %s: %s", path,
                          g_strerror(errno));
    hash = hash_in(text);
    if (!hash)
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "%s holds no plan", path);
    if (strcmp(hash, vmsnap_plan_get_hash(plan)) == 0)
        return CLI_DONE;
    return cli_refuse(cli, VMSNAP_E_PLAN_STALE, "PlanStale",
                      "the world changed since the plan in %s was made", path);
}
