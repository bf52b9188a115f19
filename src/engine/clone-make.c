/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/clone-make.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "engine/clone-end.h"
#include "engine/clone-guest.h"
#include "engine/disk-make.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK_MODE = 0600, FOLDER_MODE = 0711, MODE_BITS = 0777 };

/* ---- what will be made ---- */

/* A TPM's state is found by its VM's UUID. */
static const char *
final_path(const VmsCloneMaking *self, const VmsCloneItem *item)
{
    const VmsTrait *tpm;

    if (item->named)
        return item->named->new_path;
    tpm = vms_identity_find_old(self->table, VMS_TRAIT_TPM, item->source);
    return tpm ? tpm->value : NULL;
}

static VmsNewDisk *
describe(const VmsCloneMaking *self, const VmsCloneItem *item, guint number)
{
    const VmsFileId *like = &item->input.stored->origin->file;
    VmsNewDisk *made = vms_new_disk_new(final_path(self, item));

    made->next = vms_clone_next_path(made->path, self->operation->uuid, number);
    made->base = g_strdup(item->input.stored->image->path);
    made->format = g_strdup(item->choice.format);
    made->way = item->choice.way;
    made->virtual_size = item->choice.size;
    made->mode = like->mode & MODE_BITS ? like->mode & MODE_BITS : DISK_MODE;
    return made;
}

/* One that is there is not ours to remove. */
static void
add_folder(const VmsCloneMaking *self, const char *path)
{
    GPtrArray *folders = self->operation->folders;

    if (access(path, F_OK) == 0 ||
        g_ptr_array_find_with_equal_func(folders, path, g_str_equal, NULL))
        return;
    g_ptr_array_insert(folders, 0, g_strdup(path)); /* inner ones go first */
}

static void
add_new_folders(const VmsCloneMaking *self, const GPtrArray *folders)
{
    for (guint i = 0; folders && i < folders->len; i++)
        add_folder(self, ((const VmsNewFolder *)folders->pdata[i])->path);
}

static void
add_folders(const VmsCloneMaking *self, const VmsCloneItem *item, const VmsNewDisk *made)
{
    g_autofree char *inner = g_path_get_dirname(made->path);
    g_autofree char *outer = g_path_get_dirname(inner);

    if (item->named) {
        add_new_folders(self, item->named->folders);
        return;
    }
    add_folder(self, outer);
    add_folder(self, inner);
}

gboolean
vms_clone_describe_files(const VmsCloneMaking *making, GError **error)
{
    VmsOperation *operation = making->operation;
    const GPtrArray *items = making->input->items;

    for (guint i = 0; i < items->len; i++) {
        const VmsCloneItem *item = items->pdata[i];
        VmsNewDisk *made;

        if (!final_path(making, item))
            return vms_fail(error, VMSNAP_E_INTERNAL, "there is no place for '%s'", item->source);
        made = describe(making, item, i);
        g_ptr_array_add(operation->clone->files, made);
        g_ptr_array_add(operation->files, g_strdup(made->next));
        add_folders(making, item, made);
    }
    add_new_folders(making, making->table->folders);
    return TRUE;
}

gboolean
vms_clone_update_files(const VmsCloneMaking *making, GError **error)
{
    GPtrArray *files = making->operation->clone->files;
    const GPtrArray *items = making->input->items;

    if (items->len != files->len)
        return vms_fail(error, VMSNAP_E_PLAN_STALE, "what the plan was made from has changed");
    for (guint i = 0; i < items->len; i++) {
        VmsNewDisk *before = files->pdata[i];

        if (g_strcmp0(final_path(making, items->pdata[i]), before->path) != 0)
            return vms_fail(error, VMSNAP_E_PLAN_STALE, "what the plan was made from has changed");
        files->pdata[i] = describe(making, items->pdata[i], i);
        vms_new_disk_free(before);
    }
    return TRUE;
}

/* ---- folders ---- */

/* What is like no other is made as a folder that QEMU must pass. */
static gboolean
make_folder(const VmsCloneMaking *self, const char *path, const char *like, GError **error)
{
    g_auto(VmsFd) dir = VMS_FD_NONE;
    struct stat st;

    if (!g_ptr_array_find_with_equal_func(self->operation->folders, path, g_str_equal, NULL))
        return TRUE;
    if (!vms_volume_make_folder(self->engine->drivers->volume, path, FOLDER_MODE, error))
        return FALSE;
    if (stat(like, &st) != 0 || !S_ISDIR(st.st_mode))
        return TRUE;
    dir = vms_sys_open_dir(path, error);
    return dir >= 0 && vms_sys_chown(dir, st.st_uid, st.st_gid, path, error) &&
           vms_sys_chmod(dir, st.st_mode & 07777, path, error);
}

