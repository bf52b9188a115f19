# SPDX-License-Identifier: LGPL-2.1-or-later
"""The binding says the same as the public headers, the layout test and the symbol map."""

import ctypes
import os
import re
import sys
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(TOP, "docs"))

import public_headers  # noqa: E402
import vmsnap  # noqa: E402
from vmsnap import _native  # noqa: E402

HEADERS = public_headers.Headers(os.path.join(TOP, "include"))
STRUCTS = {"vmsnap_adopt_options": _native.AdoptOptions,
           "vmsnap_collect_options": _native.CollectOptions,
           "vmsnap_clone_options": _native.CloneOptions,
           "vmsnap_context_options": _native.ContextOptions,
           "vmsnap_context_status": _native.ContextStatus,
           "vmsnap_fact": _native.Fact,
           "vmsnap_freeze_options": _native.FreezeOptions,
           "vmsnap_progress": _native.Progress,
           "vmsnap_new_disk_options": _native.NewDiskOptions,
           "vmsnap_restore_options": _native.RestoreOptions,
           "vmsnap_snapshot_options": _native.SnapshotOptions,
           "vmsnap_thaw_options": _native.ThawOptions}
ENUMS = {"vmsnap_code": (vmsnap.Code, "VMSNAP_E_"),
         "vmsnap_frozen": (vmsnap.Frozen, "VMSNAP_FROZEN_"),
         "vmsnap_context_flags": (vmsnap.ContextFlags, "VMSNAP_CONTEXT_"),
         "vmsnap_freeze_flags": (vmsnap.FreezeFlags, "VMSNAP_FREEZE_"),
         "vmsnap_thaw_flags": (vmsnap.ThawFlags, "VMSNAP_THAW_"),
         "vmsnap_vm_state": (vmsnap.VMState, "VMSNAP_VM_"),
         "vmsnap_verdict": (vmsnap.Verdict, "VMSNAP_VERDICT_"),
         "vmsnap_consistency_policy": (vmsnap.Consistency, "VMSNAP_CONSISTENCY_"),
         "vmsnap_grade": (vmsnap.Grade, "VMSNAP_GRADE_"),
         "vmsnap_keep_ip": (vmsnap.KeepIP, "VMSNAP_KEEP_IP_"),
         "vmsnap_snapshot_kind": (vmsnap.SnapshotKind, "VMSNAP_SNAPSHOT_KIND_"),
         "vmsnap_snapshot_phase": (vmsnap.SnapshotPhase, "VMSNAP_SNAPSHOT_"),
         "vmsnap_method": (vmsnap.Method, "VMSNAP_METHOD_"),
         "vmsnap_on_straggler": (vmsnap.OnStraggler, "VMSNAP_STRAGGLER_"),
         "vmsnap_operation_phase": (vmsnap.OperationPhase, "VMSNAP_OPERATION_"),
         "vmsnap_mode": (vmsnap.Mode, "VMSNAP_MODE_"),
         "vmsnap_severity": (vmsnap.Severity, "VMSNAP_SEVERITY_"),
         "vmsnap_restore_flags": (vmsnap.RestoreFlags, "VMSNAP_RESTORE_"),
         "vmsnap_fact_kind": (vmsnap.FactKind, "VMSNAP_FACT_"),
         "vmsnap_new_disk_method": (vmsnap.NewDiskMethod, "VMSNAP_NEW_DISK_"),
         "vmsnap_new_disk_flags": (vmsnap.NewDiskFlags, "VMSNAP_NEW_DISK_"),
         "vmsnap_clone_method": (vmsnap.CloneMethod, "VMSNAP_CLONE_"),
         "vmsnap_clone_flags": (vmsnap.CloneFlags, "VMSNAP_CLONE_"),
         "vmsnap_run_policy": (vmsnap.RunPolicy, "VMSNAP_RUN_POLICY_"),
         "vmsnap_undo_state": (vmsnap.UndoState, "VMSNAP_UNDO_"),
         "vmsnap_snapshot_flags": (vmsnap.SnapshotFlags, "VMSNAP_SNAPSHOT_"),
         "vmsnap_adopt_flags": (vmsnap.AdoptFlags, "VMSNAP_ADOPT_"),
         "vmsnap_drop_flags": (vmsnap.DropFlags, "VMSNAP_DROP_"),
         "vmsnap_collect_flags": (vmsnap.CollectFlags, "VMSNAP_COLLECT_"),
         "vmsnap_stage": (vmsnap.Stage, "VMSNAP_STAGE_")}
