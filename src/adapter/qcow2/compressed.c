/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qcow2/compressed.h"

#include "base/error.h"

#include <gio/gio.h>

void
vms_compressed_locate(guint64 entry, guint cluster_bits, guint64 *ret_offset, guint64 *ret_size)
{
    guint offset_bits = 62 - (cluster_bits - 8);
    guint64 offset = entry & (((guint64)1 << offset_bits) - 1);
    guint64 more = entry >> offset_bits & (((guint64)1 << (62 - offset_bits)) - 1);

    *ret_offset = offset;
    *ret_size = (more + 1) * 512 - offset % 512;
}

gboolean
vms_compressed_inflate(const guint8 *data, gsize size, guint8 *into, gsize cluster, GError **error)
{
    g_autoptr(GZlibDecompressor) zlib = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_RAW);
    gsize taken = 0;
    gsize done = 0;

    while (done < cluster) {
        gsize in = 0;
        gsize out = 0;
        GConverterResult result =
            g_converter_convert(G_CONVERTER(zlib), data + taken, size - taken, into + done,
                                cluster - done, G_CONVERTER_NO_FLAGS, &in, &out, NULL);

        if (result == G_CONVERTER_ERROR || (in == 0 && out == 0))
            break;
        taken += in;
        done += out;
        if (result == G_CONVERTER_FINISHED)
            break;
    }
    if (done < cluster)
        return vms_fail(error, VMSNAP_E_IO, "a compressed area of the image is broken");
    return TRUE;
}
