/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/name.h"

#include "base/error.h"
#include "base/sys.h"

#include <limits.h>
#include <string.h>

gboolean
vms_name_is_uuid(const char *text)
{
    return text && g_uuid_string_is_valid(text);
}

static gboolean
is_alnum(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
}

gboolean
vms_name_check_snapshot(const char *name, GError **error)
{
    gsize length = name ? strnlen(name, 64) : 0;

    if (length == 0 || length > 63)
        return vms_fail(error, VMSNAP_E_INVALID, "a snapshot name has 1 to 63 characters");
    for (gsize i = 0; i < length; i++) {
        gboolean edge = i == 0 || i == length - 1;

        if (!is_alnum(name[i]) && (edge || (name[i] != '-' && name[i] != '.')))
            return vms_fail(error, VMSNAP_E_INVALID,
                            "snapshot name '%s' is not [a-z0-9]([-a-z0-9.]*[a-z0-9])?", name);
    }
    if (vms_name_is_uuid(name))
        return vms_fail(error, VMSNAP_E_INVALID, "snapshot name '%s' looks like a UUID", name);
    return TRUE;
}

gboolean
vms_name_check_label(const char *label, GError **error)
{
    const char *equals = label ? strchr(label, '=') : NULL;
    gsize key = equals ? (gsize)(equals - label) : 0;

    if (key == 0 || key > 63 || !is_alnum(label[0]))
        return vms_fail(error, VMSNAP_E_INVALID,
                        "a label is KEY=VALUE with a key of [a-z0-9][-a-z0-9_./]{0,62}");
    for (gsize i = 1; i < key; i++) {
        if (!is_alnum(label[i]) && !strchr("-_./", label[i]))
            return vms_fail(error, VMSNAP_E_INVALID,
                            "label key '%.*s' is not "
                            "[a-z0-9][-a-z0-9_./]{0,62}",
                            (int)key, label);
    }
    if (strnlen(equals + 1, 256) > 255 || !g_utf8_validate(equals + 1, -1, NULL))
        return vms_fail(error, VMSNAP_E_INVALID,
                        "the value of label '%.*s' is not at most 255 bytes of UTF-8", (int)key,
                        label);
    return TRUE;
}

static gboolean
is_dots(const char *part, gsize length)
{
    return (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.');
}

gboolean
vms_name_check_path(const char *path, GError **error)
{
    if (!path || path[0] != '/')
        return vms_fail(error, VMSNAP_E_INVALID, "path '%s' is not absolute", path ? path : "");
    if (strnlen(path, PATH_MAX) >= PATH_MAX)
        return vms_fail(error, VMSNAP_E_INVALID, "a path is longer than %d bytes", PATH_MAX - 1);
    for (const char *at = path; *at;) {
        gsize length = strcspn(at, "/");

        if (is_dots(at, length))
            return vms_fail(error, VMSNAP_E_INVALID, "path '%s' has a '.' or '..' part", path);
        for (gsize i = 0; i < length; i++) {
            if ((guchar)at[i] < 0x20 || at[i] == 0x7f)
                return vms_fail(error, VMSNAP_E_INVALID, "path '%s' has a control character", path);
        }
        at += length;
        at += *at == '/';
    }
    return TRUE;
}

/* From the kernel: GLib's generator goes on alike in both sides of a fork, and two processes would
 * give their operations one name. */
char *
vms_name_new_uuid(void)
{
    guint8 bytes[16];
    GString *text = g_string_sized_new(36);

    if (!vms_sys_random(bytes, sizeof(bytes))) {
        g_string_free(text, TRUE);
        return g_uuid_string_random();
    }
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    for (gsize i = 0; i < sizeof(bytes); i++)
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               bytes[i]);
    return g_string_free(text, FALSE);
}
