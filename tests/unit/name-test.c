/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/name.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Test(name, a_new_uuid_is_one_and_is_random)
{
    g_autofree char *one = vms_name_new_uuid();
    g_autofree char *two = vms_name_new_uuid();

    cr_assert(vms_name_is_uuid(one), "%s", one);
    cr_assert_eq(one[14], '4', "version of %s", one);
    cr_assert_not_null(strchr("89ab", one[19]), "variant of %s", one);
    cr_assert_str_neq(one, two);
}

Test(name, both_sides_of_a_fork_make_different_uuids)
{
    g_autofree char *first = vms_name_new_uuid();
    g_autofree char *ours = NULL;
    char theirs[37] = "";
    int ends[2];
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        g_autofree char *uuid = vms_name_new_uuid();

        _exit(write(ends[1], uuid, 36) == 36 ? 0 : 1);
    }
    ours = vms_name_new_uuid();
    cr_assert_eq(read(ends[0], theirs, 36), 36);
    waitpid(child, NULL, 0);
    cr_assert_str_neq(ours, theirs);
    cr_assert_str_neq(ours, first);
}
