/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/fake-files.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- files being made ---- */

typedef struct {
    VmsTransfer transfer;
    VmsTransfer *inner;
    FakeWorld *world;
} FakeTransfer;

typedef struct {
    VmsVolume volume;
    VmsVolume *inner;
    FakeWorld *world;
} FakeVolume;

/* Do @what unless the call is refused; an answer that is lost is a failure. */
#define PASS(the_world, name, what)                                                                \
    FakeFate fate = fake_world_call(the_world, name, error);                                       \
    if (fate == FAKE_REFUSED)                                                                      \
        return FALSE;                                                                              \
    return (what) && fate == FAKE_OK
#define ERROR_OF (fate == FAKE_OK ? error : NULL)

static gboolean
transfer_clone(VmsTransfer *transfer, GError **error)
{
    FakeTransfer *self = (FakeTransfer *)transfer;

    PASS(self->world, "clone",
         self->world->pieces ? vms_transfer_copy(self->inner, NULL, ERROR_OF)
                             : vms_transfer_clone(self->inner, ERROR_OF));
}

static gboolean
transfer_copy(VmsTransfer *transfer, VmsProgress *progress, GError **error)
{
    FakeTransfer *self = (FakeTransfer *)transfer;

    PASS(self->world, "copy", vms_transfer_copy(self->inner, progress, ERROR_OF));
}

static int
transfer_get_fd(VmsTransfer *transfer)
{
    return vms_transfer_get_fd(((FakeTransfer *)transfer)->inner);
}

static gboolean
transfer_finish(VmsTransfer *transfer, guint32 mode, VmsFileId *ret_id, GError **error)
{
    FakeTransfer *self = (FakeTransfer *)transfer;

    PASS(self->world, "finish", vms_transfer_finish(self->inner, mode, ret_id, ERROR_OF));
}

static void
transfer_free(VmsTransfer *transfer)
{
    vms_transfer_free(((FakeTransfer *)transfer)->inner);
    g_free(transfer);
}

static const VmsTransferOps transfer_ops = {
    .clone = transfer_clone,
    .copy = transfer_copy,
    .get_fd = transfer_get_fd,
    .finish = transfer_finish,
    .free = transfer_free,
};

static gboolean
volume_open_transfer(VmsVolume *volume, const char *source, const char *target,
                     VmsTransfer **ret_transfer, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;
    FakeFate fate = fake_world_call(self->world, "open-transfer", error);
    VmsTransfer *inner = NULL;
    FakeTransfer *made;

    if (fate == FAKE_REFUSED)
        return FALSE;
    if (!vms_volume_open_transfer(self->inner, source, target, &inner, ERROR_OF))
        return FALSE;
    if (fate == FAKE_LOST) {
        vms_transfer_free(inner);
        return FALSE;
    }
    made = g_new0(FakeTransfer, 1);
    made->transfer.ops = &transfer_ops;
    made->inner = inner;
    made->world = self->world;
    *ret_transfer = &made->transfer;
    return TRUE;
}

/* ---- what only looks: it cannot be made to fail, there are enough others ---- */

static gboolean
volume_inspect(VmsVolume *volume, const char *path, const char *format, VmsImage **ret_image,
               GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    gboolean overlay = fake_machine_is_overlay(path);

    if (!vms_volume_inspect(self->inner, path, overlay ? "raw" : format, ret_image, error))
        return FALSE;
    (*ret_image)->blank = overlay && (*ret_image)->file.size == 0;
    return TRUE;
}

static gboolean
volume_identify(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    return vms_volume_identify(((FakeVolume *)volume)->inner, path, ret_id, error);
}

static gboolean
volume_read_place(VmsVolume *volume, const char *source, const char *folder, VmsPlaceInfo *ret_info,
                  GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    if (!vms_volume_read_place(self->inner, source, folder, ret_info, error))
        return FALSE;
    if (self->world->pieces) {
        ret_info->reflink = VMS_REFLINK_YES;
        ret_info->extents = (guint64)self->world->pieces;
    }
    return TRUE;
}

/* Nobody: a walk through /proc takes its time. QEMU has the disks of a VM that runs. */
static gboolean
volume_read_use(VmsVolume *volume, const char *path, VmsImageUse *ret_use, GError **error)
{
    const FakeWorld *world = ((FakeVolume *)volume)->world;
    gboolean on = world->domain_id >= 0 && !strstr(path, "/.vmsnap/");

    (void)error;
    if (fake_machine_is_overlay(path))
        on = (strcmp(path, world->overlays[0]) == 0 && world->live[0]) ||
             (strcmp(path, world->overlays[1]) == 0 && world->live[1]);
    *ret_use = (VmsImageUse){ .writer = on };
    return TRUE;
}

