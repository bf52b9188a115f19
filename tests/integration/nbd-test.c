/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/nbd/copier.h"
#include "adapter/nbd/link.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "support/shell.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *root;
static char *image;
static char *address;
static char *target;
static GPid server;
static VmsCopier *copier;

static void
begin(void)
{
    root = g_dir_make_tmp("vms-nbd-XXXXXX", NULL);
    image = g_build_filename(root, "a.qcow2", NULL);
    address = g_build_filename(root, "socket", NULL);
    target = g_build_filename(root, "copy.raw", NULL);
    copier = vms_nbd_copier_new();
}

static void
finish(void)
{
    if (server)
        kill(server, SIGKILL);
    vms_copier_free(copier);
    vms_shell_remove(root);
}

TestSuite(nbd, .init = begin, .fini = finish);

static void
serve(const char *program, const char *options)
{
    g_autofree char *script =
        g_strdup_printf("exec %s -r -t -e 8 -k %s -x vda %s %s", program, address, options, image);
    const char *argv[] = { "/bin/sh", "-c", script, NULL };

    cr_assert(g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                            &server, NULL));
    g_free(vms_shell("for i in $(seq 250); do [ -S %s ] && exit 0; sleep 0.02; done; exit 1",
                     address));
}

static void
make_image(const char *size, const char *write)
{
    g_free(vms_shell("qemu-img create -q -f qcow2 %s %s; qemu-io -f qcow2 %s %s >/dev/null", image,
                     size, write, image));
}

static gboolean
copy(const char *name, VmsProgress *progress, GError **error)
{
    g_auto(VmsFd) fd = open(target, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    return vms_copier_copy(copier, address, name, fd, progress, error);
}

static void
expect_same(void)
{
    g_free(vms_shell("qemu-img compare -f qcow2 -F raw %s %s", image, target));
}

Test(nbd, only_what_is_allocated_is_written)
{
    VmsProgress progress;
    struct stat st = { 0 };

    make_image("1G", "-c 'write -P 1 0 3M' -c 'write -P 2 500M 65k' -c 'write -z 10M 20M' "
                     "-c 'write -P 3 1023M 1M'");
    serve("qemu-nbd", "-f qcow2");
    vms_progress_init(&progress);
    cr_assert(copy("vda", &progress, NULL));
    expect_same();
    cr_assert_eq(stat(target, &st), 0);
    cr_assert_eq(st.st_size, 1 << 30);
    cr_assert_lt(st.st_blocks * 512, 5 << 20);
    cr_assert_eq(progress.bytes_done, 1 << 30);
}

Test(nbd, many_pieces_over_several_connections_come_out_right)
{
    gint64 begin_us;
    g_autofree char *connections = NULL;

    g_free(vms_shell("head -c 300M /dev/urandom >%s.raw; truncate -s 701M %s.raw; dd "
                     "if=/dev/urandom of=%s.raw bs=12345 count=1000 seek=40000 conv=notrunc "
                     "status=none; truncate -s 700M %s.raw; qemu-img convert -f raw -O qcow2 "
                     "%s.raw %s",
                     image, image, image, image, image, image));
    serve("qemu-nbd", "-f qcow2");
    begin_us = vms_clock_monotonic_us();
    cr_assert(copy("vda", NULL, NULL));
    cr_log_info("312 MiB in %" G_GINT64_FORMAT " ms", (vms_clock_monotonic_us() - begin_us) / 1000);
    expect_same();
}

Test(nbd, a_forked_child_keeps_no_connection)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsNbd) nbd = NULL;
    int status = -1;
    pid_t child;

    make_image("8M", "-c 'write 0 1M'");
    serve("qemu-nbd", "-f qcow2");
    nbd = vms_link_open(address, "vda", NULL, &error);
    cr_assert(nbd, "%s", error ? error->message : "");
    child = fork();
    if (child == 0)
        _exit(fcntl(nbd_aio_get_fd(nbd), F_GETFD) >= 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "the child has the parent's connection");
    cr_assert_geq(fcntl(nbd_aio_get_fd(nbd), F_GETFD), 0);
}

