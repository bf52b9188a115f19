/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/snapshot.h"
#include "record/field.h"

static gpointer
make_disk(void)
{
    return vms_snapshot_disk_new(NULL);
}

static const VmsField disk_fields[] = {
    VMS_TEXT_NEEDED(VmsSnapshotDisk, target, VMS_CHECK_WORD),
    VMS_TEXT(VmsSnapshotDisk, name, VMS_CHECK_LINE),
    VMS_TEXT(VmsSnapshotDisk, source, VMS_CHECK_PATH),
    VMS_NESTED(VmsSnapshotDisk, origin, OBJECT, vms_shape_image),
    VMS_ENUM(VmsSnapshotDisk, method, vms_words_method),
    VMS_PLAIN(VmsSnapshotDisk, by_overlay, BOOL),
    VMS_NESTED(VmsSnapshotDisk, image, OBJECT, vms_shape_image),
    VMS_TEXT(VmsSnapshotDisk, sha256, VMS_CHECK_SHA256),
    VMS_ENUM(VmsSnapshotDisk, grade, vms_words_grade),
    VMS_PLAIN(VmsSnapshotDisk, cut_offset_us, INT),
    VMS_TEXT(VmsSnapshotDisk, serial, VMS_CHECK_NONE),
    VMS_TEXT(VmsSnapshotDisk, bus, VMS_CHECK_NONE),
    VMS_PLAIN(VmsSnapshotDisk, boot_order, UINT32),
    { .key = NULL },
};

static const VmsShape disk_shape = {
    .name = "disk",
    .size = sizeof(VmsSnapshotDisk),
    .fields = disk_fields,
    .make = make_disk,
    .free = (GDestroyNotify)vms_snapshot_disk_free,
};

static gpointer
make_dependency(void)
{
    return vms_dependency_new(NULL, NULL);
}

static const VmsField dependency_fields[] = {
    /* As the XML has it: looked at, never written to. */
    VMS_TEXT_NEEDED(VmsDependency, path, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsDependency, role, VMS_CHECK_WORD),
    VMS_PLAIN(VmsDependency, present, BOOL),
    VMS_NESTED(VmsDependency, file, STRUCT, vms_shape_file_id),
    VMS_TEXT(VmsDependency, sha256, VMS_CHECK_SHA256),
    { .key = NULL },
};

static const VmsShape dependency_shape = {
    .name = "dependency",
    .size = sizeof(VmsDependency),
    .fields = dependency_fields,
    .make = make_dependency,
    .free = (GDestroyNotify)vms_dependency_free,
};

static gpointer
make_part(void)
{
    return vms_part_new(VMS_PART_NVRAM, NULL);
}

static const VmsField part_fields[] = {
    VMS_ENUM(VmsPart, kind, vms_words_part),
    VMS_TEXT_NEEDED(VmsPart, source, VMS_CHECK_PATH),
    VMS_TEXT_NEEDED(VmsPart, stored, VMS_CHECK_PATH),
    VMS_NESTED(VmsPart, origin, STRUCT, vms_shape_file_id),
    VMS_NESTED(VmsPart, file, STRUCT, vms_shape_file_id),
    VMS_TEXT(VmsPart, sha256, VMS_CHECK_SHA256),
    { .key = NULL },
};

static const VmsShape part_shape = {
    .name = "part",
    .size = sizeof(VmsPart),
    .fields = part_fields,
    .make = make_part,
    .free = (GDestroyNotify)vms_part_free,
};

static gpointer
make_address(void)
{
    return vms_address_new(NULL, NULL, VMS_ADDRESS_AGENT);
}

static const VmsField address_fields[] = {
    VMS_TEXT_NEEDED(VmsAddress, mac, VMS_CHECK_MAC),
    VMS_TEXT(VmsAddress, network, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsAddress, address, VMS_CHECK_ADDRESS),
    VMS_TEXT(VmsAddress, client_id, VMS_CHECK_LINE),
    VMS_TEXT(VmsAddress, name, VMS_CHECK_LINE),
    VMS_ENUM(VmsAddress, kind, vms_words_address_kind),
    VMS_PLAIN(VmsAddress, keep, BOOL),
    { .key = NULL },
};

static const VmsShape address_shape = {
    .name = "address",
    .size = sizeof(VmsAddress),
    .fields = address_fields,
    .make = make_address,
    .free = (GDestroyNotify)vms_address_free,
};

static gpointer
make_snapshot(void)
{
    return vms_snapshot_new(NULL, NULL);
}

static const VmsField snapshot_fields[] = {
    VMS_TEXT_NEEDED(VmsSnapshot, uuid, VMS_CHECK_UUID),
    VMS_TEXT_NEEDED(VmsSnapshot, name, VMS_CHECK_SNAPSHOT_NAME),
    VMS_ENUM_LATER(VmsSnapshot, subject, vms_words_subject),
    VMS_TEXT(VmsSnapshot, description, VMS_CHECK_NONE),
    VMS_TEXTS(VmsSnapshot, labels, VMS_CHECK_LABEL),
    VMS_TEXT(VmsSnapshot, vm_uuid, VMS_CHECK_UUID),
    VMS_TEXT(VmsSnapshot, vm_name, VMS_CHECK_LINE),
    VMS_TEXT(VmsSnapshot, disk, VMS_CHECK_LINE),
    VMS_PLAIN(VmsSnapshot, created_us, INT),
    VMS_ENUM(VmsSnapshot, phase, vms_words_snapshot_phase),
    VMS_TEXT(VmsSnapshot, operation, VMS_CHECK_UUID),
    VMS_ENUM(VmsSnapshot, policy, vms_words_policy),
    VMS_ENUM(VmsSnapshot, grade, vms_words_grade),
    VMS_PLAIN(VmsSnapshot, partial, BOOL),
    VMS_TEXT(VmsSnapshot, inactive_xml, VMS_CHECK_NONE),
    VMS_TEXT(VmsSnapshot, live_xml, VMS_CHECK_NONE),
    VMS_TEXTS(VmsSnapshot, folders, VMS_CHECK_PATH),
    VMS_NESTED(VmsSnapshot, disks, OBJECTS, disk_shape),
    VMS_NESTED_LATER(VmsSnapshot, parts, OBJECTS, part_shape),
    VMS_TEXTS(VmsSnapshot, macs, VMS_CHECK_LINE),
    VMS_TEXTS(VmsSnapshot, networks, VMS_CHECK_LINE),
    VMS_ENUM_LATER(VmsSnapshot, keep_ip, vms_words_keep_ip),
    VMS_NESTED_LATER(VmsSnapshot, addresses, OBJECTS, address_shape),
    VMS_NESTED(VmsSnapshot, dependencies, OBJECTS, dependency_shape),
    VMS_NESTED(VmsSnapshot, resources, OBJECTS, vms_shape_finding),
    VMS_NESTED(VmsSnapshot, conditions, OBJECTS, vms_shape_condition),
    VMS_NESTED(VmsSnapshot, evidence, OBJECT, vms_shape_evidence),
    { .key = NULL },
};

const VmsShape vms_shape_snapshot = {
    .name = "snapshot",
    .size = sizeof(VmsSnapshot),
    .fields = snapshot_fields,
    .make = make_snapshot,
    .free = (GDestroyNotify)vms_snapshot_free,
};
