/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_H
#define VMSNAP_H

/**
 * @file
 * Includes every public header.
 */

#include <vmsnap/adopt.h>
#include <vmsnap/base.h>
#include <vmsnap/check.h>
#include <vmsnap/clone.h>
#include <vmsnap/context.h>
#include <vmsnap/disk.h>
#include <vmsnap/error.h>
#include <vmsnap/freeze.h>
#include <vmsnap/inventory.h>
#include <vmsnap/job.h>
#include <vmsnap/log.h>
#include <vmsnap/new-disk.h>
#include <vmsnap/operation.h>
#include <vmsnap/plan.h>
#include <vmsnap/restore.h>
#include <vmsnap/snapshot.h>
#include <vmsnap/undo.h>
#include <vmsnap/version.h>
#include <vmsnap/vm.h>

#endif
