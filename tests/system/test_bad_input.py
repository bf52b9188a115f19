#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input that needs no running guest: each gets a clear error and changes nothing."""

import contextlib
import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import threading

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
import bed_libvirt  # noqa: E402
import bed_storage  # noqa: E402
from refusal import STATE, check_clean, expect, left_beside  # noqa: E402

vmsnap = harness.vmsnap
FOLDER = bed.storage("xfs", 512)
DISK = bed.make_disk(f"{FOLDER}/web.qcow2", size_mb=64)
OTHER = f"{STATE}/other.db"
NOBODY = 65534


def web():
    """The VM of most tests, off."""
    return bed.vm("web")


def digest(path):
    """sha256 of a file as it lies there."""
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def create(vm, name, *words, **options):
    """snapshot create."""
    return vmsnap("snapshot", "create", vm, name, *words, **options)


@contextlib.contextmanager
def without_disk():
    """The VM's image is away; whatever stands in its place goes in the end."""
    os.rename(DISK, f"{DISK}.away")
    try:
        yield
    finally:
        if os.path.isdir(DISK) and not os.path.islink(DISK):
            os.rmdir(DISK)
        os.rename(f"{DISK}.away", DISK)


def works_again(vm="web", folder=FOLDER):
    """The command that was refused succeeds now, and its traces can be removed."""
    create(vm, "again", check=0)
    check_clean([folder], kept=["again"])
    vmsnap("snapshot", "delete", "again", check=0)
    check_clean([folder])


@harness.test
def an_unknown_vm_is_not_found():
    for words in (["snapshot", "create", "nosuch", "s1"], ["check", "nosuch"],
                  ["vm", "show", "nosuch"]):
        expect(vmsnap(*words), 5, "NOT_FOUND", about="nosuch")
    expect(create("00000000-0000-4000-8000-000000000000", "s1"), 5, "NOT_FOUND", about="00000000")
    expect(vmsnap("restore", "web", "nosuch", "--mode", "strict"), 5, "NOT_FOUND", about="nosuch")
    expect(vmsnap("snapshot", "delete", "nosuch"), 5, "NOT_FOUND", about="nosuch")
    expect(vmsnap("undo", "00000000-0000-4000-8000-000000000000"), 5, "NOT_FOUND")
    check_clean([FOLDER])


@harness.test
def a_taken_name_exists():
    create("web", "taken", check=0)
    expect(create("web", "taken"), 3, "EXISTS", about="taken")
    check_clean([FOLDER], kept=["taken"])
    vmsnap("snapshot", "verify", "taken", check=0)
    vmsnap("snapshot", "delete", "taken", check=0)
    works_again()


@harness.test
def an_invalid_name_is_a_usage_error():
    uuid = "0b9ce9ca-7be2-4bcb-9d0b-3b0a3f2b9f70"
    for name in ("", "-a", "a-", "UPPER", "a b", "../a", "a/b", "a" * 64, ".", "a\nb", "ä", uuid):
        expect(create("web", name), 2, "INVALID")
    for words in (["--label", "=x"], ["--label", "a=" + "x" * 256], ["--disk", "vdz"],
                  ["--store", "relative"], ["--consistency", "maybe"], ["--method", "magic"],
                  ["--wait-ready", "-1"], ["--nosuch"]):
        expect(create("web", "s1", *words), 2, "INVALID")
    expect(vmsnap("restore", "web", "s1"), 2, "INVALID")
    expect(vmsnap("restore", "web", "s1", "--mode", "lazy"), 2, "INVALID")
    check_clean([FOLDER])


def broken_catalog(path, code, reason=None):
    """Every command that needs this catalog is refused alike."""
    uri = f"sqlite:{path}"
    before = left_beside(FOLDER)
    for words in (["snapshot", "create", "web", "s1"], ["snapshot", "list"], ["recover"],
                  ["operation", "list"]):
        expect(vmsnap("--catalog", uri, *words), 1, code, reason, about=os.path.basename(path))
    assert left_beside(FOLDER) == before, left_beside(FOLDER)