NOT_BOUND = {"vmsnap_log_level"}
SCALARS = {"int": ctypes.c_int, "int64_t": ctypes.c_int64, "size_t": ctypes.c_size_t,
           "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64, "void": None,
           "const char *": ctypes.c_char_p, "const char *const *": _native.TEXTS,
           "int *": ctypes.POINTER(ctypes.c_int)}


def expected_type(text):
    """The ctypes type that a C type of the headers is declared with."""
    bare = text.replace("const ", "").rstrip(" *")
    if text in SCALARS:
        return SCALARS[text]
    if bare in STRUCTS:
        return ctypes.POINTER(STRUCTS[bare])
    if bare in {enum.name for enum in HEADERS.enums}:
        return ctypes.c_int
    if bare in HEADERS.handles:
        return _native.OUT if text.endswith("**") else _native.HANDLE
    raise AssertionError(f"unknown type {text}")


class Functions(unittest.TestCase):
    def test_every_function_is_declared_as_in_the_header(self):
        self.assertEqual(sorted(_native.DECLARATIONS),
                         sorted(function.name for function in HEADERS.functions))
        for function in HEADERS.functions:
            types = [function.result] + [kind for kind, _ in function.params]
            with self.subTest(function.name):
                self.assertEqual(list(_native.DECLARATIONS[function.name]),
                                 [expected_type(kind) for kind in types])

    def test_every_symbol_of_the_map_is_declared_and_exported(self):
        with open(os.path.join(TOP, "src", "libvmsnap.map"), encoding="utf-8") as file:
            listed = re.findall(r"^\s+(vmsnap_\w+);", file.read(), re.M)
        self.assertEqual(sorted(listed), sorted(_native.DECLARATIONS))
        for name in listed:
            with self.subTest(name):
                self.assertTrue(getattr(_native.lib, name))


class Structs(unittest.TestCase):
    def test_every_struct_has_the_layout_of_the_c_one(self):
        self.assertEqual(sorted(STRUCTS), sorted(struct.name for struct in HEADERS.structs))
        with open(os.path.join(TOP, "tests", "abi", "layout.c"), encoding="utf-8") as file:
            lines = re.findall(r"^FIELD\((\w+), (\w+), (\d+), (\d+)\);", file.read(), re.M)
        expected = {name: [] for name in STRUCTS}
        for struct, field, offset, size in lines:
            expected[struct].append((field, int(offset), int(size)))
        for name, mirror in STRUCTS.items():
            fields = [(field, getattr(mirror, field).offset, getattr(mirror, field).size)
                      for field, _ in mirror._fields_]
            self.assertEqual(fields, expected[name], name)

    def test_a_new_struct_knows_its_size(self):
        for mirror in STRUCTS.values():
            self.assertEqual(mirror().struct_size, ctypes.sizeof(mirror))


class Enums(unittest.TestCase):
    def test_every_number_is_that_of_the_header(self):
        self.assertEqual(sorted([*ENUMS, *NOT_BOUND]), sorted(enum.name for enum in HEADERS.enums))
        for enum in HEADERS.enums:
            if enum.name in NOT_BOUND:
                continue
            mirror, prefix = ENUMS[enum.name]
            wanted = {re.sub(f"^({prefix}|VMSNAP_)", "", name): int(value)
                      for name, value, _ in enum.members}
            self.assertEqual({member.name: int(member) for member in mirror}, wanted, enum.name)

    def test_an_unknown_number_is_kept(self):
        self.assertEqual(vmsnap.Stage(99), 99)
        self.assertEqual(vmsnap.Stage(99).name, "UNKNOWN_99")

    def test_every_code_has_its_exception(self):
        codes = {kind.code for kind in vmsnap.Error.__subclasses__()}
        self.assertEqual(codes, set(vmsnap.Code) - {vmsnap.Code.OK})


if __name__ == "__main__":
    unittest.main()
