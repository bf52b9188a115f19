/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/overlay.h"

#include "adapter/file/path.h"
#include "adapter/file/qemu-img.h"
#include "base/error.h"
#include "base/process.h"
#include "base/sys.h"

#include <string.h>
#include <sys/xattr.h>

static const guint64 MEMORY_LIMIT = G_GUINT64_CONSTANT(1) << 30;

enum {
    WORK_LEAST_S = 600,
    SLOWEST_DISK = 2 * 1024 * 1024, /* bytes a second: below that it hangs */
    DIFFER_STATUS = 1               /* of qemu-img compare */
};

/* libvirt keeps here, as "+UID:+GID", whom a file in use belonged to before. */
static const char REMEMBERED_OWNER[] = "trusted.libvirt.security.dac";

gboolean
vms_overlay_make(const char *path, const VmsImage *base, guint64 reserve, guint32 uid, guint32 gid,
                 GError **error)
{
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, base->virtual_size);
    const char *const argv[] = { "qemu-img", "create", "-q",         "-u", "-f", "qcow2", "-b",
                                 base->path, "-F",     base->format, "--", path, size,    NULL };

    return vms_qemu_img_create(argv, path, reserve, uid, gid, error);
}

static VmsProcessLimits
limits_for(guint64 bytes, VmsProgress *progress)
{
    guint64 wall_s = WORK_LEAST_S + bytes / SLOWEST_DISK;

    return (VmsProcessLimits){ .limit_ms = (guint)MIN(wall_s * 1000, G_MAXINT32),
                               .memory_bytes = MEMORY_LIMIT,
                               .progress = progress };
}

/* Not emptied: while the base's contents are not on the disk for certain, the overlay must be
 * whole. */
static gboolean
run_commit(const char *path, guint64 bytes, VmsProgress *progress, GError **error)
{
    const char *const argv[] = {
        "qemu-img", "commit", "-q", "-d", "-f", "qcow2", "--", path, NULL
    };
    VmsProcessLimits limits = limits_for(bytes, progress);
    g_autoptr(GError) failed = NULL;

    if (vms_process_run(argv, &limits, NULL, &failed))
        return TRUE;
    if (strstr(failed->message, "lock"))
        return vms_refuse(error, VMSNAP_E_BUSY, "OpenElsewhere", "'%s' cannot be written back: %s",
                          path, failed->message);
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
vms_overlay_fold(const char *path, const char *base, VmsProgress *progress, GError **error)
{
    struct stat st;
    g_auto(VmsFd) fd = VMS_FD_NONE;

    if (!vms_path_stat(path, &st, error))
        return FALSE;
    vms_crash_point("file-fold");
    if (!run_commit(path, (guint64)st.st_size, progress, error))
        return FALSE;
    fd = vms_path_open_image(base, NULL, &st, error);
    return fd >= 0 && vms_sys_sync(fd, base, error);
}

gboolean
vms_overlay_compare(const VmsImage *a, const VmsImage *b, gboolean *ret_same, GError **error)
{
    g_autofree char *one = vms_qemu_img_describe(a);
    g_autofree char *two = vms_qemu_img_describe(b);
    const char *const argv[] = {
        "qemu-img", "compare", "-q", "--image-opts", "--", one, two, NULL
    };
    VmsProcessLimits limits = limits_for(2 * a->virtual_size, NULL);
    g_autoptr(GError) failed = NULL;

    if (vms_process_run(argv, &limits, NULL, &failed)) {
        *ret_same = TRUE;
        return TRUE;
    }
    if (vms_error_get_origin_code(failed) == DIFFER_STATUS) {
        *ret_same = FALSE;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
parse_number(const char *text, const char **ret_end, guint32 *ret_number)
{
    guint64 number = 0;
    const char *at = *text == '+' ? text + 1 : text;

    if (at == text || !g_ascii_isdigit(*at))
        return FALSE;
    for (; g_ascii_isdigit(*at) && number <= G_MAXUINT32; at++)
        number = number * 10 + (guint64)(*at - '0');
    *ret_end = at;
    *ret_number = (guint32)number;
    return number <= G_MAXUINT32;
}

static void
recall_owner(int fd, VmsFileId *id)
{
    char text[64] = "";
    ssize_t size = fgetxattr(fd, REMEMBERED_OWNER, text, sizeof(text) - 1);
    const char *end = NULL;
    guint32 uid = 0;
    guint32 gid = 0;

    if (size <= 0 || !parse_number(text, &end, &uid) || *end != ':' ||
        !parse_number(end + 1, &end, &gid) || *end)
        return;
    id->uid = uid;
    id->gid = gid;
}

gboolean
vms_overlay_read_owner(const char *path, VmsFileId *ret_id, GError **error)
{
    struct stat st;
    g_auto(VmsFd) fd = vms_path_open_image(path, NULL, &st, error);

    if (fd < 0)
        return FALSE;
    *ret_id = vms_path_file_id(&st);
    recall_owner(fd, ret_id);
    return TRUE;
}
