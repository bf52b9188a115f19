/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/disk-make.h"
#include "engine/disk-survey.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/new-disk-end.h"
#include "engine/new-disk-survey.h"

#include <string.h>
#include <unistd.h>

#include <vmsnap/job.h>

enum {
    DISK_MODE = 0600,
    IMAGE_MODE = 0400,
    SUM_MODE = 0444,
    RECORD_WAIT_MS = 10000 /* for who deletes the snapshot, or is about to need it as we are */
};

/* One disk being made. */
typedef struct {
    VmsEngine *engine;
    const VmsNewDiskRequest *request;
    VmsProgress *progress;
    VmsNewDiskSurvey *survey;
    VmsNewDiskChoice choice;
    VmsPlan *plan;
    VmsWork work; /* the operation only */
} Making;

static void
making_clear(Making *self)
{
    vms_new_disk_survey_free(self->survey);
    vms_plan_unref(self->plan);
    vms_work_clear(&self->work);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Making, making_clear)

static gboolean
is_image(const Making *self)
{
    return (self->request->flags & VMSNAP_NEW_DISK_IMAGE) != 0;
}

/* ---- before ---- */

/* Without an image to look at only what was asked can be judged, which needs none. */
static gboolean
look(VmsEngine *engine, const char *snapshot_uuid, const VmsNewDiskRequest *request, Making *self,
     GError **error)
{
    g_clear_pointer(&self->survey, vms_new_disk_survey_free);
    g_clear_pointer(&self->plan, vms_plan_unref);
    if (!vms_new_disk_survey(engine, snapshot_uuid, request, &self->survey, error) ||
        !vms_new_disk_choose(&self->survey->input, &self->choice, error))
        return FALSE;
    self->plan = vms_new_disk_make_plan(&self->survey->input, &self->choice);
    return TRUE;
}

gboolean
vms_engine_plan_new_disk(VmsEngine *engine, const char *snapshot_uuid,
                         const VmsNewDiskRequest *request, VmsPlan **ret_plan, GError **error)
{
    g_auto(Making) self = { .engine = engine, .request = request };

    if (!vms_disk_check_acting(engine, FALSE, error) ||
        !look(engine, snapshot_uuid, request, &self, error))
        return FALSE;
    *ret_plan = g_steal_pointer(&self.plan);
    return TRUE;
}

static void
copy_plan(VmsOperation *operation, const VmsPlan *plan)
{
    vms_journal_note_plan(operation, plan);
    for (guint i = 0; i < plan->findings->len; i++)
        g_ptr_array_add(operation->resources, vms_finding_copy(plan->findings->pdata[i]));
}

static char *
name_beside(const char *path, const char *uuid, const char *what)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return g_strdup_printf("%s/.vmsnap-%s.%s", g_str_equal(folder, "/") ? "" : folder, uuid, what);
}

static VmsNewDisk *
describe(const Making *self, const char *uuid)
{
    const VmsNewDiskInput *input = &self->survey->input;
    VmsNewDisk *made = vms_new_disk_new(input->path);

    made->next = name_beside(input->path, uuid, "new");
    made->pool = g_strdup(input->pool);
    made->base = g_strdup(input->stored->image->path);
    made->format = g_strdup(self->choice.format);
    made->way = self->choice.way;
    made->virtual_size = self->choice.size;
    made->mode = is_image(self) ? IMAGE_MODE : DISK_MODE;
    if (is_image(self)) {
        made->sum = vms_new_disk_sum_path(input->path);
        made->sum_next = name_beside(input->path, uuid, "sum");
    }
    return made;
}

