/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/qemu-img.h"

#include "adapter/file/path.h"
#include "adapter/file/transfer.h"
#include "base/error.h"
#include "base/process.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const guint64 MEMORY_LIMIT = G_GUINT64_CONSTANT(1) << 30;

enum {
    CREATE_LIMIT_MS = 30000,
    CONVERT_LEAST_S = 600,
    SLOWEST_DISK = 2 * 1024 * 1024, /* bytes a second: below that it hangs */
    SLOWEST_CPU = 20 * 1024 * 1024
};

/* What a conversion tells while it runs: how much of the target is there. */
typedef struct {
    VmsTransfer *target;
    VmsProgress *progress;
    guint64 most; /* not beyond this: a target may need more than the source has */
    guint64 told;
} Watch;

static void
tell_to(Watch *watch, guint64 bytes)
{
    bytes = MIN(bytes, watch->most);
    if (bytes <= watch->told)
        return;
    vms_progress_add(watch->progress, bytes - watch->told);
    watch->told = bytes;
}

static void
look(gpointer data)
{
    Watch *watch = data;
    struct stat st;

    if (fstat(vms_transfer_get_fd(watch->target), &st) == 0)
        tell_to(watch, (guint64)st.st_blocks * 512);
}

static void
append_escaped(GString *text, const char *value)
{
    for (; *value; value++) {
        g_string_append_c(text, *value);
        if (*value == ',')
            g_string_append_c(text, ',');
    }
}

char *
vms_qemu_img_describe(const VmsImage *image)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "driver=%s,file.driver=%s,file.filename=", image->format,
                           image->block_device ? "host_device" : "file");
    append_escaped(text, image->path);
    return g_string_free(text, FALSE);
}

static gboolean
check_format(const char *format, GError **error)
{
    if (!g_strcmp0(format, "raw") || !g_strcmp0(format, "qcow2"))
        return TRUE;
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported",
                      "images of format %s are not made", format ? format : "(none)");
}

/* "-o" value of a qcow2 that is made like another. */
static char *
describe_options(const VmsImage *like)
{
    const char *compat = like && !g_strcmp0(like->compat, "0.10") ? "0.10" : "1.1";
    guint64 cluster = like ? like->cluster_size : 0;

    if (cluster < 512 || cluster > 2 * 1024 * 1024)
        cluster = 64 * 1024;
    return g_strdup_printf("compat=%s,cluster_size=%" G_GUINT64_FORMAT, compat, cluster);
}

static gboolean
run_convert(const VmsImage *source, const char *target, const char *options, const char *format,
            Watch *watch, GError **error)
{
    g_autofree char *from = vms_qemu_img_describe(source);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    guint64 wall_s = CONVERT_LEAST_S + source->virtual_size / SLOWEST_DISK;
    guint64 cpu_s = CONVERT_LEAST_S + source->virtual_size / SLOWEST_CPU;
    VmsProcessLimits limits = {
        .limit_ms = (guint)MIN(wall_s * 1000, G_MAXINT32),
        .memory_bytes = MEMORY_LIMIT,
        .cpu_s = (guint)MIN(cpu_s, G_MAXINT32),
        .progress = watch->progress,
        .tick = look,
        .tick_data = watch,
    };
    const char *const fixed[] = { "qemu-img", "convert", "-q",   "-m",
                                  "8",        "-O",      format, "--image-opts" };

    for (gsize i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(argv, (gpointer)fixed[i]);
    if (options) {
        g_ptr_array_add(argv, (gpointer) "-o");
        g_ptr_array_add(argv, (gpointer)options);
    }
    g_ptr_array_add(argv, (gpointer) "--");
    g_ptr_array_add(argv, from);
    g_ptr_array_add(argv, (gpointer)target);
    g_ptr_array_add(argv, NULL);
    return vms_process_run((const char *const *)argv->pdata, &limits, NULL, error);
}

/* The target is ours before QEMU's tool sees it: it makes files readable for everybody. */
gboolean
vms_qemu_img_convert(const VmsImage *source, const char *target, const VmsImage *like,
                     const char *format, VmsProgress *progress, GError **error)
{
    g_autoptr(VmsTransfer) made = NULL;
    g_autofree char *options = NULL;
    Watch watch = { .progress = progress, .most = source->virtual_size };

    if (!check_format(format, error) || !check_format(source->format, error))
        return FALSE;
    if (!strcmp(format, "qcow2"))
        options = describe_options(like);
    if (!vms_transfer_open(NULL, target, &made, error))
        return FALSE;
    watch.target = made;
    vms_crash_point("file-convert");
    if (!run_convert(source, target, options, format, &watch, error))
        return FALSE;
    vms_crash_point("file-convert-done");
    if (!vms_transfer_finish(made, 0600, NULL, error))
        return FALSE;
    tell_to(&watch, watch.most);
    return TRUE;
}

gboolean
vms_qemu_img_create(const char *const *argv, const char *path, guint64 reserve, guint32 uid,
                    guint32 gid, GError **error)
{
    g_autoptr(VmsTransfer) made = NULL;
    VmsProcessLimits limits = { .limit_ms = CREATE_LIMIT_MS, .memory_bytes = MEMORY_LIMIT };
    int fd;

    if (!vms_transfer_open(NULL, path, &made, error))
        return FALSE;
    fd = vms_transfer_get_fd(made);
    if (!vms_process_run(argv, &limits, NULL, error) ||
        !vms_sys_reserve(fd, reserve, path, error) || !vms_sys_chown(fd, uid, gid, path, error))
        return FALSE;
    return vms_transfer_finish(made, 0600, NULL, error);
}

gboolean
vms_qemu_img_make_scratch(const char *path, guint64 virtual_size, guint64 reserve, guint32 uid,
                          guint32 gid, GError **error)
{
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, virtual_size);
    const char *const argv[] = {
        "qemu-img", "create", "-q", "-f", "qcow2", "--", path, size, NULL
    };

    return vms_qemu_img_create(argv, path, reserve, uid, gid, error);
}

/* For writing; a link is no image of ours. */
static int
open_own(const char *path, VmsPath *place, GError **error)
{
    int fd;

    if (!vms_path_open(path, place, error))
        return -1;
    fd = openat(place->dir, place->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        vms_fail_errno(error, errno, "%s", path);
    return fd;
}

gboolean
vms_qemu_img_grow(const char *path, const char *format, guint64 virtual_size, GError **error)
{
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, virtual_size);
    const char *const argv[] = { "qemu-img", "resize", "-q", "-f", format, "--", path, size, NULL };
    VmsProcessLimits limits = { .limit_ms = CREATE_LIMIT_MS, .memory_bytes = MEMORY_LIMIT };
    g_auto(VmsPath) place = VMS_PATH_INIT;
    g_auto(VmsFd) fd = VMS_FD_NONE;

    if (!check_format(format, error))
        return FALSE;
    fd = open_own(path, &place, error);
    if (fd < 0)
        return FALSE;
    if (strcmp(format, "raw") == 0)
        return vms_sys_resize(fd, virtual_size, path, error) && vms_sys_sync(fd, path, error);
    vms_crash_point("file-grow");
    if (!vms_process_run(argv, &limits, NULL, error))
        return FALSE;
    vms_crash_point("file-grow-done");
    return vms_sys_sync(fd, path, error);
}
