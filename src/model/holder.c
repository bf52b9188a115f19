/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/holder.h"

static const char *
title_of(VmsHolderKind kind)
{
    switch (kind) {
    case VMS_HOLDER_VM:
        return "VM ";
    case VMS_HOLDER_NETWORK:
        return "network ";
    case VMS_HOLDER_FACT:
    case VMS_HOLDER_PROCESS:
        break;
    }
    return "";
}

char *
vms_holder_describe(const VmsHolder *holder)
{
    return g_strconcat(title_of(holder->kind), holder->name ? holder->name : holder->uuid,
                       holder->host ? " on " : NULL, holder->host, NULL);
}

const char *
vms_holder_kind_word(VmsHolderKind kind)
{
    switch (kind) {
    case VMS_HOLDER_VM:
        return "VirtualMachine";
    case VMS_HOLDER_NETWORK:
        return "Network";
    case VMS_HOLDER_FACT:
        return "Fact";
    case VMS_HOLDER_PROCESS:
        break;
    }
    return "Process";
}
