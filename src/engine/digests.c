/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/digests.h"

#include "base/clock.h"

#include <pthread.h>

/* More are forgotten all at once: a host has a handful. */
#define MOST 256

/* Longer than any file system's clock tick. */
#define YOUNG_US G_USEC_PER_SEC

struct VmsDigests {
    pthread_mutex_t lock; /* guards known */
    GHashTable *known;    /* identity -> sha256 */
};

VmsDigests *
vms_digests_new(void)
{
    VmsDigests *digests = g_new0(VmsDigests, 1);

    (void)pthread_mutex_init(&digests->lock, NULL);
    digests->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return digests;
}

void
vms_digests_free(VmsDigests *digests)
{
    if (!digests)
        return;
    g_hash_table_unref(digests->known);
    (void)pthread_mutex_destroy(&digests->lock);
    g_free(digests);
}

static char *
identity_of(const char *path, const VmsFileId *file)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT
                           ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%s",
                           file->dev, file->ino, file->size, file->mtime_us, file->ctime_us, path);
}

static char *
recall(VmsDigests *digests, const char *identity)
{
    char *sha256;

    (void)pthread_mutex_lock(&digests->lock);
    sha256 = g_strdup(g_hash_table_lookup(digests->known, identity));
    (void)pthread_mutex_unlock(&digests->lock);
    return sha256;
}

static void
remember(VmsDigests *digests, const char *identity, const char *sha256)
{
    (void)pthread_mutex_lock(&digests->lock);
    if (g_hash_table_size(digests->known) >= MOST)
        g_hash_table_remove_all(digests->known);
    g_hash_table_insert(digests->known, g_strdup(identity), g_strdup(sha256));
    (void)pthread_mutex_unlock(&digests->lock);
}

/* Whether what was read is what stood there before and will stand there unless the times change. */
static gboolean
is_settled(VmsVolume *volume, const char *path, const char *identity, gint64 started_us)
{
    g_autofree char *after = NULL;
    VmsFileId now = { 0 };

    if (!vms_volume_identify(volume, path, &now, NULL))
        return FALSE;
    after = identity_of(path, &now);
    return g_str_equal(identity, after) && now.ctime_us < started_us - YOUNG_US;
}

char *
vms_digests_read(VmsDigests *digests, VmsVolume *volume, const char *path, const VmsFileId *file)
{
    g_autofree char *identity = identity_of(path, file);
    gint64 started_us = vms_clock_realtime_us();
    char *sha256 = digests ? recall(digests, identity) : NULL;

    if (sha256 || !vms_volume_digest(volume, path, NULL, &sha256, NULL))
        return sha256;
    if (digests && is_settled(volume, path, identity, started_us))
        remember(digests, identity, sha256);
    return sha256;
}
