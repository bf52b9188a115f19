/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qcow2/image-info.h"

#include "base/error.h"

#include <string.h>

enum {
    HEADER_2 = 72,        /* bytes of a version 2 header */
    HEADER_3 = 104,       /* the least of a version 3 header */
    BACKING_MAX = 1023,   /* bytes of a backing name */
    FORMAT_MAX = 15,      /* bytes of a backing format */
    SNAPSHOTS_MAX = 65536 /* QEMU's own limit */
};

static const guint64 L1_MAX = 32 * 1024 * 1024;            /* bytes, QEMU's own limit */
static const guint64 REFCOUNT_TABLE_MAX = 8 * 1024 * 1024; /* bytes, likewise */

enum {
    INCOMPATIBLE_DIRTY = 1 << 0,
    INCOMPATIBLE_CORRUPT = 1 << 1,
    INCOMPATIBLE_DATA_FILE = 1 << 2,
    INCOMPATIBLE_COMPRESSION = 1 << 3,
    INCOMPATIBLE_EXTENDED_L2 = 1 << 4,
    INCOMPATIBLE_KNOWN = (1 << 5) - 1
};

static const guint32 MAGIC = 0x514649fb;
static const guint32 EXTENSION_END = 0;
static const guint32 EXTENSION_BACKING_FORMAT = 0xe2792aca;
static const guint32 EXTENSION_DATA_FILE = 0x44415441;
static const guint32 EXTENSION_CRYPTO = 0x0537be77;

/* Callers have checked that the bytes are there. */
static guint32
get32(const guint8 *data, gsize at)
{
    return (guint32)data[at] << 24 | (guint32)data[at + 1] << 16 | (guint32)data[at + 2] << 8 |
           data[at + 3];
}

static guint64
get64(const guint8 *data, gsize at)
{
    return (guint64)get32(data, at) << 32 | get32(data, at + 4);
}

static gboolean
broken(GError **error, const char *why)
{
    return vms_refuse(error, VMSNAP_E_IO, "HeaderBroken", "the qcow2 header is broken: %s", why);
}

static gboolean
unsupported(GError **error, const char *why)
{
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported", "%s", why);
}

static gboolean
check_kind(const guint8 *data, gsize size, GError **error)
{
    guint32 version;

    if (size < HEADER_2 || get32(data, 0) != MAGIC)
        return unsupported(error, "it is not a qcow2 image");
    version = get32(data, 4);
    if (version != 2 && version != 3)
        return unsupported(error, "its qcow2 version is not known");
    if (version == 3 && size < HEADER_3)
        return broken(error, "it is cut off");
    if (get32(data, 32) != 0)
        return unsupported(error, "it is encrypted by qcow2");
    return TRUE;
}

static gboolean
read_features(const guint8 *data, gsize size, VmsImageInfo *info, GError **error)
{
    guint64 features = get64(data, 72);
    guint32 length = get32(data, 100);
    guint8 compression = length > 104 && size > 104 ? data[104] : 0;

    if (features & ~(guint64)INCOMPATIBLE_KNOWN)
        return unsupported(error, "it has features that are not known");
    if (features & INCOMPATIBLE_CORRUPT)
        return unsupported(error, "it is marked corrupt: repair it with qemu-img check");
    if (features & INCOMPATIBLE_DATA_FILE)
        return unsupported(error, "its data lies in another file");
    if (length < HEADER_3 || length % 8 != 0 || length > (guint64)1 << info->cluster_bits)
        return broken(error, "header length");
    if (get32(data, 96) > 6)
        return broken(error, "refcount order");
    if (!(features & INCOMPATIBLE_COMPRESSION) != (compression == 0))
        return broken(error, "compression type");
    if (compression > 1)
        return unsupported(error, "its compression type is not known");
    info->zstd = compression == 1;
    info->dirty = (features & INCOMPATIBLE_DIRTY) != 0;
    info->extended_l2 = (features & INCOMPATIBLE_EXTENDED_L2) != 0;
    if (info->extended_l2 && info->cluster_bits < 14)
        return broken(error, "subclusters in clusters too small");
    return TRUE;
}

