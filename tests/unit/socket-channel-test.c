/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/socket-channel.h"
#include "base/clock.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The channel over a socket whose other end says what the test wants; "SYNC" in it is the answer to
 * the last synchronisation, "CLOSE" ends the connection. */
typedef struct {
    const char *const *replies; /* to each command in turn; the last for ever */
    gboolean mute;              /* synchronisations are not answered */
    char path[64];
    int listener;
    pthread_t thread;
    guint commands;
    guint connections;
} Peer;

static void
say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* FALSE: the connection is to be closed. */
static gboolean
answer(Peer *peer, int fd, const char *line)
{
    const char *id = strstr(line, "\"id\":");
    const char *reply;
    g_autofree char *synced = NULL;

    if (strstr(line, "guest-sync-delimited")) {
        synced = g_strdup_printf("\xff{\"return\": %s\n", id + strlen("\"id\":"));
        *strchr(synced, '}') = '\0';
        if (!peer->mute) {
            say(fd, synced);
            say(fd, "}\n");
        }
        return TRUE;
    }
    reply = peer->replies[0];
    if (peer->replies[1])
        peer->replies++;
    peer->commands++;
    if (strcmp(reply, "CLOSE") == 0)
        return FALSE;
    say(fd, reply);
    return TRUE;
}

static void
serve_one(Peer *peer, int fd)
{
    g_autoptr(GString) got = g_string_new(NULL);
    char byte;

    while (recv(fd, &byte, 1, 0) == 1) {
        if (byte != '\n') {
            g_string_append_c(got, byte);
            continue;
        }
        if (!answer(peer, fd, got->str))
            break;
        g_string_truncate(got, 0);
    }
    close(fd);
}

static void *
serve(void *data)
{
    Peer *peer = data;
    int fd;

    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        peer->connections++;
        serve_one(peer, fd);
    }
    return NULL;
}

static VmsChannel *
channel_to(Peer *peer, const char *const *replies)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    peer->replies = replies;
    g_snprintf(peer->path, sizeof peer->path, "/tmp/vmsnap-agent-%d.sock", getpid());
    g_strlcpy(address.sun_path, peer->path, sizeof address.sun_path);
    unlink(peer->path);
    peer->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(peer->listener, 1), 0);
    cr_assert_eq(pthread_create(&peer->thread, NULL, serve, peer), 0);
    return vms_qga_socket_channel_new(peer->path, -1);
}

static void
peer_end(Peer *peer, VmsChannel *channel)
{
    vms_channel_free(channel);
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    unlink(peer->path);
}

static void
expect(VmsChannel *channel, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = NULL;

    cr_assert(vms_channel_call(channel, "{\"execute\":\"x\"}", 2000, &reply, &error), "%s",
              error ? error->message : "");
    cr_assert_str_eq(reply, wanted);
}

static void
expect_failure(VmsChannel *channel, guint limit_ms, int code, const char *reason)
{
    gint64 from = vms_clock_monotonic_us();
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = NULL;

    cr_assert_not(vms_channel_call(channel, "{\"execute\":\"x\"}", limit_ms, &reply, &error));
    cr_assert_null(reply);
    cr_assert_eq(vms_error_get_code(error), code, "%s", error->message);
    cr_assert_str_eq(vms_error_get_reason(error), reason, "%s", error->message);
    cr_assert_lt(vms_clock_monotonic_us() - from, ((gint64)limit_ms + 1000) * 1000);
}

Test(socket_channel, one_connection_carries_many_calls)
{
    const char *const replies[] = { "{\"return\": 1}\n", "{\"return\": 2}\n", NULL };
    Peer peer = { .mute = FALSE };
    VmsChannel *channel = channel_to(&peer, replies);

    cr_assert_eq(vms_channel_get_link(channel), -1);
    expect(channel, "{\"return\": 1}");
    expect(channel, "{\"return\": 2}");
    expect(channel, "{\"return\": 2}");
    cr_assert_geq(vms_channel_get_link(channel), 3);
    cr_assert_eq(peer.connections, 1);
    peer_end(&peer, channel);
}

