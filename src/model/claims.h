/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A compact map from a key (a kind and a text) to everybody who claims it, oldest first: made for
 * hundreds of thousands of holders, of which one question sees only those it is about. Keys and
 * claims are numbers from 0; nothing is ever taken out. What is borrowed lives until the next
 * addition. */

#define VMS_CLAIM_NONE G_MAXUINT32

typedef struct VmsClaims VmsClaims;

typedef struct {
    guint32 role : 4;
    guint32 holder : 28;
    guint32 next;  /* of the same key, in a ring */
    guint32 extra; /* the caller's own */
} VmsClaim;

VmsClaims *vms_claims_new(void);
void vms_claims_free(VmsClaims *claims);

/* The key's number; it is made if it is new. @kind is below 16. */
guint32 vms_claims_add_key(VmsClaims *claims, guint kind, const char *text);
void vms_claims_add(VmsClaims *claims, guint32 key, guint32 holder, guint role, guint32 extra);

/* VMS_CLAIM_NONE: there is none. */
guint32 vms_claims_find_key(const VmsClaims *claims, guint kind, const char *text);
/* The first claim of a key (which may be VMS_CLAIM_NONE), and the one after @claim. */
guint32 vms_claims_first(const VmsClaims *claims, guint32 key);
guint32 vms_claims_next(const VmsClaims *claims, guint32 key, guint32 claim);
/* The last one added to a key. */
guint32 vms_claims_newest(const VmsClaims *claims, guint32 key);
const VmsClaim *vms_claims_get(const VmsClaims *claims, guint32 claim);

guint32 vms_claims_count_keys(const VmsClaims *claims);
const char *vms_claims_key_text(const VmsClaims *claims, guint32 key);
guint vms_claims_key_kind(const VmsClaims *claims, guint32 key);
/* Bytes of memory it has. */
gsize vms_claims_size(const VmsClaims *claims);
/* TRUE when something could not be added, because the numbers ran out. */
gboolean vms_claims_is_full(const VmsClaims *claims);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsClaims, vms_claims_free)
