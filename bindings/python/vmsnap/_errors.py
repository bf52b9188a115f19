# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exceptions, one for each code, and the call that raises them."""

import ctypes

from ._enums import Code, Frozen
from ._native import lib


class Error(Exception):
    """A call of libvmsnap failed.

    code: what the caller can do; reason: what happened, one word; frozen: whether a guest was
    left frozen; step, object, origin, origin_code: more about it, where known; json: all of it.
    The error that caused it, if one is known, is __cause__.
    """

    code = Code.INTERNAL

    def __init__(self, message, code=None, reason=None, **more):
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.reason = reason or self.code.name
        self.step = more.get("step")
        self.object = more.get("object")
        self.origin = more.get("origin", "vmsnap")
        self.origin_code = more.get("origin_code", 0)
        self.frozen = more.get("frozen", Frozen.NO)
        self.json = more.get("json")

    def __str__(self):
        return f"{self.message} ({self.reason})"


class InternalError(Error):
    """A defect of the library: report it."""


class Invalid(Error, ValueError):
    """A bad argument; nothing was done."""
    code = Code.INVALID


class Unsupported(Error):
    """Cannot be done with this host, VM or disk."""
    code = Code.UNSUPPORTED


class NotFound(Error, LookupError):
    """No such object."""
    code = Code.NOT_FOUND


class Exists(Error):
    """The name is taken."""
    code = Code.EXISTS


class Busy(Error):
    """Somebody else holds it: try again later."""
    code = Code.BUSY


class Timeout(Error, TimeoutError):
    """A limit ran out."""
    code = Code.TIMEOUT


class Cancelled(Error):
    """Cancelled on request and rolled back."""
    code = Code.CANCELLED


class AgentError(Error):
    """The guest agent is missing, refused or failed."""
    code = Code.AGENT


class Inconsistent(Error):
    """Consistency was required and cannot be proven."""
    code = Code.INCONSISTENT


class Conflict(Error):
    """Conflicts stand against it: ask the user."""
    code = Code.CONFLICT


class PlanStale(Error):
    """The world changed since the plan was made."""
    code = Code.PLAN_STALE


class InUse(Error):
    """Something else still needs it."""
    code = Code.IN_USE


class NoSpace(Error):
    """Not enough storage."""
    code = Code.NO_SPACE


class Lost(Error):
    """Data of a snapshot is missing or was changed."""
    code = Code.LOST


class PermissionDenied(Error, PermissionError):
    """The caller may not."""
    code = Code.PERMISSION


class HypervisorError(Error):
    """libvirt or QEMU failed."""
    code = Code.HYPERVISOR


class StorageError(Error):
    """Reading or writing storage failed."""
    code = Code.IO


class Uncertain(Error):
    """The outcome is not known: run recovery."""
    code = Code.UNCERTAIN


class Forked(Error):
    """The handle was made by this process's parent."""
    code = Code.FORKED


class Closed(Error):
    """The context, or this handle, was closed."""
    code = Code.CLOSED


BY_CODE = {kind.code: kind for kind in Error.__subclasses__()}


def text(value):
    """A borrowed C string as str; NULL is None."""
    return None if value is None else value.decode("utf-8", "surrogateescape")


def make_error(pointer, code):
    """The exception for a vmsnap_error (or NULL), which stays the caller's."""
    if not pointer:
        return BY_CODE.get(code, Error)(text(lib.vmsnap_code_get_name(code)), Code(code))
    code = Code(lib.vmsnap_error_get_code(pointer))
    error = BY_CODE.get(code, Error)(
        text(lib.vmsnap_error_get_message(pointer)), code,
        text(lib.vmsnap_error_get_reason(pointer)),
        step=text(lib.vmsnap_error_get_step(pointer)),
        object=text(lib.vmsnap_error_get_object(pointer)),
        origin=text(lib.vmsnap_error_get_origin(pointer)),
        origin_code=lib.vmsnap_error_get_origin_code(pointer),
        frozen=Frozen(lib.vmsnap_error_get_frozen(pointer)),
        json=text(lib.vmsnap_error_get_json(pointer)))
    cause = lib.vmsnap_error_get_cause(pointer)
    if cause:
        error.__cause__ = make_error(cause, code)
    return error


def call(function, *arguments):
    """Call a fallible function without its last parameter; its result, or raise."""
    failure = ctypes.c_void_p()
    result = function(*arguments, ctypes.byref(failure))
    if result >= 0:
        return result
    error = make_error(failure.value, result)
    lib.vmsnap_error_free(failure)
    raise error


def call_out(function, *arguments):
    """Call a fallible function that makes a handle; the handle's address, or raise."""
    made = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(made))
    return made.value
