/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/cidata.h"

#include "adapter/media/medium.h"
#include "adapter/media/meta-edit.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "model/mac-text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MEDIUM_MAX = 64 * 1024 * 1024,
    VALUES_MAX = 8,
    ISO_MAGIC_AT = 16 * 2048 + 1,
    FAT_MAGIC_AT = 510
};

typedef enum { FILE_KEPT, FILE_NETWORK, FILE_NO_CLOUD, FILE_CONFIG_DRIVE, FILE_EC2 } FileKind;

/* One medium being made anew. */
typedef struct {
    const VmsCidataIdentity *identity;
    const VmsMediumKind *kind;
    GBytes *medium;
    GPtrArray *files; /* on it */
    GPtrArray *fresh; /* of them those that change, as they are to be */
    VmsCidataResult *result;
} Remake;

static void
remake_clear(Remake *remake)
{
    g_clear_pointer(&remake->medium, g_bytes_unref);
    g_clear_pointer(&remake->files, g_ptr_array_unref);
    g_clear_pointer(&remake->fresh, g_ptr_array_unref);
    g_clear_pointer(&remake->result, vms_cidata_result_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Remake, remake_clear)

/* "/openstack/latest/meta_data.json": @folder, any one folder, @name. */
static gboolean
lies_in(const char *path, const char *folder, const char *name)
{
    const char *at = path + strlen(folder);
    const char *last = strrchr(path, '/');

    return g_str_has_prefix(path, folder) && last > at && !memchr(at, '/', (gsize)(last - at)) &&
           strcmp(last + 1, name) == 0;
}

/* FAT does not tell capitals from small letters. */
static FileKind
judge_file(const char *path)
{
    g_autofree char *folded = g_ascii_strdown(path, -1);

    if (strcmp(folded, "/meta-data") == 0)
        return FILE_NO_CLOUD;
    if (strcmp(folded, "/network-config") == 0 ||
        lies_in(folded, "/openstack/", "network_data.json"))
        return FILE_NETWORK;
    if (lies_in(folded, "/openstack/", "meta_data.json"))
        return FILE_CONFIG_DRIVE;
    return lies_in(folded, "/ec2/", "meta-data.json") ? FILE_EC2 : FILE_KEPT;
}

/* What a file of this kind says of the machine. */
static gsize
fill_values(FileKind kind, const VmsCidataIdentity *identity, VmsMetaValue *values)
{
    gboolean drive = kind == FILE_CONFIG_DRIVE;
    gboolean local = kind == FILE_NO_CLOUD || kind == FILE_EC2;
    const VmsMetaValue all[] = {
        { "instance-id", identity->instance_id, local, FALSE },
        { "local-hostname", identity->hostname, local, TRUE },
        { "hostname", identity->hostname, drive || kind == FILE_EC2, TRUE },
        { "public-hostname", identity->hostname, FALSE, TRUE },
        { "uuid", identity->uuid, drive, FALSE },
        { "name", identity->name, FALSE, FALSE },
    };
    /* In NoCloud's meta-data a name is whatever its author meant by it. */
    gsize count = kind == FILE_CONFIG_DRIVE ? G_N_ELEMENTS(all) : G_N_ELEMENTS(all) - 1;

    memcpy(values, all, count * sizeof(all[0]));
    return count;
}

static gboolean
edit_identity(const Remake *remake, FileKind kind, const char *path, GBytes **content,
              GError **error)
{
    VmsMetaValue values[VALUES_MAX];
    gsize count = fill_values(kind, remake->identity, values);
    gsize size = 0;
    const char *text = g_bytes_get_data(*content, &size);
    char *made = NULL;
    gsize made_size = 0;

    if (!vms_meta_edit(text ? text : "", size, values, count, &made, &made_size, error)) {
        g_prefix_error(error, "%s: ", path);
        return FALSE;
    }
    g_bytes_unref(*content);
    *content = g_bytes_new_take(made, made_size);
    return TRUE;
}

/* TRUE when there was something to exchange. */
static gboolean
swap_macs(const Remake *remake, GBytes **content)
{
    gsize size = 0;
    const char *text = g_bytes_get_data(*content, &size);
    g_autofree char *copy = g_memdup2(text, size);

    if (!copy ||
        vms_mac_text_swap(copy, size, remake->identity->old_macs, remake->identity->new_macs) == 0)
        return FALSE;
    g_bytes_unref(*content);
    *content = g_bytes_new_take(g_steal_pointer(&copy), size);
    return TRUE;
}

static gboolean
is_word_char(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '_';
}

static gboolean
has_word(const char *text, gsize size, const char *word)
{
    gsize length = strlen(word);
    const char *end = text + size;

    for (const char *at = text; length > 0 && at; at++) {
        at = memmem(at, (gsize)(end - at), word, length);
        if (!at)
            return FALSE;
        if ((at == text || !is_word_char(at[-1])) &&
            (at + length == end || !is_word_char(at[length])))
            return TRUE;
    }
    return FALSE;
}

static gboolean
names_source(const VmsCidataIdentity *identity, GBytes *content)
{
    gsize size = 0;
    const char *text = g_bytes_get_data(content, &size);
    gsize at;

    for (gsize i = 0; text && identity->old_macs && identity->old_macs[i]; i++)
        if (vms_mac_text_find(text, size, 0, identity->old_macs[i], &at))
            return TRUE;
    for (gsize i = 0; text && identity->old_words && identity->old_words[i]; i++)
        if (has_word(text, size, identity->old_words[i]))
            return TRUE;
    return FALSE;
}

static gboolean
take_file(Remake *remake, const VmsMediumFile *file, GError **error)
{
    FileKind kind = judge_file(file->path);
    g_autoptr(GBytes) content = g_bytes_ref(file->content);
    gboolean moved = kind != FILE_KEPT && swap_macs(remake, &content);
    gboolean edited = kind != FILE_KEPT && kind != FILE_NETWORK;

    if (edited && !edit_identity(remake, kind, file->path, &content, error))
        return FALSE;
    if (edited)
        g_ptr_array_add(remake->result->edited, g_strdup(file->path));
    if (moved)
        g_ptr_array_add(remake->result->moved, g_strdup(file->path));
    if (names_source(remake->identity, content))
        g_ptr_array_add(remake->result->kept, g_strdup(file->path));
    if (edited || moved)
        g_ptr_array_add(remake->fresh, vms_medium_file_new(file->path, content));
    return TRUE;
}

/* The same files, with the contents they should have. */
static gboolean
check_made(const Remake *remake, const GPtrArray *made, GError **error)
{
    guint next = 0;

    if (made->len != remake->files->len)
        return vms_medium_refuse(error, "it cannot be written with the same files");
    for (guint i = 0; i < made->len; i++) {
        const VmsMediumFile *is = made->pdata[i];
        const VmsMediumFile *should = remake->files->pdata[i];
        const VmsMediumFile *fresh = next < remake->fresh->len ? remake->fresh->pdata[next] : NULL;

        if (fresh && strcmp(fresh->path, should->path) == 0) {
            should = fresh;
            next++;
        }
        if (strcmp(is->path, should->path) != 0 || !g_bytes_equal(is->content, should->content))
            return vms_medium_refuse(error, "%s cannot be kept as it is", should->path);
    }
    return TRUE;
}

static gboolean
make_image(Remake *remake, const char *path, VmsProgress *progress, GError **error)
{
    g_autoptr(GPtrArray) made = NULL;

    if (remake->fresh->len == 0)
        return TRUE;
    return remake->kind->write(remake->medium, path, remake->fresh, progress,
                               &remake->result->image, error) &&
           remake->kind->list(remake->result->image, progress, &made, error) &&
           check_made(remake, made, error);
}

/* Any file system but these two could hide what nobody looks for. */
static gboolean
find_kind(Remake *remake, GError **error)
{
    gsize size = 0;
    const guint8 *data = g_bytes_get_data(remake->medium, &size);

    if (size > ISO_MAGIC_AT + 5 && memcmp(data + ISO_MAGIC_AT, "CD001", 5) == 0)
        remake->kind = &vms_medium_iso;
    else if (size > FAT_MAGIC_AT + 2 && data[FAT_MAGIC_AT] == 0x55 &&
             data[FAT_MAGIC_AT + 1] == 0xaa)
        remake->kind = &vms_medium_fat;
    else
        return vms_medium_refuse(error, "it is neither ISO 9660 nor FAT");
    return TRUE;
}

static gboolean
read_medium(const char *path, GBytes **ret_medium, GError **error)
{
    g_auto(VmsMemoryFile) file = VMS_MEMORY_FILE_INIT;
    struct stat st;

    file.fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file.fd < 0 || fstat(file.fd, &st) != 0)
        return vms_fail_errno(error, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return vms_medium_refuse(error, "it is no regular file");
    return vms_memory_file_read(&file, MEDIUM_MAX, ret_medium, error);
}

static gboolean
run(Remake *remake, const char *path, VmsProgress *progress, GError **error)
{
    if (!read_medium(path, &remake->medium, error) || !find_kind(remake, error) ||
        !remake->kind->list(remake->medium, progress, &remake->files, error))
        return FALSE;
    for (guint i = 0; i < remake->files->len; i++)
        if (!take_file(remake, remake->files->pdata[i], error))
            return FALSE;
    return make_image(remake, path, progress, error);
}

static VmsCidataResult *
result_new(void)
{
    VmsCidataResult *result = g_new0(VmsCidataResult, 1);

    result->edited = g_ptr_array_new_with_free_func(g_free);
    result->moved = g_ptr_array_new_with_free_func(g_free);
    result->kept = g_ptr_array_new_with_free_func(g_free);
    return result;
}

static gboolean
cidata_remake(VmsCidata *cidata, const char *path, const VmsCidataIdentity *identity,
              VmsProgress *progress, VmsCidataResult **ret_result, GError **error)
{
    g_auto(Remake) remake = { .identity = identity };

    (void)cidata;
    remake.fresh = g_ptr_array_new_with_free_func((GDestroyNotify)vms_medium_file_free);
    remake.result = result_new();
    if (!run(&remake, path, progress, error)) {
        g_prefix_error(error, "medium %s: ", path);
        return FALSE;
    }
    *ret_result = g_steal_pointer(&remake.result);
    return TRUE;
}

static void
cidata_free(VmsCidata *cidata)
{
    g_free(cidata);
}

VmsCidata *
vms_media_cidata_new(void)
{
    static const VmsCidataOps ops = { .remake = cidata_remake, .free = cidata_free };
    VmsCidata *cidata = g_new0(VmsCidata, 1);

    cidata->ops = &ops;
    return cidata;
}
