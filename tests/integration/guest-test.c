/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/extfs/guest.h"
#include "model/leftover.h"
#include "support/shell.h"

#include <criterion/criterion.h>
#include <string.h>

static char *root;
static VmsGuestDisk *guest;

static const char *const macs[] = { "52:54:00:aa:bb:01", "52:54:00:aa:bb:02", NULL };

/* The folder "g" is what a guest has in its file system. */
static void
begin(void)
{
    root = vms_shell_private_folder();
    guest = vms_extfs_guest_new();
    g_free(vms_shell(
        "cd %s; mkdir -p g/etc/ssh g/etc/netplan g/etc/udev/rules.d g/var/lib/dhcp g/lost "
        "g/etc/NetworkManager/system-connections; cd g; echo 0123456789abcdef0123456789abcdef "
        ">etc/machine-id; echo key >etc/ssh/ssh_host_ed25519_key; echo pub "
        ">etc/ssh/ssh_host_ed25519_key.pub; : >etc/ssh/ssh_host_rsa_key; echo 'macaddress: "
        "\"52:54:00:AA:BB:01\"' >etc/netplan/50-cloud-init.yaml; echo 'macaddress: "
        "52:54:00:00:00:99' >etc/netplan/other.yaml; echo "
        "'mac-address=52:54:00:aa:bb:02' >etc/NetworkManager/system-connections/w.nmconnection; "
        "echo 'ATTR{address}==\"52:54:00:aa:bb:02\"' "
        ">etc/udev/rules.d/70-persistent-net.rules; echo 'default-duid \"x\";' "
        ">var/lib/dhcp/dhclient.leases",
        root));
}

static void
finish(void)
{
    vms_guest_disk_free(guest);
    vms_shell_remove(root);
}

TestSuite(guest, .init = begin, .fini = finish);

static GPtrArray *
look(const char *name, const char *format, GError **error)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_autoptr(VmsImage) image = vms_image_new(path, format);
    GPtrArray *leftovers = NULL;

    return vms_guest_disk_look(guest, VMS_GUEST_LOOK, image, macs, NULL, &leftovers, error)
               ? leftovers
               : NULL;
}

static void
expect(const char *name, const char *format, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) leftovers = look(name, format, &error);
    g_autoptr(GString) text = g_string_new(NULL);

    cr_assert_not_null(leftovers, "%s", error ? error->message : "");
    for (guint i = 0; i < leftovers->len; i++) {
        g_autofree char *line = vms_leftover_format(leftovers->pdata[i]);

        g_string_append_printf(text, "%s\n", line);
    }
    cr_assert_str_eq(text->str, wanted, "%s: %s", name, text->str);
}

static const char all[] =
    "machine-id 0 - /etc/machine-id\n"
    "host-key 0 - /etc/ssh/ssh_host_ed25519_key\n"
    "duid 0 - /var/lib/dhcp/dhclient.leases\n"
    "mac 0 52:54:00:aa:bb:01 /etc/netplan/50-cloud-init.yaml\n"
    "mac 0 52:54:00:aa:bb:02 /etc/NetworkManager/system-connections/w.nmconnection\n"
    "mac 0 52:54:00:aa:bb:02 /etc/udev/rules.d/70-persistent-net.rules\n";

Test(guest, what_tells_one_machine_from_another_is_found)
{
    g_free(
        vms_shell("cd %s; truncate -s 32M 4.raw 3.raw 2.raw s.raw; mke2fs -q -t ext4 -d g 4.raw; "
                  "mke2fs -q -t ext3 -d g 3.raw; mke2fs -q -t ext2 -d g 2.raw; mke2fs -q -t ext4 "
                  "-O inline_data,encrypt,64bit,metadata_csum -I 512 -b 4096 -d g s.raw; "
                  "qemu-img convert -f raw -O qcow2 4.raw 4.qcow2; qemu-img create -q -f qcow2 "
                  "-F qcow2 -b %s/4.qcow2 o.qcow2",
                  root, root));
    expect("4.raw", "raw", all);
    expect("3.raw", "raw", all);
    expect("2.raw", "raw", all);
    expect("s.raw", "raw", all);
    expect("4.qcow2", "qcow2", all);
    expect("o.qcow2", "qcow2", all);
}

Test(guest, partitions_are_looked_into_and_told)
{
    g_free(vms_shell(
        "cd %s; truncate -s 100M p.raw; printf 'start=1M,size=40M\\nstart=48M,size=40M\\n' | "
        "sfdisk -q --label gpt p.raw; truncate -s 32M 4.raw; rm -r g/etc/netplan g/etc/udev "
        "g/var g/etc/NetworkManager; mke2fs -q -t ext4 -d g 4.raw; dd if=4.raw of=p.raw bs=1M "
        "seek=48 conv=notrunc,sparse status=none",
        root));
    expect("p.raw", "raw",
           "machine-id 2 - /etc/machine-id\nhost-key 2 - /etc/ssh/ssh_host_ed25519_key\n");
}

Test(guest, one_that_will_make_its_own_has_nothing)
{
    g_free(
        vms_shell("cd %s; mkdir -p n/etc/ssh n/etc/netplan; echo uninitialized "
                  ">n/etc/machine-id; ln -s /n/none n/etc/ssh/ssh_host_x_key; ln -s a "
                  "n/etc/netplan/b; ln -s b n/etc/netplan/a; truncate -s 32M n.raw z.raw; mke2fs "
                  "-q -t ext4 -d n n.raw",
                  root));
    expect("n.raw", "raw", "");
    expect("z.raw", "raw", "");
}

Test(guest, a_journal_is_not_replayed)
{
    g_free(
        vms_shell("cd %s; mkdir m; truncate -s 64M a.raw; mke2fs -q -t ext4 -d g a.raw; mount -o "
                  "loop a.raw m; echo x >m/x; sync m/x; cp --sparse=always a.raw live.raw; "
                  "umount m; sha256sum live.raw >sum",
                  root));
    expect("live.raw", "raw", all);
    g_free(vms_shell("cd %s; sha256sum -c --quiet sum", root));
}

Test(guest, what_cannot_be_read_is_an_error)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(look("none", "raw", &error));
    cr_assert_not_null(error);
}

/* Whatever it says, and whatever becomes of the process that reads it: ours goes on, in time. */
Test(guest, broken_file_systems_do_no_harm)
{
    static const char spoil[] =
        "import random,sys;d=bytearray(open('4.raw','rb').read());random.seed(int(sys.argv[1]));"
        "m=[i for i in range(0,len(d),1024) if any(d[i:i+1024])];"
        "[d.__setitem__(random.choice(m)+random.randrange(1024),random.randrange(256)) for i in "
        "range(random.choice([20,200,2000]))];d[1080:1082]=b'\\x53\\xef';"
        "open('x.raw','wb').write(d)";

    g_free(vms_shell("cd %s; truncate -s 8M 4.raw; mke2fs -q -t ext4 -O ^metadata_csum -d g 4.raw",
                     root));
    for (int i = 0; i < 40; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) found = NULL;

        g_free(vms_shell("cd %s; python3 -c \"%s\" %d", root, spoil, i));
        found = look("x.raw", "raw", &error);
        cr_assert((found != NULL) != (error != NULL));
    }
}
