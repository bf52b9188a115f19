/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <string.h>

/* The floor of every consistent snapshot: a freeze and a thaw with nothing between, by libvirt's
 * own calls on an open connection. One VM's name a line on stdin; "ok" or "error" a line out. */

static int
freeze_and_thaw(virConnectPtr conn, const char *name)
{
    virDomainPtr domain = virDomainLookupByName(conn, name);
    int frozen;
    int thawed;

    if (!domain)
        return -1;
    frozen = virDomainFSFreeze(domain, NULL, 0, 0);
    thawed = virDomainFSThaw(domain, NULL, 0, 0);
    virDomainFree(domain);
    return frozen > 0 && thawed > 0 ? 0 : -1;
}

int
main(void)
{
    virConnectPtr conn = virConnectOpen("qemu:///system");
    char line[256];

    while (conn && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        (void)puts(freeze_and_thaw(conn, line) == 0 ? "ok 0 " : "error 0 see above");
        if (fflush(stdout) != 0)
            return 1;
    }
    if (!conn)
        return 1;
    virConnectClose(conn);
    return 0;
}
