/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/ends.h"

#include "base/error.h"

#include <string.h>

/* A GPT and its second copy take 17 KiB each; boot code and superblocks lie behind. */
static const gsize EDGE = (gsize)128 * 1024;

/* Both images, open. */
typedef struct {
    const VmsMediaReader *reader;
    gpointer image;
    gpointer copy;
    guint8 *ours;
    guint8 *theirs;
} Ends;

static void
ends_clear(Ends *ends)
{
    if (ends->image)
        ends->reader->close(ends->image);
    if (ends->copy)
        ends->reader->close(ends->copy);
    g_free(ends->ours);
    g_free(ends->theirs);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ends, ends_clear)

/* What cannot be read of the image proves nothing about its copy. */
static gboolean
compare_at(Ends *ends, guint64 offset, gsize size, gboolean *ret_same, GError **error)
{
    *ret_same = TRUE;
    if (!ends->reader->read(ends->image, offset, ends->theirs, size, NULL))
        return TRUE;
    if (!ends->reader->read(ends->copy, offset, ends->ours, size, error))
        return FALSE;
    *ret_same = memcmp(ends->ours, ends->theirs, size) == 0;
    return TRUE;
}

gboolean
vms_ends_compare(const VmsMediaReader *reader, const VmsImage *image, const VmsImage *copy,
                 gboolean *ret_same, GError **error)
{
    guint64 size = image->virtual_size;
    gsize edge = (gsize)MIN(size, (guint64)EDGE);
    g_auto(Ends)
        ends = { .reader = reader, .ours = g_try_malloc(EDGE), .theirs = g_try_malloc(EDGE) };

    if (!ends.ours || !ends.theirs)
        return vms_fail(error, VMSNAP_E_INTERNAL, "no memory to compare %s", copy->path);
    ends.image = reader->open(image, error);
    if (!ends.image)
        return FALSE;
    ends.copy = reader->open(copy, error);
    if (!ends.copy || !compare_at(&ends, 0, edge, ret_same, error))
        return FALSE;
    return !*ret_same || compare_at(&ends, size - edge, edge, ret_same, error);
}
