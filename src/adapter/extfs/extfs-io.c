/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/extfs/extfs-io.h"

#include <string.h>

/* What a file system may make us read: tables of a large one, and some hundred small files. */
static const guint64 READ_MAX = G_GUINT64_CONSTANT(256) << 20;

typedef struct {
    const VmsExtfsSource *source;
    guint64 left; /* bytes */
} Channel;

static const VmsExtfsSource *next_source;

static errcode_t
io_open(const char *name, int flags, io_channel *ret_channel)
{
    Channel *own = g_new0(Channel, 1);
    io_channel channel = g_new0(struct struct_io_channel, 1);

    (void)flags;
    own->source = next_source;
    own->left = READ_MAX;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = vms_extfs_io(next_source);
    channel->name = g_strdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = own;
    *ret_channel = channel;
    return 0;
}

static errcode_t
io_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    g_free(channel->private_data);
    g_free(channel->name);
    g_free(channel);
    return 0;
}

static errcode_t
io_set_blksize(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

/* A negative count is one of bytes. */
static errcode_t
io_read64(io_channel channel, unsigned long long block, int count, void *data)
{
    Channel *own = channel->private_data;
    guint64 block_size = (guint64)MAX(channel->block_size, 0);
    guint64 size = count < 0 ? (guint64)(-(gint64)count) : (guint64)count * block_size;
    guint64 offset = 0;

    if (!g_uint64_checked_mul(&offset, block, block_size) || size > own->left)
        return EXT2_ET_SHORT_READ;
    own->left -= size;
    return own->source->read(own->source->data, offset, data, (gsize)size) ? 0 : EXT2_ET_SHORT_READ;
}

static errcode_t
io_read(io_channel channel, unsigned long block, int count, void *data)
{
    return io_read64(channel, block, count, data);
}

static errcode_t
io_write64(io_channel channel, unsigned long long block, int count, const void *data)
{
    (void)channel;
    (void)block;
    (void)count;
    (void)data;
    return EXT2_ET_RO_FILSYS;
}

static errcode_t
io_write(io_channel channel, unsigned long block, int count, const void *data)
{
    return io_write64(channel, block, count, data);
}

static errcode_t
io_flush(io_channel channel)
{
    (void)channel;
    return 0;
}

io_manager
vms_extfs_io(const VmsExtfsSource *source)
{
    static struct struct_io_manager manager = {
        .magic = EXT2_ET_MAGIC_IO_MANAGER,
        .name = "an image at rest",
        .open = io_open,
        .close = io_close,
        .set_blksize = io_set_blksize,
        .read_blk = io_read,
        .write_blk = io_write,
        .flush = io_flush,
        .read_blk64 = io_read64,
        .write_blk64 = io_write64,
    };

    next_source = source;
    return &manager;
}