static gboolean
make_new_folders(const VmsCloneMaking *self, const GPtrArray *folders, GError **error)
{
    for (guint i = 0; folders && i < folders->len; i++) {
        const VmsNewFolder *folder = folders->pdata[i];

        if (!make_folder(self, folder->path, folder->like, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
make_own_folders(const VmsCloneMaking *self, const VmsCloneItem *item, const VmsNewDisk *made,
                 GError **error)
{
    g_autofree char *inner = g_path_get_dirname(made->path);
    g_autofree char *outer = g_path_get_dirname(inner);
    g_autofree char *like = g_path_get_dirname(item->source);
    g_autofree char *like_outer = g_path_get_dirname(like);

    if (item->named)
        return make_new_folders(self, item->named->folders, error);
    return make_folder(self, outer, like_outer, error) && make_folder(self, inner, like, error);
}

static gboolean
make_folders(const VmsCloneMaking *self, GError **error)
{
    const VmsOperation *operation = self->operation;

    if (!make_new_folders(self, self->table->folders, error))
        return FALSE;
    for (guint i = 0; i < self->input->items->len; i++) {
        if (!make_own_folders(self, self->input->items->pdata[i], operation->clone->files->pdata[i],
                              error))
            return FALSE;
    }
    return TRUE;
}

/* ---- files ---- */

/* What was stored with a digest is that still. */
static gboolean
check_digest(const VmsCloneMaking *self, const VmsCloneItem *item, const VmsNewDisk *made,
             GError **error)
{
    g_autofree char *sha256 = NULL;

    if (!item->part || !item->part->sha256)
        return TRUE;
    if (!vms_volume_digest(self->engine->drivers->volume, made->next, NULL, &sha256, error))
        return FALSE;
    return g_strcmp0(sha256, item->part->sha256) == 0 ||
           vms_refuse(error, VMSNAP_E_LOST, "Lost", "the stored %s '%s' was changed", item->kind,
                      item->part->stored);
}

static gboolean
set_owner(const VmsCloneMaking *self, const VmsCloneItem *item, VmsNewDisk *made, GError **error)
{
    VmsFileId like = item->input.stored->origin->file;

    like.mode = made->mode;
    return vms_volume_adopt(self->engine->drivers->volume, made->next, &like, error) &&
           vms_volume_identify(self->engine->drivers->volume, made->next, &made->file, error);
}

static gboolean
make_file(const VmsCloneMaking *self, const VmsCloneItem *item, VmsNewDisk *made, GError **error)
{
    const VmsDiskMaking making = { .engine = self->engine,
                                   .stored = item->input.stored,
                                   .choice = &item->choice,
                                   .made = made,
                                   .progress = self->progress };
    gboolean done = FALSE;

    if (vms_progress_check(self->progress, error) &&
        vms_clone_make_medium(self, item, made, &done, error) &&
        (done || (vms_disk_make(&making, error) && check_digest(self, item, made, error))) &&
        set_owner(self, item, made, error))
        return TRUE;
    if (error && *error && !vms_error_get_object(*error))
        vms_error_set_object(*error, item->name);
    return FALSE;
}

static guint64
count_bytes(const VmsCloneMaking *self)
{
    guint64 bytes = 0;

    for (guint i = 0; i < self->input->items->len; i++) {
        const VmsCloneItem *item = self->input->items->pdata[i];

        bytes += vms_disk_make_bytes(item->input.stored->image, &item->choice);
    }
    return bytes;
}

gboolean
vms_clone_make_files(const VmsCloneMaking *making, GError **error)
{
    const GPtrArray *items = making->input->items;

    vms_progress_set_total(making->progress, count_bytes(making));
    if (!make_folders(making, error))
        return FALSE;
    for (guint i = 0; i < items->len; i++) {
        if (!make_file(making, items->pdata[i], making->operation->clone->files->pdata[i], error))
            return FALSE;
    }
    if (!making->guest_told)
        vms_clone_note_guest(making);
    vms_crash_point("clone-made");
    return TRUE;
}
