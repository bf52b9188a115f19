/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/meta-edit.h"
#include "model/mac-text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was edited once is the same when it is edited again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const VmsMetaValue values[] = { { "instance-id", "iid-\"n", TRUE, FALSE },
                                           { "local-hostname", "n", TRUE, TRUE },
                                           { "uuid", "u", FALSE, FALSE } };
    static const char *const macs[] = { "52:54:00:00:00:01", "00:00:00:00:00:00", NULL };
    g_autofree char *copy = g_memdup2(data, size);
    g_autofree char *made = NULL;
    g_autofree char *again = NULL;
    gsize made_size = 0;
    gsize again_size = 0;

    if (copy)
        vms_mac_text_swap(copy, size, macs, macs);
    if (!vms_meta_edit((const char *)data, size, values, G_N_ELEMENTS(values), &made, &made_size,
                       NULL))
        return 0;
    if (!vms_meta_edit(made, made_size, values, G_N_ELEMENTS(values), &again, &again_size, NULL) ||
        again_size != made_size || memcmp(made, again, made_size) != 0)
        __builtin_trap();
    return 0;
}
