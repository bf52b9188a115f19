/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/media.h"

gboolean
vms_media_probe(VmsMedia *media, const VmsImage *image, const char *target, GPtrArray **ret_states,
                GError **error)
{
    return media->ops->probe(media, image, target, ret_states, error);
}

gboolean
vms_media_probe_seed(VmsMedia *media, const VmsImage *image, gboolean *ret_seed, GError **error)
{
    return media->ops->probe_seed(media, image, ret_seed, error);
}

gboolean
vms_media_same_ends(VmsMedia *media, const VmsImage *image, const VmsImage *copy,
                    gboolean *ret_same, GError **error)
{
    return media->ops->same_ends(media, image, copy, ret_same, error);
}

void
vms_media_free(VmsMedia *media)
{
    if (media)
        media->ops->free(media);
}
