/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/json-scan.h"
#include "record/json-writer.h"
#include "record/view.h"
#include "support/random-object.h"

#include <criterion/criterion.h>
#include <json-glib/json-glib.h>
#include <string.h>

static const VmsJsonLimits limits = { .size = 1 << 24, .depth = 20, .values = 100000 };

/* The document as a tree; it must be JSON that even our own scan lets pass. */
static JsonNode *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *root = NULL;

    cr_assert(vms_json_scan(text, strlen(text), &limits, &error), "%s\n%s",
              error ? error->message : "", text);
    root = json_from_string(text, &error);
    cr_assert(root && JSON_NODE_HOLDS_OBJECT(root), "%s", text);
    return root;
}

static JsonObject *
object_at(JsonObject *object, const char *key)
{
    JsonNode *node = json_object_get_member(object, key);

    cr_assert(node && JSON_NODE_HOLDS_OBJECT(node), "%s", key);
    return json_node_get_object(node);
}

/* Keys of the contract, separated by blanks, are there. */
static void
must_have(JsonObject *object, const char *keys)
{
    g_auto(GStrv) wanted = g_strsplit(keys, " ", -1);

    for (gsize i = 0; wanted[i]; i++)
        cr_assert(json_object_has_member(object, wanted[i]), "%s is missing", wanted[i]);
}

static void
must_say(const char *text, const char *part)
{
    cr_assert(strstr(text, part), "%s is not in %s", part, text);
}

Test(json_writer, numbers_and_times_are_exact)
{
    VmsJson json = vms_json_start();
    g_autofree char *text = NULL;

    vms_json_open_array(&json, NULL);
    vms_json_add_ms(&json, NULL, 46123);
    vms_json_add_ms(&json, NULL, 46120);
    vms_json_add_ms(&json, NULL, 46000);
    vms_json_add_ms(&json, NULL, -1500);
    vms_json_add_ms(&json, NULL, -5);
    vms_json_add_ms(&json, NULL, G_MININT64);
    vms_json_add_uint(&json, NULL, G_MAXUINT64);
    vms_json_add_time(&json, NULL, 0);
    vms_json_add_time(&json, NULL, G_GINT64_CONSTANT(1700000000000042));
    vms_json_add_time(&json, NULL, G_MAXINT64);
    vms_json_close_array(&json);
    text = vms_json_finish(&json);
    cr_assert_str_eq(text, "[46.123,46.12,46,-1.5,-0.005,-9223372036854775.808,"
                           "9223372036854775807,null,\"2023-11-14T22:13:20.000042Z\",null]");
}

Test(json_writer, any_text_becomes_valid_json)
{
    VmsJson json = vms_json_start();
    g_autofree char *text = NULL;

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "a\"b", "\x01\t\"\\\n\x7f");
    vms_json_add_text(&json, "bytes", "/srv/\xff");
    vms_json_add_text_if(&json, "none", NULL);
    vms_json_add_text(&json, "null", NULL);
    vms_json_close_object(&json);
    text = vms_json_finish(&json);
    cr_assert_str_eq(text, "{\"a\\\"b\":\"\\u0001\\u0009\\\"\\\\\\n\\u007f\","
                           "\"bytes\":\"/srv/\\\\xff\",\"null\":null}");
}

Test(view, any_snapshot_has_the_contracts_keys)
{
    g_autoptr(GRand) rand = g_rand_new();

    for (int i = 0; i < 100; i++) {
        g_autoptr(VmsSnapshot) snapshot = random_object(rand, &vms_shape_snapshot);
        g_autofree char *text = vms_view_snapshot(snapshot);
        g_autoptr(JsonNode) root = parse(text);
        JsonObject *object = json_node_get_object(root);
        JsonArray *disks = json_object_get_array_member(object, "disks");

        must_have(object, "name uuid kind phase consistent consistency policy partial vm created "
                          "labels keep_ip conditions resources disks evidence");
        for (guint d = 0; d < json_array_get_length(disks); d++)
            must_have(json_array_get_object_element(disks, d),
                      "target name method path format virtual_size allocated consistency "
                      "cut_offset_ms");
        if (snapshot->evidence)
            must_have(object_at(object, "evidence"),
                      "instance agent_version filesystems frozen_count thawed_count "
                      "freeze_window_ms events filesystem_state");
    }
}

