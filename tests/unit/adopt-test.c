/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Snapshots whose records are gone, made anew from what lies beside their images. */

typedef struct {
    EngineBench *bench;
    char *vm;     /* UUID of a snapshot of the VM */
    char *disk;   /* and of one of a disk */
    char *place;  /* the folder .vmsnap that both are in */
    char *folder; /* of the VM's in there */
    VmsAdoptRequest request;
    GPtrArray *acts;
    GPtrArray *adopted;
    GError *error;
} Scene;

static void
expect_ok(EngineBench *bench, gboolean ok, const char *what)
{
    cr_assert(ok, "%s: %s", what, bench->error ? bench->error->message : "no error");
}

static void
forget_kind(EngineBench *bench, const char *kind)
{
    VmsCatalog *catalog = bench->engine.drivers->catalog;
    g_autoptr(GPtrArray) records = NULL;

    cr_assert(vms_catalog_list(catalog, kind, &records, NULL));
    for (guint i = 0; i < records->len; i++) {
        const VmsRecord *record = records->pdata[i];
        const VmsChange change = { .kind = kind, .id = record->id, .expected = record->version };

        cr_assert(vms_catalog_apply(catalog, &change, 1, NULL));
    }
}

static void
lose_catalog(EngineBench *bench)
{
    forget_kind(bench, "snapshot");
    forget_kind(bench, "disk-snapshot");
    forget_kind(bench, "operation");
}

static void
scene_clear(Scene *self)
{
    engine_bench_free(self->bench);
    g_free(self->vm);
    g_free(self->disk);
    g_free(self->place);
    g_free(self->folder);
    g_strfreev(self->request.paths);
    g_free(self->request.name);
    g_clear_pointer(&self->acts, g_ptr_array_unref);
    g_clear_pointer(&self->adopted, g_ptr_array_unref);
    g_clear_error(&self->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

static void
set_path(Scene *self, const char *path)
{
    g_strfreev(self->request.paths);
    self->request.paths = g_new0(char *, 2);
    self->request.paths[0] = g_strdup(path);
}

/* Two snapshots of time '1', and no catalog; the machine went on. */
static void
make(Scene *self)
{
    g_autofree char *disks = NULL;

    self->bench = engine_bench_new();
    expect_ok(self->bench, engine_bench_snapshot(self->bench, &self->vm), "snapshot");
    expect_ok(self->bench, engine_bench_disk_snapshot(self->bench, "vda", &self->disk), "disk");
    lose_catalog(self->bench);
    engine_bench_write(self->bench, '2');
    disks = g_path_get_dirname(self->bench->world->disks[0]);
    self->place = g_build_filename(disks, ".vmsnap", NULL);
    self->folder = g_build_filename(self->place, self->vm, NULL);
    set_path(self, self->place);
}

static gboolean
adopt(Scene *self)
{
    g_clear_pointer(&self->acts, g_ptr_array_unref);
    g_clear_pointer(&self->adopted, g_ptr_array_unref);
    g_clear_error(&self->error);
    self->adopted = g_ptr_array_new_with_free_func(g_free);
    return vms_engine_adopt(&self->bench->engine, &self->request, &self->bench->progress,
                            self->adopted, &self->acts, &self->error);
}

static guint
count(const Scene *self, const char *act)
{
    guint found = 0;

    for (guint i = 0; self->acts && i < self->acts->len; i++)
        found += strcmp(((const VmsRecoveryAct *)self->acts->pdata[i])->act, act) == 0;
    return found;
}

static void
expect(Scene *self, const char *act, guint wanted)
{
    cr_assert_eq(count(self, act), wanted, "%u %s: %s", count(self, act), act,
                 self->error ? self->error->message : "no error");
}

static guint
count_records(const Scene *self)
{
    static const char *const kinds[] = { "snapshot", "disk-snapshot", "operation" };
    guint sum = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GPtrArray) records = NULL;

        cr_assert(vms_catalog_list(self->bench->engine.drivers->catalog, kinds[i], &records, NULL));
        sum += records->len;
    }
    return sum;
}

