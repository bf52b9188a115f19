/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/lease.h"
#include "record/field.h"

static gpointer
make_lease(void)
{
    return vms_lease_new(NULL, NULL, NULL);
}

static const VmsField lease_fields[] = {
    VMS_TEXT(VmsLease, uri, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsLease, vm_uuid, VMS_CHECK_UUID),
    VMS_TEXT(VmsLease, operation, VMS_CHECK_UUID),
    VMS_NESTED(VmsLease, instance, STRUCT, vms_shape_instance),
    VMS_NESTED(VmsLease, owner, STRUCT, vms_shape_process),
    VMS_NESTED(VmsLease, guard, STRUCT, vms_shape_process),
    VMS_TEXT(VmsLease, boot_id, VMS_CHECK_NONE),
    VMS_ENUM(VmsLease, state, vms_words_lease_state),
    VMS_PLAIN(VmsLease, freezes, BOOL),
    VMS_PLAIN(VmsLease, suspends, BOOL),
    VMS_TEXT(VmsLease, backup_socket, VMS_CHECK_PATH),
    VMS_TEXT(VmsLease, agent_socket, VMS_CHECK_PATH),
    VMS_PLAIN(VmsLease, deadline_us, INT),
    VMS_PLAIN_LATER(VmsLease, paused, BOOL),
    VMS_TEXT(VmsLease, runtime_dir, VMS_CHECK_PATH),
    VMS_TEXT(VmsLease, catalog, VMS_CHECK_LINE),
    VMS_NESTED(VmsLease, freeze, OBJECT, vms_shape_freeze),
    { .key = NULL },
};

const VmsShape vms_shape_lease = {
    .name = "lease",
    .size = sizeof(VmsLease),
    .fields = lease_fields,
    .make = make_lease,
    .free = (GDestroyNotify)vms_lease_free,
};
