/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *root;
static int dir;

static void
begin(void)
{
    g_autoptr(GError) error = NULL;

    root = g_dir_make_tmp("vms-sys-XXXXXX", NULL);
    dir = vms_sys_open_dir(root, &error);
    cr_assert_geq(dir, 0);
    umask(077); /* modes must be exact all the same */
}

static void
finish(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", root);

    close(dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(root);
}

TestSuite(sys, .init = begin, .fini = finish);

static mode_t
mode_of(const char *name)
{
    struct stat st = { 0 };

    cr_assert_eq(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_mode & 07777;
}

static char *
text_of(const char *name)
{
    char *text = NULL;

    vms_sys_read_file(dir, name, 4096, &text, NULL, NULL);
    return text;
}

static void
put(const char *name, const char *text)
{
    cr_assert(vms_sys_replace_file(dir, name, text, strlen(text), 0600, NULL));
}

Test(sys, a_created_file_has_exactly_the_mode_asked_for)
{
    g_auto(VmsFd) fd = vms_sys_create_file(dir, "a", 0644, NULL);

    cr_assert_geq(fd, 0);
    cr_assert_eq(mode_of("a"), 0644);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(sys, a_file_that_stands_there_is_never_opened_by_create)
{
    g_autoptr(GError) error = NULL;

    put("a", "old");
    cr_assert_eq(vms_sys_create_file(dir, "a", 0600, &error), -1);
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_EXISTS);
    g_autofree char *text = text_of("a");
    cr_assert_str_eq(text, "old");
}

Test(sys, a_link_is_not_followed_by_create)
{
    g_autofree char *target = g_build_filename(root, "target", NULL);

    cr_assert_eq(symlinkat(target, dir, "a"), 0);
    cr_assert_eq(vms_sys_create_file(dir, "a", 0600, NULL), -1);
    cr_assert_neq(access(target, F_OK), 0);
}

Test(sys, a_link_as_last_component_is_not_opened)
{
    g_autofree char *folder = g_build_filename(root, "folder", NULL);

    put("file", "x");
    cr_assert_eq(symlinkat("file", dir, "link"), 0);
    cr_assert_eq(symlinkat("/tmp", dir, "folder"), 0);
    cr_assert_eq(vms_sys_open_dir(folder, NULL), -1);
    cr_assert_not(vms_sys_read_file(dir, "link", 10, &(char *){ NULL }, NULL, NULL));
}

Test(sys, a_link_above_the_last_component_is_allowed)
{
    g_autofree char *path = g_build_filename(root, "way", "real", "", NULL);
    g_auto(VmsFd) fd = VMS_FD_NONE;

    cr_assert_eq(symlinkat(".", dir, "way"), 0);
    cr_assert(vms_sys_make_dir(dir, "real", 0700, NULL));
    fd = vms_sys_open_dir(path, NULL);
    cr_assert_geq(fd, 0);
}

Test(sys, a_pipe_is_refused_and_not_waited_for)
{
    g_autoptr(GError) error = NULL;

    cr_assert_eq(mkfifoat(dir, "pipe", 0600), 0);
    cr_assert_not(vms_sys_read_file(dir, "pipe", 10, &(char *){ NULL }, NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_UNSUPPORTED);
}

Test(sys, names_with_a_way_out_are_refused)
{
    static const char *const names[] = { "", ".", "..", "a/b", "../a", "/tmp/a", NULL };

    for (gsize i = 0; names[i]; i++) {
        g_autoptr(GError) error = NULL;

        cr_assert_eq(vms_sys_create_file(dir, names[i], 0600, &error), -1);
        cr_assert_eq(vms_error_get_code(error), VMSNAP_E_INVALID, "%s", names[i]);
        cr_assert_not(vms_sys_unlink(dir, names[i], NULL));
        cr_assert_not(vms_sys_move(dir, "a", dir, names[i], NULL));
    }
}

Test(sys, missing_folders_are_made_with_exact_modes)
{
    g_autofree char *path = g_build_filename(root, "one", "two", "three", NULL);

    cr_assert(vms_sys_make_dirs(path, 0711, NULL));
    cr_assert_eq(mode_of("one"), 0711);
    cr_assert_eq(mode_of("one/two/three"), 0711);
    cr_assert_eq(fchmodat(dir, "one", 0750, 0), 0);
    cr_assert(vms_sys_make_dirs(path, 0711, NULL));
    cr_assert_eq(mode_of("one"), 0750, "what stood there keeps its mode");
}

Test(sys, folders_are_not_made_through_dots)
{
    g_autofree char *path = g_build_filename(root, "one", "..", "two", NULL);

    cr_assert_not(vms_sys_make_dirs(path, 0711, NULL));
    cr_assert_not(vms_sys_make_dirs("relative", 0711, NULL));
    cr_assert(vms_sys_make_dirs("/", 0711, NULL));
}

/* What two who share a folder do to each other. */
static void *
come_and_go(void *data)
{
    const char *own = data;
    g_autofree char *shared = g_path_get_dirname(own);
    gsize failures = 0;

    for (int i = 0; i < 300; i++) {
        failures += !vms_sys_make_dirs(own, 0711, NULL);
        rmdir(own);
        rmdir(shared);
    }
    return GSIZE_TO_POINTER(failures);
}

Test(sys, a_folder_that_goes_meanwhile_is_made_again)
{
    g_autofree char *one = g_build_filename(root, "shared", "one", NULL);
    g_autofree char *two = g_build_filename(root, "shared", "two", NULL);
    pthread_t other;
    void *failures = NULL;

    cr_assert_eq(pthread_create(&other, NULL, come_and_go, one), 0);
    cr_expect_null(come_and_go(two));
    cr_assert_eq(pthread_join(other, &failures), 0);
    cr_expect_null(failures);
}

Test(sys, a_file_in_the_way_of_a_folder_is_an_error)
{
    put("one", "x");
    cr_assert_not(vms_sys_make_dir(dir, "one", 0700, NULL));
}

Test(sys, replace_changes_the_file_whole_and_leaves_nothing)
{
    g_autoptr(GDir) list = NULL;
    g_autofree char *text = NULL;
    guint count = 0;

    put("a", "first text");
    cr_assert(vms_sys_replace_file(dir, "a", "second", 6, 0640, NULL));
    text = text_of("a");
    cr_assert_str_eq(text, "second");
    cr_assert_eq(mode_of("a"), 0640);
    list = g_dir_open(root, 0, NULL);
    while (g_dir_read_name(list))
        count++;
    cr_assert_eq(count, 1);
}

Test(sys, a_file_above_the_limit_is_not_read)
{
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    gsize size = 0;

    put("a", "12345678");
    cr_assert(vms_sys_read_file(dir, "a", 8, &text, &size, NULL));
    cr_assert_eq(size, 8);
    cr_assert_str_eq(text, "12345678");
    g_clear_pointer(&text, g_free);
    cr_assert_not(vms_sys_read_file(dir, "a", 7, &text, &size, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "TooLarge");
    cr_assert_null(text);
}

Test(sys, rename_never_replaces)
{
    g_autoptr(GError) error = NULL;

    put("a", "a");
    put("b", "b");
    cr_assert_not(vms_sys_move(dir, "a", dir, "b", &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_EXISTS);
    cr_assert(vms_sys_move(dir, "a", dir, "c", NULL));
    cr_assert_neq(faccessat(dir, "a", F_OK, 0), 0);
}

Test(sys, exchange_swaps_two_files)
{
    g_autofree char *a = NULL;
    g_autofree char *b = NULL;

    put("a", "a");
    put("b", "b");
    cr_assert(vms_sys_exchange(dir, "a", dir, "b", NULL));
    a = text_of("a");
    b = text_of("b");
    cr_assert_str_eq(a, "b");
    cr_assert_str_eq(b, "a");
    cr_assert_not(vms_sys_exchange(dir, "a", dir, "missing", NULL));
}

Test(sys, removing_what_is_gone_is_success)
{
    cr_assert(vms_sys_unlink(dir, "nothing", NULL));
    cr_assert(vms_sys_remove_dir(dir, "nothing", NULL));
    cr_assert(vms_sys_make_dir(dir, "full", 0700, NULL));
    put("a", "a");
    cr_assert_eq(renameat(dir, "a", dir, "full/a"), 0);
    cr_assert_not(vms_sys_remove_dir(dir, "full", NULL));
}

Test(sys, reserve_takes_space_and_keeps_the_size)
{
    g_auto(VmsFd) fd = vms_sys_create_file(dir, "a", 0600, NULL);
    struct stat st = { 0 };

    cr_assert(vms_sys_reserve(fd, 1024 * 1024, "a", NULL));
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(st.st_size, 0);
    cr_assert_geq(st.st_blocks * 512, 1024 * 1024);
    cr_assert(vms_sys_resize(fd, 4096, "a", NULL));
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(st.st_size, 4096);
    cr_assert_not(vms_sys_resize(fd, G_MAXUINT64, "a", NULL));
}

Test(sys, a_clone_that_cannot_be_is_told_from_a_failure)
{
    g_auto(VmsFd) a = vms_sys_create_file(dir, "a", 0600, NULL);
    g_auto(VmsFd) null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_sys_clone(a, null, "a", &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_UNSUPPORTED);
    cr_assert_str_eq(vms_error_get_origin(error), "os");
}

#ifdef VMS_CRASH_POINTS
/* Whatever the moment a process dies at: the file is the old one or the new one. */
Test(sys, a_death_at_any_point_leaves_a_whole_file)
{
    guint64 points;

    vms_crash_arm(0, 0);
    put("a", "old");
    points = vms_crash_passed();
    cr_assert_gt(points, 4);
    for (guint64 i = 1; i <= points + 1; i++) {
        g_autofree char *text = NULL;
        int status = 0;
        pid_t pid;

        put("a", "old");
        pid = fork();
        if (pid == 0) {
            vms_crash_arm(i, 0);
            put("a", "new");
            _exit(0);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(WIFSIGNALED(status) != 0, i <= points);
        text = text_of("a");
        cr_assert(!strcmp(text, "old") || !strcmp(text, "new"), "point %d", (int)i);
        cr_assert(i <= points || !strcmp(text, "new"));
    }
}
#endif

Test(sys, no_link_in_a_folder_of_ours_is_followed)
{
    g_autofree char *top = g_dir_make_tmp("vms-sys-XXXXXX", NULL);
    g_autofree char *elsewhere = g_build_filename(top, "elsewhere", NULL);
    g_autofree char *disks = g_build_filename(top, "disks", NULL);
    g_autofree char *alias = g_build_filename(top, "alias", NULL);
    g_autofree char *link = g_build_filename(disks, ".vmsnap", NULL);
    g_autofree char *inside = g_build_filename(alias, ".vmsnap", "one", NULL);
    g_autoptr(GError) made = NULL;
    g_autoptr(GError) opened = NULL;

    cr_assert_eq(mkdir(elsewhere, 0700), 0);
    cr_assert_eq(mkdir(disks, 0700), 0);
    cr_assert_eq(symlink(disks, alias), 0);
    cr_assert_eq(symlink(elsewhere, link), 0);
    cr_assert_not(vms_sys_make_dirs(inside, 0700, &made));
    cr_assert_str_eq(vms_error_get_reason(made), "UnsafeFolder");
    cr_assert_lt(vms_sys_open_dir(inside, &opened), 0);
    cr_assert_str_eq(vms_error_get_reason(opened), "UnsafeFolder");
    cr_assert_eq(rmdir(elsewhere), 0, "nothing was made there");
    cr_assert_eq(unlink(link), 0);
    cr_assert(vms_sys_make_dirs(inside, 0700, NULL), "links above it are the user's own");
    cr_assert_eq(rmdir(inside), 0);
    cr_assert_eq(rmdir(link), 0);
    cr_assert_eq(unlink(alias), 0);
    cr_assert_eq(rmdir(disks), 0);
    cr_assert_eq(rmdir(top), 0);
}
