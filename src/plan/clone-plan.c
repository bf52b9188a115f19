/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/clone-plan.h"

VmsCloneItem *
vms_clone_item_new(const char *kind, const char *name, const char *source)
{
    VmsCloneItem *item = g_new0(VmsCloneItem, 1);

    item->kind = kind;
    item->name = g_strdup(name);
    item->source = g_strdup(source);
    return item;
}

void
vms_clone_item_free(VmsCloneItem *item)
{
    if (!item)
        return;
    g_free(item->name);
    g_free(item->source);
    vms_snapshot_disk_free(item->own);
    vms_new_disk_input_clear(&item->input);
    g_free(item->fault);
    g_free(item->fault_reason);
    g_free(item->medium_fault);
    g_clear_pointer(&item->medium_moved, g_ptr_array_unref);
    g_clear_pointer(&item->medium_kept, g_ptr_array_unref);
    g_clear_pointer(&item->leftovers, g_ptr_array_unref);
    g_free(item->leftovers_fault);
    g_free(item);
}

void
vms_clone_input_clear(VmsCloneInput *input)
{
    g_clear_pointer(&input->items, g_ptr_array_unref);
    g_clear_pointer(&input->resources, g_ptr_array_unref);
    vms_needs_free(input->needs);
    g_clear_pointer(&input->macs, g_strfreev);
    g_clear_pointer(&input->naming, g_ptr_array_unref);
    g_clear_pointer(&input->against, g_ptr_array_unref);
}

const char *
vms_clone_item_path(const VmsCloneItem *item)
{
    return item->named ? item->named->new_path : NULL;
}

const char *
vms_clone_name(const VmsCloneInput *input)
{
    return ((const VmsNamed *)input->resources->pdata[0])->new_name;
}

/* A transient VM has none but that it runs with. */
const char *
vms_clone_xml(const VmsCloneInput *input)
{
    return input->snapshot->inactive_xml ? input->snapshot->inactive_xml
                                         : input->snapshot->live_xml;
}

gboolean
vms_clone_needs_cut(const VmsCloneInput *input)
{
    return input->vm && vms_vm_is_active(input->vm);
}

static gboolean
source_runs(const VmsCloneInput *input)
{
    return input->vm ? vms_vm_is_active(input->vm) : input->snapshot->live_xml != NULL;
}

gboolean
vms_clone_starts(const VmsCloneInput *input)
{
    return (input->request->flags & VMSNAP_CLONE_START) != 0 ||
           (input->request->run_policy == VMSNAP_RUN_POLICY_INHERIT && source_runs(input));
}

gboolean
vms_clone_autostarts(const VmsCloneInput *input)
{
    return input->request->run_policy == VMSNAP_RUN_POLICY_INHERIT && input->vm &&
           input->vm->autostart;
}

/* ---- steps ---- */

static void
add_step(VmsPlan *plan, const char *name)
{
    g_ptr_array_add(plan->steps, vms_step_new(name, TRUE));
}

static void
list_steps(VmsPlan *plan, const VmsCloneInput *input)
{
    if (vms_clone_needs_cut(input))
        add_step(plan, "take-snapshot");
    for (guint i = 0; i < input->items->len; i++) {
        const VmsCloneItem *item = input->items->pdata[i];
        const char *what = item->part ? vms_part_kind_word(item->part->kind) : "disk";
        const char *target = item->part ? NULL : item->input.stored->target;
        g_autofree char *text =
            g_strdup_printf("make-%s%s%s", what, target ? " " : "", target ? target : "");

        add_step(plan, text);
    }
    add_step(plan, "define-vm");
    if (vms_clone_needs_cut(input))
        add_step(plan, "delete-snapshot");
    if (vms_clone_starts(input))
        add_step(plan, "start-vm");
}

VmsPlan *
vms_clone_make_plan(const VmsCloneInput *input)
{
    VmsPlan *plan = vms_plan_new("clone");

    plan->vm_name = g_strdup(vms_clone_name(input));
    plan->cloning = vms_clone_request_copy(input->request);
    if (input->vm) {
        plan->source_uuid = g_strdup(input->vm->uuid);
        plan->source_name = g_strdup(input->vm->name);
    } else {
        plan->snapshot_uuid = g_strdup(input->snapshot->uuid);
        plan->snapshot_name = g_strdup(input->snapshot->name);
    }
    vms_clone_find_all(plan, input);
    vms_clone_hash(plan, input);
    vms_clone_find_now(plan, input);
    list_steps(plan, input);
    return plan;
}