@harness.test
def an_unreadable_catalog_is_told_and_left_alone():
    path = f"{STATE}/broken.db"
    for content in (os.urandom(9000), b"SQLite format 3\0" + os.urandom(9000), b"short"):
        with open(path, "wb") as handle:
            handle.write(content)
        before = digest(path)
        broken_catalog(path, "IO")
        assert digest(path) == before
        assert not [name for name in os.listdir(STATE) if name.startswith("broken.db-")]
        os.unlink(path)
    os.mkdir(path)
    broken_catalog(path, "IO")
    os.rmdir(path)
    os.symlink(f"{STATE}/catalog.db", path)
    broken_catalog(path, "IO")
    os.unlink(path)
    expect(vmsnap("--catalog", "etcd://localhost/x", "snapshot", "list"), 2, "INVALID")
    works_again()


@harness.test
def a_torn_catalog_is_told():
    """Pages of a real catalog overwritten: an error, never a crash and never a guess."""
    create("web", "torn", check=0)
    shutil.copy(f"{STATE}/catalog.db", OTHER)
    with open(OTHER, "r+b") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(4096)
        handle.write(os.urandom(size - 4096))
    broken_catalog(OTHER, "IO")
    os.unlink(OTHER)
    vmsnap("snapshot", "delete", "torn", check=0)


@harness.test
def a_newer_catalog_is_refused_and_not_touched():
    create("web", "old", check=0)
    shutil.copy(f"{STATE}/catalog.db", OTHER)
    with sqlite3.connect(OTHER) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute(f"PRAGMA user_version={db.execute('PRAGMA user_version').fetchone()[0] + 1}")
    db.close()
    before, names = digest(OTHER), sorted(os.listdir(STATE))
    broken_catalog(OTHER, "UNSUPPORTED")
    assert digest(OTHER) == before
    assert sorted(os.listdir(STATE)) == names
    os.unlink(OTHER)
    vmsnap("snapshot", "delete", "old", check=0)


@harness.test
def a_newer_record_is_refused_and_not_touched():
    """One record of a later version: it is named; the others stay usable."""
    create("web", "fine", check=0)
    create("web", "late", check=0)
    uuid = vmsnap("snapshot", "show", "late", check=0).json["uuid"]
    with sqlite3.connect(f"{STATE}/catalog.db") as db:
        table, = [name for name, in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
                  if "record" in name]
        was, = db.execute(f"SELECT text FROM {table} WHERE id=?", (uuid,)).fetchone()
        late = was.replace('"schema":1', '"schema":999', 1)
        assert late != was, was[:200]
        db.execute(f"UPDATE {table} SET text=? WHERE id=?", (late, uuid))
    expect(vmsnap("snapshot", "show", "late"), 1, "UNSUPPORTED", about=uuid)
    expect(vmsnap("snapshot", "delete", "late"), 1, "UNSUPPORTED", about=uuid)
    expect(vmsnap("restore", "web", "late", "--mode", "strict"), 1, "UNSUPPORTED", about=uuid)
    vmsnap("snapshot", "verify", "fine", check=0)
    phases = {item["name"]: item["phase"] for item in vmsnap("snapshot", "list").json["items"]}
    assert phases["fine"] == "Ready" and phases["late"] == "Failed", phases
    vmsnap("restore", "web", "fine", "--mode", "dry-run", check=0)
    with sqlite3.connect(f"{STATE}/catalog.db") as db:
        assert db.execute(f"SELECT text FROM {table} WHERE id=?", (uuid,)).fetchone()[0] == late
        db.execute(f"UPDATE {table} SET text=? WHERE id=?", (was, uuid))
    db.close()
    for name in ("fine", "late"):
        vmsnap("snapshot", "delete", name, check=0)
    check_clean([FOLDER])


