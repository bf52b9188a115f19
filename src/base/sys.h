/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/fd.h"

#include <glib.h>
#include <sys/types.h>

/* Every side effect on files goes through here, each with a named crash point, so that a test
 * can end the process, or stop it, at the n-th of them. Paths are absolute; names are single
 * components below a directory descriptor. Nothing here follows a symbolic link in the last
 * component, and directories are opened without following any below the given root. */

/* A place where a test may end or fail the process: environment is never read in the library;
 * builds with -Dcrash_points=true have vms_crash_arm(). Otherwise it compiles to nothing. */
#ifdef VMS_CRASH_POINTS
void vms_crash_point(const char *name);
/* Kill (or, with @action 1, freeze by SIGSTOP) this process when the @count-th point from now is
 * passed; 0: only count. */
void vms_crash_arm(guint64 count, int action);
guint64 vms_crash_passed(void);
/* Tell @hook of each point, in the thread that passes it; its count is that of
 * vms_crash_passed(). It may wait, and may end the process. NULL: nobody is told. */
typedef void (*VmsCrashHook)(guint64 count, const char *name);
void vms_crash_hook(VmsCrashHook hook);
#else
#define vms_crash_point(name) ((void)0)
#endif

/* At most 256 bytes from the kernel, which no fork repeats. */
gboolean vms_sys_random(void *data, gsize size);
/* @path with all symbolic links resolved, but for those in a folder of our own (".vmsnap") and
 * below: what is opened without following links is refused there then. Need not exist from that
 * folder on. Owned; NULL with errno set. */
char *vms_sys_settle(const char *path);
/* Open a directory: O_PATH is not used, it can be fsynced. */
int vms_sys_open_dir(const char *path, GError **error);
/* open() of an absolute path no component of which may be a symbolic link; CLOEXEC is added; -1
 * with errno set. */
int vms_sys_open_no_links(const char *path, int flags);
/* Make every missing directory of @path with @mode exactly, whatever the umask; fsync parents. */
gboolean vms_sys_make_dirs(const char *path, mode_t mode, GError **error);
/* Make one directory below @dir; TRUE if it is there already and is a directory. */
gboolean vms_sys_make_dir(int dir, const char *name, mode_t mode, GError **error);
/* Create with O_EXCL, exactly @mode, opened read-write; -1 on failure (EXISTS if it is there). */
int vms_sys_create_file(int dir, const char *name, mode_t mode, GError **error);
gboolean vms_sys_write(int fd, const void *data, gsize size, GError **error);
/* fsync; @what names it in errors. Never retried: on failure throw the file away. Folders of file
 * systems that cannot sync them count as synced. */
gboolean vms_sys_sync(int fd, const char *what, GError **error);
gboolean vms_sys_clone(int target, int source, const char *what, GError **error);  /* FICLONE */
gboolean vms_sys_reserve(int fd, guint64 bytes, const char *what, GError **error); /* KEEP_SIZE */
gboolean vms_sys_resize(int fd, guint64 bytes, const char *what, GError **error);
gboolean vms_sys_chown(int fd, uid_t uid, gid_t gid, const char *what, GError **error);
gboolean vms_sys_chmod(int fd, mode_t mode, const char *what, GError **error);
/* RENAME_NOREPLACE, within one file system. */
gboolean vms_sys_move(int from_dir, const char *from, int to_dir, const char *to, GError **error);
/* RENAME_EXCHANGE; both below their directories. UNSUPPORTED where the file system cannot. */
gboolean vms_sys_exchange(int dir_a, const char *a, int dir_b, const char *b, GError **error);
/* Missing is success. */
gboolean vms_sys_unlink(int dir, const char *name, GError **error);
/* Missing is success; IN_USE with reason "NotEmpty" when something is in it. */
gboolean vms_sys_remove_dir(int dir, const char *name, GError **error);
/* Whole small file, durable: temporary name, fsync, rename over, fsync of the directory. The
 * temporary name starts with a dot and ends with ".tmp": readers of a folder skip such names. */
gboolean vms_sys_replace_file(int dir, const char *name, const void *data, gsize size, mode_t mode,
                              GError **error);
/* Whole small file, at most @limit bytes, with a NUL after them; @ret_size may be NULL. */
gboolean vms_sys_read_file(int dir, const char *name, gsize limit, char **ret_data, gsize *ret_size,
                           GError **error);
