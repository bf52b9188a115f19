/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/record.h"

#include "record/field.h"

char *
vms_record_write_snapshot(const VmsSnapshot *snapshot)
{
    return vms_fields_write(&vms_shape_snapshot, "snapshot", snapshot);
}

VmsSnapshot *
vms_record_read_snapshot(const char *text, GError **error)
{
    return vms_fields_read(&vms_shape_snapshot, "snapshot", text, error);
}

char *
vms_record_write_operation(const VmsOperation *operation)
{
    return vms_fields_write(&vms_shape_operation, "operation", operation);
}

VmsOperation *
vms_record_read_operation(const char *text, GError **error)
{
    return vms_fields_read(&vms_shape_operation, "operation", text, error);
}

char *
vms_record_write_lease(const VmsLease *lease)
{
    return vms_fields_write(&vms_shape_lease, "lease", lease);
}

VmsLease *
vms_record_read_lease(const char *text, GError **error)
{
    return vms_fields_read(&vms_shape_lease, "lease", text, error);
}

void
vms_record_copy_evidence(const VmsEvidence *from, VmsEvidence *to)
{
    vms_fields_copy(&vms_shape_evidence, from, to);
}
