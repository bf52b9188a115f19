# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvmsnap as ctypes sees it: structs, and the type of every function.

A test compares all of it with the public headers.
"""

import ctypes
from ctypes import c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

SONAME = "libvmsnap.so.0"

HANDLE = c_void_p
TEXT = c_char_p
TEXTS = ctypes.POINTER(c_char_p)
OUT = ctypes.POINTER(c_void_p)


class Sized(ctypes.Structure):
    """A struct that begins with its own size."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class ContextOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("uri", c_char_p), ("analysis_uris", TEXTS),
                ("catalog", c_char_p), ("state_dir", c_char_p), ("guard_path", c_char_p),
                ("log_handler", c_void_p), ("log_data", c_void_p), ("log_level", c_uint32),
                ("flags", c_uint32), ("max_jobs", c_uint32), ("reserved0", c_uint32),
                ("agent_sockets", TEXTS)]


class ContextStatus(Sized):
    _fields_ = [("struct_size", c_size_t), ("open_operations", c_uint64),
                ("open_freezes", c_uint64)]


class Progress(Sized):
    _fields_ = [("struct_size", c_size_t), ("sequence", c_uint64), ("bytes_done", c_uint64),
                ("bytes_total", c_uint64), ("stage", c_uint32), ("reserved0", c_uint32)]


class AdoptOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("flags", c_uint32),
                ("reserved0", c_uint32)]


class CollectOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32), ("reserved0", c_uint32)]


class Fact(Sized):
    _fields_ = [("struct_size", c_size_t), ("value", c_char_p), ("holder", c_char_p),
                ("vm_uuid", c_char_p), ("network", c_char_p), ("kind", c_uint32),
                ("reserved0", c_uint32)]


class FreezeOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("disks", TEXTS), ("accept_unfrozen", TEXTS),
                ("hold_ms", c_uint32), ("freeze_call_ms", c_uint32),
                ("wait_ready_ms", c_uint32), ("flags", c_uint32)]


class ThawOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32), ("reserved0", c_uint32)]


class RestoreOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32), ("stop_timeout_ms", c_uint32),
                ("undo_ttl_s", c_uint32), ("wait_ready_ms", c_uint32)]


class CloneOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("rules", TEXTS),
                ("prefix", c_char_p), ("suffix", c_char_p), ("seed", c_char_p),
                ("method", c_uint32), ("run_policy", c_uint32), ("flags", c_uint32),
                ("wait_ready_ms", c_uint32)]


class NewDiskOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("to", c_char_p), ("target", c_char_p),
                ("format", c_char_p), ("size", c_uint64), ("method", c_uint32),
                ("flags", c_uint32), ("wait_ready_ms", c_uint32), ("reserved0", c_uint32)]


class SnapshotOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("description", c_char_p),
                ("labels", TEXTS), ("disks", TEXTS), ("store", c_char_p),
                ("consistency", c_uint32), ("method", c_uint32), ("wait_ready_ms", c_uint32),
                ("freeze_call_ms", c_uint32), ("freeze_budget_ms", c_uint32),
                ("flags", c_uint32), ("accept_unfrozen", TEXTS),
                ("keep_ip", c_uint32), ("reserved0", c_uint32)]


_POINTER = ctypes.POINTER

