/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/leftover.h"
#include "plan/clone-plan.h"

/* That many places are named of each kind. */
enum { TOLD = 5 };

static const struct {
    VmsLeftoverKind kind;
    const char *reason;
    const char *what;
} rows[] = {
    { VMS_LEFTOVER_MACHINE_ID, "MachineIdKept", "the guest has the source's machine-id" },
    { VMS_LEFTOVER_HOST_KEY, "HostKeysKept", "the guest has the source's SSH host keys" },
    { VMS_LEFTOVER_DUID, "DuidKept", "the guest's DHCP client has the source's identifier" },
    { VMS_LEFTOVER_MAC, "OldMacInGuest",
      "the guest's network files name the source's MAC address" },
};

/* Of a disk of which nothing can be told. */
#define NOT_READ "GuestNotRead"

static void
add_place(GString *text, const VmsLeftover *leftover, guint number)
{
    if (number == TOLD)
        g_string_append(text, ", …");
    if (number >= TOLD)
        return;
    g_string_append_printf(text, "%s%s", number > 0 ? ", " : "", leftover->path);
    if (leftover->partition > 0)
        g_string_append_printf(text, " on partition %u", leftover->partition);
    if (leftover->mac)
        g_string_append_printf(text, " (%s)", leftover->mac);
}

static void
add_warning(const VmsCloneItem *item, const char *reason, const char *text, GPtrArray *findings)
{
    VmsFinding *finding =
        vms_finding_new_reason(item->kind, item->name, VMSNAP_SEVERITY_WARNING, reason, "%s", text);

    finding->status = VMS_RESOURCE_KEPT;
    g_ptr_array_add(findings, finding);
}

void
vms_clone_find_leftovers(const VmsCloneItem *item, GPtrArray *findings)
{
    for (gsize r = 0; item->leftovers && r < G_N_ELEMENTS(rows); r++) {
        g_autoptr(GString) text = g_string_new(rows[r].what);
        guint count = 0;

        g_string_append(text, ": ");
        for (guint i = 0; i < item->leftovers->len; i++) {
            const VmsLeftover *leftover = item->leftovers->pdata[i];

            if (leftover->kind == rows[r].kind)
                add_place(text, leftover, count++);
        }
        if (count > 0)
            add_warning(item, rows[r].reason, text->str, findings);
    }
    if (item->leftovers_fault)
        add_warning(item, NOT_READ, item->leftovers_fault, findings);
}

static gboolean
is_leftover(const VmsFinding *finding)
{
    for (gsize r = 0; r < G_N_ELEMENTS(rows); r++) {
        if (g_strcmp0(finding->reason, rows[r].reason) == 0)
            return TRUE;
    }
    return g_strcmp0(finding->reason, NOT_READ) == 0;
}

void
vms_clone_tell_leftovers(const VmsPlan *told, VmsPlan *plan)
{
    for (guint i = 0; i < told->findings->len; i++) {
        const VmsFinding *finding = told->findings->pdata[i];

        if (is_leftover(finding))
            g_ptr_array_add(plan->findings, vms_finding_copy(finding));
    }
}
