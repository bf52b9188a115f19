/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/media.h"
#include "adapter/extfs/look.h"
#include "adapter/qcow2/reader.h"
#include "model/leftover.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* vmsnap-guest-look IMAGE FORMAT [MAC...]: started by the library, not by people. Writes a line for
 * each VmsLeftover of the image. Everything it reads was written by a guest: once the image is open
 * it gives up what it may do. See port/guest.h. */

enum { NOBODY = 65534, CPU_S = 10 };

/* Sanitizers reserve more address space than there is memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const rlim_t MEMORY = RLIM_INFINITY;
#else
static const rlim_t MEMORY = (rlim_t)512 << 20;
#endif

/* The one image, open before anything was given up. */
static gpointer image_reader;

static gpointer
open_again(const VmsImage *image, GError **error)
{
    (void)image;
    (void)error;
    return image_reader;
}

static void
close_later(gpointer reader)
{
    (void)reader;
}

static gboolean
limit(int what, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(what, &now) != 0)
        return FALSE;
    now.rlim_max = MIN(now.rlim_max, most);
    now.rlim_cur = now.rlim_max;
    return setrlimit(what, &now) == 0;
}

static gboolean
give_up_rights(void)
{
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_CPU, CPU_S) || !limit(RLIMIT_AS, MEMORY))
        return FALSE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return FALSE;
    return geteuid() != 0 || (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                              setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

/* Once it has its last user: a change of it would take this back. */
static gboolean
die_with(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static gboolean
open_image(VmsImage *image, GError **error)
{
    int fd = open(image->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    gboolean good = size >= 0;

    image->virtual_size = (guint64)MAX(size, 0);
    if (good && strcmp(image->format, "qcow2") == 0)
        good = vms_reader_fill_image(fd, image, error);
    if (fd >= 0)
        close(fd);
    image_reader = good ? vms_reader_open(image, error) : NULL;
    return image_reader != NULL;
}

typedef struct {
    guint64 offset;
    guint64 size; /* of the image */
} FileSystem;

static gboolean
read_inside(gconstpointer data, guint64 offset, void *buffer, gsize size)
{
    const FileSystem *inside = data;
    guint64 at = 0;

    return g_uint64_checked_add(&at, inside->offset, offset) && at <= inside->size &&
           size <= inside->size - at && vms_reader_read(image_reader, at, buffer, size, NULL);
}

static void
look(const VmsImage *image, const VmsFsState *state, const char *const *macs)
{
    const FileSystem inside = { .offset = state->offset, .size = image->virtual_size };
    const VmsExtfsSource source = { .read = read_inside, .data = &inside };
    g_autoptr(GPtrArray) leftovers =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_leftover_free);

    if (!g_str_has_prefix(state->type, "ext"))
        return;
    if (!vms_extfs_look(&source, state->partition, macs, leftovers))
        fprintf(stderr, "file system at %" G_GUINT64_FORMAT " cannot be read\n", state->offset);
    for (guint i = 0; i < leftovers->len; i++) {
        g_autofree char *line = vms_leftover_format(leftovers->pdata[i]);

        puts(line);
    }
}

int
main(int argc, char **argv)
{
    static const VmsMediaReader reader = { open_again, vms_reader_read, close_later };
    g_autoptr(VmsImage) image = NULL;
    g_autoptr(VmsMedia) media = NULL;
    g_autoptr(GPtrArray) states = NULL;
    g_autoptr(GError) error = NULL;
    const pid_t parent = getppid();

    if (argc < 3 || argv[1][0] != '/') {
        fprintf(stderr, "vmsnap-guest-look is started by libvmsnap, not by hand\n");
        return EXIT_FAILURE;
    }
    image = vms_image_new(argv[1], argv[2]);
    media = vms_blkid_media_new(&reader);
    if (!open_image(image, &error) || !give_up_rights() || !die_with(parent) ||
        !vms_media_probe(media, image, "", &states, &error)) {
        fprintf(stderr, "%s cannot be read: %s\n", argv[1], error ? error->message : "fault");
        return EXIT_FAILURE;
    }
    for (guint i = 0; i < states->len; i++)
        look(image, states->pdata[i], (const char *const *)argv + 3);
    vms_reader_close(image_reader);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
