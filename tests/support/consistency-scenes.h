/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plan/consistency.h"

#include <glib.h>

/* Situations of the table of consistency, as facts: a VM as a survey finds it, and what a cut of it
 * would leave as evidence. Each scene_… below turns a new scene into the situation it names. */

typedef struct {
    VmsVm *vm;
    VmsEvidence *e;
} Scene;

typedef void (*SceneMaker)(Scene *scene);

/* A VM of one disk, to which 4096 bytes were written. */
Scene scene_new(void);
void scene_clear(Scene *scene);
/* The window notes what state it found, as the survey saw it. */
void scene_note_state(const Scene *scene);
/* What a finished cut comes to: "frozen", …, or "Reason!" when @policy refuses it. */
char *scene_judge(const Scene *scene, vmsnap_consistency_policy policy);
/* The same from the start: what the state allows before the cut counts too. */
char *scene_cell(SceneMaker make, vmsnap_consistency_policy policy);

void scene_running(Scene *scene);
void scene_off(Scene *scene);
void scene_off_destroyed(Scene *scene);
void scene_off_unknown(Scene *scene);
void scene_off_opaque(Scene *scene);
void scene_off_open_elsewhere(Scene *scene);
void scene_off_started_meanwhile(Scene *scene);
void scene_off_crashed(Scene *scene);
void scene_panicked(Scene *scene);
void scene_suspended_by_guest(Scene *scene);
void scene_saved(Scene *scene);
void scene_off_dirty(Scene *scene);
void scene_bind_mount(Scene *scene);
void scene_read_only_by_type(Scene *scene);
void scene_efi_partition(Scene *scene);
void scene_efi_partition_elsewhere(Scene *scene);
void scene_swap_beside(Scene *scene);
void scene_unwritten_vfat(Scene *scene);
void scene_accepted_vfat(Scene *scene);
void scene_accepted_disk(Scene *scene);
void scene_accepted_raw_disk(Scene *scene);
void scene_windows_in_time(Scene *scene);
void scene_written_vfat(Scene *scene);
void scene_vfat_called_efi(Scene *scene);
void scene_unknown_writes(Scene *scene);
void scene_accepted_another(Scene *scene);
void scene_raw_disk(Scene *scene);
void scene_zfs(Scene *scene);
void scene_one_not_frozen(Scene *scene);
void scene_frozen_but_dirty(Scene *scene);
void scene_accepted_but_dirty(Scene *scene);
void scene_cut_before_freeze(Scene *scene);
void scene_cut_after_thaw(Scene *scene);
void scene_another_instance(Scene *scene);
void scene_shared_with_running(Scene *scene);
void scene_freeze_fails(Scene *scene);
void scene_nothing_frozen(Scene *scene);
void scene_no_channel(Scene *scene);
void scene_not_connected(Scene *scene);
void scene_agent_silent(Scene *scene);
void scene_freeze_disabled(Scene *scene);
void scene_frozen_by_another(Scene *scene);
void scene_paused(Scene *scene);
void scene_migrating(Scene *scene);
void scene_migrating_paused(Scene *scene);
void scene_block_job(Scene *scene);
void scene_backup_job(Scene *scene);
void scene_thawed_by_another(Scene *scene);
void scene_thaw_unacknowledged(Scene *scene);
void scene_over_budget(Scene *scene);
void scene_windows_too_late(Scene *scene);
void scene_windows_thaw_error(Scene *scene);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)
