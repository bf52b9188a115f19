/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/connection.h"

#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/uri.h"
#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <unistd.h>

/* A connection idle for longer is asked something cheap before it is trusted, so that a daemon
 * that was restarted between two operations does not fail the first call of the second. */
#define TRUST_US G_USEC_PER_SEC

struct VmsConnection {
    char *uri; /* what to open; NULL: libvirt's default */
    gboolean read_only;
    const VmsLog *log;
    pid_t owner;
    pthread_mutex_t lock; /* guards what follows */
    virConnectPtr conn;   /* NULL: closed or lost */
    guint users;          /* calls in flight */
    virDomainPtr known;   /* of conn: the one recalled last; NULL: none */
    gint64 used;          /* monotonic: when the last call ended */
};

/* Errors are read where they happen; nothing is printed. */
static void
ignore_error(void *data, virErrorPtr failure)
{
    (void)data;
    (void)failure;
}

static virConnectPtr
open_conn(const VmsConnection *connection, GError **error)
{
    unsigned int flags = connection->read_only ? VIR_CONNECT_RO : 0;
    virConnectPtr conn = virConnectOpenAuth(connection->uri, NULL, flags);

    if (!conn) {
        vms_libvirt_fail_open(error, connection->uri);
        return NULL;
    }
    virConnSetErrorFunc(conn, NULL, ignore_error);
    return conn;
}

VmsConnection *
vms_connection_new(const char *uri, gboolean read_only, const VmsLog *log, GError **error)
{
    g_autoptr(VmsConnection) connection = g_new0(VmsConnection, 1);
    g_auto(VmsSigpipe) sigpipe = VMS_SIGPIPE_NONE;

    connection->uri = vms_uri_without_prompt(uri);
    connection->read_only = read_only;
    connection->log = log;
    connection->owner = getpid();
    pthread_mutex_init(&connection->lock, NULL);
    vms_sigpipe_block(&sigpipe);
    if (virInitialize() < 0) {
        vms_libvirt_fail_open(error, uri);
        return NULL;
    }
    connection->conn = open_conn(connection, error);
    if (!connection->conn)
        return NULL;
    connection->used = vms_clock_monotonic_us();
    return g_steal_pointer(&connection);
}

void
vms_connection_free(VmsConnection *connection)
{
    g_auto(VmsSigpipe) sigpipe = VMS_SIGPIPE_NONE;

    if (!connection)
        return;
    if (connection->owner != getpid()) /* the socket is the parent's */
        return;
    vms_sigpipe_block(&sigpipe);
    if (connection->known)
        virDomainFree(connection->known);
    if (connection->conn)
        virConnectClose(connection->conn);
    pthread_mutex_destroy(&connection->lock);
    g_free(connection->uri);
    g_free(connection);
}

/* With the lock held. */
static gboolean
has_died(VmsConnection *connection)
{
    unsigned long version = 0;

    if (virConnectIsAlive(connection->conn) != 1)
        return TRUE;
    if (connection->users > 0 || vms_clock_monotonic_us() - connection->used < TRUST_US)
        return FALSE;
    if (virConnectGetLibVersion(connection->conn, &version) == 0)
        return FALSE;
    return virConnectIsAlive(connection->conn) != 1;
}

/* With the lock held. What the connection holds must not outlive it. */
static virConnectPtr
steal_conn(VmsConnection *connection)
{
    if (connection->known)
        virDomainFree(g_steal_pointer(&connection->known));
    return g_steal_pointer(&connection->conn);
}

/* With the lock held. @ret_lost gets a dead connection, to be given up without the lock: the log
 * handler is the host's. */
static gboolean
take_conn(VmsCall *call, VmsConnection *connection, virConnectPtr *ret_lost, GError **error)
{
    if (connection->conn && has_died(connection))
        *ret_lost = steal_conn(connection);
    if (!connection->conn)
        connection->conn = open_conn(connection, error);
    if (!connection->conn)
        return FALSE;
    virConnectRef(connection->conn);
    call->conn = connection->conn;
    call->connection = connection;
    connection->users++;
    return TRUE;
}

static void
give_up(const VmsConnection *connection, virConnectPtr lost)
{
    if (!lost)
        return;
    vms_log(connection->log, VMSNAP_LOG_WARNING, "lost the connection to libvirt");
    virConnectClose(lost);
}

gboolean
vms_call_begin(VmsCall *call, VmsConnection *connection, GError **error)
{
    virConnectPtr lost = NULL;
    gboolean done;

    if (connection->owner != getpid())
        return vms_fail(error, VMSNAP_E_FORKED, "the connection belongs to the parent process");
    vms_sigpipe_block(&call->sigpipe);
    pthread_mutex_lock(&connection->lock);
    done = take_conn(call, connection, &lost, error);
    pthread_mutex_unlock(&connection->lock);
    give_up(connection, lost);
    if (!done)
        vms_sigpipe_clear(&call->sigpipe);
    return done;
}

void
vms_call_clear(VmsCall *call)
{
    VmsConnection *connection = g_steal_pointer(&call->connection);
    virConnectPtr lost = NULL;

    if (!connection)
        return;
    pthread_mutex_lock(&connection->lock);
    connection->users--;
    connection->used = vms_clock_monotonic_us();
    if (connection->conn == call->conn && virConnectIsAlive(call->conn) != 1)
        lost = steal_conn(connection);
    pthread_mutex_unlock(&connection->lock);
    give_up(connection, lost);
    virConnectClose(g_steal_pointer(&call->conn));
    vms_sigpipe_clear(&call->sigpipe);
}

/* With the lock held: @domain, which takes the place of the one known before. */
static void
know(VmsConnection *connection, virDomainPtr domain)
{
    if (connection->known)
        virDomainFree(connection->known);
    virDomainRef(domain);
    connection->known = domain;
}

/* With the lock held. */
static gboolean
is_known(const VmsConnection *connection, const char *uuid)
{
    char known[VIR_UUID_STRING_BUFLEN] = "";

    return connection->known && virDomainGetUUIDString(connection->known, known) == 0 &&
           g_ascii_strcasecmp(known, uuid) == 0;
}

virDomainPtr
vms_call_recall_domain(VmsCall *call, const char *uuid)
{
    VmsConnection *connection = call->connection;
    virDomainPtr domain = NULL;

    pthread_mutex_lock(&connection->lock);
    if (connection->conn == call->conn && is_known(connection, uuid)) {
        domain = connection->known;
        virDomainRef(domain);
    }
    pthread_mutex_unlock(&connection->lock);
    if (domain)
        return domain;
    domain = virDomainLookupByUUIDString(call->conn, uuid);
    pthread_mutex_lock(&connection->lock);
    if (domain && connection->conn == call->conn)
        know(connection, domain);
    pthread_mutex_unlock(&connection->lock);
    return domain;
}
