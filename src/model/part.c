/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/part.h"

VmsPart *
vms_part_new(VmsPartKind kind, const char *source)
{
    VmsPart *part = g_new0(VmsPart, 1);

    part->kind = kind;
    part->source = g_strdup(source);
    return part;
}

void
vms_part_free(VmsPart *part)
{
    if (!part)
        return;
    g_free(part->source);
    g_free(part->stored);
    g_free(part->sha256);
    g_free(part);
}

const char *
vms_part_kind_name(VmsPartKind kind)
{
    switch (kind) {
    case VMS_PART_NVRAM:
        return "NVRAM";
    case VMS_PART_TPM:
        return "TPM";
    case VMS_PART_SECRET:
        break;
    }
    return "Secret";
}

const char *
vms_part_kind_word(VmsPartKind kind)
{
    switch (kind) {
    case VMS_PART_NVRAM:
        return "nvram";
    case VMS_PART_TPM:
        return "tpm";
    case VMS_PART_SECRET:
        break;
    }
    return "secret";
}

gboolean
vms_part_is_renewed(VmsPartKind kind)
{
    return kind == VMS_PART_TPM;
}

const VmsPart *
vms_parts_find(const GPtrArray *parts, const char *source)
{
    for (guint i = 0; i < parts->len; i++) {
        const VmsPart *part = parts->pdata[i];

        if (g_strcmp0(part->source, source) == 0)
            return part;
    }
    return NULL;
}
