/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/leftover.h"

#include <string.h>

static const char *const kinds[] = {
    [VMS_LEFTOVER_MACHINE_ID] = "machine-id",
    [VMS_LEFTOVER_HOST_KEY] = "host-key",
    [VMS_LEFTOVER_DUID] = "duid",
    [VMS_LEFTOVER_MAC] = "mac",
};

enum { FIELDS = 4, PATH_CHARS = 4096, PARTITIONS = 65536 };

VmsLeftover *
vms_leftover_new(VmsLeftoverKind kind, guint partition, const char *mac, const char *path)
{
    VmsLeftover *leftover = g_new0(VmsLeftover, 1);

    leftover->kind = kind;
    leftover->partition = partition;
    leftover->mac = g_strdup(mac);
    leftover->path = g_strescape(path, "\"\\");
    return leftover;
}

void
vms_leftover_free(VmsLeftover *leftover)
{
    if (!leftover)
        return;
    g_free(leftover->mac);
    g_free(leftover->path);
    g_free(leftover);
}

char *
vms_leftover_format(const VmsLeftover *leftover)
{
    return g_strdup_printf("%s %u %s %s", kinds[leftover->kind], leftover->partition,
                           leftover->mac ? leftover->mac : "-", leftover->path);
}

static gboolean
is_printable(const char *text)
{
    for (; *text; text++)
        if (!g_ascii_isprint(*text))
            return FALSE;
    return TRUE;
}

VmsLeftover *
vms_leftover_parse(const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, " ", FIELDS);
    guint64 partition = 0;

    if (g_strv_length(fields) != FIELDS || !is_printable(line) || fields[3][0] != '/' ||
        strlen(fields[3]) > PATH_CHARS ||
        !g_ascii_string_to_unsigned(fields[1], 10, 0, PARTITIONS, &partition, NULL))
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *mac = i == VMS_LEFTOVER_MAC ? fields[2] : NULL;

        if (strcmp(fields[0], kinds[i]) == 0)
            return vms_leftover_new((VmsLeftoverKind)i, (guint)partition, mac, fields[3]);
    }
    return NULL;
}