Test(view, any_operation_has_the_contracts_keys)
{
    g_autoptr(GRand) rand = g_rand_new();

    for (int i = 0; i < 100; i++) {
        g_autoptr(VmsOperation) operation = random_object(rand, &vms_shape_operation);
        g_autofree char *text = vms_view_operation(operation);
        g_autoptr(JsonNode) root = parse(text);
        JsonObject *object = json_node_get_object(root);

        must_have(object, "uuid type mode phase source target conditions resources plan progress "
                          "downtime_ms undo_until");
        if (operation->plan_hash)
            must_have(object_at(object, "plan"), "hash steps space expected_downtime_ms");
    }
}

static VmsSnapshot *
make_snapshot(void)
{
    VmsSnapshot *snapshot = vms_snapshot_new("9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001", "nightly");
    VmsSnapshotDisk *disk = vms_snapshot_disk_new("vda");
    VmsTimes *times = NULL;

    snapshot->phase = VMSNAP_SNAPSHOT_READY;
    snapshot->grade = VMSNAP_GRADE_FROZEN;
    snapshot->vm_name = g_strdup("web");
    snapshot->created_us = G_USEC_PER_SEC;
    g_ptr_array_add(snapshot->labels, g_strdup("app=old"));
    g_ptr_array_add(snapshot->labels, g_strdup("app=web=1"));
    disk->image = vms_image_new("/srv/x.raw", "raw");
    disk->image->file.allocated = 4096;
    disk->origin = vms_image_new("/srv/web.qcow2", "qcow2");
    disk->origin->virtual_size = 1 << 20;
    disk->cut_offset_us = 1250;
    g_ptr_array_add(snapshot->disks, disk);
    snapshot->evidence = vms_evidence_new();
    times = &snapshot->evidence->times;
    *times = (VmsTimes){ .freeze_sent = 1000,
                         .freeze_acked = 2000,
                         .cut_start = 5000,
                         .cut_end = 5500,
                         .thaw_sent = 3000,
                         .thaw_acked = 4000 };
    g_ptr_array_add(snapshot->evidence->fs_states,
                    vms_fs_state_new("vda", 1048576, "ext4", VMS_FS_CLEAN));
    g_ptr_array_add(snapshot->evidence->fs_states,
                    vms_fs_state_new("vda", 0, "xfs", VMS_FS_UNKNOWN));
    return snapshot;
}

Test(view, a_snapshot_says_what_the_record_holds)
{
    g_autoptr(VmsSnapshot) snapshot = make_snapshot();
    g_autofree char *text = vms_view_snapshot(snapshot);

    must_say(text, "\"kind\":\"VirtualMachineSnapshot\",\"phase\":\"Ready\",\"consistent\":true,"
                   "\"consistency\":\"frozen\",\"policy\":\"require\",\"partial\":false");
    must_say(text, "\"created\":\"1970-01-01T00:00:01.000000Z\"");
    must_say(text, "\"labels\":{\"app\":\"web=1\"}");
    must_say(text, "\"virtual_size\":1048576,\"allocated\":4096");
    must_say(text, "\"cut_offset_ms\":1.25");
    must_say(text, "\"frozen_count\":null");
    must_say(text, "\"freeze_window_ms\":3,");
    must_say(text, "\"events\":[{\"name\":\"freeze-sent\",\"t_ms\":0},"
                   "{\"name\":\"freeze-acknowledged\",\"t_ms\":1},{\"name\":\"thaw-sent\","
                   "\"t_ms\":2},{\"name\":\"thaw-acknowledged\",\"t_ms\":3},"
                   "{\"name\":\"cut-start\",\"t_ms\":4},{\"name\":\"cut-end\",\"t_ms\":4.5}]");
    must_say(text, "\"type\":\"ext4\",\"clean\":true");
    must_say(text, "\"type\":\"xfs\",\"clean\":null");
}