# name: (result, arguments...)
DECLARATIONS = {
    "vmsnap_get_version": (TEXT,),
    "vmsnap_code_get_name": (TEXT, c_int),

    "vmsnap_error_get_code": (c_int, HANDLE),
    "vmsnap_error_get_reason": (TEXT, HANDLE),
    "vmsnap_error_get_message": (TEXT, HANDLE),
    "vmsnap_error_get_step": (TEXT, HANDLE),
    "vmsnap_error_get_object": (TEXT, HANDLE),
    "vmsnap_error_get_origin": (TEXT, HANDLE),
    "vmsnap_error_get_origin_code": (c_int, HANDLE),
    "vmsnap_error_get_frozen": (c_int, HANDLE),
    "vmsnap_error_get_cause": (HANDLE, HANDLE),
    "vmsnap_error_get_json": (TEXT, HANDLE),
    "vmsnap_error_free": (None, HANDLE),

    "vmsnap_context_open": (c_int, _POINTER(ContextOptions), OUT, OUT),
    "vmsnap_context_close": (None, HANDLE),
    "vmsnap_context_ref": (HANDLE, HANDLE),
    "vmsnap_context_unref": (None, HANDLE),
    "vmsnap_context_read_status": (c_int, HANDLE, _POINTER(ContextStatus), OUT),
    "vmsnap_context_recover": (c_int, HANDLE, OUT, OUT),
    "vmsnap_context_find_vm": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_list_vms": (c_int, HANDLE, OUT, OUT),
    "vmsnap_context_find_disk": (c_int, HANDLE, TEXT, TEXT, OUT, OUT),
    "vmsnap_context_list_disks": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_find_disk_snapshot": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_list_disk_snapshots": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_find_snapshot": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_list_snapshots": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_find_operation": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_context_list_operations": (c_int, HANDLE, OUT, OUT),

    "vmsnap_disk_get_name": (TEXT, HANDLE),
    "vmsnap_disk_get_path": (TEXT, HANDLE),
    "vmsnap_disk_get_format": (TEXT, HANDLE),
    "vmsnap_disk_get_vm_name": (TEXT, HANDLE),
    "vmsnap_disk_get_vm_uuid": (TEXT, HANDLE),
    "vmsnap_disk_get_target": (TEXT, HANDLE),
    "vmsnap_disk_get_virtual_size": (c_uint64, HANDLE),
    "vmsnap_disk_get_json": (TEXT, HANDLE),
    "vmsnap_disk_ref": (HANDLE, HANDLE),
    "vmsnap_disk_unref": (None, HANDLE),
    "vmsnap_disk_list_get_count": (c_size_t, HANDLE),
    "vmsnap_disk_list_get_item": (HANDLE, HANDLE, c_size_t),
    "vmsnap_disk_list_ref": (HANDLE, HANDLE),
    "vmsnap_disk_list_unref": (None, HANDLE),
    "vmsnap_disk_snapshot_create": (c_int, HANDLE, _POINTER(SnapshotOptions), OUT, OUT),

    "vmsnap_vm_get_name": (TEXT, HANDLE),
    "vmsnap_vm_get_uuid": (TEXT, HANDLE),
    "vmsnap_vm_get_state": (c_int, HANDLE),
    "vmsnap_vm_get_json": (TEXT, HANDLE),
    "vmsnap_vm_ref": (HANDLE, HANDLE),
    "vmsnap_vm_unref": (None, HANDLE),
    "vmsnap_vm_list_get_count": (c_size_t, HANDLE),
    "vmsnap_vm_list_get_item": (HANDLE, HANDLE, c_size_t),
    "vmsnap_vm_list_ref": (HANDLE, HANDLE),
    "vmsnap_vm_list_unref": (None, HANDLE),

    "vmsnap_vm_check": (c_int, HANDLE, OUT, OUT),
    "vmsnap_check_get_verdict": (c_int, HANDLE),
    "vmsnap_check_get_reason": (TEXT, HANDLE),
    "vmsnap_check_get_json": (TEXT, HANDLE),
    "vmsnap_check_ref": (HANDLE, HANDLE),
    "vmsnap_check_unref": (None, HANDLE),

    "vmsnap_freeze_start": (c_int, HANDLE, _POINTER(FreezeOptions), OUT, OUT),
    "vmsnap_freeze_end": (c_int, HANDLE, OUT, OUT),
    "vmsnap_vm_thaw": (c_int, HANDLE, _POINTER(ThawOptions), OUT, OUT),
    "vmsnap_freeze_get_uuid": (TEXT, HANDLE),
    "vmsnap_freeze_get_ended": (c_int, HANDLE),
    "vmsnap_freeze_get_proven": (c_int, HANDLE),
    "vmsnap_freeze_get_json": (TEXT, HANDLE),
    "vmsnap_freeze_ref": (HANDLE, HANDLE),
    "vmsnap_freeze_unref": (None, HANDLE),

    "vmsnap_snapshot_create": (c_int, HANDLE, _POINTER(SnapshotOptions), OUT, OUT),
    "vmsnap_snapshot_create_group": (c_int, HANDLE, TEXTS, _POINTER(SnapshotOptions), c_uint32, OUT,
                                     OUT),
    "vmsnap_snapshot_delete": (c_int, HANDLE, OUT, OUT),
    "vmsnap_snapshot_verify": (c_int, HANDLE, OUT, OUT),
    "vmsnap_snapshot_get_name": (TEXT, HANDLE),
    "vmsnap_snapshot_get_uuid": (TEXT, HANDLE),
    "vmsnap_snapshot_get_kind": (c_int, HANDLE),
    "vmsnap_snapshot_get_disk_name": (TEXT, HANDLE),
    "vmsnap_snapshot_get_vm_name": (TEXT, HANDLE),
    "vmsnap_snapshot_get_vm_uuid": (TEXT, HANDLE),
    "vmsnap_snapshot_get_phase": (c_int, HANDLE),
    "vmsnap_snapshot_get_grade": (c_int, HANDLE),
    "vmsnap_snapshot_get_consistent": (c_int, HANDLE),
    "vmsnap_snapshot_get_created": (c_int64, HANDLE),
    "vmsnap_snapshot_get_json": (TEXT, HANDLE),
    "vmsnap_snapshot_ref": (HANDLE, HANDLE),
    "vmsnap_snapshot_unref": (None, HANDLE),
    "vmsnap_snapshot_list_get_count": (c_size_t, HANDLE),
    "vmsnap_snapshot_list_get_item": (HANDLE, HANDLE, c_size_t),
    "vmsnap_snapshot_list_ref": (HANDLE, HANDLE),
    "vmsnap_snapshot_list_unref": (None, HANDLE),

    "vmsnap_restore_plan": (c_int, HANDLE, TEXT, _POINTER(RestoreOptions), OUT, OUT),
    "vmsnap_restore_start": (c_int, HANDLE, c_uint32, OUT, OUT),
    "vmsnap_operation_undo": (c_int, HANDLE, _POINTER(RestoreOptions), OUT, OUT),

    "vmsnap_operation_drop_undo": (c_int, HANDLE, OUT, OUT),

    "vmsnap_context_list_undo_sets": (c_int, HANDLE, OUT, OUT),
    "vmsnap_context_adopt": (c_int, HANDLE, TEXTS, _POINTER(AdoptOptions), OUT, OUT),
    "vmsnap_context_drop_operation": (c_int, HANDLE, TEXT, c_uint32, OUT, OUT),
    "vmsnap_context_collect": (c_int, HANDLE, _POINTER(CollectOptions), OUT, OUT),
    "vmsnap_undo_set_get_operation_uuid": (TEXT, HANDLE),
    "vmsnap_undo_set_get_state": (c_int, HANDLE),
    "vmsnap_undo_set_get_until": (c_int64, HANDLE),
    "vmsnap_undo_set_get_allocated": (c_uint64, HANDLE),
    "vmsnap_undo_set_get_json": (TEXT, HANDLE),
    "vmsnap_undo_set_ref": (HANDLE, HANDLE),
    "vmsnap_undo_set_unref": (None, HANDLE),
    "vmsnap_undo_set_list_get_count": (c_size_t, HANDLE),
    "vmsnap_undo_set_list_get_item": (HANDLE, HANDLE, c_size_t),
    "vmsnap_undo_set_list_ref": (HANDLE, HANDLE),
    "vmsnap_undo_set_list_unref": (None, HANDLE),

    "vmsnap_context_add_fact": (c_int, HANDLE, _POINTER(Fact), OUT),
    "vmsnap_context_remove_facts": (c_int, HANDLE, TEXT, OUT),
    "vmsnap_context_read_inventory": (c_int, HANDLE, OUT, OUT),
    "vmsnap_inventory_get_vm_count": (c_size_t, HANDLE),
    "vmsnap_inventory_get_json": (TEXT, HANDLE),
    "vmsnap_inventory_ref": (HANDLE, HANDLE),
    "vmsnap_inventory_unref": (None, HANDLE),

    "vmsnap_plan_from_json": (c_int, HANDLE, TEXT, OUT, OUT),
    "vmsnap_new_disk_plan": (c_int, HANDLE, _POINTER(NewDiskOptions), OUT, OUT),
    "vmsnap_new_disk_start": (c_int, HANDLE, _POINTER(NewDiskOptions), OUT, OUT),

    "vmsnap_vm_flatten": (c_int, HANDLE, OUT, OUT),
    "vmsnap_clone_plan": (c_int, HANDLE, _POINTER(CloneOptions), OUT, OUT),
    "vmsnap_clone_plan_from_snapshot": (c_int, HANDLE, _POINTER(CloneOptions), OUT, OUT),
    "vmsnap_clone_start": (c_int, HANDLE, c_uint32, OUT, OUT),
    "vmsnap_operation_get_new_vm_name": (TEXT, HANDLE),
    "vmsnap_operation_get_new_vm_uuid": (TEXT, HANDLE),

    "vmsnap_plan_get_hash": (TEXT, HANDLE),
    "vmsnap_plan_get_finding_count": (c_size_t, HANDLE),
    "vmsnap_plan_get_conflict_count": (c_size_t, HANDLE, c_uint32),
    "vmsnap_plan_get_finding_reason": (TEXT, HANDLE, c_size_t),
    "vmsnap_plan_get_finding_severity": (c_int, HANDLE, c_size_t),
    "vmsnap_plan_get_finding_message": (TEXT, HANDLE, c_size_t),
    "vmsnap_plan_get_json": (TEXT, HANDLE),
    "vmsnap_plan_ref": (HANDLE, HANDLE),
    "vmsnap_plan_unref": (None, HANDLE),

    "vmsnap_operation_get_uuid": (TEXT, HANDLE),
    "vmsnap_operation_get_type": (TEXT, HANDLE),
    "vmsnap_operation_get_phase": (c_int, HANDLE),
    "vmsnap_operation_get_json": (TEXT, HANDLE),
    "vmsnap_operation_get_new_path": (TEXT, HANDLE),
    "vmsnap_operation_get_new_format": (TEXT, HANDLE),
    "vmsnap_operation_get_new_size": (c_uint64, HANDLE),
    "vmsnap_operation_get_new_sha256": (TEXT, HANDLE),
    "vmsnap_operation_ref": (HANDLE, HANDLE),
    "vmsnap_operation_unref": (None, HANDLE),
    "vmsnap_operation_list_get_count": (c_size_t, HANDLE),
    "vmsnap_operation_list_get_item": (HANDLE, HANDLE, c_size_t),
    "vmsnap_operation_list_ref": (HANDLE, HANDLE),
    "vmsnap_operation_list_unref": (None, HANDLE),

    "vmsnap_job_wait": (c_int, HANDLE, c_int, OUT),
    "vmsnap_job_get_fd": (c_int, HANDLE, _POINTER(c_int), OUT),
    "vmsnap_job_read_progress": (c_int, HANDLE, _POINTER(Progress), OUT),
    "vmsnap_job_cancel": (None, HANDLE),
    "vmsnap_job_get_operation_uuid": (TEXT, HANDLE),
    "vmsnap_job_ref_snapshot": (c_int, HANDLE, OUT, OUT),
    "vmsnap_job_ref_snapshot_list": (c_int, HANDLE, OUT, OUT),
    "vmsnap_job_ref_freeze": (c_int, HANDLE, OUT, OUT),
    "vmsnap_job_get_json": (TEXT, HANDLE),
    "vmsnap_job_ref": (HANDLE, HANDLE),
    "vmsnap_job_unref": (None, HANDLE),
}


class Library:
    """The functions of the library, each typed when it is first asked for."""

    def __init__(self, soname=SONAME):
        self._dll = ctypes.CDLL(soname)

    def __getattr__(self, name):
        result, *arguments = DECLARATIONS[name]
        function = getattr(self._dll, name)
        function.restype = result
        function.argtypes = arguments
        setattr(self, name, function)
        return function


lib = Library()
