/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/digests.h"

#include <criterion/criterion.h>

#define OLD_US ((gint64)3600 * G_USEC_PER_SEC)

/* A volume with one file, which counts how often it is read. */
typedef struct {
    VmsVolume base;
    VmsFileId file;
    guint reads;
    gboolean grows; /* while it is read */
    gboolean missing;
} OneFile;

static gboolean
identify(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    (void)path;
    (void)error;
    *ret_id = ((OneFile *)volume)->file;
    return TRUE;
}

static gboolean
digest(VmsVolume *volume, const char *path, VmsProgress *progress, char **ret_sha256,
       GError **error)
{
    OneFile *self = (OneFile *)volume;

    (void)progress;
    if (self->missing)
        return vms_fail(error, VMSNAP_E_LOST, "%s is missing", path);
    self->reads++;
    self->file.size += self->grows ? 1 : 0;
    *ret_sha256 = g_strdup_printf("digest%u", self->reads);
    return TRUE;
}

static OneFile
make_file(gint64 age_us)
{
    static const VmsVolumeOps ops = { .identify = identify, .digest = digest };
    gint64 changed_us = vms_clock_realtime_us() - age_us;

    return (OneFile){
        .base = { .ops = &ops },
        .file = { .dev = 1, .ino = 2, .size = 3, .mtime_us = changed_us, .ctime_us = changed_us },
    };
}

static void
expect(VmsDigests *digests, OneFile *file, const char *wanted)
{
    VmsFileId now = file->file;
    g_autofree char *sha256 = vms_digests_read(digests, &file->base, "/a", &now);

    cr_assert_str_eq(sha256, wanted);
}

Test(digests, file_is_read_once)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(OLD_US);

    expect(digests, &file, "digest1");
    expect(digests, &file, "digest1");
    cr_assert_eq(file.reads, 1u);
}

Test(digests, changed_file_is_read_again)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(OLD_US);

    expect(digests, &file, "digest1");
    file.file.ctime_us++;
    expect(digests, &file, "digest2");
    file.file.ino++;
    expect(digests, &file, "digest3");
    file.file.size++;
    expect(digests, &file, "digest4");
    file.file.mtime_us++;
    expect(digests, &file, "digest5");
}

Test(digests, young_file_is_not_remembered)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(0);

    expect(digests, &file, "digest1");
    expect(digests, &file, "digest2");
}

Test(digests, file_that_changed_while_it_was_read_is_not_remembered)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(OLD_US);

    file.grows = TRUE;
    expect(digests, &file, "digest1");
    file.file.size = 3;
    expect(digests, &file, "digest2");
}

Test(digests, same_file_at_another_path_is_another)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(OLD_US);
    g_autofree char *other = NULL;

    expect(digests, &file, "digest1");
    other = vms_digests_read(digests, &file.base, "/b", &file.file);
    cr_assert_str_eq(other, "digest2");
}

Test(digests, unreadable_file_has_none)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(OLD_US);

    file.missing = TRUE;
    cr_assert_null(vms_digests_read(digests, &file.base, "/a", &file.file));
}

Test(digests, works_without_a_memory)
{
    OneFile file = make_file(OLD_US);

    expect(NULL, &file, "digest1");
    expect(NULL, &file, "digest2");
}

Test(digests, many_files_do_not_pile_up)
{
    g_autoptr(VmsDigests) digests = vms_digests_new();
    OneFile file = make_file(OLD_US);
    guint64 first = file.file.ino;

    for (guint i = 0; i < 300; i++) {
        g_free(vms_digests_read(digests, &file.base, "/a", &file.file));
        file.file.ino++;
    }
    file.file.ino = first;
    expect(digests, &file, "digest301");
}