/* Write down what will be made before any of it is. */
static gboolean
record_intent(Making *self, const char *uuid, GError **error)
{
    const VmsSnapshot *snapshot = self->survey->snapshot;
    VmsOperation *operation =
        vms_journal_new(self->engine, uuid, is_image(self) ? "image" : "disk-restore");

    self->work.operation = operation;
    operation->disk = g_strdup(self->survey->path);
    operation->snapshot = g_strdup(snapshot->uuid);
    operation->snapshot_name = g_strdup(snapshot->name);
    operation->made = describe(self, uuid);
    g_ptr_array_add(operation->files, g_strdup(operation->made->next));
    if (operation->made->sum_next)
        g_ptr_array_add(operation->files, g_strdup(operation->made->sum_next));
    copy_plan(operation, self->plan);
    return vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

/* From the moment it is recorded nobody deletes the snapshot. */
static gboolean
claim(Making *self, const char *uuid, const char *snapshot_uuid, GError **error)
{
    g_autofree char *name = vms_lock_name_snapshot(snapshot_uuid);
    g_autoptr(VmsLock) lock = NULL;

    return vms_lock_share(self->engine->runtime_dir, name, uuid,
                          MAX(self->request->wait_ready_ms, RECORD_WAIT_MS), self->progress, &lock,
                          error) &&
           look(self->engine, snapshot_uuid, self->request, self, error) &&
           vms_new_disk_check_plan(self->plan, error) && record_intent(self, uuid, error);
}

/* ---- making it ---- */

static gboolean
make_disk(Making *self, GError **error)
{
    const VmsDiskMaking making = { .engine = self->engine,
                                   .stored = self->survey->input.stored,
                                   .choice = &self->choice,
                                   .made = self->work.operation->made,
                                   .progress = self->progress };

    return vms_disk_make(&making, error);
}

/* ---- its digest, owner and name ---- */

/* As sha256sum writes it, and checks it. */
static gboolean
write_sum(VmsEngine *engine, VmsNewDisk *made, GError **error)
{
    g_autofree char *name = g_path_get_basename(made->path);
    g_autofree char *line = g_strdup_printf("%s  %s\n", made->sha256, name);
    g_autoptr(VmsTransfer) transfer = NULL;

    return vms_volume_open_transfer(engine->drivers->volume, NULL, made->sum_next, &transfer,
                                    error) &&
           vms_sys_write(vms_transfer_get_fd(transfer), line, strlen(line), error) &&
           vms_transfer_finish(transfer, SUM_MODE, &made->sum_file, error);
}

static gboolean
make_sum(Making *self, GError **error)
{
    VmsNewDisk *made = self->work.operation->made;

    return !made->sum || (vms_volume_digest(self->engine->drivers->volume, made->next,
                                            self->progress, &made->sha256, error) &&
                          write_sum(self->engine, made, error));
}

static gboolean
set_owner(Making *self, GError **error)
{
    const VmsImage *origin = self->survey->input.stored->origin;
    VmsNewDisk *made = self->work.operation->made;
    VmsFileId like = { .uid = geteuid(), .gid = getegid() };

    if ((self->request->flags & VMSNAP_NEW_DISK_KEEP_OWNER) != 0 && origin) {
        like = origin->file;
        made->mode = made->sum || !like.mode ? made->mode : like.mode & 0777;
    }
    like.mode = made->mode;
    return vms_volume_adopt(self->engine->drivers->volume, made->next, &like, error) &&
           vms_volume_identify(self->engine->drivers->volume, made->next, &made->file, error);
}

static void
set_total(const Making *self)
{
    const VmsImage *image = self->survey->input.stored->image;

    vms_progress_set_total(self->progress, vms_disk_make_bytes(image, &self->choice) +
                                               (is_image(self) ? image->file.size : 0));
}

static gboolean
make(Making *self, GError **error)
{
    vms_progress_enter(self->progress, VMSNAP_STAGE_COPYING);
    set_total(self);
    return make_disk(self, error) && make_sum(self, error) && set_owner(self, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARED, error) &&
           vms_progress_check(self->progress, error) &&
           vms_new_disk_place(self->engine, self->work.operation, error);
}

/* ---- the ends ---- */

static gboolean
complete(Making *self, GError **error)
{
    vms_progress_enter(self->progress, VMSNAP_STAGE_FINISHING);
    vms_crash_point("new-disk-placed");
    vms_new_disk_complete(self->engine, self->work.operation);
    return vms_journal_close(self->engine, &self->work, error);
}

/* Takes @why; always FALSE. */
static gboolean
roll_back(Making *self, GError *why, GError **error)
{
    VmsOperation *operation = self->work.operation;
    GError *worse = NULL;

    vms_progress_enter(self->progress, VMSNAP_STAGE_ROLLING_BACK);
    if (!vms_new_disk_remove(self->engine, operation, &worse))
        return vms_journal_stay(why, worse, error);
    vms_journal_fail(operation, why);
    if (!vms_journal_commit(self->engine, &self->work, &worse))
        return vms_journal_stay(why, worse, error);
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
run(Making *self, GError **error)
{
    GError *failed = NULL;

    if (make(self, &failed))
        return complete(self, error);
    if (vms_error_get_code(failed) != VMSNAP_E_UNCERTAIN)
        return roll_back(self, failed, error);
    g_propagate_error(error, failed);
    return FALSE;
}

/* Under the lock of the name that it will have: of two who want it one waits. */
gboolean
vms_engine_new_disk(VmsEngine *engine, const char *operation_uuid, const char *snapshot_uuid,
                    const VmsNewDiskRequest *request, VmsProgress *progress, GError **error)
{
    g_auto(Making) self = { .engine = engine, .request = request, .progress = progress };
    g_autofree char *lock_name = NULL;
    g_autoptr(VmsLock) lock = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    if (!vms_disk_check_acting(engine, TRUE, error) ||
        !look(engine, snapshot_uuid, request, &self, error) ||
        !vms_new_disk_check_plan(self.plan, error))
        return FALSE;
    lock_name = vms_lock_name_disk(self.survey->path);
    return vms_lock_take(engine->runtime_dir, lock_name, operation_uuid, request->wait_ready_ms,
                         progress, &lock, error) &&
           claim(&self, operation_uuid, snapshot_uuid, error) && run(&self, error);
}
