/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Whether a clone's configuration has anything left of its source's, told from the two texts alone:
 * nothing here knows how a clone is made. */

typedef struct {
    const char *source;     /* XML */
    const char *clone;      /* XML */
    const GPtrArray *owned; /* char*: paths of the source's files */
    const GPtrArray *kept;  /* char*: folders that are not the source's, whatever their name */
    gboolean keep_serial;
} IdentityPair;

/* NULL: nothing is left; else what. Owned by the caller. */
char *identity_oracle_left(const IdentityPair *pair);
/* NULL: devices are the same, in the same order, but for their identity; else what differs. */
char *identity_oracle_changed(const IdentityPair *pair);
