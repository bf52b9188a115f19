/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Far above any plan. The file is whatever the user names. */
#define FILE_LIMIT ((gsize)4 * 1024 * 1024)

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

/* The arguments name what the plan was made for. A VM is one by its name or UUID, or as the caller
 * of the dry-run called it. */
static gboolean
is_for(const vmsnap_plan *plan, const char *vm, const char *snapshot_uuid)
{
    g_autoptr(JsonNode) document = cli_document_parse(vmsnap_plan_get_json(plan));
    JsonObject *root = cli_document_root(document);
    JsonObject *target = cli_object(root, "target");
    g_autofree char *source = cli_text(cli_object(root, "source"), "uuid");
    g_autofree char *asked = cli_text(cli_object(root, "options"), "vm");
    g_autofree char *name = target ? cli_text(target, "name") : NULL;
    g_autofree char *uuid = target ? cli_text(target, "uuid") : NULL;

    return g_strcmp0(source, snapshot_uuid) == 0 &&
           (g_strcmp0(asked, vm) == 0 || g_strcmp0(name, vm) == 0 || g_strcmp0(uuid, vm) == 0);
}

static CliExit
read_plan(const Cli *cli, const char *path, vmsnap_plan **ret_plan)
{
    g_autofree char *text = read_file(path);
    vmsnap_error *error = NULL;

    if (!text)
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "cannot read %s: %s", path,
                          g_strerror(errno));
    return vmsnap_plan_from_json(cli->context, text, ret_plan, &error) < 0 ? cli_fail(cli, error)
                                                                           : CLI_DONE;
}

static gboolean
is_clone_of(const vmsnap_plan *plan, const char *source_uuid)
{
    g_autoptr(JsonNode) document = cli_document_parse(vmsnap_plan_get_json(plan));
    JsonObject *root = cli_document_root(document);
    g_autofree char *type = cli_text(root, "type");
    g_autofree char *source = cli_text(cli_object(root, "source"), "uuid");

    return g_strcmp0(type, "clone") == 0 && g_strcmp0(source, source_uuid) == 0;
}

CliExit
cli_plan_read_clone(const Cli *cli, const char *path, const char *source_uuid,
                    vmsnap_plan **ret_plan)
{
    CliExit status = read_plan(cli, path, ret_plan);

    if (status != CLI_DONE || is_clone_of(*ret_plan, source_uuid))
        return status;
    return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "the plan in %s is for another clone", path);
}

CliExit
cli_plan_read(const Cli *cli, const char *path, const vmsnap_snapshot *snapshot,
              vmsnap_plan **ret_plan)
{
    CliExit status = read_plan(cli, path, ret_plan);

    if (status != CLI_DONE)
        return status;
    if (is_for(*ret_plan, cli_argument(cli, 0), vmsnap_snapshot_get_uuid(snapshot)))
        return CLI_DONE;
    return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "the plan in %s is for another restore",
                      path);
}
