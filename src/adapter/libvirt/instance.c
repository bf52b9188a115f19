/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/instance.h"

#include "base/fd.h"
#include "model/vm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A QEMU with hundreds of devices has a long command line; the UUID stands near its start. */
#define ARGUMENTS_LIMIT ((gsize)128 * 1024)

struct VmsInstances {
    char *pid_dir;
    uid_t qemu_uid;
    pthread_mutex_t lock; /* guards known */
    GHashTable *known;    /* uuid -> VmsInstance */
};

VmsInstances *
vms_instances_new(gboolean session, uid_t qemu_uid)
{
    VmsInstances *instances = g_new0(VmsInstances, 1);

    /* Where a service or a login puts it; libvirt's own choice follows the environment, which
     * this library does not read. If the guess is wrong the processes are searched. */
    instances->pid_dir = session ? g_strdup_printf("/run/user/%u/libvirt/qemu/run", getuid())
                                 : g_strdup("/run/libvirt/qemu");
    instances->qemu_uid = qemu_uid;
    instances->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    pthread_mutex_init(&instances->lock, NULL);
    return instances;
}

void
vms_instances_free(VmsInstances *instances)
{
    if (!instances)
        return;
    pthread_mutex_destroy(&instances->lock);
    g_hash_table_unref(instances->known);
    g_free(instances->pid_dir);
    g_free(instances);
}

gboolean
vms_instances_is_qemu(const char *arguments, gsize size, const char *uuid)
{
    const char *const end = arguments + size;
    gboolean is_next = FALSE;

    for (const char *at = arguments; at < end; at += strnlen(at, (gsize)(end - at)) + 1) {
        gsize length = strnlen(at, (gsize)(end - at));

        if (is_next)
            return length == strlen(uuid) && g_ascii_strncasecmp(at, uuid, length) == 0;
        is_next = length == 5 && memcmp(at, "-uuid", 5) == 0;
    }
    return FALSE;
}

/* Up to @limit bytes of a file below @dir; -1 if it cannot be read. */
static gssize
read_some(int dir, const char *name, char *buffer, gsize limit)
{
    g_auto(VmsFd) fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    gsize size = 0;

    if (fd < 0)
        return -1;
    while (size < limit) {
        gssize got = read(fd, buffer + size, limit - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (gsize)got;
    }
    return (gssize)size;
}

/* Any local user may give a process of his QEMU's arguments. */
static gboolean
may_be_qemu(int proc, const char *pid, uid_t qemu_uid)
{
    struct stat info;

    if (fstatat(proc, pid, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return FALSE;
    return info.st_uid == qemu_uid || info.st_uid == 0 || info.st_uid == geteuid();
}

static gboolean
identify(int proc, const char *pid, const char *uuid, VmsProcessId *ret_process)
{
    g_autofree char *path = g_strconcat(pid, "/cmdline", NULL);
    g_autofree char *arguments = g_malloc(ARGUMENTS_LIMIT);
    gssize size = read_some(proc, path, arguments, ARGUMENTS_LIMIT);
    guint64 number = 0;

    if (size <= 0 || !vms_instances_is_qemu(arguments, (gsize)size, uuid))
        return FALSE;
    if (!g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT, &number, NULL))
        return FALSE;
    return vms_process_identify((pid_t)number, ret_process);
}

static gboolean
find_by_pid_file(const VmsInstances *instances, int proc, const char *uuid, const char *name,
                 VmsProcessId *ret_process)
{
    g_auto(VmsFd) dir = open(instances->pid_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autofree char *file = g_strconcat(name, ".pid", NULL);
    char text[32] = "";

    if (dir < 0 || strchr(name, '/') || read_some(dir, file, text, sizeof(text) - 1) <= 0)
        return FALSE;
    return identify(proc, g_strstrip(text), uuid, ret_process);
}

static gboolean
find_by_search(const VmsInstances *instances, int proc, const char *uuid, VmsProcessId *ret_process)
{
    DIR *dir = opendir("/proc");
    gboolean found = FALSE;
    struct dirent *entry;

    if (!dir)
        return FALSE;
    while (!found && (entry = readdir(dir)))
        found = g_ascii_isdigit(entry->d_name[0]) &&
                may_be_qemu(proc, entry->d_name, instances->qemu_uid) &&
                identify(proc, entry->d_name, uuid, ret_process);
    closedir(dir);
    return found;
}

/* A process that lives is still the one; that there was none to be found holds for one domain id,
 * so that a search in vain is not repeated at each reading. */
static gboolean
recall(VmsInstances *instances, const char *uuid, VmsInstance *instance)
{
    const VmsInstance *known;
    VmsInstance copy = { .domain_id = -1 };

    pthread_mutex_lock(&instances->lock);
    known = g_hash_table_lookup(instances->known, uuid);
    if (known)
        copy = *known;
    pthread_mutex_unlock(&instances->lock);
    if (copy.domain_id != instance->domain_id)
        return FALSE;
    if (copy.process.pid != 0 && !vms_process_alive(&copy.process))
        return FALSE;
    *instance = copy;
    return TRUE;
}

static void
remember(VmsInstances *instances, const char *uuid, const VmsInstance *instance)
{
    pthread_mutex_lock(&instances->lock);
    g_hash_table_replace(instances->known, g_strdup(uuid), g_memdup2(instance, sizeof(*instance)));
    pthread_mutex_unlock(&instances->lock);
}

VmsProcessId
vms_instances_find(VmsInstances *instances, const char *uuid, const char *name, int domain_id)
{
    VmsInstance instance = { .domain_id = domain_id };
    g_auto(VmsFd) proc = VMS_FD_NONE;

    if (recall(instances, uuid, &instance))
        return instance.process;
    proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc >= 0 && !find_by_pid_file(instances, proc, uuid, name, &instance.process))
        find_by_search(instances, proc, uuid, &instance.process);
    remember(instances, uuid, &instance);
    return instance.process;
}