/* ---- what does something ---- */

static gboolean
volume_hold(VmsVolume *volume, const char *path, VmsHoldKind kind, VmsHold **ret_hold,
            GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    if (fake_world_call(self->world, "hold", error) != FAKE_OK)
        return FALSE;
    return vms_volume_hold(self->inner, path, kind, ret_hold, error);
}

static gboolean
make_empty(VmsVolume *volume, const char *path, GError **error)
{
    g_autoptr(VmsTransfer) made = NULL;

    return vms_volume_open_transfer(volume, NULL, path, &made, error) &&
           vms_transfer_finish(made, 0600, NULL, error);
}

static gboolean
volume_make_overlay(VmsVolume *volume, const char *path, const VmsImage *base, guint64 reserve,
                    guint32 uid, guint32 gid, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    (void)base;
    (void)reserve;
    (void)uid;
    (void)gid;
    PASS(self->world, "make-overlay", make_empty(self->inner, path, ERROR_OF));
}

static gboolean
volume_grow(VmsVolume *volume, const char *path, const char *format, guint64 virtual_size,
            GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "grow", vms_volume_grow(self->inner, path, format, virtual_size, ERROR_OF));
}

static char
byte_of(const char *path)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text[0] : '-';
}

static gboolean
put_down(const char *path, const char *base)
{
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &text, &size, NULL))
        return FALSE;
    if (size > 0) {
        int fd = open(base, O_WRONLY | O_CLOEXEC);
        gboolean good = fd >= 0 && pwrite(fd, text, 1, 0) == 1;

        if (fd >= 0)
            close(fd);
        return good;
    }
    return TRUE;
}

static gboolean
volume_fold_overlay(VmsVolume *volume, const char *path, const char *base, VmsProgress *progress,
                    GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    (void)progress;
    PASS(self->world, "fold-overlay", put_down(path, base));
}

static gboolean
volume_compare(VmsVolume *volume, const VmsImage *a, const VmsImage *b, gboolean *ret_same,
               GError **error)
{
    if (fake_world_call(((FakeVolume *)volume)->world, "compare", error) != FAKE_OK)
        return FALSE;
    *ret_same = a->blank || byte_of(a->path) == byte_of(b->path);
    return TRUE;
}

static gboolean
volume_read_owner(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    return vms_volume_read_owner(((FakeVolume *)volume)->inner, path, ret_id, error);
}

static gboolean
volume_adopt(VmsVolume *volume, const char *path, const VmsFileId *like, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "adopt", vms_volume_adopt(self->inner, path, like, ERROR_OF));
}

static gboolean
volume_exchange(VmsVolume *volume, const char *a, const char *b, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "exchange", vms_volume_exchange(self->inner, a, b, ERROR_OF));
}

static gboolean
volume_rewrite(VmsVolume *volume, const char *path, const char *source, const char *other,
               VmsProgress *progress, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "rewrite",
         vms_volume_rewrite(self->inner, path, source, other, progress, ERROR_OF));
}

static gboolean
volume_rename(VmsVolume *volume, const char *from, const char *to, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "rename", vms_volume_rename(self->inner, from, to, ERROR_OF));
}

static gboolean
volume_remove(VmsVolume *volume, const char *path, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "remove", vms_volume_remove(self->inner, path, ERROR_OF));
}

static gboolean
volume_make_folder(VmsVolume *volume, const char *path, guint32 mode, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "make-folder", vms_volume_make_folder(self->inner, path, mode, ERROR_OF));
}

static gboolean
volume_remove_folder(VmsVolume *volume, const char *path, GError **error)
{
    FakeVolume *self = (FakeVolume *)volume;

    PASS(self->world, "remove-folder", vms_volume_remove_folder(self->inner, path, ERROR_OF));
}

static gboolean
volume_list_folder(VmsVolume *volume, const char *path, GPtrArray **ret_names, GError **error)
{
    return vms_volume_list_folder(((FakeVolume *)volume)->inner, path, ret_names, error);
}

static gboolean
volume_digest(VmsVolume *volume, const char *path, VmsProgress *progress, char **ret_sha256,
              GError **error)
{
    return vms_volume_digest(((FakeVolume *)volume)->inner, path, progress, ret_sha256, error);
}

static gboolean
volume_read_whole(VmsVolume *volume, const char *path, guint64 limit, GBytes **ret_bytes,
                  VmsFileId *ret_id, GError **error)
{
    return vms_volume_read_whole(((FakeVolume *)volume)->inner, path, limit, ret_bytes, ret_id,
                                 error);
}