/* Tables must lie on cluster borders, and the first level must cover the whole size. */
static gboolean
check_tables(const guint8 *data, const VmsImageInfo *info, GError **error)
{
    guint64 cluster = (guint64)1 << info->cluster_bits;
    guint64 entry = info->extended_l2 ? 16 : 8;
    guint64 covered = (cluster / entry)
                      << info->cluster_bits; /* at most 2^39: 2^18 entries of 2^21 */
    guint64 needed = info->virtual_size / covered + (info->virtual_size % covered != 0);

    if (info->virtual_size > G_MAXINT64)
        return broken(error, "virtual size");
    if ((guint64)info->l1_entries * 8 > L1_MAX || info->l1_entries < needed)
        return broken(error, "size of the first-level table");
    if (info->l1_offset % cluster != 0 || (info->l1_entries && info->l1_offset < cluster) ||
        info->l1_offset > G_MAXINT64 - L1_MAX)
        return broken(error, "place of the first-level table");
    if (get64(data, 48) % cluster != 0 || get64(data, 48) < cluster || get64(data, 48) > G_MAXINT64)
        return broken(error, "place of the refcount table");
    if ((guint64)get32(data, 56) << info->cluster_bits > REFCOUNT_TABLE_MAX || !get32(data, 56))
        return broken(error, "size of the refcount table");
    if (get32(data, 60) > SNAPSHOTS_MAX)
        return broken(error, "number of snapshots");
    return TRUE;
}

/* json:{…} and nbd://… would open what we never looked at. */
static gboolean
is_plain_path(const char *name)
{
    const char *colon = strchr(name, ':');
    const char *slash = strchr(name, '/');

    return !colon || (slash && slash < colon);
}

static gboolean
read_backing(const guint8 *data, gsize size, VmsImageInfo *info, GError **error)
{
    guint64 at = get64(data, 8);
    guint32 length = get32(data, 16);

    if (at == 0)
        return TRUE;
    if (length == 0)
        return TRUE;
    if (length > BACKING_MAX)
        return broken(error, "length of the backing name");
    if (at < HEADER_2 || at > size || length > size - at ||
        at + length > (guint64)1 << info->cluster_bits)
        return broken(error, "place of the backing name");
    if (memchr(data + at, '\0', length))
        return broken(error, "backing name with a NUL");
    info->backing = g_strndup((const char *)data + at, length);
    if (!is_plain_path(info->backing))
        return unsupported(error, "its backing file is not named by a plain path");
    return TRUE;
}

static gboolean
take_extension(guint32 type, const guint8 *data, guint32 length, VmsImageInfo *info, GError **error)
{
    if (type == EXTENSION_DATA_FILE)
        return unsupported(error, "its data lies in another file");
    if (type == EXTENSION_CRYPTO)
        return unsupported(error, "it is encrypted by qcow2");
    if (type != EXTENSION_BACKING_FORMAT)
        return TRUE;
    if (info->backing_format || length > FORMAT_MAX || memchr(data, '\0', length))
        return broken(error, "backing format");
    info->backing_format = g_strndup((const char *)data, length);
    return TRUE;
}

/* They follow the header and end before the backing name, or with the first cluster. */
static gboolean
read_extensions(const guint8 *data, gsize size, VmsImageInfo *info, GError **error)
{
    guint64 backing_at = get64(data, 8);
    guint64 end = MIN((guint64)1 << info->cluster_bits, size);
    guint64 at = info->version == 2 ? HEADER_2 : get32(data, 100);

    if (backing_at && backing_at < end)
        end = backing_at;
    while (at + 8 <= end) {
        guint32 type = get32(data, at);
        guint32 length = get32(data, at + 4);

        if (type == EXTENSION_END)
            return TRUE;
        at += 8;
        if (length > end - at)
            return broken(error, "length of a header extension");
        if (!take_extension(type, data + at, length, info, error))
            return FALSE;
        at += ((guint64)length + 7) & ~(guint64)7;
    }
    return TRUE;
}

gboolean
vms_image_info_parse(const guint8 *data, gsize size, VmsImageInfo *ret_info, GError **error)
{
    g_auto(VmsImageInfo) info = { 0 };

    if (!check_kind(data, size, error))
        return FALSE;
    info.version = get32(data, 4);
    info.cluster_bits = get32(data, 20);
    info.virtual_size = get64(data, 24);
    info.l1_entries = get32(data, 36);
    info.l1_offset = get64(data, 40);
    info.internal_snapshots = get32(data, 60);
    if (info.cluster_bits < 9 || info.cluster_bits > 21)
        return broken(error, "cluster size");
    if (info.version == 3 && !read_features(data, size, &info, error))
        return FALSE;
    if (!check_tables(data, &info, error) || !read_backing(data, size, &info, error) ||
        !read_extensions(data, size, &info, error))
        return FALSE;
    *ret_info = info;
    memset(&info, 0, sizeof(info)); /* the strings are given away */
    return TRUE;
}

void
vms_image_info_clear(VmsImageInfo *info)
{
    g_clear_pointer(&info->backing, g_free);
    g_clear_pointer(&info->backing_format, g_free);
}