Test(view, only_offline_and_frozen_are_consistent)
{
    g_autoptr(VmsSnapshot) snapshot = make_snapshot();

    for (const VmsWord *word = vms_words_grade; word->word; word++) {
        g_autofree char *text = NULL;
        snapshot->grade = (vmsnap_grade)word->value;
        text = vms_view_snapshot(snapshot);
        must_say(text, word->value == VMSNAP_GRADE_OFFLINE || word->value == VMSNAP_GRADE_FROZEN
                           ? "\"consistent\":true"
                           : "\"consistent\":false");
    }
}

Test(view, an_operation_tells_from_what_to_what)
{
    static const char *const cases[][2] = {
        { "snapshot", "\"target\":{\"name\":\"nightly\",\"uuid\":null},"
                      "\"source\":{\"name\":\"web\",\"uuid\":null}" },
        { "restore", "\"source\":{\"name\":\"nightly\",\"uuid\":null},"
                     "\"target\":{\"name\":\"web\",\"uuid\":null}" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VmsOperation) operation = vms_operation_new("u", cases[i][0]);
        g_autofree char *text = NULL;
        operation->vm_name = g_strdup("web");
        operation->snapshot_name = g_strdup("nightly");
        text = vms_view_operation(operation);
        must_say(text, cases[i][1]);
        must_say(text, "\"mode\":null,\"phase\":\"Pending\"");
        must_say(text, "\"downtime_ms\":null,\"undo_until\":null");
    }
}

Test(view, an_operation_shows_its_plan)
{
    g_autoptr(VmsOperation) operation = vms_operation_new("u", "undo");
    g_autofree char *text = NULL;

    operation->undo_of = g_strdup("r");
    operation->plan_hash = g_strdup("h");
    operation->expected_downtime_us = 1500000;
    g_ptr_array_add(operation->steps, vms_step_new("stop-vm", TRUE));
    text = vms_view_operation(operation);
    must_say(text, "\"undo_of\":\"r\"");
    must_say(text,
             "\"plan\":{\"hash\":\"h\",\"steps\":[{\"name\":\"stop-vm\",\"reversible\":true}],"
             "\"space\":{\"needed\":0,\"free\":0},\"expected_downtime_ms\":1500}");
}

Test(view, a_plan_says_what_each_mode_does)
{
    g_autoptr(VmsPlan) plan = vms_plan_new("restore");
    VmsFinding *finding = vms_finding_new_reason("MACAddress", "52:54:00:00:00:01",
                                                 VMSNAP_SEVERITY_CONFLICT, "MACInUse", "held");
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    finding->strict = VMS_ACT_REFUSE;
    finding->holder = g_strdup("VM db");
    g_ptr_array_add(plan->findings, finding);
    plan->vm_name = g_strdup("web");
    plan->expected_downtime_us = -1;
    text = vms_view_plan(plan);
    root = parse(text);
    must_have(json_node_get_object(root),
              "uuid type mode phase source target conditions resources plan");
    must_have(object_at(json_node_get_object(root), "plan"),
              "hash steps space expected_downtime_ms");
    must_say(text, "\"kind\":\"MACAddress\",\"name\":\"52:54:00:00:00:01\",\"status\":\"Conflict\","
                   "\"severity\":\"conflict\",\"reason\":\"MACInUse\",\"message\":\"held\","
                   "\"holder\":\"VM db\",\"strict\":\"refuse\",\"best_effort\":\"proceed\"");
    must_say(text, "\"source\":null,\"target\":{\"name\":\"web\",\"uuid\":null}");
    must_say(text, "\"expected_downtime_ms\":null");
}

