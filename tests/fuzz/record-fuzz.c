/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/field.h"
#include "record/record.h"
#include "record/view.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Stored texts: whatever they are they are refused or read, and what was read is written and read
 * again as the same text. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const VmsShape *shape, const char *kind, const char *text)
{
    gpointer object = vms_fields_read(shape, kind, text, NULL);
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;
    gpointer again = NULL;

    if (!object)
        return;
    once = vms_fields_write(shape, kind, object);
    again = vms_fields_read(shape, kind, once, NULL);
    if (!again)
        abort();
    twice = vms_fields_write(shape, kind, again);
    if (strcmp(once, twice) != 0)
        abort();
    shape->free(again);
    shape->free(object);
}

/* What people read and give back. */
static void
check_plan(const char *text)
{
    g_autoptr(VmsPlan) plan = vms_record_read_plan(text, NULL);
    g_autoptr(VmsPlan) again = NULL;
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;

    if (!plan)
        return;
    once = vms_view_plan(plan);
    again = vms_record_read_plan(once, NULL);
    if (!again)
        abort();
    twice = vms_view_plan(again);
    if (strcmp(once, twice) != 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    check(&vms_shape_snapshot, "snapshot", text);
    check(&vms_shape_operation, "operation", text);
    check(&vms_shape_lease, "lease", text);
    check_plan(text);
    return 0;
}
