# SPDX-License-Identifier: LGPL-2.1-or-later
"""What restores keep, so that they can be undone."""

from ._enums import UndoState
from ._errors import text
from ._handles import Reading
from ._native import lib


class UndoSet(Reading):
    """A reading of one undo set. Context.find_operation(operation).undo() brings it back."""

    _unref = "vmsnap_undo_set_unref"
    _get_json = "vmsnap_undo_set_get_json"

    @property
    def operation(self):
        """UUID of the restore that keeps it."""
        return text(lib.vmsnap_undo_set_get_operation_uuid(self._ref))

    @property
    def state(self):
        return UndoState(lib.vmsnap_undo_set_get_state(self._ref))

    @property
    def until(self):
        """Until when it is kept at least, seconds since the epoch."""
        return lib.vmsnap_undo_set_get_until(self._ref) / 1e6

    @property
    def allocated(self):
        """What its files take on disk, bytes."""
        return lib.vmsnap_undo_set_get_allocated(self._ref)
