/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/clone-survey.h"

#include "base/error.h"
#include "engine/clone-guest.h"
#include "engine/clone-taken.h"
#include "engine/inventory.h"
#include "engine/new-disk-survey.h"
#include "engine/store.h"
#include "record/record.h"

#include <vmsnap/check.h>

void
vms_clone_survey_free(VmsCloneSurvey *survey)
{
    if (!survey)
        return;
    vms_clone_input_clear(&survey->input);
    vms_vm_free(survey->vm);
    vms_inventory_free(survey->inventory);
    vms_snapshot_free(survey->snapshot);
    g_free(survey->record);
    g_free(survey);
}

/* ---- the source ---- */

static gboolean
check_snapshot(const VmsSnapshot *snapshot, GError **error)
{
    if (snapshot->subject != VMSNAP_SNAPSHOT_KIND_VM)
        return vms_refuse(error, VMSNAP_E_INVALID, "WrongKind",
                          "%s is the snapshot of a disk, not of a VM", snapshot->name);
    if (!snapshot->inactive_xml && !snapshot->live_xml)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "NotReady", "snapshot %s is %s", snapshot->name,
                          vms_snapshot_phase_name(snapshot->phase));
    return TRUE;
}

static gboolean
read_source(VmsEngine *engine, const VmsCloneSource *source, VmsCloneSurvey *survey, GError **error)
{
    gboolean linked = survey->input.request->method == VMSNAP_CLONE_LINKED;

    /* Its own disks change while it runs: nothing can be built on them. */
    if (!source->snapshot_uuid && linked)
        return vms_refuse(error, VMSNAP_E_INVALID, "SnapshotNeeded",
                          "a linked clone is made from a snapshot, not from a VM as it is");
    if (!source->snapshot_uuid)
        return vms_clone_read_vm(engine, source->vm_uuid, &survey->vm, &survey->snapshot, error);
    if (!vms_store_load_snapshot(engine->drivers->catalog, source->snapshot_uuid, &survey->snapshot,
                                 NULL, error) ||
        !check_snapshot(survey->snapshot, error))
        return FALSE;
    survey->record = vms_record_write_snapshot(survey->snapshot);
    return TRUE;
}

/* What is copied where it is must have no writer; nor will it, once it is held. */
static gboolean
read_writers(VmsEngine *engine, VmsCloneInput *input, GError **error)
{
    for (guint i = 0; i < input->items->len; i++) {
        const VmsCloneItem *item = input->items->pdata[i];
        g_auto(VmsImageUse) use = { 0 };
        const char *path;

        if (item->part || item->fault)
            continue;
        path = item->input.stored->image->path;
        if (!vms_volume_read_use(engine->drivers->volume, path, &use, error))
            return FALSE;
        if (!use.writer)
            continue;
        g_ptr_array_add(input->against,
                        vms_finding_new_reason(item->kind, item->name, VMSNAP_SEVERITY_CONFLICT,
                                               "OpenElsewhere", "'%s' is open in %s", path,
                                               use.holders && use.holders->len > 0
                                                   ? (const char *)use.holders->pdata[0]
                                                   : "another process"));
    }
    return TRUE;
}

/* What runs is cut first, by a snapshot under require: whether one would succeed now. */
static gboolean
read_readiness(VmsEngine *engine, VmsCloneInput *input, GError **error)
{
    g_autoptr(VmsCheckResult) check = NULL;

    if (!input->vm)
        return TRUE;
    if (!vms_clone_needs_cut(input))
        return read_writers(engine, input, error);
    if (!vms_engine_check(engine, input->vm->uuid, &check, error))
        return FALSE;
    if (check->verdict != VMSNAP_VERDICT_CRASH && check->verdict != VMSNAP_VERDICT_BLOCKED)
        return TRUE;
    for (guint i = 0; i < check->findings->len; i++) {
        const VmsFinding *finding = check->findings->pdata[i];

        if (finding->severity == VMSNAP_SEVERITY_CONFLICT)
            g_ptr_array_add(input->against, vms_finding_copy(finding));
    }
    return TRUE;
}

/* ---- names ---- */

static void
read_obstacle(VmsEngine *engine, VmsNamed *named)
{
    g_autoptr(GError) absent = NULL;
    VmsFileId file = { 0 };

    if (!named->new_path)
        return;
    if (vms_volume_identify(engine->drivers->volume, named->new_path, &file, &absent))
        named->obstacle = g_strdup_printf("'%s' is there already", named->new_path);
    else if (vms_error_get_code(absent) != VMSNAP_E_NOT_FOUND)
        named->obstacle = g_strdup(absent->message);
}

