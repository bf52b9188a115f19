/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/agent.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

/* The agent over a channel that answers what the test says. */
typedef struct {
    VmsChannel channel;
    const char *const *replies; /* command, reply, command, reply, …; NULL ends it */
    const char *code_reason;    /* fail instead */
    int code;
    const char *message;
    guint limit_ms; /* of the last call */
} FakeChannel;

static gboolean
call(VmsChannel *channel, const char *request, guint limit_ms, char **ret_reply, GError **error)
{
    FakeChannel *self = (FakeChannel *)channel;

    self->limit_ms = limit_ms;
    if (self->code)
        return vms_refuse(error, self->code, self->code_reason, "%s", self->message);
    for (gsize i = 0; self->replies && self->replies[i]; i += 2) {
        if (!strstr(request, self->replies[i]))
            continue;
        *ret_reply = g_strdup(self->replies[i + 1]);
        return TRUE;
    }
    *ret_reply = g_strdup("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}");
    return TRUE;
}

static void
release(VmsChannel *channel)
{
    (void)channel;
}

static const VmsChannelOps ops = { .call = call, .free = release };

static VmsAgent *
agent_over(FakeChannel *fake)
{
    fake->channel.ops = &ops;
    return vms_qga_new(&fake->channel);
}

Test(agent, each_call_asks_its_own_command_within_the_limit)
{
    const char *const replies[] = { "\"guest-ping\"",
                                    "{\"return\": {}}",
                                    "\"guest-fsfreeze-freeze\"",
                                    "{\"return\": 2}",
                                    "\"guest-fsfreeze-thaw\"",
                                    "{\"return\": 1}",
                                    "\"guest-fsfreeze-status\"",
                                    "{\"return\": \"frozen\"}",
                                    NULL };
    FakeChannel fake = { .replies = replies };
    g_autoptr(VmsAgent) agent = agent_over(&fake);
    gboolean frozen = FALSE;
    int count = -1;

    cr_assert(vms_agent_ping(agent, 3000, NULL));
    cr_assert_eq(fake.limit_ms, 3000);
    cr_assert(vms_agent_freeze(agent, NULL, 10000, &count, NULL));
    cr_assert_eq(count, 2);
    cr_assert_eq(fake.limit_ms, 10000);
    cr_assert(vms_agent_is_frozen(agent, 1, &frozen, NULL));
    cr_assert(frozen);
    cr_assert(vms_agent_thaw(agent, 1, &count, NULL));
    cr_assert_eq(count, 1);
}

Test(agent, a_freeze_of_some_names_their_mount_points)
{
    const char *const replies[] = { "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":"
                                    "{\"mountpoints\":[\"/data\",\"/with \\\"quotes\\\"\"]}}",
                                    "{\"return\": 2}", NULL };
    const char *const mountpoints[] = { "/data", "/with \"quotes\"", NULL };
    FakeChannel fake = { .replies = replies };
    g_autoptr(VmsAgent) agent = agent_over(&fake);
    int count = -1;

    cr_assert(vms_agent_freeze(agent, mountpoints, 10000, &count, NULL));
    cr_assert_eq(count, 2);
}

Test(agent, windows_is_asked_for_and_may_be_silent)
{
    const char *const windows[] = {
        "\"guest-info\"", "{\"return\": {\"version\": \"1\", \"supported_commands\": []}}",
        "\"guest-get-osinfo\"", "{\"return\": {\"id\": \"mswindows\"}}", NULL
    };
    const char *const old[] = { windows[0], windows[1], NULL };
    FakeChannel fake = { .replies = windows };
    g_autoptr(VmsAgent) agent = agent_over(&fake);
    g_auto(VmsAgentInfo) info = { 0 };
    g_auto(VmsAgentInfo) without = { 0 };

    cr_assert(vms_agent_read_info(agent, 1, &info, NULL));
    cr_assert(info.windows);
    fake.replies = old;
    cr_assert(vms_agent_read_info(agent, 1, &without, NULL));
    cr_assert_not(without.windows);
}

static void
expect_failure(int code, const char *reason, const char *message, int want_code,
               const char *want_reason)
{
    FakeChannel fake = { .code = code, .code_reason = reason, .message = message };
    g_autoptr(VmsAgent) agent = agent_over(&fake);
    g_autoptr(GError) error = NULL;
    int count = -7;

    cr_assert_not(vms_agent_freeze(agent, NULL, 1, &count, &error));
    cr_assert_eq(count, -7);
    cr_assert_eq(vms_error_get_code(error), want_code, "%s", error->message);
    cr_assert_str_eq(vms_error_get_reason(error), want_reason);
    cr_assert(strstr(error->message, message), "%s", error->message);
    cr_assert(strstr(error->message, "guest-fsfreeze-freeze"));
    cr_assert_not(vms_agent_freeze(agent, NULL, 1, &count, NULL),
                  "the error may be of no interest");
}

Test(agent, what_carries_the_words_fails_in_its_own_way)
{
    expect_failure(VMSNAP_E_TIMEOUT, "TIMEOUT", "no answer", VMSNAP_E_TIMEOUT, "TIMEOUT");
    expect_failure(VMSNAP_E_AGENT, "AgentNotReady", "not connected", VMSNAP_E_AGENT,
                   "AgentNotReady");
    expect_failure(VMSNAP_E_HYPERVISOR, "HYPERVISOR", "connection lost", VMSNAP_E_HYPERVISOR,
                   "HYPERVISOR");
}

Test(agent, a_refusal_wrapped_by_the_hypervisor_is_the_agents)
{
    expect_failure(VMSNAP_E_HYPERVISOR, "HYPERVISOR",
                   "internal error: unable to execute QEMU agent command 'guest-fsfreeze-freeze': "
                   "failed to freeze /: Permission denied",
                   VMSNAP_E_AGENT, "FreezeFailed");
    expect_failure(VMSNAP_E_HYPERVISOR, "HYPERVISOR",
                   "internal error: unable to execute QEMU agent command 'guest-fsfreeze-freeze': "
                   "Command guest-fsfreeze-freeze has been disabled",
                   VMSNAP_E_AGENT, "FreezeUnsupported");
    expect_failure(VMSNAP_E_AGENT, "AGENT", "hook failed", VMSNAP_E_AGENT, "FreezeFailed");
}

Test(agent, file_systems_come_with_their_disks)
{
    const char *const replies[] = {
        "\"guest-get-fsinfo\"",
        "{\"return\": [{\"name\": \"vda1\", \"mountpoint\": \"/\", \"type\": \"ext4\"}]}", NULL
    };
    FakeChannel fake = { .replies = replies };
    g_autoptr(VmsAgent) agent = agent_over(&fake);
    g_autoptr(VmsVm) vm = vms_vm_new("u", "web");
    VmsDisk *disk = vms_disk_new("vda");
    g_autoptr(GPtrArray) list = NULL;
    const VmsGuestFs *fs;

    disk->bus = g_strdup("virtio");
    g_ptr_array_add(vm->disks, disk);
    cr_assert(vms_agent_list_filesystems(agent, vm, 1, &list, NULL));
    cr_assert_eq(list->len, 1);
    fs = g_ptr_array_index(list, 0);
    cr_assert_str_eq(fs->disks->pdata[0], "vda");
}
