/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/bundle.h"

#include "base/error.h"
#include "engine/address.h"

#include <string.h>

#define DIGEST_LIMIT (64 * (guint64)1024 * 1024)

static void
add_once(GPtrArray *texts, const char *text)
{
    if (text && !g_ptr_array_find_with_equal_func(texts, text, g_str_equal, NULL))
        g_ptr_array_add(texts, g_strdup(text));
}

static void
add_nics(VmsSnapshot *snapshot, const GPtrArray *nics)
{
    for (guint i = 0; nics && i < nics->len; i++) {
        const VmsNic *nic = nics->pdata[i];

        add_once(snapshot->macs, nic->mac);
        add_once(snapshot->networks, nic->network);
    }
}

static void
add_dependency(VmsEngine *engine, VmsSnapshot *snapshot, const char *path, const char *role)
{
    VmsVolume *volume = engine->drivers->volume;
    VmsDependency *dependency;
    VmsFinding *resource;

    if (!path)
        return;
    for (guint i = 0; i < snapshot->dependencies->len; i++) {
        const VmsDependency *known = snapshot->dependencies->pdata[i];

        if (strcmp(known->path, path) == 0)
            return;
    }
    dependency = vms_dependency_new(path, role);
    dependency->present = vms_volume_identify(volume, path, &dependency->file, NULL);
    if (dependency->present && dependency->file.size <= DIGEST_LIMIT)
        dependency->sha256 = vms_digests_read(engine->digests, volume, path, &dependency->file);
    resource =
        vms_finding_new_reason("VirtualImage", path, VMSNAP_SEVERITY_WARNING, "ImageNotSaved",
                               "%s is read-only media: it is not part of "
                               "the snapshot",
                               path);
    resource->status = dependency->present ? VMS_RESOURCE_READY : VMS_RESOURCE_MISSING;
    g_ptr_array_add(snapshot->dependencies, dependency);
    g_ptr_array_add(snapshot->resources, resource);
}

static const char *
role_of(const VmsDisk *disk)
{
    if (disk->device == VMS_DEVICE_CDROM)
        return "cdrom";
    return disk->device == VMS_DEVICE_FLOPPY ? "floppy" : "readonly-disk";
}

/* Content of Secrets is kept: they are no dependency. */
static void
add_media(VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot, const GPtrArray *disks)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (!vms_disk_is_owned(disk) && !vms_parts_find(survey->parts, disk->path))
            add_dependency(engine, snapshot, disk->path, role_of(disk));
    }
}

static void
mark_partial(VmsSnapshot *snapshot, const char *kind, const char *name, const char *why)
{
    VmsFinding *resource =
        vms_finding_new_reason(kind, name, VMSNAP_SEVERITY_WARNING, "Partial", "%s", why);

    resource->status = VMS_RESOURCE_MISSING;
    snapshot->partial = TRUE;
    g_ptr_array_add(snapshot->resources, resource);
}

static void
add_disk_resources(const VmsSurvey *survey, VmsSnapshot *snapshot)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *disk = survey->disks->pdata[i];

        g_ptr_array_add(snapshot->resources,
                        vms_finding_new("VirtualDisk", disk->name, VMS_RESOURCE_READY));
    }
}

static void
add_resources(const VmsSurvey *survey, VmsSnapshot *snapshot)
{
    g_ptr_array_add(snapshot->resources,
                    vms_finding_new("VirtualMachine", survey->vm->name, VMS_RESOURCE_READY));
    add_disk_resources(survey, snapshot);
    for (guint i = 0; i < snapshot->macs->len; i++)
        g_ptr_array_add(snapshot->resources, vms_finding_new("MACAddress", snapshot->macs->pdata[i],
                                                             VMS_RESOURCE_READY));
}

static void
add_parts(const VmsSurvey *survey, VmsSnapshot *snapshot)
{
    const VmsVm *vm = survey->vm;

    for (guint i = 0; i < survey->parts->len; i++) {
        const VmsPart *part = survey->parts->pdata[i];

        g_ptr_array_add(snapshot->resources, vms_finding_new(vms_part_kind_name(part->kind),
                                                             part->source, VMS_RESOURCE_READY));
    }
    if (vm->nvram && !vms_parts_find(survey->parts, vm->nvram))
        mark_partial(snapshot, "NVRAM", vm->nvram, "the file of the VM's NVRAM is not there");
    if (vm->has_tpm && !vm->tpm_state)
        mark_partial(snapshot, "TPM", vm->name, "the state of this kind of TPM cannot be kept");
    else if (vm->has_tpm && !vms_parts_find(survey->parts, vm->tpm_state))
        mark_partial(snapshot, "TPM", vm->tpm_state, "the state of the VM's TPM is not there");
}

gboolean
vms_bundle_fill(VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot, GError **error)
{
    const VmsVm *vm = survey->vm;

    vms_snapshot_name_vm(snapshot, vm);
    snapshot->inactive_xml = g_strdup(vm->inactive_xml);
    snapshot->live_xml = g_strdup(vm->live_xml);
    if (!vm->inactive_xml && !vm->live_xml)
        return vms_fail(error, VMSNAP_E_HYPERVISOR, "VM %s gave no configuration", vm->name);
    add_nics(snapshot, vm->nics);
    add_nics(snapshot, vm->live_nics);
    add_resources(survey, snapshot);
    vms_addresses_note(engine, vm, snapshot);
    add_media(engine, survey, snapshot, vm->disks);
    add_media(engine, survey, snapshot, vm->live_disks);
    add_dependency(engine, snapshot, vm->kernel, "kernel");
    add_dependency(engine, snapshot, vm->initrd, "initrd");
    add_dependency(engine, snapshot, vm->loader, "loader");
    add_parts(survey, snapshot);
    for (guint i = 0; i < survey->left_out->len; i++) {
        g_autofree char *name =
            g_strdup_printf("%s/%s", vm->name, (const char *)survey->left_out->pdata[i]);

        mark_partial(snapshot, "VirtualDisk", name, "left out by the disk filter");
    }
    return TRUE;
}

void
vms_bundle_fill_disk(const VmsSurvey *survey, VmsSnapshot *snapshot)
{
    if (survey->vm)
        vms_snapshot_name_vm(snapshot, survey->vm);
    add_disk_resources(survey, snapshot);
}
