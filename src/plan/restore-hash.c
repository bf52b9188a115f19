/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-hash.h"

#include "plan/restore-findings.h"

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
add_contents(GChecksum *sum, const VmsFileId *file)
{
    add_number(sum, file->size);
    add_number(sum, (guint64)file->mtime_us);
}

static void
add_request(GChecksum *sum, const VmsRestoreInput *input)
{
    add_number(sum, input->flags);
    if (!input->request)
        return;
    add_number(sum, input->request->stop_timeout_ms);
    add_number(sum, input->request->undo_ttl_s);
    add_number(sum, input->request->wait_ready_ms);
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

/* All that decided and that a running guest does not change by running. */
static void
add_identity(GChecksum *sum, const VmsPlan *plan, const VmsRestoreInput *input)
{
    add_text(sum, input->snapshot->uuid);
    add_text(sum, input->snapshot->inactive_xml);
    add_text(sum, input->record);
    add_text(sum, input->vm ? input->vm->uuid : NULL);
    add_text(sum, input->vm ? input->vm->inactive_xml : NULL);
    add_request(sum, input);
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        add_text(sum, disk->path);
        add_number(sum, disk->file.ino);
        add_number(sum, disk->image.ino);
        add_contents(sum, &disk->image);
    }
    vms_restore_hash_parts(sum, input, FALSE);
    add_findings(sum, plan->findings);
}

void
vms_restore_hash(VmsPlan *plan, const VmsRestoreInput *input)
{
    g_autoptr(GChecksum) still = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    add_identity(sum, plan, input);
    plan->identity = g_strdup(g_checksum_get_string(sum));
    plan->hash = g_strdup(plan->identity);
    if (input->vm && vms_vm_is_active(input->vm))
        return;
    /* Nobody writes to the disks of a VM that is off. */
    add_text(still, plan->identity);
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        add_contents(still, &disk->file);
    }
    vms_restore_hash_parts(still, input, TRUE);
    g_free(plan->hash);
    plan->hash = g_strdup(g_checksum_get_string(still));
}
