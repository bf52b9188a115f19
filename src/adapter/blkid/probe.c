/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/ends.h"
#include "adapter/blkid/media.h"
#include "adapter/blkid/seed.h"
#include "adapter/blkid/superblock.h"
#include "adapter/blkid/xfs-log.h"
#include "base/error.h"
#include "base/fd.h"

#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    EDGE = 1024 * 1024,  /* bytes copied at the start and the end of disk and partition */
    PAGE = 4096,         /* pages of zeros are left out of the copy */
    PARTITIONS_MAX = 128 /* looked into */
};

typedef struct {
    VmsMedia base;
    VmsMediaReader reader;
} BlkidMedia;

/* One probing: the image, and the copy of its interesting parts that libblkid looks at. libblkid
 * never sees the image itself, so nothing of it can be locked, written or opened further. */
typedef struct {
    const VmsMediaReader *reader;
    gpointer image;
    guint64 size;
    VmsFd copy;
    guint8 *buffer; /* EDGE bytes */
    const char *target;
    GPtrArray *states;
} Probe;

static void
probe_clear(Probe *probe)
{
    if (probe->image)
        probe->reader->close(probe->image);
    vms_fd_clear(&probe->copy);
    g_clear_pointer(&probe->buffer, g_free);
    g_clear_pointer(&probe->states, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Probe, probe_clear)

typedef struct blkid_struct_probe BlkidProbe;

static void
blkid_close(BlkidProbe *blkid)
{
    blkid_free_probe(blkid);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlkidProbe, blkid_close)

static gboolean
is_zero(const guint8 *data, gsize size)
{
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Bytes from @at on that are no pages of zeros; 0 if there is one at once. */
static gsize
count_filled(const guint8 *data, gsize at, gsize end)
{
    gsize from = at;

    while (at < end && !is_zero(data + at, MIN((gsize)PAGE, end - at)))
        at += MIN((gsize)PAGE, end - at);
    return at - from;
}

/* Copy [@offset, @offset + @size) without its pages of zeros. FALSE when the image cannot tell. */
static gboolean
copy_part(Probe *probe, guint64 offset, guint64 size)
{
    gsize count = (gsize)MIN(size, (guint64)EDGE);

    if (offset >= probe->size)
        return FALSE;
    count = (gsize)MIN((guint64)count, probe->size - offset);
    if (!probe->reader->read(probe->image, offset, probe->buffer, count, NULL))
        return FALSE;
    for (gsize at = 0; at < count; at += PAGE) {
        gsize filled = count_filled(probe->buffer, at, count);

        if (filled > 0 && pwrite(probe->copy, probe->buffer + at, filled, (off_t)(offset + at)) !=
                              (ssize_t)filled)
            return FALSE;
        at += filled;
    }
    return TRUE;
}

/* What is not dropped is only memory. */
static void
drop_part(const Probe *probe, guint64 offset)
{
    (void)fallocate(probe->copy, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, EDGE);
}

static VmsFsClean
judge_ntfs(const Probe *probe, guint64 offset, const guint8 *start, gsize size)
{
    guint8 record[4096];
    guint64 at = 0;
    gsize count = 0;

    if (!vms_superblock_find_ntfs_volume(start, size, &at, &count) || at > probe->size ||
        offset > probe->size - at)
        return VMS_FS_UNKNOWN;
    count = MIN(count, sizeof(record));
    if (!probe->reader->read(probe->image, offset + at, record, count, NULL))
        return VMS_FS_UNKNOWN;
    return vms_superblock_judge_ntfs_volume(record, count);
}

/* One file system inside the image. */
typedef struct {
    const Probe *probe;
    guint64 offset;
} Inside;

static gboolean
read_inside(gconstpointer data, guint64 at, void *buffer, gsize size)
{
    const Inside *inside = data;
    const Probe *probe = inside->probe;
    guint64 end;

    return g_uint64_checked_add(&end, inside->offset, at) && end <= probe->size &&
           size <= probe->size - end && probe->reader->read(probe->image, end, buffer, size, NULL);
}

static VmsFsClean
judge_xfs(const Probe *probe, guint64 offset, const guint8 *start, gsize size)
{
    const Inside inside = { .probe = probe, .offset = offset };
    const VmsXfsSource source = { .read = read_inside, .data = &inside };

    return vms_xfs_log_judge(&source, start, size);
}

/* The start of a partition from the copy, which has it already. */
static VmsFsClean
judge(const Probe *probe, guint64 offset, const char *type)
{
    g_autofree guint8 *start = g_try_malloc(VMS_SUPERBLOCK_BYTES);
    ssize_t n = start ? pread(probe->copy, start, VMS_SUPERBLOCK_BYTES, (off_t)offset) : -1;

    if (n <= 0)
        return VMS_FS_UNKNOWN;
    if (!strcmp(type, "ntfs"))
        return judge_ntfs(probe, offset, start, (gsize)n);
    if (!strcmp(type, "xfs"))
        return judge_xfs(probe, offset, start, (gsize)n);
    return vms_superblock_judge(type, start, (gsize)n);
}

static void
add_state(Probe *probe, guint64 offset, const char *type, const char *usage)
{
    gboolean opaque = !g_strcmp0(usage, "crypto") || !g_strcmp0(usage, "raid") ||
                      !strcmp(type, "jbd") || !strcmp(type, "zfs_member");
    g_autofree char *name = opaque ? g_strconcat("opaque:", type, NULL) : g_strdup(type);
    VmsFsClean clean = opaque ? VMS_FS_UNKNOWN : judge(probe, offset, type);

    g_ptr_array_add(probe->states, vms_fs_state_new(probe->target, offset, name, clean));
}

static BlkidProbe *
open_blkid(const Probe *probe, guint64 offset, guint64 size)
{
    g_autoptr(BlkidProbe) blkid = blkid_new_probe();

    if (!blkid ||
        blkid_probe_set_device(blkid, probe->copy, (blkid_loff_t)offset, (blkid_loff_t)size) != 0)
        return NULL;
    return g_steal_pointer(&blkid);
}

/* What one partition, or a disk without any, holds. Nothing found is nothing added. */
static void
probe_content(Probe *probe, guint64 offset, guint64 size)
{
    g_autoptr(BlkidProbe) blkid = open_blkid(probe, offset, size);
    const char *usage = NULL;
    const char *type = NULL;
    int found;

    if (!blkid)
        return;
    blkid_probe_enable_superblocks(blkid, 1);
    blkid_probe_set_superblocks_flags(blkid, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE);
    found = blkid_do_safeprobe(blkid);
    if (found == -2)
        g_ptr_array_add(probe->states, vms_fs_state_new(probe->target, offset, "opaque:ambiguous",
                                                        VMS_FS_UNKNOWN));
    if (found != 0 || blkid_probe_lookup_value(blkid, "TYPE", &type, NULL) != 0)
        return;
    blkid_probe_lookup_value(blkid, "USAGE", &usage, NULL);
    add_state(probe, offset, type, usage);
}

/* EFI system partition: by its GUID in a GPT, by its number in an MBR. */
static gboolean
is_efi(blkid_partition partition)
{
    const char *guid = blkid_partition_get_type_string(partition);

    return guid ? g_ascii_strcasecmp(guid, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b") == 0
                : blkid_partition_get_type(partition) == 0xef;
}

/* What was found since @from lies on this partition. */
static void
note_partition(const Probe *probe, guint from, blkid_partition partition)
{
    for (guint i = from; i < probe->states->len; i++) {
        VmsFsState *state = g_ptr_array_index(probe->states, i);

        state->partition = (guint)MAX(blkid_partition_get_partno(partition), 0);
        state->efi = is_efi(partition);
    }
}

static void
probe_partition(Probe *probe, blkid_partition partition)
{
    guint from = probe->states->len;
    guint64 offset = (guint64)blkid_partition_get_start(partition) * 512;
    guint64 size = (guint64)blkid_partition_get_size(partition) * 512;

    if (blkid_partition_is_extended(partition) || offset == 0 || size == 0 || offset >= probe->size)
        return;
    size = MIN(size, probe->size - offset);
    if (!copy_part(probe, offset, size))
        return;
    if (size > EDGE)
        copy_part(probe, offset + size - EDGE, EDGE);
    probe_content(probe, offset, size);
    note_partition(probe, from, partition);
    /* A guest may have filled the edges of many partitions: they are not kept together. */
    drop_part(probe, offset);
    if (size > EDGE)
        drop_part(probe, offset + size - EDGE);
}

/* FALSE when there is no partition table. */
static gboolean
probe_partitions(Probe *probe)
{
    g_autoptr(BlkidProbe) blkid = open_blkid(probe, 0, probe->size);
    blkid_partlist list;
    int count;

    if (!blkid)
        return FALSE;
    blkid_probe_enable_superblocks(blkid, 0);
    blkid_probe_enable_partitions(blkid, 1);
    list = blkid_probe_get_partitions(blkid);
    count = list ? blkid_partlist_numof_partitions(list) : 0;
    for (int i = 0; i < MIN(count, PARTITIONS_MAX); i++)
        probe_partition(probe, blkid_partlist_get_partition(list, i));
    return count > 0;
}

static gboolean
open_copy(Probe *probe, GError **error)
{
    probe->copy = memfd_create("vmsnap-probe", MFD_CLOEXEC);
    probe->buffer = g_try_malloc(EDGE);
    if (probe->copy < 0 || !probe->buffer || ftruncate(probe->copy, (off_t)probe->size) != 0)
        return vms_fail_errno(error, errno ? errno : ENOMEM, "copy for probing");
    return TRUE;
}

static gboolean
media_probe(VmsMedia *media, const VmsImage *image, const char *target, GPtrArray **ret_states,
            GError **error)
{
    BlkidMedia *self = (BlkidMedia *)media;
    g_auto(Probe) probe = {
        .reader = &self->reader,
        .size = image->virtual_size,
        .copy = VMS_FD_NONE,
        .target = target,
        .states = g_ptr_array_new_with_free_func((GDestroyNotify)vms_fs_state_free),
    };

    if (probe.size > G_MAXINT64)
        return vms_fail(error, VMSNAP_E_INVALID, "image %s has no possible size", image->path);
    probe.image = self->reader.open(image, error);
    if (!probe.image || !open_copy(&probe, error))
        return FALSE;
    if (probe.size > 0 && copy_part(&probe, 0, EDGE)) {
        if (probe.size > EDGE)
            copy_part(&probe, probe.size - EDGE, EDGE);
        if (!probe_partitions(&probe))
            probe_content(&probe, 0, probe.size);
    }
    *ret_states = g_steal_pointer(&probe.states);
    return TRUE;
}

static gboolean
has_seed_label(const Probe *probe)
{
    g_autoptr(BlkidProbe) blkid = open_blkid(probe, 0, probe->size);
    const char *label = NULL;

    if (!blkid)
        return FALSE;
    blkid_probe_enable_superblocks(blkid, 1);
    blkid_probe_set_superblocks_flags(blkid, BLKID_SUBLKS_LABEL);
    return blkid_do_safeprobe(blkid) == 0 &&
           blkid_probe_lookup_value(blkid, "LABEL", &label, NULL) == 0 && vms_seed_is_label(label);
}

static gboolean
media_probe_seed(VmsMedia *media, const VmsImage *image, gboolean *ret_seed, GError **error)
{
    BlkidMedia *self = (BlkidMedia *)media;
    g_auto(Probe)
        probe = { .reader = &self->reader, .size = image->virtual_size, .copy = VMS_FD_NONE };
    const Inside inside = { .probe = &probe };
    const VmsSeedSource source = { .read = read_inside, .data = &inside };

    if (probe.size > G_MAXINT64)
        return vms_fail(error, VMSNAP_E_INVALID, "image %s has no possible size", image->path);
    probe.image = self->reader.open(image, error);
    if (!probe.image || !open_copy(&probe, error))
        return FALSE;
    if (probe.size > 0)
        copy_part(&probe, 0, EDGE);
    if (probe.size > EDGE)
        copy_part(&probe, probe.size - EDGE, EDGE);
    *ret_seed = has_seed_label(&probe) || vms_seed_has_file(&source);
    return TRUE;
}

static gboolean
media_same_ends(VmsMedia *media, const VmsImage *image, const VmsImage *copy, gboolean *ret_same,
                GError **error)
{
    return vms_ends_compare(&((BlkidMedia *)media)->reader, image, copy, ret_same, error);
}

static void
media_free(VmsMedia *media)
{
    g_free(media);
}

VmsMedia *
vms_blkid_media_new(const VmsMediaReader *reader)
{
    static const VmsMediaOps ops = { .probe = media_probe,
                                     .probe_seed = media_probe_seed,
                                     .same_ends = media_same_ends,
                                     .free = media_free };
    BlkidMedia *self = g_new0(BlkidMedia, 1);

    self->base.ops = &ops;
    self->reader = *reader;
    return &self->base;
}