/* It fails for this reason, and the catalog is as empty as before. */
static void
expect_refused(Scene *self, int code, const char *reason)
{
    guint before = count_records(self);

    cr_assert_not(adopt(self), "adopted, instead of %s", reason);
    cr_assert_eq(vms_error_get_code(self->error), code, "%s: %s", reason, self->error->message);
    cr_assert_str_eq(vms_error_get_reason(self->error), reason, "%s", self->error->message);
    cr_assert_eq(count_records(self), before, "%s", reason);
}

static char *
read_manifest(const Scene *self)
{
    g_autofree char *path = g_build_filename(self->folder, "snapshot.json", NULL);
    char *text = NULL;

    cr_assert(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void
write_manifest(const Scene *self, const char *text)
{
    g_autofree char *path = g_build_filename(self->folder, "snapshot.json", NULL);

    cr_assert(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
}

static void
edit_manifest(const Scene *self, const char *was, const char *is)
{
    g_autofree char *text = read_manifest(self);
    g_auto(GStrv) parts = g_strsplit(text, was, 2);
    g_autofree char *edited = NULL;

    cr_assert_eq(g_strv_length(parts), 2, "no '%s' in %s", was, text);
    edited = g_strjoin(is, parts[0], parts[1], NULL);
    write_manifest(self, edited);
}

static char *
image_of(const Scene *self)
{
    return g_build_filename(self->folder, "vda.raw", NULL);
}

static gboolean
verify(Scene *self, const char *uuid)
{
    return vms_engine_verify(&self->bench->engine, uuid, &self->bench->progress, NULL);
}

Test(adopt, what_is_adopted_can_be_verified_restored_and_deleted)
{
    g_auto(Scene) self = { 0 };

    make(&self);
    cr_assert(adopt(&self), "%s", self.error->message);
    expect(&self, "adopted", 2);
    cr_assert_eq(self.adopted->len, 2);
    cr_assert_eq(count_records(&self), 4, "two snapshots, two operations");
    cr_assert_eq(engine_bench_open_operations(self.bench), 0);
    cr_assert(verify(&self, self.vm));
    cr_assert(verify(&self, self.disk));
    expect_ok(self.bench, engine_bench_restore(self.bench, self.vm, NULL), "restore");
    cr_assert_eq(engine_bench_time(self.bench), '1');
    cr_assert_eq(engine_bench_collect(self.bench, FALSE, "removed"), 0, "nothing of it was left");
    expect_ok(self.bench, engine_bench_delete(self.bench, self.disk), "delete");
    expect_ok(self.bench, engine_bench_delete(self.bench, self.vm), "delete");
    cr_assert_not(g_file_test(self.folder, G_FILE_TEST_EXISTS));
}

Test(adopt, what_each_image_was_told_by_is_recorded)
{
    g_auto(Scene) self = { 0 };
    g_autoptr(VmsSnapshot) snapshot = NULL;
    guint told = 0;

    make(&self);
    cr_assert(adopt(&self));
    cr_assert(vms_store_load_snapshot(self.bench->engine.drivers->catalog, self.vm, &snapshot, NULL,
                                      NULL));
    for (guint i = 0; i < snapshot->resources->len; i++) {
        const VmsFinding *resource = snapshot->resources->pdata[i];

        told += g_strcmp0(resource->reason, "Adopted") == 0 && strstr(resource->message, "size");
    }
    cr_assert_eq(told, 2, "both images");
    cr_assert_str_eq(
        ((const VmsCondition *)snapshot->conditions->pdata[snapshot->conditions->len - 1])->type,
        "Adopted");
}

Test(adopt, what_the_catalog_knows_is_left_alone)
{
    g_auto(Scene) self = { 0 };
    guint records;

    make(&self);
    cr_assert(adopt(&self));
    records = count_records(&self);
    cr_assert(adopt(&self), "%s", self.error->message);
    expect(&self, "known", 2);
    cr_assert_eq(self.adopted->len, 0);
    cr_assert_eq(count_records(&self), records);
}

Test(adopt, a_dry_run_only_tells)
{
    g_auto(Scene) self = { 0 };

    make(&self);
    self.request.dry = TRUE;
    self.bench->engine.read_only = TRUE;
    cr_assert(adopt(&self), "%s", self.error->message);
    expect(&self, "would-adopt", 2);
    cr_assert_eq(count_records(&self), 0);
}

Test(adopt, a_taken_name_keeps_one_out_and_no_other)
{
    g_auto(Scene) self = { 0 };

    make(&self);
    expect_ok(self.bench, engine_bench_snapshot(self.bench, NULL), "another of that name");
    cr_assert_not(adopt(&self));
    cr_assert_eq(vms_error_get_code(self.error), VMSNAP_E_EXISTS);
    expect(&self, "failed", 1);
    expect(&self, "adopted", 1);
    expect(&self, "known", 1);
    set_path(&self, self.folder);
    self.request.name = g_strdup("found");
    cr_assert(adopt(&self), "%s", self.error->message);
    expect(&self, "adopted", 1);
    cr_assert(verify(&self, self.vm));
}

Test(adopt, one_name_is_for_one_snapshot)
{
    g_auto(Scene) self = { 0 };

    make(&self);
    self.request.name = g_strdup("found");
    expect_refused(&self, VMSNAP_E_INVALID, "SeveralFound");
}

Test(adopt, a_store_that_was_moved_is_recorded_where_it_is)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *other = NULL;
    g_autofree char *place = NULL;

    make(&self);
    other = g_build_filename(self.bench->folder, "other", NULL);
    place = g_build_filename(other, ".vmsnap", NULL);
    cr_assert_eq(g_mkdir(other, 0755), 0);
    cr_assert_eq(g_rename(self.place, place), 0);
    set_path(&self, other);
    cr_assert(adopt(&self), "%s", self.error->message);
    expect(&self, "adopted", 2);
    cr_assert(verify(&self, self.vm));
    expect_ok(self.bench, engine_bench_restore(self.bench, self.vm, NULL), "restore");
    cr_assert_eq(engine_bench_time(self.bench), '1');
    expect_ok(self.bench, engine_bench_delete(self.bench, self.vm), "delete");
    expect_ok(self.bench, engine_bench_delete(self.bench, self.disk), "delete");
    cr_assert_not(g_file_test(place, G_FILE_TEST_EXISTS));
}

Test(adopt, a_folder_of_another_kind_is_refused)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *moved = NULL;

    make(&self);
    moved = g_build_filename(self.bench->folder, "daily", NULL);
    cr_assert_eq(g_rename(self.folder, moved), 0);
    set_path(&self, moved);
    expect_refused(&self, VMSNAP_E_INVALID, "WrongPlace");
    set_path(&self, self.bench->folder);
    expect_refused(&self, VMSNAP_E_NOT_FOUND, "NoManifest");
    set_path(&self, "/nowhere/at/all");
    cr_assert_not(adopt(&self));
    cr_assert_eq(vms_error_get_code(self.error), VMSNAP_E_NOT_FOUND);
}

static void
touch(const char *path, gint64 seconds)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds } };

    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