static void
volume_free(VmsVolume *volume)
{
    vms_volume_free(((FakeVolume *)volume)->inner);
    g_free(volume);
}

VmsVolume *
fake_volume_new(FakeWorld *world, VmsVolume *inner)
{
    static const VmsVolumeOps ops = {
        .inspect = volume_inspect,
        .identify = volume_identify,
        .read_place = volume_read_place,
        .read_use = volume_read_use,
        .hold = volume_hold,
        .open_transfer = volume_open_transfer,
        .make_overlay = volume_make_overlay,
        .grow = volume_grow,
        .fold_overlay = volume_fold_overlay,
        .compare = volume_compare,
        .read_owner = volume_read_owner,
        .adopt = volume_adopt,
        .rewrite = volume_rewrite,
        .exchange = volume_exchange,
        .rename = volume_rename,
        .remove = volume_remove,
        .make_folder = volume_make_folder,
        .remove_folder = volume_remove_folder,
        .list_folder = volume_list_folder,
        .digest = volume_digest,
        .read_whole = volume_read_whole,
        .free = volume_free,
    };
    FakeVolume *self = g_new0(FakeVolume, 1);

    self->volume.ops = &ops;
    self->inner = inner;
    self->world = world;
    return &self->volume;
}

/* ---- records ---- */

typedef struct {
    VmsCatalog catalog;
    VmsCatalog *inner;
    FakeWorld *world;
} FakeCatalog;

static gboolean
catalog_apply(VmsCatalog *catalog, const VmsChange *changes, gsize count, GError **error)
{
    FakeCatalog *self = (FakeCatalog *)catalog;

    PASS(self->world, "apply", vms_catalog_apply(self->inner, changes, count, ERROR_OF));
}

static gboolean
catalog_get(VmsCatalog *catalog, const char *kind, const char *id, VmsRecord **ret_record,
            GError **error)
{
    FakeCatalog *self = (FakeCatalog *)catalog;

    if (fake_world_call(self->world, "get", error) != FAKE_OK)
        return FALSE;
    return vms_catalog_get(self->inner, kind, id, ret_record, error);
}

static gboolean
catalog_find(VmsCatalog *catalog, const char *kind, const char *name, VmsRecord **ret_record,
             GError **error)
{
    return vms_catalog_find(((FakeCatalog *)catalog)->inner, kind, name, ret_record, error);
}

static gboolean
catalog_list(VmsCatalog *catalog, const char *kind, GPtrArray **ret_records, GError **error)
{
    return vms_catalog_list(((FakeCatalog *)catalog)->inner, kind, ret_records, error);
}

static void
catalog_free(VmsCatalog *catalog)
{
    vms_catalog_free(((FakeCatalog *)catalog)->inner);
    g_free(catalog);
}

VmsCatalog *
fake_catalog_new(FakeWorld *world, VmsCatalog *inner)
{
    static const VmsCatalogOps ops = {
        .apply = catalog_apply,
        .get = catalog_get,
        .find = catalog_find,
        .list = catalog_list,
        .free = catalog_free,
    };
    FakeCatalog *self = g_new0(FakeCatalog, 1);

    self->catalog.ops = &ops;
    self->inner = inner;
    self->world = world;
    return &self->catalog;
}

/* ---- contents ---- */

static gboolean
probe(VmsMedia *media, const VmsImage *image, const char *target, GPtrArray **ret_states,
      GError **error)
{
    (void)media;
    (void)image;
    (void)target;
    (void)error;
    *ret_states = g_ptr_array_new_with_free_func((GDestroyNotify)vms_fs_state_free);
    return TRUE;
}

/* By its name. */
static gboolean
probe_seed(VmsMedia *media, const VmsImage *image, gboolean *ret_seed, GError **error)
{
    (void)media;
    (void)error;
    *ret_seed = g_str_has_suffix(image->path, "/seed.iso");
    return TRUE;
}

static gboolean
same_ends(VmsMedia *media, const VmsImage *image, const VmsImage *copy, gboolean *ret_same,
          GError **error)
{
    (void)media;
    (void)error;
    *ret_same = byte_of(image->path) == byte_of(copy->path);
    return TRUE;
}

static void
media_free(VmsMedia *media)
{
    g_free(media);
}

VmsMedia *
fake_media_new(void)
{
    static const VmsMediaOps ops = {
        .probe = probe, .probe_seed = probe_seed, .same_ends = same_ends, .free = media_free
    };
    VmsMedia *media = g_new0(VmsMedia, 1);

    media->ops = &ops;
    return media;
}
