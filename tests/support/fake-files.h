/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "support/fake-world.h"

/* Real adapters behind a layer that counts, logs and fails their calls as a world says. */

/* Takes @inner. */
VmsVolume *fake_volume_new(FakeWorld *world, VmsVolume *inner);
VmsCatalog *fake_catalog_new(FakeWorld *world, VmsCatalog *inner);
/* Finds nothing on any image. */
VmsMedia *fake_media_new(void);