@harness.test
def a_missing_image_is_named():
    with without_disk():
        expect(create("web", "gone"), 5, "NOT_FOUND", "ImageMissing", about="web/vda")
        found = vmsnap("check", "web", check=3)
        assert found.json["verdict"] == "blocked" and DISK in found.out, found
        assert not os.path.exists(DISK)
    works_again()


@harness.test
def a_symbolic_link_in_place_of_an_image_is_refused():
    """What somebody may have put there to make root read or replace another file."""
    victim = f"{FOLDER}/victim"
    shutil.copy(DISK, victim)
    before = digest(victim)
    create("web", "link", check=0)
    with without_disk():
        os.symlink(victim, DISK)
        expect(create("web", "link.2"), 1, "UNSUPPORTED", "ImageUnsupported", about="web/vda")
        for mode in ("dry-run", "strict"):
            reply = vmsnap("restore", "web", "link", "--mode", mode)
            assert reply.code == 3 and "ForeignFile" in reply.out, reply
        assert digest(victim) == before and os.path.islink(DISK)
    os.unlink(victim)
    vmsnap("restore", "web", "link", "--mode", "strict", check=0)
    vmsnap("undo", vmsnap("undo", "list", check=0).json["items"][0]["uuid"], check=0)
    vmsnap("snapshot", "delete", "link", check=0)
    works_again()


@harness.test
def a_link_in_place_of_a_stored_image_is_a_lost_snapshot():
    """The snapshot's own file was exchanged: neither verify nor restore follows it."""
    shot = create("web", "stored", check=0).json
    path = shot["disks"][0]["path"]
    shutil.copy(path, f"{FOLDER}/copy")
    os.unlink(path)
    os.symlink(f"{FOLDER}/copy", path)
    before = digest(DISK)
    reply = vmsnap("restore", "web", "stored", "--mode", "strict")
    assert reply.code == 3 and "Lost" in reply.out, reply
    expect(vmsnap("snapshot", "verify", "stored"), 1, "LOST", "Lost", about="web/vda")
    assert digest(DISK) == before
    os.unlink(path)
    vmsnap("snapshot", "delete", "stored", check=0)
    os.unlink(f"{FOLDER}/copy")
    works_again()


@harness.test
def a_folder_or_device_in_place_of_an_image_is_refused():
    for make in (os.mkdir, os.mkfifo,
                 lambda path: os.mknod(path, 0o20600, os.makedev(1, 5))):
        with without_disk():
            make(DISK)
            reply = create("web", "device")
            expect(reply, 1, "UNSUPPORTED", "ImageUnsupported", about="web/vda")
            assert reply.seconds < 30, reply
    works_again()


@harness.test
def a_raw_disk_that_looks_like_qcow2_stays_raw():
    """The guest wrote a qcow2 header with a backing file into its raw disk: nobody may follow it."""
    secret, path = f"{FOLDER}/secret", f"{FOLDER}/raw.img"
    bed_storage.run(["qemu-img", "create", "-q", "-f", "raw", path, "16M"])
    with open(secret, "wb") as handle:
        handle.write(b"TOPSECRET" * 200000)
    evil = f"{FOLDER}/evil"
    bed_storage.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", evil,
                     "1M"])
    with open(evil, "rb") as handle, open(path, "r+b") as disk:
        disk.write(handle.read())
    vm = bed.define_vm("raw", [path])
    before = digest(path)
    shot = create("raw", "r1", check=0).json
    assert shot["disks"][0]["format"] == "raw", shot
    assert digest(shot["disks"][0]["path"]) == before
    vmsnap("snapshot", "verify", "r1", check=0)
    with open(path, "r+b") as disk:
        disk.write(bytes(4096))
    vmsnap("restore", "raw", "r1", "--mode", "strict", check=0)
    assert digest(path) == before
    driver = vm.xml(True).find("devices/disk/driver")
    assert driver.get("type") == "raw", driver.attrib
    vmsnap("undo", vmsnap("undo", "list", check=0).json["items"][0]["uuid"], check=0)
    vmsnap("snapshot", "delete", "r1", check=0)
    vm.undefine()
    for name in (path, secret, evil):
        os.unlink(name)
    check_clean([FOLDER])