static gboolean
name_all(VmsEngine *engine, VmsCloneInput *input, GError **error)
{
    const VmsCloneRequest *request = input->request;
    const VmsNamed *vm = input->resources->pdata[0];
    g_autoptr(GPtrArray) rules = NULL;
    VmsNamingWish wish = { .prefix = request->prefix,
                           .suffix = request->suffix,
                           .inventory = input->inventory };

    if (!vms_naming_rules_parse(request->rules, &rules, error))
        return FALSE;
    if (request->name)
        g_ptr_array_insert(rules, 0, vms_naming_rule_new(VMS_NAMED_VM, vm->name, request->name));
    wish.rules = rules;
    if (!vms_naming_resolve(&wish, input->resources, error))
        return FALSE;
    for (guint i = 0; i < input->resources->len; i++)
        read_obstacle(engine, input->resources->pdata[i]);
    vms_naming_find(&wish, input->resources, input->naming);
    return TRUE;
}

/* ---- files ---- */

/* One that will be made has what the one above it has. */
static gboolean
read_place(VmsEngine *engine, VmsCloneItem *item, GError **error)
{
    const GPtrArray *folders = item->named->folders;
    VmsNewDiskInput *input = &item->input;
    g_autofree char *folder = NULL;
    g_autofree char *above = NULL;

    if (!folders || folders->len == 0 ||
        g_file_test(((const VmsNewFolder *)folders->pdata[0])->path, G_FILE_TEST_EXISTS))
        return vms_new_disk_read_folder(engine, input, error);
    above = g_path_get_dirname(((const VmsNewFolder *)folders->pdata[0])->path);
    if (!g_file_test(above, G_FILE_TEST_IS_DIR)) {
        input->folder_fault = g_strdup_printf("the folder '%s' is not there", above);
        return TRUE;
    }
    folder = g_path_get_dirname(input->path);
    return vms_volume_read_place(engine->drivers->volume,
                                 input->image_fault ? NULL : input->stored->image->path, folder,
                                 &input->place, error);
}

static gboolean
read_item(VmsEngine *engine, const VmsCloneInput *input, VmsCloneItem *item, GError **error)
{
    g_autoptr(GError) fault = NULL;

    if (item->fault)
        return TRUE;
    item->input.path = vms_clone_item_path(item);
    item->input.method = input->request->method == VMSNAP_CLONE_LINKED && !item->part
                             ? VMSNAP_NEW_DISK_LINKED
                             : VMSNAP_NEW_DISK_AUTO;
    if (item->input.path && !read_place(engine, item, error))
        return FALSE;
    if (vms_new_disk_choose(&item->input, &item->choice, &fault))
        return TRUE;
    item->fault = g_strdup(fault->message);
    return TRUE;
}

static gboolean
read_items(VmsEngine *engine, VmsCloneInput *input, GError **error)
{
    vms_clone_read_items(engine, input);
    if (!name_all(engine, input, error))
        return FALSE;
    for (guint i = 0; i < input->items->len; i++) {
        if (!read_item(engine, input, input->items->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_clone_survey(VmsEngine *engine, const VmsCloneSource *source, const VmsCloneRequest *request,
                 VmsCloneSurvey **ret_survey, GError **error)
{
    g_autoptr(VmsCloneSurvey) survey = g_new0(VmsCloneSurvey, 1);
    VmsCloneInput *input = &survey->input;

    input->request = request;
    input->items = g_ptr_array_new_with_free_func((GDestroyNotify)vms_clone_item_free);
    input->resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_named_free);
    input->naming = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    input->against = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    if (!read_source(engine, source, survey, error) ||
        !vms_inventory_collect(engine, &survey->inventory, error))
        return FALSE;
    input->snapshot = survey->snapshot;
    input->vm = survey->vm;
    input->inventory = survey->inventory;
    input->record = survey->record;
    g_ptr_array_add(input->resources, vms_named_new(VMS_NAMED_VM, survey->snapshot->vm_name, NULL));
    if (!vms_clone_find_stores(engine, vms_clone_xml(input), input->naming, error) ||
        !vms_hypervisor_read_needs(engine->drivers->hypervisor, vms_clone_xml(input), &input->needs,
                                   error) ||
        !read_items(engine, input, error) || !vms_clone_read_media(engine, input, error) ||
        !read_readiness(engine, input, error))
        return FALSE;
    *ret_survey = g_steal_pointer(&survey);
    return TRUE;
}
