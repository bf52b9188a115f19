/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/catalog.h"

/* A catalog that forgets: for tests, with the same rules as a durable one. */
VmsCatalog *vms_memory_catalog_new(void);
