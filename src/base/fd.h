/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A file descriptor closed when it leaves its scope: g_auto(VmsFd) fd = VMS_FD_NONE; */
typedef int VmsFd;
#define VMS_FD_NONE (-1)

/* Close if open. Errors of close are not of interest here: what matters is synced before. */
void vms_fd_clear(VmsFd *fd);
/* Give the descriptor away. */
int vms_fd_steal(VmsFd *fd);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsFd, vms_fd_clear)