@harness.test
def an_image_of_another_format_is_refused():
    """XML says qcow2, the file is raw: no guess."""
    path = f"{FOLDER}/odd.qcow2"
    bed_storage.run(["qemu-img", "create", "-q", "-f", "raw", path, "16M"])
    vm = bed.define_vm("odd", [path])
    refused = create("odd", "s1")
    assert refused.code == 1 and refused.json["error"]["code"] == "UNSUPPORTED", refused
    assert path in str(refused.json["error"]), refused
    vm.undefine()
    os.unlink(path)
    check_clean([FOLDER])


@harness.test
def a_full_file_system_is_known_beforehand():
    """Both figures are told and nothing is made."""
    folder = bed.storage("ext4", 96)
    path = f"{folder}/full.img"
    with open(path, "wb") as handle:
        handle.write(os.urandom(60 << 20))
    vm = bed.define_vm("full", [path])
    free = os.statvfs(folder)
    error = expect(create("full", "full"), 1, "NO_SPACE", "OutOfSpace", about=folder)
    figures = [int(word) for word in error["message"].replace(",", " ").split() if word.isdigit()]
    assert len(figures) == 2 and figures[1] >= 60 << 20 > figures[0], error
    assert figures[0] <= free.f_bfree * free.f_frsize, error
    assert not left_beside(folder)
    found = vmsnap("check", "full", check=3).json
    assert found["verdict"] == "blocked" and "OutOfSpace" in str(found), found
    store = bed.storage("xfs", 512)
    create("full", "full", "--store", store, check=0)
    vmsnap("snapshot", "delete", "full", check=0)
    assert left_beside(store) == [], left_beside(store)
    vm.undefine()


@harness.test
def a_read_only_file_system_is_told():
    bed_storage.run(["mount", "-o", "remount,ro", FOLDER])
    try:
        error = create("web", "readonly").json["error"]
        assert error["code"] in ("PERMISSION", "IO"), error
        assert "Read-only" in error["message"], error
    finally:
        bed_storage.run(["mount", "-o", "remount,rw", FOLDER])
    works_again()


@harness.test
def a_disk_without_a_format_is_raw_for_libvirt_and_for_us():
    """libvirt no longer guesses formats, and neither do we: the qcow2 is taken as it lies there."""
    path = bed.make_disk(f"{FOLDER}/plain.qcow2", size_mb=16)
    disk = (f"<disk type='file' device='disk'><source file='{path}'/>"
            "<target dev='vda' bus='virtio'/></disk>")
    vm = bed.define_vm("plain", [], devices=disk)
    shot = create("plain", "plain", check=0).json
    assert shot["disks"][0]["format"] == "raw", shot
    assert digest(shot["disks"][0]["path"]) == digest(path)
    vmsnap("snapshot", "delete", "plain", check=0)
    vm.undefine()
    os.unlink(path)
    check_clean([FOLDER])


class Relay:
    """libvirt's socket under another address: what a remote host looks like from here."""

    def __init__(self, silent=False):
        self.silent = silent
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.silent:
                threading.Thread(target=lambda held: held.recv(1 << 20) and
                                 threading.Event().wait(), args=[client], daemon=True).start()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(bed_libvirt.SOCKET)
            for one, two in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=[one, two], daemon=True).start()

    @staticmethod
    def _pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@harness.test
