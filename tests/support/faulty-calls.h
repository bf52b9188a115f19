/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program that links this has the system calls that change files in its hand, those of the
 * library under test and of SQLite alike: nothing of it is in the library itself. */

enum { FAULTY_GO_ON = 0, FAULTY_SKIP = -1 /* say that it is done */ };

/* Asked before each such call with its name, and the descriptor of the file or of the folder it is
 * about. Anything else than the above is the errno it fails with. Not called for the calls it makes
 * itself; one thread. */
typedef int (*FaultyHook)(const char *call, int fd);

void faulty_calls_hook(FaultyHook hook);
/* Path of what is behind a descriptor; the buffer is overwritten by the next call. */
const char *faulty_calls_path(int fd);
