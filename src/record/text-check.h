/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "record/field.h"

/* Whether @text may be believed to be what @check says. */
gboolean vms_text_check(VmsCheck check, const char *text);
