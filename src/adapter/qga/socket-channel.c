/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/socket-channel.h"

#include "adapter/qga/message.h"
#include "adapter/qga/reply.h"
#include "adapter/qga/socket-link.h"
#include "base/clock.h"
#include "base/error.h"

#include <string.h>
#include <sys/random.h>

/* The agent puts it before the answer to a synchronisation; no UTF-8 has it. */
#define DELIMITER ((char)0xff)

enum { CHUNK = 16 * 1024, SYNC_REPLY_BYTES = 4096 };

/* What an agent may babble before it answers a synchronisation. */
#define LATE_BYTES ((gsize)8 * 1024 * 1024)

typedef struct {
    VmsChannel channel;
    char *path;
    gint64 peer_uid;
    VmsSocketLink *link; /* NULL: not connected */
    gboolean in_step;    /* what comes next is the answer to what is sent next */
} SocketChannel;

/* What was read and not used yet, in one call. */
typedef struct {
    char bytes[CHUNK];
    gsize at;
    gsize end;
} Inbox;

static gboolean
receive(SocketChannel *self, Inbox *inbox, gint64 until_us, GError **error)
{
    inbox->at = inbox->end = 0;
    return vms_socket_link_receive(self->link, inbox->bytes, sizeof inbox->bytes, until_us,
                                   &inbox->end, error);
}

/* Up to the end of the line, which is taken but not kept. */
static gboolean
read_line(SocketChannel *self, Inbox *inbox, gsize limit, gint64 until_us, GString *line,
          GError **error)
{
    for (;;) {
        const char *from = inbox->bytes + inbox->at;
        gsize count = inbox->end - inbox->at;
        const char *end = memchr(from, '\n', count);

        if (end)
            count = (gsize)(end - from);
        if (line->len + count > limit)
            return vms_qga_bad_reply(error, "is too long");
        g_string_append_len(line, from, (gssize)count);
        inbox->at += count + (end ? 1 : 0);
        if (end)
            return !memchr(line->str, '\0', line->len) || vms_qga_bad_reply(error, "holds a NUL");
        if (!receive(self, inbox, until_us, error))
            return FALSE;
    }
}

/* Drop what comes up to and with the next delimiter; @dropped counts it. */
static gboolean
skip_to_delimiter(SocketChannel *self, Inbox *inbox, gint64 until_us, gsize *dropped,
                  GError **error)
{
    for (;;) {
        const char *from = inbox->bytes + inbox->at;
        const char *end = memchr(from, DELIMITER, inbox->end - inbox->at);

        *dropped += inbox->end - inbox->at;
        if (end) {
            inbox->at = (gsize)(end - inbox->bytes) + 1;
            return TRUE;
        }
        if (*dropped > LATE_BYTES)
            return vms_qga_bad_reply(error, "is not to be found in what it sends");
        if (!receive(self, inbox, until_us, error))
            return FALSE;
    }
}

static gboolean
make_number(gint64 *ret_number, GError **error)
{
    guint64 number = 0;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return vms_fail(error, VMSNAP_E_INTERNAL, "there are no random numbers");
    /* A number that every JSON library keeps exactly. */
    *ret_number = (gint64)(number >> 12) + 1;
    return TRUE;
}

/* Answers with another number are of earlier calls: the next one may be ours. */
static gboolean
await_sync(SocketChannel *self, gint64 number, gint64 until_us, GError **error)
{
    Inbox inbox = { .at = 0 };
    gsize dropped = 0;

    for (;;) {
        g_autoptr(GString) line = g_string_new(NULL);
        gint64 answered = 0;

        if (!skip_to_delimiter(self, &inbox, until_us, &dropped, error))
            return FALSE;
        if (!read_line(self, &inbox, SYNC_REPLY_BYTES, until_us, line, error))
            return FALSE;
        if (vms_qga_parse_sync(line->str, &answered, NULL) && answered == number)
            break;
    }
    self->in_step = inbox.at == inbox.end;
    return self->in_step ||
           vms_qga_bad_reply(error, "to a synchronisation is followed by what nobody asked for");
}

static gboolean
synchronise(SocketChannel *self, gint64 until_us, GError **error)
{
    g_autofree char *request = NULL;
    g_autofree char *text = NULL;
    gint64 number = 0;

    if (!make_number(&number, error))
        return FALSE;
    request = vms_qga_request_sync(number);
    text = g_strdup_printf("%c%s\n", DELIMITER, request);
    return vms_socket_link_send(self->link, text, strlen(text), until_us, error) &&
           await_sync(self, number, until_us, error);
}

static gboolean
prepare(SocketChannel *self, gint64 until_us, GError **error)
{
    if (self->link && self->in_step && vms_socket_link_is_quiet(self->link))
        return TRUE;
    self->in_step = FALSE;
    if (!self->link)
        self->link = vms_socket_link_open(self->path, self->peer_uid, until_us, error);
    return self->link && synchronise(self, until_us, error);
}

static gboolean
exchange(SocketChannel *self, const char *request, gint64 until_us, GString *reply, GError **error)
{
    g_autofree char *text = g_strdup_printf("%s\n", request);
    Inbox inbox = { .at = 0 };

    self->in_step = FALSE;
    if (!vms_socket_link_send(self->link, text, strlen(text), until_us, error) ||
        !read_line(self, &inbox, VMS_QGA_REPLY_BYTES, until_us, reply, error))
        return FALSE;
    self->in_step = inbox.at == inbox.end;
    return TRUE;
}

/* One whose peer went away while nobody looked is made anew once; nothing was sent on it. */
static gboolean
reopen_if_gone(SocketChannel *self, gint64 until_us, GError **error)
{
    g_autoptr(GError) failed = NULL;
    gboolean had_link = self->link != NULL;

    if (prepare(self, until_us, &failed))
        return TRUE;
    if (had_link && g_strcmp0(vms_error_get_reason(failed), "AgentNotReady") == 0) {
        g_clear_pointer(&self->link, vms_socket_link_free);
        return prepare(self, until_us, error);
    }
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
call(VmsChannel *channel, const char *request, guint limit_ms, char **ret_reply, GError **error)
{
    SocketChannel *self = (SocketChannel *)channel;
    gint64 until_us = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;
    g_autoptr(GString) reply = g_string_new(NULL);
    g_autoptr(GError) failed = NULL;

    if (reopen_if_gone(self, until_us, &failed) &&
        exchange(self, request, until_us, reply, &failed)) {
        *ret_reply = g_string_free(g_steal_pointer(&reply), FALSE);
        return TRUE;
    }
    /* An agent that is only late is asked again on the same connection. */
    if (vms_error_get_code(failed) != VMSNAP_E_TIMEOUT)
        g_clear_pointer(&self->link, vms_socket_link_free);
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static int
get_link(VmsChannel *channel)
{
    const SocketChannel *self = (SocketChannel *)channel;

    return self->link ? vms_socket_link_get_fd(self->link) : -1;
}

static void
release(VmsChannel *channel)
{
    SocketChannel *self = (SocketChannel *)channel;

    vms_socket_link_free(self->link);
    g_free(self->path);
    g_free(self);
}

VmsChannel *
vms_qga_socket_channel_new(const char *path, gint64 peer_uid)
{
    static const VmsChannelOps ops = { .call = call, .get_link = get_link, .free = release };
    SocketChannel *self = g_new0(SocketChannel, 1);

    self->channel.ops = &ops;
    self->path = g_strdup(path);
    self->peer_uid = peer_uid;
    return &self->channel;
}
