/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/cidata.h"
#include "base/error.h"
#include "support/shell.h"

#include <criterion/criterion.h>
#include <string.h>

static char *root;
static VmsCidata *cidata;

static const char *const old_macs[] = { "52:54:00:aa:bb:01", NULL };
static const char *const new_macs[] = { "52:54:00:cc:dd:02", NULL };
static const char *const old_words[] = { "web", NULL };
static const VmsCidataIdentity identity = {
    .instance_id = "iid-5e1f",
    .uuid = "5e1f0000-0000-4000-8000-000000000001",
    .name = "clone one",
    .hostname = "clone-one",
    .old_macs = old_macs,
    .new_macs = new_macs,
    .old_words = old_words,
};

static void
begin(void)
{
    root = vms_shell_private_folder();
    cidata = vms_media_cidata_new();
    g_free(vms_shell(
        "cd %s; mkdir c; cd c; printf 'instance-id: iid-local01\\nlocal-hostname: web\\n' "
        ">meta-data; (echo '#cloud-config'; seq 5000) >user-data; printf 'ethernets: {a: {match: "
        "{macaddress: \"52:54:00:aa:bb:01\"}}}\\n' >network-config; head -c 3000 /dev/urandom "
        ">vendor-data; cd ..; mkdir -p d/openstack/latest d/openstack/2018-08-27 d/ec2/latest; cd "
        "d; printf '{\"uuid\": \"83679162\", \"hostname\": \"web.novalocal\", \"name\": \"web\", "
        "\"meta\": {\"uuid\": \"x\"}}' >openstack/latest/meta_data.json; cp "
        "openstack/latest/meta_data.json openstack/2018-08-27; printf '{\"links\": "
        "[{\"ethernet_mac_address\": \"52:54:00:AA:BB:01\"}]}' "
        ">openstack/latest/network_data.json; printf '{\"instance-id\": \"i-1\", \"hostname\": "
        "\"web\", \"local-hostname\": \"web\"}' >ec2/latest/meta-data.json; echo 'echo web' "
        ">openstack/latest/user_data",
        root));
}

static void
finish(void)
{
    vms_cidata_free(cidata);
    vms_shell_remove(root);
}

TestSuite(cidata, .init = begin, .fini = finish);

/* The medium NAME made anew is NAME.new; gives what was done, NULL: refused. */
static VmsCidataResult *
remake(const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_autofree char *made = g_strconcat(path, ".new", NULL);
    VmsCidataResult *result = NULL;

    if (!vms_cidata_remake(cidata, path, &identity, NULL, &result, error))
        return NULL;
    if (result->image)
        cr_assert(g_file_set_contents(made, g_bytes_get_data(result->image, NULL),
                                      (gssize)g_bytes_get_size(result->image), NULL));
    return result;
}

static VmsCidataResult *
remake_well(const char *name)
{
    g_autoptr(GError) error = NULL;
    VmsCidataResult *result = remake(name, &error);

    cr_assert_not_null(result, "%s: %s", name, error ? error->message : "");
    cr_assert_not_null(result->image);
    return result;
}

static char *
join(const GPtrArray *words)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < words->len; i++)
        g_string_append_printf(text, "%s%s", i ? " " : "", (char *)words->pdata[i]);
    return g_string_free(text, FALSE);
}

static void
expect_words(const GPtrArray *words, const char *wanted)
{
    g_autofree char *text = join(words);

    cr_assert_str_eq(text, wanted);
}

/* @read: a command that gives the content of the file $1 on $2. */
static void
expect_no_cloud(const char *name, const char *read)
{
    g_autoptr(VmsCidataResult) result = remake_well(name);

    expect_words(result->edited, "/meta-data");
    expect_words(result->moved, "/network-config");
    expect_words(result->kept, "");
    g_free(vms_shell(
        "cd %s; take() { %s; }; m=$(take meta-data %s.new); test \"$m\" = \"$(printf "
        "'instance-id: \"iid-5e1f\"\\nlocal-hostname: \"clone-one\"')\"; for f in user-data "
        "vendor-data; do take $f %s.new | cmp - c/$f; done; take network-config %s.new | grep -q "
        "'{macaddress: \"52:54:00:cc:dd:02\"}'; test $(blkid -p -o value -s LABEL %s) = $(blkid "
        "-p -o value -s LABEL %s.new); ! grep -qa -e iid-local01 -e aa:bb:01 %s.new",
        root, read, name, name, name, name, name, name));
}

Test(cidata, joliet_and_rock_ridge_are_made_anew)
{
    g_free(
        vms_shell("cd %s; genisoimage -quiet -V cidata -J -r -o a.iso c 2>/dev/null; genisoimage "
                  "-quiet -V CIDATA -J -o j.iso c 2>/dev/null; genisoimage -quiet -V cidata -r "
                  "-o r.iso c 2>/dev/null; xorriso -as mkisofs -quiet -V cidata -J -r -o x.iso "
                  "c 2>/dev/null",
                  root));
    expect_no_cloud("a.iso", "isoinfo -J -x /$1 -i $2");
    expect_no_cloud("a.iso", "isoinfo -R -x /$1 -i $2");
    expect_no_cloud("j.iso", "isoinfo -J -x /$1 -i $2");
    expect_no_cloud("r.iso", "isoinfo -R -x /$1 -i $2");
    expect_no_cloud("x.iso", "isoinfo -R -x /$1 -i $2");
}

