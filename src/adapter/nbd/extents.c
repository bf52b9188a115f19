/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/nbd/extents.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

static const guint64 ASK_MAX = G_GUINT64_CONSTANT(1) << 31; /* requests have 32 bits */
static const gint64 ANSWER_LIMIT_US = 120 * G_USEC_PER_SEC;

enum {
    EXTENTS_MAX = 1 << 22, /* beyond it the rest is read as one */
    FLAG_ZERO = 2          /* of base:allocation */
};

typedef struct {
    GArray *extents;
    guint64 at;  /* how far answers reach */
    guint64 end; /* how far they were asked for */
} Survey;

void
vms_extents_append(GArray *extents, guint64 offset, guint64 size)
{
    VmsExtent next = { offset, size };
    VmsExtent *last = NULL;

    if (extents->len)
        last = &g_array_index(extents, VmsExtent, extents->len - 1);
    if (last && last->offset + last->size == offset)
        last->size += size;
    else
        g_array_append_val(extents, next);
}

/* Answers come in pairs of length and flags, perhaps for less, or a little more, than was asked. */
static int
take_answer(void *data, const char *context, uint64_t offset, uint32_t *entries, size_t count,
            int *failure)
{
    Survey *survey = data;

    (void)offset;
    (void)failure;
    if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0)
        return 0;
    for (size_t i = 0; i + 1 < count; i += 2) {
        guint64 size = MIN((guint64)entries[i], survey->end - survey->at);

        if (size > 0 && !(entries[i + 1] & FLAG_ZERO))
            vms_extents_append(survey->extents, survey->at, size);
        survey->at += size;
    }
    return 0;
}

static gboolean
ask(VmsNbd *nbd, Survey *survey, VmsProgress *progress, GError **error)
{
    gint64 deadline = vms_clock_monotonic_us() + ANSWER_LIMIT_US;
    nbd_extent_callback callback = { .callback = take_answer, .user_data = survey };
    guint64 from = survey->at;
    int64_t cookie =
        nbd_aio_block_status(nbd, survey->end - from, from, callback, NBD_NULL_COMPLETION, 0);
    int done = cookie < 0 ? -1 : 0;

    while (done == 0) {
        if (!vms_progress_check(progress, error))
            return FALSE;
        if (vms_clock_monotonic_us() > deadline)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "the NBD server does not answer");
        if (!vms_link_turn(nbd, error))
            return FALSE;
        done = nbd_aio_command_completed(nbd, (uint64_t)cookie);
    }
    if (done < 0)
        return vms_link_fail(error, "allocation of the export");
    if (survey->at == from)
        return vms_fail(error, VMSNAP_E_IO, "the NBD server says nothing about its allocation");
    return TRUE;
}

gboolean
vms_extents_read(VmsNbd *nbd, guint64 size, VmsProgress *progress, GArray **ret_extents,
                 GError **error)
{
    g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VmsExtent));
    Survey survey = { .extents = extents };
    gboolean told = nbd_can_meta_context(nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;

    while (told && survey.at < size && extents->len < EXTENTS_MAX) {
        survey.end = survey.at + MIN(size - survey.at, ASK_MAX);
        if (!ask(nbd, &survey, progress, error))
            return FALSE;
    }
    if (survey.at < size)
        vms_extents_append(extents, survey.at, size - survey.at);
    *ret_extents = g_steal_pointer(&extents);
    return TRUE;
}
