/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/claims.h"

#include <string.h>

/* Numbers stay below what their bit fields hold. */
#define MOST_KEYS ((1U << 28) - 1)
#define MOST_CLAIMS (G_MAXUINT32 - 1)
#define MOST_TEXT (G_MAXUINT32 - 1)

typedef struct {
    guint32 kind : 4;
    guint32 next : 28; /* in the same bucket; MOST_KEYS: the last */
    guint32 text;      /* where it begins */
    guint32 tail;      /* the newest claim; the oldest follows it in the ring */
} Key;

/* A growing array. Its steps are small: what is kept for hundreds of thousands is kept long. */
typedef struct {
    void *data;
    guint32 count;
    guint32 size;
} Row;

struct VmsClaims {
    Row keys;   /* Key */
    Row claims; /* VmsClaim */
    Row texts;  /* char, each text ended by NUL */
    guint32 *buckets;
    guint32 bucket_count; /* a power of two */
    gboolean full;
};

enum { FIRST_BUCKETS = 64 };

/* Room for @more; FALSE when that would be more than @most. */
static gboolean
row_grow(Row *row, gsize item, guint64 more, guint64 most)
{
    guint64 needed = row->count + more;
    guint64 size = row->size + row->size / 8 + 64;

    if (needed > most)
        return FALSE;
    if (needed <= row->size)
        return TRUE;
    size = MIN(MAX(size, needed), most);
    row->data = g_realloc_n(row->data, size, item);
    row->size = (guint32)size;
    return TRUE;
}

static Key *
key_at(const VmsClaims *claims, guint32 key)
{
    return (Key *)claims->keys.data + key;
}

static VmsClaim *
claim_at(const VmsClaims *claims, guint32 claim)
{
    return (VmsClaim *)claims->claims.data + claim;
}

static const char *
text_at(const VmsClaims *claims, guint32 text)
{
    return (const char *)claims->texts.data + text;
}

static void
empty_buckets(VmsClaims *claims, guint32 count)
{
    g_free(claims->buckets);
    claims->buckets = g_new(guint32, count);
    claims->bucket_count = count;
    memset(claims->buckets, 0xff, count * sizeof(guint32));
}

VmsClaims *
vms_claims_new(void)
{
    VmsClaims *claims = g_new0(VmsClaims, 1);

    empty_buckets(claims, FIRST_BUCKETS);
    return claims;
}

void
vms_claims_free(VmsClaims *claims)
{
    if (!claims)
        return;
    g_free(claims->keys.data);
    g_free(claims->claims.data);
    g_free(claims->texts.data);
    g_free(claims->buckets);
    g_free(claims);
}

/* FNV-1a, its high half folded into the low one, which picks the bucket. */
static guint32
hash(guint kind, const char *text)
{
    guint64 sum = (14695981039346656037U ^ kind) * 1099511628211U;

    for (const char *at = text; *at; at++)
        sum = (sum ^ (guchar)*at) * 1099511628211U;
    return (guint32)(sum ^ (sum >> 32));
}

static guint32 *
bucket_of(const VmsClaims *claims, guint kind, const char *text)
{
    return &claims->buckets[hash(kind, text) & (claims->bucket_count - 1)];
}

static guint32
next_of(const Key *key)
{
    return key->next == MOST_KEYS ? VMS_CLAIM_NONE : key->next;
}

static void
link_key(VmsClaims *claims, guint32 number)
{
    Key *key = key_at(claims, number);
    guint32 *bucket = bucket_of(claims, key->kind, text_at(claims, key->text));

    key->next = *bucket == VMS_CLAIM_NONE ? MOST_KEYS : *bucket & MOST_KEYS;
    *bucket = number;
}

static void
grow_buckets(VmsClaims *claims)
{
    empty_buckets(claims, claims->bucket_count * 2);
    for (guint32 i = 0; i < claims->keys.count; i++)
        link_key(claims, i);
}

