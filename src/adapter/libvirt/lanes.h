/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/connection.h"

#include <glib.h>

/* Connections for agent commands: libvirtd serves five calls of one at a time, so that a few agents
 * that hang would keep the next guest from being thawed. */

typedef struct VmsLanes VmsLanes;

/* @first (borrowed) is the first lane; others are opened when they are needed. */
VmsLanes *vms_lanes_new(VmsConnection *first, const char *uri, gboolean read_only,
                        const VmsLog *log);
/* No agent commands on the first lane any more: where many VMs are asked at once, their other calls
 * and one agent that hangs there would make five. Before any use. */
void vms_lanes_spare_first(VmsLanes *lanes);
void vms_lanes_free(VmsLanes *lanes);
/* A connection on which not many agent commands are under way; NULL when none can be opened. */
VmsConnection *vms_lanes_enter(VmsLanes *lanes, GError **error);
void vms_lanes_leave(VmsLanes *lanes, VmsConnection *connection);
