/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmsnap/version.h>

const char *
vmsnap_get_version(void)
{
    return VMSNAP_VERSION_STRING;
}
