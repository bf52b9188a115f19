/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lock-fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

struct VmsLockFd {
    int fd;
    VmsLockFd *next; /* in held */
};

/* Those of this process, for the child of a fork. The one global state of the library. */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER; /* guards held */
static VmsLockFd *held;
static pthread_once_t held_once = PTHREAD_ONCE_INIT;

static void
before_fork(void)
{
    pthread_mutex_lock(&held_lock);
}

static void
after_fork_in_parent(void)
{
    pthread_mutex_unlock(&held_lock);
}

/* Closing a copy leaves the lock with the parent; unlocking would take it away. */
static void
after_fork_in_child(void)
{
    for (VmsLockFd *lock_fd = held; lock_fd; lock_fd = lock_fd->next) {
        close(lock_fd->fd);
        lock_fd->fd = -1;
    }
    held = NULL;
    pthread_mutex_unlock(&held_lock);
}

static void
watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

VmsLockFd *
vms_lock_fd_open(int (*open)(gpointer data, GError **error), gpointer data, GError **error)
{
    VmsLockFd *lock_fd = NULL;
    int fd;

    pthread_once(&held_once, watch_forks);
    pthread_mutex_lock(&held_lock);
    fd = open(data, error);
    if (fd >= 0) {
        lock_fd = g_new0(VmsLockFd, 1);
        lock_fd->fd = fd;
        lock_fd->next = held;
        held = lock_fd;
    }
    pthread_mutex_unlock(&held_lock);
    return lock_fd;
}

int
vms_lock_fd_get(const VmsLockFd *lock_fd)
{
    return lock_fd->fd;
}

static void
forget(VmsLockFd *lock_fd)
{
    pthread_mutex_lock(&held_lock);
    for (VmsLockFd **at = &held; *at; at = &(*at)->next) {
        if (*at == lock_fd) {
            *at = lock_fd->next;
            break;
        }
    }
    pthread_mutex_unlock(&held_lock);
}

int
vms_lock_fd_release(VmsLockFd *lock_fd)
{
    int fd = lock_fd->fd;

    forget(lock_fd);
    g_free(lock_fd);
    return fd;
}

void
vms_lock_fd_free(VmsLockFd *lock_fd)
{
    struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

    if (!lock_fd)
        return;
    forget(lock_fd);
    if (lock_fd->fd >= 0) {
        /* By name, not only by closing: a child made without our fork handler may have a copy. */
        fcntl(lock_fd->fd, F_OFD_SETLK, &all);
        close(lock_fd->fd);
    }
    g_free(lock_fd);
}
