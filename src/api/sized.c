/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/sized.h"

#include "base/error.h"

#include <string.h>

/* Longer than any struct will ever be: a wilder size is a caller's mistake, not a newer header. */
#define SIZE_LIMIT 4096

static gboolean
read_size(const void *theirs, gsize *ret_size, GError **error)
{
    gsize size = 0;

    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size || size > SIZE_LIMIT)
        return vms_refuse(error, VMSNAP_E_INVALID, "StructSize",
                          "struct_size is %zu: use the initializer", size);
    *ret_size = size;
    return TRUE;
}

gboolean
vms_sized_copy(void *ours, gsize our_size, const void *theirs, GError **error)
{
    const guint8 *bytes = theirs;
    gsize size = 0;

    if (!theirs) {
        memset(ours, 0, our_size);
        return TRUE;
    }
    if (!read_size(theirs, &size, error))
        return FALSE;
    for (gsize i = our_size; i < size; i++)
        if (bytes[i] != 0)
            return vms_refuse(error, VMSNAP_E_INVALID, "UnknownOption",
                              "an option is set that this version does not know");

    memset(ours, 0, our_size);
    memcpy(ours, theirs, MIN(size, our_size));
    return TRUE;
}

gboolean
vms_sized_fill(void *theirs, const void *ours, gsize our_size, GError **error)
{
    const gsize head = sizeof(gsize);
    gsize size = 0;

    if (!read_size(theirs, &size, error))
        return FALSE;
    memset((guint8 *)theirs + head, 0, size - head);
    memcpy((guint8 *)theirs + head, (const guint8 *)ours + head, MIN(size, our_size) - head);
    return TRUE;
}
