/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Rules of names, from the contract. All pure. */
gboolean vms_name_is_uuid(const char *text);
/* 1-63 characters [a-z0-9]([-a-z0-9.]*[a-z0-9])?, not like a UUID; INVALID says what is wrong. */
gboolean vms_name_check_snapshot(const char *name, GError **error);
/* "key=value"; key [a-z0-9][-a-z0-9_./]{0,62}, value at most 255 bytes of UTF-8. */
gboolean vms_name_check_label(const char *label, GError **error);
/* Absolute, no control characters, no "." or ".." component, at most PATH_MAX - 1 bytes. */
gboolean vms_name_check_path(const char *path, GError **error);
/* A fresh random UUID, lower case. */
char *vms_name_new_uuid(void);
