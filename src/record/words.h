/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Enumerations as words, both ways, for texts that are read back. */

typedef struct {
    int value;
    const char *word; /* NULL ends a table */
} VmsWord;

extern const VmsWord vms_words_snapshot_phase[];
extern const VmsWord vms_words_operation_phase[];
extern const VmsWord vms_words_subject[];
extern const VmsWord vms_words_part[];
extern const VmsWord vms_words_policy[];
extern const VmsWord vms_words_grade[];
extern const VmsWord vms_words_method[];
extern const VmsWord vms_words_keep_ip[];
extern const VmsWord vms_words_address_kind[];
extern const VmsWord vms_words_mode[]; /* 0 is "none" */
extern const VmsWord vms_words_vm_state[];
extern const VmsWord vms_words_condition_status[];
extern const VmsWord vms_words_resource_status[];
extern const VmsWord vms_words_severity[];
extern const VmsWord vms_words_act[];
extern const VmsWord vms_words_fs_clean[];
extern const VmsWord vms_words_guard[];
extern const VmsWord vms_words_journal[];
extern const VmsWord vms_words_metadata[];
extern const VmsWord vms_words_new_disk_way[];
extern const VmsWord vms_words_lease_state[];
extern const VmsWord vms_words_verdict[];
extern const VmsWord vms_words_restore_flag[]; /* of single bits */
extern const VmsWord vms_words_clone_flag[];   /* likewise */
extern const VmsWord vms_words_clone_method[];
extern const VmsWord vms_words_run_policy[];

/* NULL for a value without a word. */
const char *vms_words_find(const VmsWord *words, int value);
/* FALSE for a word of another table. */
gboolean vms_words_parse(const VmsWord *words, const char *word, int *ret_value);
