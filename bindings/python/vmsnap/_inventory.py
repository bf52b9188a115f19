# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who holds what."""

from ._handles import Reading
from ._native import lib


class Inventory(Reading):
    """A reading of every VM of every connection with what it holds, and of all facts.

    Its `info` has the list "items" of holders: macs, addresses, files, volumes and so on.
    """

    _unref = "vmsnap_inventory_unref"
    _get_json = "vmsnap_inventory_get_json"

    @property
    def vm_count(self):
        """How many virtual machines it has."""
        return lib.vmsnap_inventory_get_vm_count(self._ref)
