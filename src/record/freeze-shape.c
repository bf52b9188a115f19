/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/freeze.h"
#include "record/field.h"

static gpointer
make_freeze(void)
{
    return vms_freeze_new(NULL, NULL, NULL);
}

static const VmsField freeze_fields[] = {
    VMS_TEXT_NEEDED(VmsFreeze, uuid, VMS_CHECK_UUID),
    VMS_TEXT_NEEDED(VmsFreeze, vm_uuid, VMS_CHECK_UUID),
    VMS_TEXT(VmsFreeze, vm_name, VMS_CHECK_LINE),
    VMS_PLAIN(VmsFreeze, detached, BOOL),
    VMS_PLAIN(VmsFreeze, hold_ms, UINT32),
    VMS_TEXTS(VmsFreeze, disks, VMS_CHECK_WORD),
    VMS_NESTED_NEEDED(VmsFreeze, evidence, OBJECT, vms_shape_evidence),
    VMS_PLAIN(VmsFreeze, frozen_us, INT),
    VMS_PLAIN(VmsFreeze, thawed_us, INT),
    VMS_PLAIN(VmsFreeze, ended, BOOL),
    VMS_PLAIN(VmsFreeze, proven, BOOL),
    VMS_TEXT(VmsFreeze, reason, VMS_CHECK_NONE),
    VMS_TEXT(VmsFreeze, message, VMS_CHECK_NONE),
    { .key = NULL },
};

const VmsShape vms_shape_freeze = {
    .name = "freeze",
    .size = sizeof(VmsFreeze),
    .fields = freeze_fields,
    .make = make_freeze,
    .free = (GDestroyNotify)vms_freeze_free,
};
