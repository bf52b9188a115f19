/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ip.h"

#include <arpa/inet.h>
#include <string.h>

#define MAC_LENGTH 17

/* An address of either family: its bytes, and how many there are. */
typedef struct {
    guint8 bytes[16];
    guint size; /* 0: none */
} Ip;

static Ip
parse(const char *text)
{
    Ip ip = { .size = 0 };

    if (text && inet_pton(AF_INET, text, ip.bytes) == 1)
        ip.size = 4;
    else if (text && inet_pton(AF_INET6, text, ip.bytes) == 1)
        ip.size = 16;
    return ip;
}

char *
vms_ip_canonical(const char *text)
{
    char out[INET6_ADDRSTRLEN];
    Ip ip = parse(text);

    if (ip.size == 0 || !inet_ntop(ip.size == 4 ? AF_INET : AF_INET6, ip.bytes, out, sizeof(out)))
        return NULL;
    return g_strdup(out);
}

gboolean
vms_ip_in_subnet(const char *address, const char *subnet, guint prefix)
{
    Ip a = parse(address);
    Ip b = parse(subnet);

    if (a.size == 0 || a.size != b.size || prefix > a.size * 8)
        return FALSE;
    for (guint bit = 0; bit < prefix; bit++) {
        guint8 mask = (guint8)(0x80 >> (bit % 8));

        if (((a.bytes[bit / 8] ^ b.bytes[bit / 8]) & mask) != 0)
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_ip_is_local(const char *address)
{
    static const struct {
        const char *subnet;
        guint prefix;
    } ranges[] = { { "0.0.0.0", 8 }, { "127.0.0.0", 8 }, { "169.254.0.0", 16 }, { "224.0.0.0", 3 },
                   { "::", 127 },    { "fe80::", 10 },   { "ff00::", 8 } };

    for (gsize i = 0; i < G_N_ELEMENTS(ranges); i++) {
        if (vms_ip_in_subnet(address, ranges[i].subnet, ranges[i].prefix))
            return TRUE;
    }
    return FALSE;
}

gboolean
vms_ip_is_v6(const char *address)
{
    return parse(address).size == 16;
}

int
vms_ip_prefix_of_mask(const char *mask)
{
    Ip ip = parse(mask);
    guint32 bits;
    int prefix = 0;

    if (ip.size != 4)
        return -1;
    bits = (guint32)ip.bytes[0] << 24 | (guint32)ip.bytes[1] << 16 | (guint32)ip.bytes[2] << 8 |
           ip.bytes[3];
    for (; (bits & 0x80000000U) != 0; bits <<= 1)
        prefix++;
    return bits == 0 ? prefix : -1;
}

char *
vms_mac_canonical(const char *text)
{
    if (!text || strlen(text) != MAC_LENGTH)
        return NULL;
    for (guint i = 0; i < MAC_LENGTH; i++) {
        gboolean fits = i % 3 == 2 ? text[i] == ':' : g_ascii_isxdigit(text[i]);

        if (!fits)
            return NULL;
    }
    return g_ascii_strdown(text, -1);
}

gboolean
vms_ip_is_canonical(const char *text)
{
    g_autofree char *canonical = vms_ip_canonical(text);

    return canonical && strcmp(canonical, text) == 0;
}

gboolean
vms_mac_is_canonical(const char *text)
{
    g_autofree char *canonical = vms_mac_canonical(text);

    return canonical && strcmp(canonical, text) == 0;
}
