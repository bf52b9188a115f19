/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* A disk or image that an operation makes from a snapshot's. */

/* How it comes to its contents. */
typedef enum {
    VMS_NEW_DISK_CLONE = 0, /* shares blocks until either is written to */
    VMS_NEW_DISK_COPY,      /* the same bytes */
    VMS_NEW_DISK_CONVERT,   /* in another format, or without what the image has besides */
    VMS_NEW_DISK_OVERLAY    /* holds changes only, and needs the snapshot's image */
} VmsNewDiskWay;

typedef struct {
    char *path;     /* where it stands, canonical */
    char *next;     /* beside it: where it is made */
    char *sum;      /* an image's: the file with its digest; NULL: none */
    char *sum_next; /* beside it: where that is made */
    char *pool;     /* the libvirt storage pool of its folder; NULL: none was named */
    char *base;     /* the snapshot's image it was made from */
    char *format;
    VmsNewDiskWay way;
    guint64 virtual_size;
    guint32 mode;       /* of the file */
    char *sha256;       /* of an image's file; NULL: not made */
    VmsFileId file;     /* of what was made; ino 0: not complete yet */
    VmsFileId sum_file; /* likewise */
} VmsNewDisk;

VmsNewDisk *vms_new_disk_new(const char *path);
void vms_new_disk_free(VmsNewDisk *disk);
const char *vms_new_disk_way_name(VmsNewDiskWay way); /* "reflink", "copy", "convert", "linked" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNewDisk, vms_new_disk_free)
