/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/acts.h"
#include "engine/adopt-home.h"
#include "engine/adopt-proof.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/manifest.h"
#include "engine/store.h"
#include "model/name.h"

#include <string.h>

#include <vmsnap/job.h>

/* Snapshots that lie there and that no record knows, after the catalog was lost or the store came
 * from another host: their own snapshot.json makes the record. Files are read and nothing else; a
 * snapshot is in the catalog, with the operation that tells of it, or it is not. */

enum { CLAIM_WAIT_MS = 10000 }; /* others hold it only while they write something down */

typedef struct {
    VmsEngine *engine;
    const VmsAdoptRequest *request;
    VmsProgress *progress;
    GPtrArray *adopted; /* char*: UUIDs */
    VmsActs acts;
} Adopting;

static void
adopting_clear(Adopting *self)
{
    vms_acts_clear(&self->acts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Adopting, adopting_clear)

/* TRUE at *ret_known when the catalog has a record of it, whatever that says. */
static gboolean
look_up(const Adopting *self, const char *uuid, char **ret_known, GError **error)
{
    g_autoptr(VmsSnapshot) known = NULL;
    g_autoptr(GError) failed = NULL;

    if (vms_store_load_snapshot(self->engine->drivers->catalog, uuid, &known, NULL, &failed)) {
        *ret_known = g_strdup_printf("it is in the catalog already, as %s, %s", known->name,
                                     vms_snapshot_phase_name(known->phase));
        return TRUE;
    }
    if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    if (g_strcmp0(vms_error_get_reason(failed), "DamagedRecord") == 0)
        return vms_refuse(error, VMSNAP_E_EXISTS, "DamagedRecord",
                          "the catalog has a damaged record of it, which must be deleted first");
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
rename_snapshot(const Adopting *self, VmsSnapshot *snapshot, GError **error)
{
    if (self->request->name) {
        g_free(snapshot->name);
        snapshot->name = g_strdup(self->request->name);
    }
    return vms_store_check_free(self->engine->drivers->catalog, snapshot->subject, snapshot->name,
                                error);
}

static void
make_operation(const Adopting *self, const char *folder, VmsWork *work)
{
    VmsSnapshot *snapshot = work->snapshot;
    g_autofree char *uuid = vms_name_new_uuid();
    g_autofree char *message =
        g_strdup_printf("its record was made from snapshot.json in %s", folder);
    VmsOperation *operation = vms_journal_new(self->engine, uuid, "adopt");

    work->operation = operation;
    operation->snapshot = g_strdup(snapshot->uuid);
    operation->snapshot_name = g_strdup(snapshot->name);
    operation->vm_uuid = g_strdup(snapshot->vm_uuid);
    operation->vm_name = g_strdup(snapshot->vm_name);
    operation->disk = g_strdup(snapshot->disk);
    for (guint i = 0; i < snapshot->folders->len; i++)
        g_ptr_array_add(operation->folders, g_strdup(snapshot->folders->pdata[i]));
    for (guint i = 0; i < snapshot->resources->len; i++) {
        const VmsFinding *resource = snapshot->resources->pdata[i];

        if (g_strcmp0(resource->reason, "Adopted") == 0)
            g_ptr_array_add(operation->resources, vms_finding_copy(resource));
    }
    vms_journal_complete(operation, message);
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new("Adopted", VMS_CONDITION_TRUE, "OperationCompleted",
                                         message, operation->finished_us));
}

/* All that is done for one; a dry run ends before the record. */
static gboolean
adopt(Adopting *self, const VmsHome *home, VmsWork *work, char **ret_known, GError **error)
{
    const char *folder = home->folders->pdata[0];

    if (!look_up(self, work->snapshot->uuid, ret_known, error))
        return FALSE;
    if (*ret_known)
        return TRUE;
    if (!rename_snapshot(self, work->snapshot, error) ||
        !vms_home_settle(self->engine, home, work->snapshot, error) ||
        !vms_snapshot_prove(self->engine, work->snapshot, self->request->accept_times,
                            self->progress, error))
        return FALSE;
    if (self->request->dry)
        return TRUE;
    make_operation(self, folder, work);
    vms_crash_point("adopt-commit");
    return vms_journal_commit(self->engine, work, error);
}

/* Under the lock that whoever deletes it needs, through this catalog or another one. */
static gboolean
adopt_locked(Adopting *self, const VmsHome *home, VmsWork *work, char **ret_known, GError **error)
{
    const char *folder = self->engine->runtime_dir;
    g_autofree char *name = vms_lock_name_snapshot(work->snapshot->uuid);
    g_autoptr(VmsLock) lock = NULL;

    return (self->request->dry ||
            vms_lock_take(folder, name, NULL, CLAIM_WAIT_MS, self->progress, &lock, error)) &&
           adopt(self, home, work, ret_known, error);
}

static void
adopt_home(Adopting *self, const VmsHome *home)
{
    const char *folder = home->folders->pdata[0];
    g_autofree char *object = g_strdup_printf("folder %s", folder);
    g_autofree char *message = NULL;
    g_autofree char *known = NULL;
    g_auto(VmsWork) work = { 0 };
    GError *failed = NULL;

    if (!vms_manifest_read(self->engine, folder, &work.snapshot, &failed)) {
        vms_acts_tell_failed(&self->acts, object, failed);
        return;
    }
    g_free(object);
    object = g_strdup_printf("snapshot %s (%s)", work.snapshot->name, work.snapshot->uuid);
    if (!adopt_locked(self, home, &work, &known, &failed)) {
        vms_acts_tell_failed(&self->acts, object, failed);
        return;
    }
    if (known) {
        vms_acts_tell(&self->acts, object, "known", known);
        return;
    }
    message = g_strdup_printf("%s, %u images in %s", work.snapshot->name, work.snapshot->disks->len,
                              folder);
    vms_acts_tell(&self->acts, object, self->request->dry ? "would-adopt" : "adopted", message);
    if (!self->request->dry)
        g_ptr_array_add(self->adopted, g_strdup(work.snapshot->uuid));
}

static gboolean
find(const Adopting *self, GPtrArray **ret_homes, GError **error)
{
    g_autoptr(GPtrArray) homes = NULL;
    guint count = 0;

    if (!vms_homes_find(self->engine, self->request->paths, &homes, error))
        return FALSE;
    for (guint i = 0; i < homes->len; i++)
        count += ((const VmsHome *)homes->pdata[i])->has_manifest ? 1 : 0;
    if (count == 0)
        return vms_refuse(error, VMSNAP_E_NOT_FOUND, "NoManifest",
                          "there is no snapshot.json of a snapshot in '%s'%s",
                          self->request->paths[0],
                          self->request->paths[1] ? " and the others" : "");
    if (self->request->name && count > 1)
        return vms_refuse(error, VMSNAP_E_INVALID, "SeveralFound",
                          "there are %u snapshots, which cannot all be called %s", count,
                          self->request->name);
    *ret_homes = g_steal_pointer(&homes);
    return TRUE;
}

gboolean
vms_engine_adopt(VmsEngine *engine, const VmsAdoptRequest *request, VmsProgress *progress,
                 GPtrArray *adopted, GPtrArray **ret_acts, GError **error)
{
    g_auto(Adopting)
        self = { .engine = engine, .request = request, .progress = progress, .adopted = adopted };
    g_autoptr(GPtrArray) homes = NULL;

    if (engine->read_only && !request->dry)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    vms_acts_init(&self.acts, engine->log, "adopt");
    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    if (!find(&self, &homes, error) || !homes)
        return FALSE;
    for (guint i = 0; i < homes->len && vms_progress_check(progress, NULL); i++) {
        const VmsHome *home = homes->pdata[i];

        if (home->has_manifest)
            adopt_home(&self, home);
    }
    return vms_acts_end(&self.acts, "what was found could not be adopted", ret_acts, error) &&
           vms_progress_check(progress, error);
}
