/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/operation.h"
#include "record/field.h"

static gpointer
make_exchange(void)
{
    return vms_exchange_new(NULL, NULL, NULL);
}

static const VmsField exchange_fields[] = {
    VMS_TEXT_NEEDED(VmsExchange, target, VMS_CHECK_WORD),
    VMS_TEXT_NEEDED(VmsExchange, path, VMS_CHECK_PATH),
    VMS_TEXT_NEEDED(VmsExchange, next, VMS_CHECK_PATH),
    VMS_NESTED(VmsExchange, old_file, STRUCT, vms_shape_file_id),
    VMS_TEXT(VmsExchange, old_format, VMS_CHECK_FORMAT),
    VMS_NESTED(VmsExchange, new_file, STRUCT, vms_shape_file_id),
    VMS_PLAIN(VmsExchange, existed, BOOL),
    VMS_PLAIN_LATER(VmsExchange, renewed, BOOL),
    VMS_PLAIN(VmsExchange, vanish, BOOL),
    VMS_TEXT(VmsExchange, source, VMS_CHECK_PATH),
    VMS_PLAIN_LATER(VmsExchange, torn, BOOL),
    { .key = NULL },
};

static const VmsShape exchange_shape = {
    .name = "exchange",
    .size = sizeof(VmsExchange),
    .fields = exchange_fields,
    .make = make_exchange,
    .free = (GDestroyNotify)vms_exchange_free,
};

static gpointer
make_overlay(void)
{
    return vms_overlay_new(NULL, NULL, NULL, NULL);
}

static const VmsField overlay_fields[] = {
    VMS_TEXT_NEEDED(VmsOverlay, target, VMS_CHECK_WORD),
    VMS_TEXT_NEEDED(VmsOverlay, path, VMS_CHECK_PATH),
    VMS_TEXT_NEEDED(VmsOverlay, base, VMS_CHECK_PATH),
    VMS_TEXT_NEEDED(VmsOverlay, format, VMS_CHECK_FORMAT),
    VMS_NESTED(VmsOverlay, owner, STRUCT, vms_shape_file_id),
    VMS_PLAIN(VmsOverlay, landed, BOOL),
    { .key = NULL },
};

static const VmsShape overlay_shape = {
    .name = "overlay",
    .size = sizeof(VmsOverlay),
    .fields = overlay_fields,
    .make = make_overlay,
    .free = (GDestroyNotify)vms_overlay_free,
};

static gpointer
make_host(void)
{
    return vms_host_change_new(NULL, NULL);
}

static const VmsField host_fields[] = {
    VMS_TEXT_NEEDED(VmsHostChange, network, VMS_CHECK_LINE),
    VMS_TEXT(VmsHostChange, mac, VMS_CHECK_MAC),
    VMS_TEXT(VmsHostChange, client_id, VMS_CHECK_LINE),
    VMS_TEXT(VmsHostChange, name, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsHostChange, address, VMS_CHECK_ADDRESS),
    VMS_PLAIN(VmsHostChange, existed, BOOL),
    VMS_PLAIN(VmsHostChange, vanish, BOOL),
    { .key = NULL },
};

static const VmsShape host_shape = {
    .name = "host entry",
    .size = sizeof(VmsHostChange),
    .fields = host_fields,
    .make = make_host,
    .free = (GDestroyNotify)vms_host_change_free,
};

static gpointer
make_step(void)
{
    return vms_step_new(NULL, FALSE);
}

static const VmsField step_fields[] = {
    VMS_TEXT_NEEDED(VmsStep, name, VMS_CHECK_LINE),
    VMS_PLAIN(VmsStep, reversible, BOOL),
    { .key = NULL },
};

static const VmsShape step_shape = {
    .name = "step",
    .size = sizeof(VmsStep),
    .fields = step_fields,
    .make = make_step,
    .free = (GDestroyNotify)vms_step_free,
};

static gpointer
make_metadata(void)
{
    return vms_metadata_new(VMS_METADATA_SNAPSHOT, NULL, NULL);
}

static const VmsField metadata_fields[] = {
    VMS_ENUM(VmsMetadata, kind, vms_words_metadata),
    VMS_TEXT_NEEDED(VmsMetadata, name, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsMetadata, xml, VMS_CHECK_NONE),
    VMS_PLAIN(VmsMetadata, current, BOOL),
    { .key = NULL },
};

static const VmsShape metadata_shape = {
    .name = "metadata",
    .size = sizeof(VmsMetadata),
    .fields = metadata_fields,
    .make = make_metadata,
    .free = (GDestroyNotify)vms_metadata_free,
};

