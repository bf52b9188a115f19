/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/clone-plan.h"

static void
add_text(GChecksum *sum, const char *text)
{
    g_checksum_update(sum, (const guchar *)(text ? text : "-"), -1);
    g_checksum_update(sum, (const guchar *)"\n", 1);
}

static void
add_number(GChecksum *sum, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

    add_text(sum, text);
}

static void
add_request(GChecksum *sum, const VmsCloneRequest *request)
{
    add_text(sum, request->name);
    for (guint i = 0; request->rules && request->rules[i]; i++)
        add_text(sum, request->rules[i]);
    add_text(sum, request->prefix);
    add_text(sum, request->suffix);
    add_text(sum, request->seed);
    add_number(sum, request->method);
    add_number(sum, request->run_policy);
    add_number(sum, request->flags);
    add_number(sum, request->wait_ready_ms);
}

/* Free space is asked anew when the plan runs, and comes and goes without anybody's doing. */
static void
add_findings(GChecksum *sum, const GPtrArray *findings)
{
    for (guint i = 0; i < findings->len; i++) {
        const VmsFinding *finding = findings->pdata[i];

        if (!finding->reason || g_str_equal(finding->reason, "OutOfSpace"))
            continue;
        add_text(sum, finding->kind);
        add_text(sum, finding->name);
        add_text(sum, finding->reason);
    }
}

static void
add_item(GChecksum *sum, const VmsCloneItem *item)
{
    add_text(sum, item->kind);
    add_text(sum, item->source);
    add_text(sum, vms_clone_item_path(item));
    add_text(sum, item->choice.format);
}

/* Of files that nobody writes to while nothing runs. */
static void
add_contents(GChecksum *sum, const VmsCloneItem *item)
{
    add_number(sum, item->input.image.ino);
    add_number(sum, item->input.image.size);
    add_number(sum, (guint64)item->input.image.mtime_us);
}

void
vms_clone_hash(VmsPlan *plan, const VmsCloneInput *input)
{
    g_autoptr(GChecksum) still = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    add_text(sum, input->vm ? input->vm->uuid : input->snapshot->uuid);
    add_text(sum, vms_clone_xml(input));
    add_text(sum, input->record);
    add_text(sum, vms_clone_name(input));
    add_request(sum, input->request);
    for (guint i = 0; i < input->items->len; i++)
        add_item(sum, input->items->pdata[i]);
    add_findings(sum, plan->findings);
    plan->identity = g_strdup(g_checksum_get_string(sum));
    if (vms_clone_needs_cut(input)) {
        plan->hash = g_strdup(plan->identity);
        return;
    }
    add_text(still, plan->identity);
    for (guint i = 0; i < input->items->len; i++)
        add_contents(still, input->items->pdata[i]);
    plan->hash = g_strdup(g_checksum_get_string(still));
}