guint32
vms_claims_find_key(const VmsClaims *claims, guint kind, const char *text)
{
    guint32 number = *bucket_of(claims, kind, text);

    while (number != VMS_CLAIM_NONE) {
        const Key *key = key_at(claims, number);

        if (key->kind == kind && strcmp(text_at(claims, key->text), text) == 0)
            return number;
        number = next_of(key);
    }
    return VMS_CLAIM_NONE;
}

guint32
vms_claims_add_key(VmsClaims *claims, guint kind, const char *text)
{
    guint32 number = vms_claims_find_key(claims, kind, text);
    gsize length = strlen(text) + 1;

    if (number != VMS_CLAIM_NONE)
        return number;
    if (!row_grow(&claims->keys, sizeof(Key), 1, MOST_KEYS) ||
        !row_grow(&claims->texts, 1, length, MOST_TEXT)) {
        claims->full = TRUE;
        return VMS_CLAIM_NONE;
    }
    number = claims->keys.count++;
    *key_at(claims, number) = (Key){
        .kind = kind & 0xf,
        .text = claims->texts.count,
        .tail = VMS_CLAIM_NONE,
    };
    memcpy((char *)claims->texts.data + claims->texts.count, text, length);
    claims->texts.count += (guint32)length;
    if (claims->keys.count / 2 > claims->bucket_count)
        grow_buckets(claims);
    else
        link_key(claims, number);
    return number;
}

void
vms_claims_add(VmsClaims *claims, guint32 key, guint32 holder, guint role, guint32 extra)
{
    guint32 number = claims->claims.count;
    Key *of;

    if (key == VMS_CLAIM_NONE || holder >= MOST_KEYS ||
        !row_grow(&claims->claims, sizeof(VmsClaim), 1, MOST_CLAIMS)) {
        claims->full = TRUE;
        return;
    }
    of = key_at(claims, key);
    claims->claims.count++;
    *claim_at(claims, number) = (VmsClaim){
        .role = role & 0xf,
        .holder = holder & MOST_KEYS,
        .next = number,
        .extra = extra,
    };
    if (of->tail != VMS_CLAIM_NONE) {
        claim_at(claims, number)->next = claim_at(claims, of->tail)->next;
        claim_at(claims, of->tail)->next = number;
    }
    of->tail = number;
}

guint32
vms_claims_newest(const VmsClaims *claims, guint32 key)
{
    return key == VMS_CLAIM_NONE ? VMS_CLAIM_NONE : key_at(claims, key)->tail;
}

guint32
vms_claims_first(const VmsClaims *claims, guint32 key)
{
    guint32 tail = vms_claims_newest(claims, key);

    return tail == VMS_CLAIM_NONE ? VMS_CLAIM_NONE : claim_at(claims, tail)->next;
}

guint32
vms_claims_next(const VmsClaims *claims, guint32 key, guint32 claim)
{
    return claim == key_at(claims, key)->tail ? VMS_CLAIM_NONE : claim_at(claims, claim)->next;
}

const VmsClaim *
vms_claims_get(const VmsClaims *claims, guint32 claim)
{
    return claim_at(claims, claim);
}

guint32
vms_claims_count_keys(const VmsClaims *claims)
{
    return claims->keys.count;
}

const char *
vms_claims_key_text(const VmsClaims *claims, guint32 key)
{
    return text_at(claims, key_at(claims, key)->text);
}

guint
vms_claims_key_kind(const VmsClaims *claims, guint32 key)
{
    return key_at(claims, key)->kind;
}

gsize
vms_claims_size(const VmsClaims *claims)
{
    return sizeof(*claims) + claims->keys.size * sizeof(Key) +
           claims->claims.size * sizeof(VmsClaim) + claims->texts.size +
           claims->bucket_count * sizeof(guint32);
}

gboolean
vms_claims_is_full(const VmsClaims *claims)
{
    return claims->full;
}