Test(adopt, an_image_of_another_time_is_taken_only_when_asked_to)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *image = NULL;

    make(&self);
    image = image_of(&self);
    touch(image, 1000);
    set_path(&self, self.folder);
    expect_refused(&self, VMSNAP_E_LOST, "TimeDiffers");
    self.request.accept_times = TRUE;
    cr_assert(adopt(&self), "%s", self.error->message);
    cr_assert(verify(&self, self.vm), "its time is that of now");
}

static void
overwrite(const char *path)
{
    int fd;

    cr_assert_eq(g_chmod(path, 0600), 0);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && pwrite(fd, "x", 1, 9) == 1);
    close(fd);
}

Test(adopt, a_recorded_digest_decides)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *image = NULL;
    g_autofree char *sha256 = NULL;
    g_autofree char *with = NULL;

    make(&self);
    image = image_of(&self);
    cr_assert(vms_volume_digest(self.bench->engine.drivers->volume, image, NULL, &sha256, NULL));
    with = g_strdup_printf("{\"sha256\":\"%s\",\"target\":\"vda\"", sha256);
    edit_manifest(&self, "{\"target\":\"vda\"", with);
    touch(image, 1000);
    set_path(&self, self.folder);
    self.request.dry = TRUE;
    cr_assert(adopt(&self), "%s", self.error->message);
    overwrite(image);
    self.request.accept_times = TRUE;
    expect_refused(&self, VMSNAP_E_LOST, "Lost");
}

