# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loss of power: every write to two file systems is recorded, and what any loss would have left of
them is made anew.

The disks' file system and the host's (catalog, configuration) lie on block devices of their own: a
sync of one says nothing about the other. A small NBD server in this process keeps both, in the order
in which writes and flushes came:

    loop device -> file of nbdfuse (FUSE) -> NBD on a UNIX socket -> Recorder

A state is what stands on the devices when the power goes after the n-th of these: of each device all
that came before its last flush, and any choice of the writes since.
"""

import os
import socket
import struct
import subprocess
import threading
import time

SIZES_MB = {"ext4": 96, "xfs": 320, "btrfs": 128}
OPTIONS = {"xfs": "loop,nouuid", "ext4": "loop", "btrfs": "loop"}
FLUSH = None
_MAGIC, _OPTION, _REPLY = 0x4e42444d41474943, 0x49484156454F5054, 0x3e889045565a9
_REQUEST, _ANSWER = 0x25609513, 0x67446698
_READ, _WRITE, _DISC, _SYNC = range(4)
_FLAGS = 1 | 4  # flags are there; flush is understood


class _Server(threading.Thread):
    """Serves one device to one client after the other."""

    def __init__(self, recorder, number, path):
        super().__init__(daemon=True)
        self.recorder, self.number = recorder, number
        self.file = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.file).st_size
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{path}.sock")
        self.listener.listen(4)
        self.start()

    def run(self):
        while True:
            client = self.listener.accept()[0]
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            if self._greet(client):
                while self._answer(client):
                    pass
        except (OSError, EOFError):
            pass
        finally:
            client.close()

    @staticmethod
    def _take(client, size):
        data = b""
        while len(data) < size:
            piece = client.recv(size - len(data), socket.MSG_WAITALL)
            if not piece:
                raise EOFError
            data += piece
        return data

    def _greet(self, client):
        client.sendall(struct.pack(">QQH", _MAGIC, _OPTION, 3))
        self._take(client, 4)
        while True:
            _, option, length = struct.unpack(">QII", self._take(client, 16))
            self._take(client, length)
            if option == 7:  # GO
                info = struct.pack(">HQH", 0, self.size, _FLAGS)
                client.sendall(struct.pack(">QIII", _REPLY, option, 3, len(info)) + info)
                client.sendall(struct.pack(">QIII", _REPLY, option, 1, 0))
                return True
            client.sendall(struct.pack(">QIII", _REPLY, option, 0x80000001, 0))
            if option == 2:  # ABORT
                return False

    def _answer(self, client):
        magic, _, kind, cookie, offset, length = struct.unpack(">IHHQQI", self._take(client, 28))
        assert magic == _REQUEST
        data = self._take(client, length) if kind == _WRITE else b""
        if kind == _DISC:
            return False
        if kind == _WRITE:
            with self.recorder.lock:
                os.pwrite(self.file, data, offset)
                self.recorder.log.append((self.number, offset, data))
        elif kind == _SYNC:
            with self.recorder.lock:
                self.recorder.log.append((self.number, 0, FLUSH))
        head = struct.pack(">IIQ", _ANSWER, 0, cookie)
        client.sendall(head + os.pread(self.file, length, offset) if kind == _READ else head)
        return True


def _run(*argv):
    done = subprocess.run(argv, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}"


def _pieces(path):
    """(offset, data) of what is no hole in a file."""
    found = []
    with open(path, "rb", buffering=0) as handle:
        at, end = 0, os.fstat(handle.fileno()).st_size
        while at < end:
            try:
                start = os.lseek(handle.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(handle.fileno(), start, os.SEEK_HOLE)
            found.append((start, os.pread(handle.fileno(), at - start, start)))
    return found


class Recorder:
    """Two file systems under record: `data` and `host`."""

    def __init__(self, work, kinds, make_fs):
        self.work, self.kinds = work, kinds
        self.lock, self.log, self.base = threading.Lock(), [], []
        self.mounts = [f"{work}/{name}" for name in ("data", "host")]
        self.images = [f"{work}/image{number}" for number in range(2)]
        self.helpers = []
        for kind, image, mount in zip(kinds, self.images, self.mounts):
            os.makedirs(mount)
            with open(image, "wb") as handle:
                handle.truncate(SIZES_MB[kind] << 20)
            make_fs(image, kind)
        for number, image in enumerate(self.images):
            self._attach(number, image)

    def _attach(self, number, image):
        _Server(self, number, image)
        folder = f"{self.work}/fuse{number}"
        os.makedirs(folder)
        self.helpers.append(subprocess.Popen(["nbdfuse", f"{folder}/disk", "--unix",
                                              f"{image}.sock"], stdin=subprocess.DEVNULL))
        deadline = time.monotonic() + 20
        while not os.path.exists(f"{folder}/disk") or not os.path.getsize(f"{folder}/disk"):
            assert time.monotonic() < deadline, "nbdfuse does not come up"
            time.sleep(0.01)
        _run("mount", "-t", self.kinds[number], "-o", OPTIONS[self.kinds[number]],
             f"{folder}/disk", self.mounts[number])

    def begin(self):
        """What is there now stands; the record starts."""
        for mount in self.mounts:
            _run("sync", "-f", mount)
        with self.lock:
            self.base = [_pieces(image) for image in self.images]
            self.log.clear()

    def end(self):
        """Unmounts; the record is what came until now."""
        with self.lock:
            log = list(self.log)
        for mount in self.mounts:
            _run("umount", mount)
        for number, helper in enumerate(self.helpers):
            _run("fusermount3", "-u", f"{self.work}/fuse{number}")
            helper.wait(20)
        for image in self.images:
            os.unlink(image)
        if "btrfs" in self.kinds:
            subprocess.run(["btrfs", "device", "scan", "--forget"], check=False,
                           capture_output=True)
        return log


class Replay:
    """Makes what a loss of power would have left."""

    def __init__(self, recorder, log):
        self.recorder, self.log = recorder, log
        self.mounts = recorder.mounts
        self.files = [f"{recorder.work}/state{number}" for number in range(2)]

    def boundaries(self):
        """Moments right before a flush is done, where most is at stake, and the end."""
        return sorted({index for index, entry in enumerate(self.log) if entry[2] is FLUSH} |
                      {len(self.log)})

    def chosen(self, moment, choose):
        """Indexes of the writes that are on the devices; choose(devices) says which of the unflushed
        ones: it is given the device of each, 0 or 1."""
        last = [-1, -1]
        for index in range(moment):
            number, _, data = self.log[index]
            if data is FLUSH:
                last[number] = index
        writes = [index for index in range(moment) if self.log[index][2] is not FLUSH]
        loose = [index for index in writes if index > last[self.log[index][0]]]
        keep = choose([self.log[index][0] for index in loose])
        kept = {index for index, stays in zip(loose, keep) if stays}
        return [index for index in writes if index in kept or index <= last[self.log[index][0]]]

    def mount(self, moment, choose):
        """Mounts the state; returns the writes it is made of."""
        indexes = self.chosen(moment, choose)
        for number, path in enumerate(self.files):
            with open(path, "wb", buffering=0) as handle:
                handle.truncate(SIZES_MB[self.recorder.kinds[number]] << 20)
                for offset, data in self.recorder.base[number]:
                    os.pwrite(handle.fileno(), data, offset)
                for index in indexes:
                    if self.log[index][0] == number:
                        os.pwrite(handle.fileno(), self.log[index][2], self.log[index][1])
        for path, mount, kind in zip(self.files, self.mounts, self.recorder.kinds):
            _run("mount", "-t", kind, "-o", OPTIONS[kind], path, mount)
        return indexes

    def unmount(self):
        """Gives the state up."""
        for path, mount in zip(self.files, self.mounts):
            _run("umount", mount)
            os.unlink(path)