Test(nbd, an_unknown_export_is_an_error)
{
    g_autoptr(GError) error = NULL;

    make_image("1M", "-c 'write 0 64k'");
    serve("qemu-nbd", "-f qcow2");
    cr_assert_not(copy("vdb", NULL, &error));
    cr_assert_str_eq(vms_error_get_origin(error), "nbd");
}

Test(nbd, a_missing_server_is_an_error)
{
    cr_assert_not(copy("vda", NULL, NULL));
}

Test(nbd, an_empty_disk_is_copied)
{
    struct stat st = { 0 };

    make_image("64M", "");
    serve("qemu-nbd", "-f qcow2");
    cr_assert(copy("vda", NULL, NULL));
    cr_assert_eq(stat(target, &st), 0);
    cr_assert_eq(st.st_size, 64 << 20);
    cr_assert_eq(st.st_blocks, 0);
}

static void *
cancel_soon(void *data)
{
    g_usleep(300000);
    vms_progress_cancel(data);
    return NULL;
}

/* A server that accepts and never says anything. */
static int
serve_silence(void)
{
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(place.sun_path, address, sizeof(place.sun_path));
    cr_assert_eq(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
    cr_assert_eq(listen(fd, 5), 0);
    return fd;
}

Test(nbd, cancellation_ends_waiting_for_a_silent_server)
{
    g_auto(VmsFd) silence = serve_silence();
    g_autoptr(GError) error = NULL;
    gint64 begin_us = vms_clock_monotonic_us();
    VmsProgress progress;
    pthread_t thread;

    vms_progress_init(&progress);
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, &progress), 0);
    cr_assert_not(copy("vda", &progress, &error));
    pthread_join(thread, NULL);
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CANCELLED);
    cr_assert_lt(vms_clock_monotonic_us() - begin_us, 1300000);
}

static void *
kill_soon(void *data)
{
    (void)data;
    g_usleep(300000);
    kill(server, SIGKILL);
    return NULL;
}

/* Slow enough that the copy is under way when something happens. */
static void
serve_slowly(void)
{
    g_autofree char *options = g_strdup_printf(
        "--image-opts driver=throttle,throttle-group=t,file.driver=qcow2,file.file.driver=file,"
        "file.file.filename=%s --object throttle-group,id=t,x-bps-total=20000000 #",
        image);

    make_image("400M", "-c 'write -P 5 0 200M'");
    serve("qemu-nbd", options);
}

Test(nbd, cancellation_ends_a_copy_under_way)
{
    g_autoptr(GError) error = NULL;
    gint64 begin_us;
    VmsProgress progress;
    pthread_t thread;

    serve_slowly();
    vms_progress_init(&progress);
    begin_us = vms_clock_monotonic_us();
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, &progress), 0);
    cr_assert_not(copy("vda", &progress, &error));
    pthread_join(thread, NULL);
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CANCELLED);
    cr_assert_lt(vms_clock_monotonic_us() - begin_us, 1300000);
}

Test(nbd, a_server_that_dies_fails_the_copy)
{
    g_autoptr(GError) error = NULL;
    pthread_t thread;

    serve_slowly();
    cr_assert_eq(pthread_create(&thread, NULL, kill_soon, NULL), 0);
    cr_assert_not(copy("vda", NULL, &error));
    pthread_join(thread, NULL);
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_IO);
}

Test(nbd, a_full_disk_fails_the_copy)
{
    g_autofree char *folder = vms_shell_private_folder();
    g_autofree char *ext4 = vms_shell_make_fs(folder, "ext4", 32);
    g_autoptr(GError) error = NULL;

    make_image("400M", "-c 'write -P 5 0 100M'");
    serve("qemu-nbd", "-f qcow2");
    g_free(target);
    target = g_build_filename(ext4, "copy.raw", NULL);
    cr_assert_not(copy("vda", NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_NO_SPACE);
    vms_shell_remove(folder);
}
