/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/ref.h"

#include <glib.h>
#include <sys/types.h>

#include <vmsnap/base.h>

/* What every public handle starts with: which kind it is, which process made it, how many hold
 * it, and the context that it keeps alive. In the child of a fork a handle is only forgotten:
 * its threads, sockets and locks belong to the parent. */

typedef enum {
    VMS_MAGIC_CONTEXT = 0x564d5301,
    VMS_MAGIC_VM = 0x564d5302,
    VMS_MAGIC_VM_LIST = 0x564d5303,
    VMS_MAGIC_CHECK = 0x564d5304,
    VMS_MAGIC_SNAPSHOT = 0x564d5305,
    VMS_MAGIC_SNAPSHOT_LIST = 0x564d5306,
    VMS_MAGIC_OPERATION = 0x564d5307,
    VMS_MAGIC_OPERATION_LIST = 0x564d5308,
    VMS_MAGIC_PLAN = 0x564d5309,
    VMS_MAGIC_JOB = 0x564d530a,
    VMS_MAGIC_DISK = 0x564d530b,
    VMS_MAGIC_DISK_LIST = 0x564d530c,
    VMS_MAGIC_FREEZE = 0x564d530d,
    VMS_MAGIC_INVENTORY = 0x564d5310,
    VMS_MAGIC_UNDO_SET = 0x564d5320,
    VMS_MAGIC_UNDO_SET_LIST = 0x564d5321
} VmsMagic;

typedef struct {
    guint32 magic;
    pid_t pid;
    VmsRef ref;
    vmsnap_context *context; /* a reference; NULL in a context itself */
} VmsHandle;

/* Start with one reference; takes one on @context, which may be NULL. */
void vms_handle_init(VmsHandle *handle, VmsMagic magic, vmsnap_context *context);
/* TRUE for a live handle of that kind; FALSE for NULL. */
gboolean vms_handle_is(const void *handle, VmsMagic magic);
/* TRUE when another process made it. */
gboolean vms_handle_is_forked(const VmsHandle *handle);
/* What the public _ref functions do. */
void *vms_handle_ref(void *handle, VmsMagic magic);
/* TRUE when that was the last reference: the caller frees what the object holds, then the object
 * with vms_handle_free(). */
gboolean vms_handle_drop(void *handle, VmsMagic magic);
/* Let the context go and free the object that starts with @handle. */
void vms_handle_free(VmsHandle *handle);

/* Lists of handles: one shape for all kinds. Each item holds its own context reference. */
typedef struct {
    VmsHandle handle;
    GPtrArray *items; /* handles of one kind; the array's free function is their _unref */
} VmsHandleList;

/* Takes @items. */
VmsHandleList *vms_handle_list_new(vmsnap_context *context, VmsMagic magic, GPtrArray *items);
gsize vms_handle_list_count(const void *list, VmsMagic magic);
void *vms_handle_list_item(const void *list, VmsMagic magic, gsize index);
void vms_handle_list_unref(void *list, VmsMagic magic);
