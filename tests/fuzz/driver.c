/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a fuzz target over the files of its corpus: ordinary tests need no fuzzer then.
 * driver CORPUS-FOLDER-OR-FILE... */

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
run_file(const char *path)
{
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &text, &size, NULL))
        return 0;
    /* A copy of exactly this size: g_file_get_contents() adds a NUL that would hide overreads. */
    g_autofree uint8_t *data = g_malloc(size + 1);
    if (size)
        memcpy(data + 1, text, size);
    LLVMFuzzerTestOneInput(data + 1, size);
    return 1;
}

static unsigned
run_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    unsigned count = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        count += run_file(path);
    }
    return count;
}

int
main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++)
        count += g_file_test(argv[i], G_FILE_TEST_IS_DIR) ? run_folder(argv[i]) : run_file(argv[i]);
    if (argc > 1) {
        g_autofree char *name = g_path_get_basename(argv[1]);

        printf("fuzz executions: %u of the corpus of %s, 0 findings\n", count, name);
    }
    return count ? 0 : 1;
}
