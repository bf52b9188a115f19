/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The floor of every consistent snapshot: a freeze and a thaw with nothing between, by libvirt's
 * own calls on an open connection. One VM's name a line on stdin; out comes a line "ok MS FREEZE",
 * how long both calls took and the freeze alone, or "error 0 -". */

static double
now_ms(void)
{
    struct timespec now = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int
freeze_and_thaw(virConnectPtr conn, const char *name)
{
    virDomainPtr domain = virDomainLookupByName(conn, name);
    double start = now_ms();
    double middle;
    double end;
    int frozen;
    int thawed;

    if (!domain)
        return -1;
    frozen = virDomainFSFreeze(domain, NULL, 0, 0);
    middle = now_ms();
    thawed = virDomainFSThaw(domain, NULL, 0, 0);
    end = now_ms();
    virDomainFree(domain);
    if (frozen <= 0 || thawed <= 0)
        return -1;
    printf("ok %.3f %.3f\n", end - start, middle - start);
    return 0;
}

int
main(void)
{
    virConnectPtr conn = virConnectOpen("qemu:///system");
    char line[256];

    while (conn && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (freeze_and_thaw(conn, line) != 0)
            puts("error 0 -");
        if (fflush(stdout) != 0)
            return 1;
    }
    if (!conn)
        return 1;
    virConnectClose(conn);
    return 0;
}