Test(socket_channel, a_late_reply_is_not_taken_for_the_next)
{
    const char *const replies[] = { "{\"retu", "rn\": \"late\"}\n{\"return\": 2}\n",
                                    "{\"return\": 3}\n", NULL };
    Peer peer = { .mute = FALSE };
    VmsChannel *channel = channel_to(&peer, replies);

    expect_failure(channel, 200, VMSNAP_E_TIMEOUT, "TIMEOUT");
    /* the rest of the first is dropped by the delimiter; then two replies come at once */
    expect(channel, "rn\": \"late\"}");
    expect(channel, "{\"return\": 3}");
    cr_assert_eq(peer.connections, 1, "an agent that is late keeps its connection");
    peer_end(&peer, channel);
}

Test(socket_channel, without_an_answer_to_the_synchronisation_nothing_is_sent)
{
    const char *const replies[] = { "{\"return\": 1}\n", NULL };
    Peer peer = { .mute = TRUE };
    VmsChannel *channel = channel_to(&peer, replies);

    expect_failure(channel, 300, VMSNAP_E_TIMEOUT, "TIMEOUT");
    cr_assert_eq(peer.commands, 0);
    peer.mute = FALSE;
    expect(channel, "{\"return\": 1}");
    peer_end(&peer, channel);
}

Test(socket_channel, a_broken_connection_is_made_anew)
{
    const char *const replies[] = { "CLOSE", "{\"return\": 1}\n", NULL };
    Peer peer = { .mute = FALSE };
    VmsChannel *channel = channel_to(&peer, replies);

    expect_failure(channel, 2000, VMSNAP_E_AGENT, "AgentNotReady");
    cr_assert_eq(vms_channel_get_link(channel), -1);
    expect(channel, "{\"return\": 1}");
    /* another process, which holds a copy, ends it while we do not look */
    shutdown(vms_channel_get_link(channel), SHUT_RDWR);
    expect(channel, "{\"return\": 1}");
    cr_assert_eq(peer.connections, 3);
    peer_end(&peer, channel);
}

Test(socket_channel, a_reply_is_bounded_and_has_no_nul)
{
    g_autofree char *most = g_strnfill(VMS_QGA_REPLY_BYTES, 'x');
    g_autofree char *full = g_strconcat(most, "\n", NULL);
    g_autofree char *more = g_strconcat(most, "x\n", NULL);
    const char *const replies[] = { full, more, "{\"return\": 1}\n", NULL };
    Peer peer = { .mute = FALSE };
    VmsChannel *channel = channel_to(&peer, replies);

    expect(channel, most);
    expect_failure(channel, 5000, VMSNAP_E_AGENT, "BadReply");
    expect(channel, "{\"return\": 1}");
    peer_end(&peer, channel);
}

/* Who makes the socket listen is who serves it. */
Test(socket_channel, a_stranger_may_not_play_the_guest)
{
    const char *const replies[] = { "{\"return\": 1}\n", NULL };
    const uid_t stranger = 65534;
    Peer peer = { .mute = FALSE };
    VmsChannel *channel;
    VmsChannel *trusting;

    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    cr_assert_eq(seteuid(stranger), 0);
    channel = channel_to(&peer, replies);
    cr_assert_eq(seteuid(0), 0);
    expect_failure(channel, 2000, VMSNAP_E_AGENT, "AgentNotReady");
    trusting = vms_qga_socket_channel_new(peer.path, stranger);
    expect(trusting, "{\"return\": 1}");
    vms_channel_free(trusting);
    cr_assert_eq(peer.commands, 1);
    peer_end(&peer, channel);
}

Test(socket_channel, nobody_there_is_no_agent)
{
    VmsChannel *channel = vms_qga_socket_channel_new("/tmp/vmsnap-no-such.sock", -1);

    expect_failure(channel, 300, VMSNAP_E_AGENT, "AgentNotReady");
    vms_channel_free(channel);
}

Test(socket_channel, who_waits_behind_another_client_waits_no_longer_than_the_limit)
{
    const char *const replies[] = { "{\"return\": 1}\n", NULL };
    Peer peer = { .mute = FALSE };
    VmsChannel *first = channel_to(&peer, replies);
    VmsChannel *others[8];

    expect(first, "{\"return\": 1}");
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        others[i] = vms_qga_socket_channel_new(peer.path, -1);
        expect_failure(others[i], 100, VMSNAP_E_TIMEOUT, "TIMEOUT");
    }
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        vms_channel_free(others[i]);
    peer_end(&peer, first);
}
