#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_freeze_survival.py with the cases that wait longest."""

import os
import runpy

os.environ["VMS_LONG"] = "1"
runpy.run_path(f"{os.path.dirname(os.path.abspath(__file__))}/test_freeze_survival.py",
               run_name="__main__")
