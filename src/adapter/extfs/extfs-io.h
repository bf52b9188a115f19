/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/extfs/look.h"

#include <ext2fs/ext2fs.h>

/* What libext2fs reads a file system through: reads from a source, and never writes. It opens by
 * name only, so there is one source at a time: the one last set. */
io_manager vms_extfs_io(const VmsExtfsSource *source);
