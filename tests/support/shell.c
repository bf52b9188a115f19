/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shell.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

static int
run(const char *script, char **ret_text)
{
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    int status = -1;

    cr_assert(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, ret_text, NULL,
                           &status, NULL));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

char *
vms_shell(const char *format, ...)
{
    g_autofree char *script = NULL;
    char *text = NULL;
    va_list args;

    va_start(args, format);
    script = g_strdup_vprintf(format, args);
    va_end(args);
    cr_assert_eq(run(script, &text), 0, "%s", script);
    return g_strchomp(text);
}

int
vms_shell_status(const char *format, ...)
{
    g_autofree char *script = NULL;
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    script = g_strdup_vprintf(format, args);
    va_end(args);
    return run(script, &text);
}

char *
vms_shell_private_folder(void)
{
    char *folder = g_dir_make_tmp("vms-test-XXXXXX", NULL);

    cr_assert_not_null(folder);
    cr_assert_eq(unshare(CLONE_NEWNS), 0);
    cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    return folder;
}

char *
vms_shell_make_fs(const char *folder, const char *kind, unsigned megabytes)
{
    static guint number;
    char *point = g_strdup_printf("%s/fs%u", folder, ++number);

    g_free(vms_shell("mkdir %s && truncate -s %uM %s.img && mkfs.%s %s.img >/dev/null 2>&1 && "
                     "mount -o loop %s.img %s",
                     point, megabytes, point, kind, point, point, point));
    return point;
}

void
vms_shell_remove(const char *folder)
{
    vms_shell_status("for m in %s/fs*; do umount -l $m; done 2>/dev/null; rm -rf %s", folder,
                     folder);
}
