/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

gint64 vms_clock_monotonic_us(void);
gint64 vms_clock_realtime_us(void);
/* CLOCK_BOOTTIME: goes on during host suspend; comparable across processes of one boot. */
gint64 vms_clock_boottime_us(void);
/* Sleep at most @us; returns early on nothing. */
void vms_clock_sleep_us(gint64 us);

/* This boot's id, from the kernel: owned by the caller; "" if it cannot be read. */
char *vms_clock_boot_id(void);