/* Beside the images as well: there it is needed when the catalog is lost. */
Test(adopt, a_digest_that_verify_made_is_beside_the_images)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *image = NULL;

    make(&self);
    cr_assert(adopt(&self));
    cr_assert(verify(&self, self.vm));
    lose_catalog(self.bench);
    image = image_of(&self);
    touch(image, 1000);
    cr_assert(adopt(&self), "%s", self.error->message);
    expect(&self, "adopted", 2);
    expect_ok(self.bench, engine_bench_delete(self.bench, self.vm), "delete");
    expect_ok(self.bench, engine_bench_delete(self.bench, self.disk), "delete");
    cr_assert_eq(engine_bench_extra_files(self.bench), 0);
}

/* Wherever its writer died. */
Test(adopt, a_manifest_made_anew_halfway_goes_with_its_snapshot)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *next = NULL;

    make(&self);
    next = g_build_filename(self.folder, "snapshot.json.next", NULL);
    cr_assert(g_file_set_contents(next, "{", 1, NULL));
    cr_assert(adopt(&self));
    expect_ok(self.bench, engine_bench_delete(self.bench, self.vm), "delete");
    cr_assert_not(g_file_test(self.folder, G_FILE_TEST_EXISTS));
}

/* Size and time are as they were. */
Test(adopt, another_content_is_seen_before_a_restore_where_there_is_a_digest)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *image = NULL;
    struct timespec times[2];
    struct stat st;

    make(&self);
    cr_assert(adopt(&self));
    cr_assert(verify(&self, self.vm));
    image = image_of(&self);
    cr_assert_eq(stat(image, &st), 0);
    overwrite(image);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    cr_assert_eq(utimensat(AT_FDCWD, image, times, 0), 0);
    cr_assert_not(engine_bench_restore(self.bench, self.vm, NULL));
    cr_assert_str_eq(vms_error_get_reason(self.bench->error), "Lost", "%s",
                     self.bench->error->message);
    cr_assert_eq(engine_bench_time(self.bench), '2');
}

Test(adopt, a_file_that_is_missing_or_another_is_named)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *image = NULL;
    g_autofree char *aside = NULL;
    g_autofree char *nvram = NULL;

    make(&self);
    set_path(&self, self.folder);
    image = image_of(&self);
    aside = g_strconcat(image, ".aside", NULL);
    cr_assert_eq(g_rename(image, aside), 0);
    expect_refused(&self, VMSNAP_E_LOST, "ImageMissing");
    cr_assert_not_null(strstr(self.error->message, image));
    cr_assert_eq(symlink(aside, image), 0);
    cr_assert_not(adopt(&self), "a link");
    cr_assert_eq(g_unlink(image), 0);
    cr_assert_eq(g_rename(aside, image), 0);
    cr_assert_eq(truncate(image, 4096), 0);
    cr_assert_not(adopt(&self));
    cr_assert_eq(vms_error_get_code(self.error), VMSNAP_E_LOST);
    cr_assert_eq(truncate(image, 65536), 0);
    self.request.accept_times = TRUE;
    nvram = g_build_filename(self.folder, "nvram-0.part", NULL);
    overwrite(nvram);
    expect_refused(&self, VMSNAP_E_LOST, "Lost");
    cr_assert_eq(count_records(&self), 0);
}