Test(view, a_check_says_its_verdict)
{
    g_autoptr(VmsCheckResult) check = vms_check_result_new();
    VmsCheckDisk *disk = vms_check_disk_new("vda");
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    check->vm_name = g_strdup("web");
    check->state = VMSNAP_VM_RUNNING;
    check->verdict = VMSNAP_VERDICT_CRASH;
    disk->method = VMSNAP_METHOD_REFLINK;
    disk->space_needed = 5;
    g_ptr_array_add(check->disks, disk);
    text = vms_view_check(check);
    root = parse(text);
    must_have(json_node_get_object(root),
              "vm state verdict agent_version filesystems disks findings");
    must_say(text, "\"vm\":{\"name\":\"web\",\"uuid\":null},\"state\":\"running\"");
    must_say(text, "\"verdict\":\"crash\"");
    must_say(text, "\"method\":\"reflink\"");
    must_say(text, "\"space\":{\"needed\":5,\"free\":0}");
}

Test(view, a_vm_shows_disks_images_and_interfaces)
{
    g_autoptr(VmsVm) vm = vms_vm_new("9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001", "web");
    VmsDisk *disk = vms_disk_new("vda");
    VmsDisk *cdrom = vms_disk_new("sda");
    VmsNic *nic = vms_nic_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    disk->source = VMS_SOURCE_FILE;
    disk->path = g_strdup("/srv/web.qcow2");
    cdrom->device = VMS_DEVICE_CDROM;
    cdrom->path = g_strdup("/srv/x.iso");
    nic->mac = g_strdup("52:54:00:00:00:01");
    vm->loader = g_strdup("/usr/share/OVMF.fd");
    g_ptr_array_add(vm->disks, disk);
    g_ptr_array_add(vm->disks, cdrom);
    g_ptr_array_add(vm->nics, nic);
    text = vms_view_vm(vm);
    root = parse(text);
    must_have(json_node_get_object(root), "name uuid state disks images nics");
    must_say(text, "\"target\":\"vda\",\"name\":\"web/vda\",\"device\":\"disk\"");
    must_say(text, "\"images\":[{\"role\":\"cdrom\",\"path\":\"/srv/x.iso\"},"
                   "{\"role\":\"loader\",\"path\":\"/usr/share/OVMF.fd\"}]");
    must_say(text, "\"mac\":\"52:54:00:00:00:01\"");
}

Test(view, an_error_shows_its_cause)
{
    g_autoptr(GError) error = NULL;
    GError *cause = NULL;
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    vms_refuse(&error, VMSNAP_E_AGENT, "FreezeFailed", "no freeze");
    vms_fail_errno(&cause, 5, "disk");
    vms_error_take_cause(error, cause);
    vms_error_set_frozen(error, VMSNAP_FROZEN_UNKNOWN);
    text = vms_view_error(error);
    root = parse(text);
    must_have(object_at(json_node_get_object(root), "error"),
              "code reason step object message origin origin_code cause frozen");
    must_say(text, "{\"error\":{\"code\":\"AGENT\",\"reason\":\"FreezeFailed\",\"step\":null,"
                   "\"object\":null,\"message\":\"no freeze\",\"origin\":\"vmsnap\","
                   "\"origin_code\":0,\"cause\":{\"code\":\"IO\"");
    must_say(text, "\"origin\":\"os\",\"origin_code\":5,\"cause\":null,\"frozen\":\"no\"}"
                   ",\"frozen\":\"unknown\"}}");
}

Test(view, acts_are_listed)
{
    g_autoptr(GPtrArray) acts =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_recovery_act_free);
    g_autofree char *none = vms_view_acts(acts);
    g_autofree char *text = NULL;

    g_ptr_array_add(acts, vms_recovery_act_new("VM web", "thawed", "was frozen"));
    text = vms_view_acts(acts);
    cr_assert_str_eq(none, "{\"acts\":[]}");
    cr_assert_str_eq(text, "{\"acts\":[{\"object\":\"VM web\",\"act\":\"thawed\","
                           "\"message\":\"was frozen\"}]}");
}
