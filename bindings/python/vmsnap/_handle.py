# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all handles have in common: one counted reference, close(), with."""

import os
from ctypes import c_char_p

from ._errors import Closed, Invalid
from ._native import lib


class Reference:
    """One reference to a C object, dropped with the last user.

    It is itself what is passed to C: a call in another thread keeps it alive, so closing a handle
    never frees what that call works on.
    """

    __slots__ = ("_as_parameter_", "_unref")

    def __init__(self, pointer, unref):
        self._unref = getattr(lib, unref)
        self._as_parameter_ = pointer

    def __del__(self):
        self._unref(self._as_parameter_)


class Handle:
    """Base of everything that holds a C object. close() releases it early; with does so too."""

    _unref = None

    def __init__(self, pointer):
        self._open_ref = Reference(pointer, self._unref)

    @property
    def _ref(self):
        if self._open_ref is None:
            raise Closed(f"this {type(self).__name__} was closed")
        return self._open_ref

    @property
    def closed(self):
        return self._open_ref is None

    def close(self):
        """Release it. Closing twice is allowed."""
        self._open_ref = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()


def encode(value):
    """str, bytes or path as a C string; None stays None."""
    if value is None:
        return None
    data = os.fsencode(value)
    if b"\0" in data:
        raise Invalid("text holds a NUL character")
    return data


def encode_list(values):
    """Strings as a C array ended by NULL; None stays None."""
    if values is None:
        return None
    if isinstance(values, (str, bytes)):
        raise Invalid("a list of strings is wanted, not one string")
    items = [encode(value) for value in values]
    return (c_char_p * (len(items) + 1))(*items, None)


def milliseconds(seconds):
    """Seconds as the library's milliseconds; None and 0 mean its default."""
    return _whole(seconds, 1000)


def whole_seconds(seconds):
    """Seconds as the library's seconds; None and 0 mean its default."""
    return _whole(seconds, 1)


def _whole(seconds, per_second):
    """At least 1 unless it is the default: a short time must not become that."""
    if not seconds:
        return 0
    if not 0 < seconds * per_second <= 2**32 - 1:
        raise Invalid(f"a time of {seconds} s is out of range")
    return max(round(seconds * per_second), 1)
