/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/text-check.h"

#include "base/ip.h"
#include "model/name.h"

#include <limits.h>
#include <string.h>

static gboolean
is_line(const char *text)
{
    gsize size = strnlen(text, PATH_MAX);

    if (size == 0 || size == PATH_MAX)
        return FALSE;
    for (gsize i = 0; i < size; i++) {
        if ((guchar)text[i] < 0x20 || text[i] == 0x7f)
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_word(const char *text)
{
    gsize size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return size > 0 && size <= 64 && text[size] == '\0' && text[0] != '.';
}

gboolean
vms_text_check(VmsCheck check, const char *text)
{
    switch (check) {
    case VMS_CHECK_NONE:
        return TRUE;
    case VMS_CHECK_LINE:
        return is_line(text);
    case VMS_CHECK_UUID:
        return vms_name_is_uuid(text);
    case VMS_CHECK_PATH:
        return vms_name_check_path(text, NULL);
    case VMS_CHECK_SNAPSHOT_NAME:
        return vms_name_check_snapshot(text, NULL);
    case VMS_CHECK_LABEL:
        return vms_name_check_label(text, NULL);
    case VMS_CHECK_WORD:
        return is_word(text);
    case VMS_CHECK_FORMAT:
        return g_str_equal(text, "raw") || g_str_equal(text, "qcow2");
    case VMS_CHECK_SHA256:
        return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
    case VMS_CHECK_MAC:
        return vms_mac_is_canonical(text);
    case VMS_CHECK_ADDRESS:
        return vms_ip_is_canonical(text);
    }
    return FALSE;
}
