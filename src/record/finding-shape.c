/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/condition.h"
#include "model/finding.h"
#include "record/field.h"

static gpointer
make_finding(void)
{
    return vms_finding_new(NULL, NULL, VMS_RESOURCE_READY);
}

static const VmsField finding_fields[] = {
    VMS_TEXT_NEEDED(VmsFinding, kind, VMS_CHECK_LINE),
    VMS_TEXT_NEEDED(VmsFinding, name, VMS_CHECK_NONE),
    VMS_TEXT(VmsFinding, new_name, VMS_CHECK_NONE),
    VMS_ENUM(VmsFinding, status, vms_words_resource_status),
    VMS_ENUM(VmsFinding, severity, vms_words_severity),
    VMS_TEXT(VmsFinding, reason, VMS_CHECK_LINE),
    VMS_TEXT(VmsFinding, message, VMS_CHECK_NONE),
    VMS_TEXT(VmsFinding, holder, VMS_CHECK_NONE),
    VMS_TEXT(VmsFinding, resolution, VMS_CHECK_NONE),
    VMS_ENUM(VmsFinding, strict, vms_words_act),
    VMS_ENUM(VmsFinding, best_effort, vms_words_act),
    { .key = NULL },
};

const VmsShape vms_shape_finding = {
    .name = "resource",
    .size = sizeof(VmsFinding),
    .fields = finding_fields,
    .make = make_finding,
    .free = (GDestroyNotify)vms_finding_free,
};

static gpointer
make_condition(void)
{
    return vms_condition_new(NULL, VMS_CONDITION_UNKNOWN, NULL, NULL, 0);
}

static const VmsField condition_fields[] = {
    VMS_TEXT_NEEDED(VmsCondition, type, VMS_CHECK_LINE),
    VMS_ENUM(VmsCondition, status, vms_words_condition_status),
    VMS_TEXT(VmsCondition, reason, VMS_CHECK_LINE),
    VMS_TEXT(VmsCondition, message, VMS_CHECK_NONE),
    VMS_PLAIN(VmsCondition, since_us, INT),
    { .key = NULL },
};

const VmsShape vms_shape_condition = {
    .name = "condition",
    .size = sizeof(VmsCondition),
    .fields = condition_fields,
    .make = make_condition,
    .free = (GDestroyNotify)vms_condition_free,
};
