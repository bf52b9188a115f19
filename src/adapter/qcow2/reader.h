/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* Reads what a guest would see in a raw or qcow2 image at rest, without starting a server: a few
 * blocks of a file system cost less than a millisecond. Every offset of the file is checked.
 *
 * The functions take and give gpointer so that wire can hand them to adapters that must not know
 * this one. */

/* For VmsHeaderReader of adapter/file: fill in what the qcow2 header behind @fd says. */
gboolean vms_reader_fill_image(int fd, VmsImage *image, GError **error);

/* Backing files are followed as far as @image names one itself, by absolute path and with its
 * format, and the header agrees; below that, as far as the headers do. Otherwise areas that are
 * not in the image are "cannot tell". */
gpointer vms_reader_open(const VmsImage *image, GError **error);
/* One file alone; takes @fd in any case. */
gpointer vms_reader_open_fd(int fd, const char *format, GError **error);
/* All @size bytes at guest offset @offset; beyond the end there are zeros. UNSUPPORTED with reason
 * "CannotTell" for what is compressed by zstd and for what lies in a backing file not followed. */
gboolean vms_reader_read(gpointer reader, guint64 offset, void *buffer, gsize size, GError **error);
void vms_reader_close(gpointer reader);