Test(cidata, fat_is_made_anew)
{
    g_free(vms_shell("cd %s; for s in 1 8 40; do truncate -s ${s}M $s.fat; mkfs.vfat -n CIDATA "
                     "$s.fat >/dev/null; mcopy -i $s.fat c/* ::; done",
                     root));
    expect_no_cloud("1.fat", "mtype -i $2 ::$1");
    expect_no_cloud("8.fat", "mtype -i $2 ::$1");
    expect_no_cloud("40.fat", "mtype -i $2 ::$1");
}

Test(cidata, a_config_drive_is_made_anew)
{
    g_autoptr(VmsCidataResult) iso = NULL;
    g_autoptr(VmsCidataResult) fat = NULL;

    g_free(vms_shell("cd %s; genisoimage -quiet -V config-2 -J -r -o d.iso d 2>/dev/null; truncate "
                     "-s 8M d.fat; mkfs.vfat -n config-2 d.fat >/dev/null 2>&1; mcopy -s -i d.fat "
                     "d/* ::",
                     root));
    iso = remake_well("d.iso");
    fat = remake_well("d.fat");
    expect_words(iso->edited, "/ec2/latest/meta-data.json /openstack/2018-08-27/meta_data.json "
                              "/openstack/latest/meta_data.json");
    expect_words(iso->moved, "/openstack/latest/network_data.json");
    expect_words(iso->kept, "/openstack/latest/user_data");
    expect_words(fat->kept, "/openstack/latest/user_data");
    g_free(vms_shell(
        "cd %s; check() { take openstack/latest/meta_data.json | python3 -c 'import json,sys; "
        "assert json.load(sys.stdin) == {\"uuid\": \"5e1f0000-0000-4000-8000-000000000001\", "
        "\"hostname\": \"clone-one.novalocal\", \"name\": \"clone one\", \"meta\": {\"uuid\": "
        "\"x\"}}'; take ec2/latest/meta-data.json | grep -q '\"instance-id\": \"iid-5e1f\"'; take "
        "openstack/latest/network_data.json | grep -q 52:54:00:CC:DD:02; }; take() { isoinfo -R "
        "-x /$1 -i d.iso.new; }; check; take() { mtype -i d.fat.new ::/$1; }; check",
        root));
}

/* cloud-init does not need it, nor a machine an identity in it. */
Test(cidata, what_has_no_identity_needs_no_other)
{
    g_autoptr(VmsCidataResult) result = NULL;

    g_free(vms_shell("cd %s; mkdir u; echo '<x>web</x>' >u/autounattend.xml; genisoimage -quiet -J "
                     "-r -o u.iso u 2>/dev/null",
                     root));
    result = remake("u.iso", NULL);
    cr_assert_not_null(result);
    cr_assert_null(result->image);
    expect_words(result->kept, "/autounattend.xml");
}

static void
expect_refused(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsCidataResult) result = remake(name, &error);

    cr_assert_null(result, "%s", name);
    cr_assert(g_error_matches(error, VMS_ERROR, VMSNAP_E_UNSUPPORTED), "%s: %s", name,
              error->message);
    cr_assert_str_eq(vms_error_get_reason(error), "MediaNotUnderstood", "%s", error->message);
}

Test(cidata, what_is_not_understood_is_refused)
{
    g_free(vms_shell("cd %s; truncate -s 1M zero; truncate -s 65M large; echo x >small; mkdir s; "
                     "cp c/* s; echo '[' >s/meta-data; genisoimage -quiet -V cidata -J -r -o "
                     "bad.iso s 2>/dev/null; genisoimage -quiet -V cidata -J -r -o c.iso c "
                     "2>/dev/null; mkfifo pipe; ln -s c.iso link",
                     root));
    expect_refused("zero");
    expect_refused("large");
    expect_refused("small");
    expect_refused("bad.iso");
    expect_refused("pipe");
}

/* Whatever is said of them, it is said, and in time. */
Test(cidata, broken_media_do_no_harm)
{
    static const char spoil[] =
        "import random,sys;d=bytearray(open('c.iso','rb').read());random.seed(int(sys.argv[1]));"
        "[d.__setitem__(random.randrange(32768,80000),random.randrange(256)) for i in range(60)];"
        "open('s.iso','wb').write(d[:random.choice([len(d),len(d)//2,70000])])";

    g_free(vms_shell("cd %s; genisoimage -quiet -V cidata -J -r -o c.iso c 2>/dev/null", root));
    for (int i = 0; i < 12; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VmsCidataResult) result = NULL;

        g_free(vms_shell("cd %s; python3 -c \"%s\" %d", root, spoil, i));
        result = remake("s.iso", &error);
        cr_assert(result || !strcmp(vms_error_get_reason(error), "MediaNotUnderstood"));
    }
}