Test(adopt, a_damaged_manifest_harms_nothing)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *whole = NULL;
    static const struct {
        const char *was, *is;
    } edits[] = {
        { "{\"target\":\"vda\"", "{\"target\":\"../vda\"" },
        { "\"phase\":\"Ready\"", "\"phase\":\"InProgress\"" },
        { "\"image\":{", "\"imagx\":{" },
        { "\"origin\":{", "\"origix\":{" },
        { "\"vm_name\"", "\"vm_namx\"" },
        { "\"vda.raw\"", "\"vda.raw" },
        { "/vda.raw\"", "/../vda.raw\"" },
        { "/vda.raw\"", "/x/vda.raw\"" },
        { "/vda.raw\"", "/vdb.raw\"" },
        { "\"folders\":[", "\"folders\":[\"/etc\"," },
        { "\"schema\":1", "\"schema\":\"x\"" },
        { "\"kind\":\"snapshot\"", "\"kind\":\"operation\"" },
    };

    make(&self);
    set_path(&self, self.folder);
    whole = read_manifest(&self);
    for (gsize i = 0; i < G_N_ELEMENTS(edits); i++) {
        if (!strstr(whole, edits[i].was))
            continue;
        edit_manifest(&self, edits[i].was, edits[i].is);
        expect_refused(&self, VMSNAP_E_IO, "DamagedRecord");
        write_manifest(&self, whole);
    }
    for (gsize i = strlen(whole); i > 0; i = i * 2 / 3) {
        g_autofree char *cut = g_strndup(whole, i - 1);

        write_manifest(&self, cut);
        expect_refused(&self, VMSNAP_E_IO, "DamagedRecord");
    }
    write_manifest(&self, whole);
    edit_manifest(&self, "\"schema\":1", "\"schema\":999");
    expect_refused(&self, VMSNAP_E_UNSUPPORTED, "NewerSchema");
    write_manifest(&self, whole);
    edit_manifest(&self, self.vm, self.disk);
    expect_refused(&self, VMSNAP_E_IO, "DamagedRecord");
    write_manifest(&self, whole);
    cr_assert(adopt(&self), "%s", self.error->message);
}

Test(adopt, a_manifest_that_others_could_have_written_is_refused)
{
    g_auto(Scene) self = { 0 };
    g_autofree char *path = NULL;
    g_autofree char *aside = NULL;

    make(&self);
    set_path(&self, self.folder);
    path = g_build_filename(self.folder, "snapshot.json", NULL);
    aside = g_build_filename(self.bench->folder, "aside", NULL);
    cr_assert_eq(g_chmod(path, 0622), 0);
    expect_refused(&self, VMSNAP_E_PERMISSION, "UnsafeFile");
    cr_assert_eq(g_chmod(path, 0600), 0);
    if (geteuid() == 0) {
        cr_assert_eq(chown(path, 12345, 12345), 0);
        expect_refused(&self, VMSNAP_E_PERMISSION, "UnsafeFile");
        cr_assert_eq(chown(path, 0, 0), 0);
    }
    cr_assert_eq(g_rename(path, aside), 0);
    cr_assert_eq(symlink(aside, path), 0);
    expect_refused(&self, VMSNAP_E_UNSUPPORTED, "ImageUnsupported");
}

/* The record and the operation that tells of it come together or not at all. */
Test(adopt, a_catalog_that_fails_at_any_call_has_all_or_nothing)
{
    static const FakeFailure failures[] = { FAKE_REFUSE, FAKE_LOSE };
    gboolean hit = TRUE;

    for (int number = 1; hit; number++) {
        for (gsize i = 0; i < G_N_ELEMENTS(failures); i++) {
            g_auto(Scene) self = { 0 };
            guint records;

            make(&self);
            set_path(&self, self.folder);
            engine_bench_arm(self.bench, number, failures[i]);
            (void)adopt(&self);
            hit = engine_bench_was_hit(self.bench);
            engine_bench_arm(self.bench, 0, FAKE_REFUSE);
            records = count_records(&self);
            cr_assert(records == 0 || records == 2, "call %d: %u records", number, records);
            cr_assert(adopt(&self), "call %d: %s", number, self.error->message);
            expect(&self, records ? "known" : "adopted", 1);
            cr_assert_eq(count_records(&self), 2);
        }
    }
}
