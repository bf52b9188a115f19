/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qcow2/reader.h"

#include "adapter/qcow2/compressed.h"
#include "adapter/qcow2/image-info.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 32,         /* files in a chain */
    GRAIN_MAX = 1024 * 1024 /* bytes read at once */
};

static const guint64 OFFSET_MASK = G_GUINT64_CONSTANT(0x00fffffffffffe00);
static const guint64 COMPRESSED = G_GUINT64_CONSTANT(1) << 62;
static const guint64 ZERO = 1; /* version 3, without subclusters */

typedef struct Layer Layer;

struct Layer {
    VmsFd fd;
    gboolean qcow2;
    guint64 file_size;
    VmsImageInfo info; /* of a qcow2 */
    gsize grain;       /* bytes, a power of 2: what lies together in every layer from here down */
    Layer *backing;    /* NULL: none, or not followed */
};

/* Where a piece of the guest's disk lies. */
typedef enum { IN_FILE, IS_COMPRESSED, IS_ZERO, IN_BACKING } Where;

static gboolean
cannot_tell(GError **error, const char *why)
{
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "CannotTell", "%s", why);
}

/* As many bytes as there are, up to @size; -1 with errno set. */
static gssize
read_at(int fd, void *buffer, gsize size, guint64 offset)
{
    char *into = buffer;
    gsize done = 0;

    while (done < size) {
        ssize_t n = pread(fd, into + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (gsize)n;
    }
    return (gssize)done;
}

static gboolean
read_info(int fd, VmsImageInfo *ret_info, GError **error)
{
    g_autofree guint8 *head = g_try_malloc(VMS_IMAGE_INFO_BYTES);
    gssize n = head ? read_at(fd, head, VMS_IMAGE_INFO_BYTES, 0) : -1;

    if (n < 0)
        return vms_fail_errno(error, head ? errno : ENOMEM, "header");
    return vms_image_info_parse(head, (gsize)n, ret_info, error);
}

/* Not one entry of the first-level table is used. Refused tables are of at most 32 MiB. */
static gboolean
read_blank(int fd, const VmsImageInfo *info, gboolean *ret_blank, GError **error)
{
    gsize size = (gsize)info->l1_entries * sizeof(guint64);
    g_autofree guint8 *table = g_try_malloc0(MAX(size, 1));
    gsize used = 0;

    if (!table || read_at(fd, table, size, info->l1_offset) < 0)
        return vms_fail_errno(error, table ? errno : ENOMEM, "first-level table");
    while (used < size && table[used] == 0)
        used++;
    *ret_blank = used == size;
    return TRUE;
}

gboolean
vms_reader_fill_image(int fd, VmsImage *image, GError **error)
{
    g_auto(VmsImageInfo) info = { 0 };

    if (!read_info(fd, &info, error) ||
        (info.backing && !read_blank(fd, &info, &image->blank, error)))
        return FALSE;
    image->virtual_size = info.virtual_size;
    image->cluster_size = (guint64)1 << info.cluster_bits;
    g_free(image->compat);
    image->compat = g_strdup(info.version == 2 ? "0.10" : "1.1");
    g_free(image->backing);
    image->backing = g_steal_pointer(&info.backing);
    g_free(image->backing_format);
    image->backing_format = g_steal_pointer(&info.backing_format);
    image->internal_snapshots = info.internal_snapshots;
    return TRUE;
}

static void
layer_free(Layer *layer)
{
    while (layer) {
        Layer *next = layer->backing;

        vms_fd_clear(&layer->fd);
        vms_image_info_clear(&layer->info);
        g_free(layer);
        layer = next;
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_free)

static gboolean
is_known_format(const char *format)
{
    return !g_strcmp0(format, "qcow2") || !g_strcmp0(format, "raw");
}

/* Takes @fd. */
static Layer *
open_layer_fd(int fd, const char *format, GError **error)
{
    g_autoptr(Layer) layer = g_new0(Layer, 1);
    struct stat st;

    layer->fd = fd;
    if (fstat(fd, &st) != 0) {
        vms_fail_errno(error, errno, "image");
        return NULL;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        vms_fail(error, VMSNAP_E_UNSUPPORTED, "it is neither a file nor a block device");
        return NULL;
    }
    layer->qcow2 = !g_strcmp0(format, "qcow2");
    layer->file_size = S_ISREG(st.st_mode) ? (guint64)st.st_size : G_MAXINT64;
    if (layer->qcow2 && !read_info(fd, &layer->info, error))
        return NULL;
    return g_steal_pointer(&layer);
}

static Layer *
open_layer(const char *path, const char *format, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    Layer *layer = NULL;

    if (fd < 0) {
        vms_fail_errno(error, errno, "%s", path);
        return NULL;
    }
    layer = open_layer_fd(fd, format, error);
    if (!layer)
        g_prefix_error(error, "%s: ", path);
    return layer;
}

/* Follow the headers from @top on; what cannot be followed stays closed, which is no error. */
static void
open_chain(Layer *top)
{
    Layer *layer = top;

    for (guint depth = 1; depth < DEPTH_MAX; depth++) {
        const char *path = layer->info.backing;

        if (!path || *path != '/' || !is_known_format(layer->info.backing_format))
            return;
        layer->backing = open_layer(path, layer->info.backing_format, NULL);
        if (!layer->backing)
            return;
        layer = layer->backing;
    }
}

static gsize
grain_of(const Layer *top)
{
    gsize grain = GRAIN_MAX;

    for (const Layer *layer = top; layer; layer = layer->backing) {
        guint bits = layer->info.cluster_bits - (layer->info.extended_l2 ? 5 : 0);

        if (layer->qcow2)
            grain = MIN(grain, (gsize)1 << bits);
    }
    return grain;
}

gpointer
vms_reader_open(const VmsImage *image, GError **error)
{
    g_autoptr(Layer) top = NULL;

    if (!is_known_format(image->format)) {
        vms_fail(error, VMSNAP_E_UNSUPPORTED, "format %s is not read",
                 image->format ? image->format : "(none)");
        return NULL;
    }
    top = open_layer(image->path, image->format, error);
    if (!top)
        return NULL;
    if (image->backing && !g_strcmp0(image->backing, top->info.backing) &&
        !g_strcmp0(image->backing_format, top->info.backing_format))
        open_chain(top);
    top->grain = grain_of(top);
    return g_steal_pointer(&top);
}

gpointer
vms_reader_open_fd(int fd, const char *format, GError **error)
{
    Layer *layer = open_layer_fd(fd, format, error);

    if (layer)
        layer->grain = grain_of(layer);
    return layer;
}

static gboolean
read_table_entry(const Layer *layer, guint64 offset, guint64 *ret_entry, GError **error)
{
    guint64 entry = 0;

    if (offset > layer->file_size || layer->file_size - offset < sizeof(entry))
        return vms_fail(error, VMSNAP_E_IO, "a table of the image lies beyond its end");
    if (read_at(layer->fd, &entry, sizeof(entry), offset) != sizeof(entry))
        return vms_fail(error, VMSNAP_E_IO, "a table of the image cannot be read");
    *ret_entry = GUINT64_FROM_BE(entry);
    return TRUE;
}

static Where
unallocated(const Layer *layer)
{
    return layer->info.backing ? IN_BACKING : IS_ZERO;
}

/* Each of the 32 subclusters has a bit "allocated" in the lower and "zero" in the upper half. */
static Where
locate_subcluster(const Layer *layer, guint64 in_cluster, guint64 bitmap)
{
    guint index = (guint)(in_cluster >> (layer->info.cluster_bits - 5));

    if (bitmap >> index & 1)
        return IN_FILE;
    if (bitmap >> (index + 32) & 1)
        return IS_ZERO;
    return unallocated(layer);
}

static gboolean
locate_in_cluster(const Layer *layer, guint64 l2_at, guint64 in_cluster, Where *ret_where,
                  guint64 *ret_offset, GError **error)
{
    guint64 entry = 0;
    guint64 bitmap = 0;

    if (!read_table_entry(layer, l2_at, &entry, error))
        return FALSE;
    if (entry & COMPRESSED) {
        *ret_where = IS_COMPRESSED;
        *ret_offset = entry;
        return TRUE;
    }
    *ret_offset = (entry & OFFSET_MASK) + in_cluster;
    if (layer->info.extended_l2) {
        if (!read_table_entry(layer, l2_at + 8, &bitmap, error))
            return FALSE;
        *ret_where = locate_subcluster(layer, in_cluster, bitmap);
    } else if (layer->info.version == 3 && (entry & ZERO)) {
        *ret_where = IS_ZERO;
    } else {
        *ret_where = entry & OFFSET_MASK ? IN_FILE : unallocated(layer);
    }
    if (*ret_where == IN_FILE && (entry & OFFSET_MASK) % ((guint64)1 << layer->info.cluster_bits))
        return vms_fail(error, VMSNAP_E_IO, "an entry of the image's tables is broken");
    return TRUE;
}

static gboolean
locate(const Layer *layer, guint64 offset, Where *ret_where, guint64 *ret_offset, GError **error)
{
    guint bits = layer->info.cluster_bits;
    guint entry_bits = layer->info.extended_l2 ? 4 : 3;
    guint l2_bits = bits - entry_bits;
    guint64 l1_index = offset >> (bits + l2_bits);
    guint64 l2_index = offset >> bits & (((guint64)1 << l2_bits) - 1);
    guint64 l1_entry = 0;

    if (l1_index >= layer->info.l1_entries)
        return vms_fail(error, VMSNAP_E_IO, "the image's first-level table is too short");
    if (!read_table_entry(layer, layer->info.l1_offset + l1_index * 8, &l1_entry, error))
        return FALSE;
    if (!(l1_entry & OFFSET_MASK)) {
        *ret_where = unallocated(layer);
        *ret_offset = 0;
        return TRUE;
    }
    return locate_in_cluster(layer, (l1_entry & OFFSET_MASK) + (l2_index << entry_bits),
                             offset & (((guint64)1 << bits) - 1), ret_where, ret_offset, error);
}

/* @size bytes at @offset of the file; what lies beyond its end reads as zeros, as in QEMU. */
static gboolean
read_plain(const Layer *layer, guint64 offset, guint8 *buffer, gsize size, GError **error)
{
    gssize n = 0;

    if (offset < layer->file_size)
        n = read_at(layer->fd, buffer, size, offset);
    if (n < 0)
        return vms_fail_errno(error, errno, "image");
    memset(buffer + n, 0, size - (gsize)n);
    return TRUE;
}

/* From the middle of a compressed cluster, whose table entry is @entry. */
static gboolean
read_compressed(const Layer *layer, guint64 entry, guint64 guest_offset, guint8 *buffer, gsize size,
                GError **error)
{
    gsize cluster = (gsize)1 << layer->info.cluster_bits;
    g_autofree guint8 *plain = g_try_malloc(cluster);
    g_autofree guint8 *packed = NULL;
    guint64 offset = 0;
    guint64 count = 0;
    gssize n;

    if (layer->info.zstd)
        return cannot_tell(error, "the area is compressed by zstd");
    vms_compressed_locate(entry, layer->info.cluster_bits, &offset, &count);
    packed = count <= 2 * (guint64)cluster + 512 ? g_try_malloc(count) : NULL;
    if (!plain || !packed || offset >= layer->file_size)
        return vms_fail(error, VMSNAP_E_IO, "a compressed area lies beyond the image's end");
    n = read_at(layer->fd, packed, count, offset);
    if (n < 0)
        return vms_fail_errno(error, errno, "image");
    if (!vms_compressed_inflate(packed, (gsize)n, plain, cluster, error))
        return FALSE;
    memcpy(buffer, plain + (guest_offset & (cluster - 1)), size);
    return TRUE;
}

/* One piece that lies within one (sub)cluster of every layer. */
static gboolean
read_piece(const Layer *layer, guint64 offset, guint8 *buffer, gsize size, GError **error)
{
    for (; layer; layer = layer->backing) {
        Where where = IS_ZERO;
        guint64 at = 0;

        if (!layer->qcow2)
            return read_plain(layer, offset, buffer, size, error);
        if (offset < layer->info.virtual_size && !locate(layer, offset, &where, &at, error))
            return FALSE;
        if (where == IN_FILE)
            return read_plain(layer, at, buffer, size, error);
        if (where == IS_COMPRESSED)
            return read_compressed(layer, at, offset, buffer, size, error);
        if (where == IS_ZERO) {
            memset(buffer, 0, size);
            return TRUE;
        }
    }
    return cannot_tell(error, "the area lies in a backing file");
}

gboolean
vms_reader_read(gpointer reader, guint64 offset, void *buffer, gsize size, GError **error)
{
    const Layer *top = reader;
    guint8 *into = buffer;

    if (offset > G_MAXINT64 || size > G_MAXINT64 - offset)
        return vms_fail(error, VMSNAP_E_INVALID, "no image is so large");
    while (size > 0) {
        gsize piece = MIN(size, top->grain - (gsize)(offset % top->grain));

        if (!read_piece(top, offset, into, piece, error))
            return FALSE;
        offset += piece;
        into += piece;
        size -= piece;
    }
    return TRUE;
}

void
vms_reader_close(gpointer reader)
{
    layer_free(reader);
}