def a_remote_host_is_refused_at_once():
    """By TCP and by SSH; lists work, what touches images does not."""
    create("web", "local", check=0)
    ssh = "/run/libvirt/ssh"
    bed_libvirt.write(ssh, "#!/usr/bin/python3\nimport os, sys\n"
                      "at = sys.argv.index('--')\n"
                      "os.execvp('sh', ['sh', '-c', ' '.join(sys.argv[at + 2:])])\n", 0o755)
    before = sorted(left_beside(FOLDER))
    for uri in (f"qemu+tcp://127.0.0.1:{Relay().port}/system",
                f"qemu+ssh://otherhost/system?command={ssh}"):
        names = [vm["name"] for vm in vmsnap("-c", uri, "vm", "list", check=0).json["items"]]
        assert "web" in names, names
        for words in (["snapshot", "create", "web", "s1"],
                      ["restore", "web", "local", "--mode", "strict"],
                      ["restore", "web", "local", "--mode", "best-effort"], ["check", "web"]):
            reply = vmsnap("-c", uri, *words)
            expect(reply, 1, "UNSUPPORTED", "RemoteHost", about=uri.split("?")[0])
            assert reply.seconds < 20, reply
        assert sorted(left_beside(FOLDER)) == before
    vmsnap("snapshot", "delete", "local", check=0)
    works_again()


@harness.test
def a_host_that_cannot_be_reached_is_told():
    """Nothing listens, a name that is none, a scheme that is none."""
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    for uri in (f"qemu+tcp://127.0.0.1:{port}/system", "qemu+ssh://host.invalid/system",
                "nosuch:///system", "qemu+unix:///system?socket=/run/libvirt/nosuch"):
        reply = vmsnap("-c", uri, "snapshot", "create", "web", "s1")
        expect(reply, 1, "HYPERVISOR")
        assert reply.seconds < 30, reply
    check_clean([FOLDER])


def as_nobody(*words):
    """Runs the installed command without any right."""
    line = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            "/usr/local/bin/vmsnap", "-o", "json", "-c", "qemu:///system", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60, cwd="/",
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, "HOME": "/nonexistent"})
    return harness.Reply(line, done.returncode, done.stdout, done.stderr,
                         harness.json.loads(done.stdout or "null"), 0)


def set_modes(paths, modes):
    """chmod of several files."""
    for path, mode in zip(paths, modes):
        os.chmod(path, mode)


@harness.test
def a_user_without_rights_is_told():
    """Access to libvirt but not to our folders: looking works, acting is PERMISSION. No access to
    libvirt: PERMISSION everywhere."""
    create("web", "mine", check=0)
    acts = (["snapshot", "create", "web", "s1"], ["snapshot", "delete", "mine"], ["recover"],
            ["restore", "web", "mine", "--mode", "strict"])
    paths = [bed_libvirt.SOCKET, f"{bed_libvirt.SOCKET}-ro"]
    modes = [os.stat(path).st_mode & 0o777 for path in paths]
    try:
        set_modes(paths, [0o777, 0o777])
        listed = as_nobody("vm", "list")
        assert listed.code == 0 and "web" in listed.out, listed
        looked = as_nobody("check", "web")
        assert looked.code == 3 and "PERMISSION" in looked.out, looked
        for words in acts:
            expect(as_nobody(*words), 1, "PERMISSION")
        expect(as_nobody("--catalog", f"sqlite:{STATE}/catalog.db", "snapshot", "list"), 1,
               "PERMISSION")
        set_modes(paths, [0o700, 0o700])
        for words in (*acts, ["vm", "list"], ["check", "web"]):
            expect(as_nobody(*words), 1, "PERMISSION")
    finally:
        set_modes(paths, modes)
    check_clean([FOLDER], kept=["mine"])
    vmsnap("snapshot", "delete", "mine", check=0)


@harness.test
def libvirtd_that_does_not_run_is_told():
    bed.libvirt.kill()
    try:
        for words in (["snapshot", "create", "web", "s1"], ["check", "web"], ["vm", "list"]):
            expect(vmsnap(*words), 1, "HYPERVISOR")
    finally:
        bed.libvirt.start()
    works_again()


bed.define_vm("web", [DISK])
harness.main()
