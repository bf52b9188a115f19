#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_crash_clone.py with the long counts."""

import os
import runpy

os.environ["VMS_LONG"] = "1"
runpy.run_path(f"{os.path.dirname(os.path.abspath(__file__))}/test_crash_clone.py",
               run_name="__main__")
