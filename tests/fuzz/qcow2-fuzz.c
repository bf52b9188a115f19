/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qcow2/image-info.h"
#include "adapter/qcow2/reader.h"

#include <glib.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes as a whole image: walk its tables. */
static void
read_image(const uint8_t *data, size_t size)
{
    static int fd = -1;
    gpointer reader;
    uint8_t buffer[4096];

    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return;
    reader = vms_reader_open_fd(dup(fd), "qcow2", NULL);
    if (!reader)
        return;
    for (guint64 offset = 0; offset < (1 << 20); offset += 130001)
        vms_reader_read(reader, offset, buffer, sizeof(buffer), NULL);
    vms_reader_close(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(VmsImageInfo) info = { 0 };
    g_autoptr(GError) error = NULL;

    if (size > 1 << 20)
        return 0;
    if (vms_image_info_parse(data, MIN(size, VMS_IMAGE_INFO_BYTES), &info, &error))
        read_image(data, size);
    return 0;
}