static gpointer
make_operation(void)
{
    return vms_operation_new(NULL, NULL);
}

static const VmsField operation_fields[] = {
    VMS_TEXT_NEEDED(VmsOperation, uuid, VMS_CHECK_UUID),
    VMS_TEXT_NEEDED(VmsOperation, type, VMS_CHECK_WORD),
    VMS_ENUM(VmsOperation, phase, vms_words_operation_phase),
    VMS_ENUM(VmsOperation, mode, vms_words_mode),
    VMS_TEXT(VmsOperation, vm_uuid, VMS_CHECK_UUID),
    VMS_TEXT(VmsOperation, vm_name, VMS_CHECK_LINE),
    VMS_TEXT(VmsOperation, disk, VMS_CHECK_LINE),
    VMS_TEXT(VmsOperation, snapshot, VMS_CHECK_UUID),
    VMS_TEXT(VmsOperation, snapshot_name, VMS_CHECK_SNAPSHOT_NAME),
    VMS_TEXT(VmsOperation, undo_of, VMS_CHECK_UUID),
    VMS_PLAIN(VmsOperation, created_us, INT),
    VMS_PLAIN(VmsOperation, finished_us, INT),
    VMS_NESTED(VmsOperation, owner, STRUCT, vms_shape_process),
    VMS_TEXT(VmsOperation, boot_id, VMS_CHECK_NONE),
    VMS_TEXT(VmsOperation, runtime_dir, VMS_CHECK_PATH),
    VMS_ENUM(VmsOperation, journal, vms_words_journal),
    VMS_TEXTS(VmsOperation, folders, VMS_CHECK_PATH),
    VMS_TEXTS(VmsOperation, files, VMS_CHECK_PATH),
    VMS_TEXT(VmsOperation, socket, VMS_CHECK_PATH),
    VMS_NESTED(VmsOperation, exchanges, OBJECTS, exchange_shape),
    VMS_NESTED(VmsOperation, overlays, OBJECTS, overlay_shape),
    VMS_NESTED_LATER(VmsOperation, hosts, OBJECTS, host_shape),
    VMS_NESTED(VmsOperation, made, OBJECT, vms_shape_new_disk),
    VMS_NESTED(VmsOperation, clone, OBJECT, vms_shape_clone),
    VMS_TEXT(VmsOperation, old_xml, VMS_CHECK_NONE),
    VMS_TEXT(VmsOperation, new_xml, VMS_CHECK_NONE),
    VMS_TEXT(VmsOperation, held_xml, VMS_CHECK_NONE),
    VMS_NESTED(VmsOperation, old_metadata, OBJECTS, metadata_shape),
    VMS_NESTED(VmsOperation, new_metadata, OBJECTS, metadata_shape),
    VMS_TEXT(VmsOperation, nvram, VMS_CHECK_PATH),
    VMS_ENUM(VmsOperation, power_before, vms_words_vm_state),
    VMS_PLAIN(VmsOperation, start_after, BOOL),
    VMS_PLAIN(VmsOperation, start_paused, BOOL),
    VMS_TEXT(VmsOperation, plan_hash, VMS_CHECK_LINE),
    VMS_NESTED(VmsOperation, steps, OBJECTS, step_shape),
    VMS_NESTED(VmsOperation, resources, OBJECTS, vms_shape_finding),
    VMS_NESTED(VmsOperation, conditions, OBJECTS, vms_shape_condition),
    VMS_PLAIN(VmsOperation, space_needed, UINT),
    VMS_PLAIN(VmsOperation, space_free, UINT),
    VMS_PLAIN(VmsOperation, expected_downtime_us, INT),
    VMS_PLAIN(VmsOperation, downtime_us, INT),
    VMS_PLAIN_LATER(VmsOperation, progress_done, UINT),
    VMS_PLAIN_LATER(VmsOperation, progress_total, UINT),
    VMS_PLAIN_LATER(VmsOperation, undo_ttl_s, INT),
    VMS_PLAIN(VmsOperation, undo_until_us, INT),
    VMS_PLAIN(VmsOperation, undone, BOOL),
    VMS_PLAIN(VmsOperation, error_code, INT32),
    VMS_TEXT(VmsOperation, error_reason, VMS_CHECK_NONE),
    VMS_TEXT(VmsOperation, error_message, VMS_CHECK_NONE),
    { .key = NULL },
};

const VmsShape vms_shape_operation = {
    .name = "operation",
    .size = sizeof(VmsOperation),
    .fields = operation_fields,
    .make = make_operation,
    .free = (GDestroyNotify)vms_operation_free,
};
