/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/reference.h"
#include "plan/restore-xml.h"
#include "support/restore-case.h"

#include <criterion/criterion.h>
#include <string.h>

/* As libvirt writes it, with all that a second writer could get wrong. */
static const char xml[] =
    "<domain type='kvm'>\n"
    "  <name>web &amp; &lt;co&gt;</name>\n"
    "  <description>a\ttab, &quot;quotes&quot; &apos;s, a &#13;</description>\n"
    "  <metadata>\n"
    "    <a:b xmlns:a='urn:x' c='1&#10;2&#9;3'><!-- <disk> --></a:b>\n"
    "    <devices><disk/><x><disk/></x></devices>\n"
    "  </metadata>\n"
    "  <devices>\n"
    "    <disk type='file' device='disk'>\n"
    "      <source file='/srv/web.qcow2'/>\n"
    "      <backingStore/>\n"
    "      <target dev='vda' bus='virtio'/>\n"
    "    </disk>\n"
    "    <disk type='block' device='cdrom'>\n"
    "      <driver name='qemu' type='raw'/>\n"
    "      <source dev='/dev/gone' index='1'/>\n"
    "      <backingStore/>\n"
    "      <target dev='sda' bus='sata'/>\n"
    "      <readonly/>\n"
    "    </disk>\n"
    "    <disk type='file' device='disk'>\n"
    "      <source file='/srv/tools.raw'/>\n"
    "      <target dev='vdb' bus='virtio'/>\n"
    "      <readonly/>\n"
    "    </disk>\n"
    "    <hostdev mode='subsystem' type='usb'>\n"
    "      <source><vendor id='0x1'/></source>\n"
    "    </hostdev>\n"
    "    <hostdev mode='subsystem' type='pci'/>\n"
    "  </devices>\n"
    "</domain>";

static VmsLack *
lack_of(const char *element, guint index, gboolean eject)
{
    VmsLack *lack = vms_lack_new("VirtualImage", "x", "it is not there");

    lack->element = g_strdup(element);
    lack->index = index;
    lack->eject = eject;
    return lack;
}

static char *
without(VmsLack *first, VmsLack *second)
{
    g_autoptr(GPtrArray) lacks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_lack_free);
    char *left = NULL;

    if (first)
        g_ptr_array_add(lacks, first);
    if (second)
        g_ptr_array_add(lacks, second);
    cr_assert(vms_reference_remove(xml, lacks, &left, NULL));
    return left;
}

Test(reference, nothing_removed_is_the_same_text)
{
    g_autofree char *left = without(NULL, NULL);

    cr_assert_str_eq(left, xml);
}

Test(reference, a_drive_stays_without_its_medium)
{
    g_autofree char *left = without(lack_of("disk", 1, TRUE), NULL);

    cr_assert(strstr(left, "<disk type='file' device='cdrom'>"));
    cr_assert(strstr(left, "<target dev='sda' bus='sata'/>"));
    cr_assert_null(strstr(left, "/dev/gone"));
    cr_assert(strstr(left, "<source file='/srv/web.qcow2'/>\n      <backingStore/>"));
    cr_assert(strstr(left, "<source file='/srv/tools.raw'/>"));
    cr_assert(strstr(left, "<devices><disk/><x><disk/></x></devices>"), "metadata is not ours");
}

Test(reference, other_devices_go_whole)
{
    g_autofree char *left = without(lack_of("disk", 2, FALSE), lack_of("hostdev", 0, FALSE));

    cr_assert_null(strstr(left, "tools.raw"));
    cr_assert_null(strstr(left, "vdb"));
    cr_assert_null(strstr(left, "type='usb'"));
    cr_assert_null(strstr(left, "vendor"));
    cr_assert(strstr(left, "<hostdev mode='subsystem' type='pci'/>"));
    cr_assert(strstr(left, "/dev/gone"));
}

Test(reference, a_device_that_is_empty_goes_too)
{
    g_autofree char *left = without(lack_of("hostdev", 1, FALSE), NULL);

    cr_assert_null(strstr(left, "type='pci'"));
    cr_assert(strstr(left, "type='usb'"));
}

Test(reference, what_is_not_well_formed_is_refused)
{
    static const char *const bad[] = { "", "<domain", "<domain><devices></domain>", "&",
                                       "<a>&b;</a>" };
    g_autoptr(GPtrArray) none = g_ptr_array_new();

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        char *left = NULL;

        cr_assert_not(vms_reference_remove(bad[i], none, &left, &error), "%s", bad[i]);
        cr_assert_eq(vms_error_get_code(error), VMSNAP_E_INVALID);
        cr_assert_null(left);
    }
}

/* ---- by plan and mode ---- */

static char *
xml_of(RestoreCase *self, vmsnap_mode mode)
{
    g_autoptr(VmsPlan) plan = vms_restore_make_plan(&self->input);
    char *made = NULL;

    cr_assert(vms_restore_make_xml(plan, &self->input, mode, &made, NULL));
    return made;
}

Test(reference, each_mode_defines_its_own_column)
{
    g_auto(RestoreCase) self = { 0 };
    g_autofree char *strict = NULL;
    g_autofree char *best = NULL;
    VmsLack *network = lack_of(NULL, 0, FALSE);

    restore_case_init(&self);
    g_free(self.snapshot->inactive_xml);
    self.snapshot->inactive_xml = g_strdup(xml);
    g_free(network->kind);
    network->kind = g_strdup("Network");
    g_ptr_array_add(self.input.needs->lacks, lack_of("disk", 1, TRUE));
    g_ptr_array_add(self.input.needs->lacks, network);
    strict = xml_of(&self, VMSNAP_MODE_STRICT);
    best = xml_of(&self, VMSNAP_MODE_BEST_EFFORT);
    cr_assert_str_eq(strict, xml, "strict restores exactly");
    cr_assert_null(strstr(best, "/dev/gone"));
}
