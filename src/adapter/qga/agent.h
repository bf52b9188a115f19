/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/agent.h"
#include "port/channel.h"

/* The QEMU guest agent behind a channel. Takes @channel. */
VmsAgent *vms_qga_new(VmsChannel *channel);
