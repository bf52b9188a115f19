/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/group.h"
#include "model/place.h"
#include "plan/placement.h"

#include <glib.h>

/* Free space of a store that is not named yet. */
#define VMS_SPACE_UNASKED ((guint64)G_MAXINT64)

/* Reading what a snapshot of one VM is about: the VM, its disks, their images and what the
 * folders offer. Looks only. */

/* Another VM that has a disk open. */
typedef struct {
    char *uuid;
    char *name;
} VmsSharer;

typedef struct {
    const VmsDisk *disk; /* borrowed from the VM: the one in force */
    char *name;          /* "web/vda"; the path of a disk that no VM has */
    char *path;          /* canonical */
    char *folder;        /* where images of it would go: its own folder, or the store */
    VmsImage *image;     /* active layer */
    guint64 allocated;   /* of the whole chain */
    VmsPlaceInfo place;
    VmsPlacement placement;
    char *sharer;          /* another running VM that has it open; NULL: none */
    GPtrArray *companions; /* VmsSharer*: such VMs that are cut in one group with this one */
    GError *refusal;       /* why it cannot be cut; NULL: it can */
} VmsSurveyDisk;

typedef struct {
    VmsVm *vm;           /* NULL: the disk is no VM's; see engine/disk-survey.h */
    VmsDisk *alone;      /* what stands for such a disk */
    GPtrArray *disks;    /* VmsSurveyDisk*: those that take part */
    GPtrArray *left_out; /* char*: owned disks the filter leaves out */
    GPtrArray *parts;    /* VmsPart*: what else belongs to it and is there; see part-survey.h */
} VmsSurvey;

/* Empty; of a VM once it is found. */
VmsSurvey *vms_survey_new(void);
VmsSurveyDisk *vms_survey_disk_new(void);
void vms_survey_disk_free(VmsSurveyDisk *disk);

typedef struct {
    const char *vm;           /* name or UUID */
    const char *const *disks; /* targets, NULL-ended; NULL: all */
    const char *store;        /* NULL: beside each disk */
    vmsnap_method method;
    gboolean look_only;    /* nothing will be made: a store that is missing is no refusal */
    gboolean disk_only;    /* disks without their VM: without its other parts */
    const VmsGroup *group; /* cut together with this VM; NULL: none */
} VmsSurveyRequest;

/* A disk that cannot be cut is no failure here: see refusal. INVALID for an unknown target,
 * UNSUPPORTED/FilesNotVisible when the files are not those that QEMU has open. */
gboolean vms_survey_vm(VmsEngine *engine, const VmsSurveyRequest *request, VmsSurvey **ret_survey,
                       GError **error);
void vms_survey_free(VmsSurvey *survey);

/* The first disk's refusal, if there is one; else whether every folder has the space. */
gboolean vms_survey_check_disks(const VmsSurvey *survey, GError **error);
gboolean vms_survey_check_space(const VmsSurvey *survey, GError **error);

/* ---- engine/survey-sharers.c ---- */

/* The running VMs besides @vm that have the disk open, which must be marked as shareable for it. */
gboolean vms_survey_find_sharers(VmsEngine *engine, const VmsVm *vm, const VmsGroup *group,
                                 VmsSurveyDisk *self, GError **error);
void vms_sharer_free(VmsSharer *sharer);
/* INCONSISTENT when another running VM, that is not cut together with this one, writes to one of
 * the disks: freezing one VM proves nothing about it. */
gboolean vms_survey_check_sharers(const VmsSurvey *survey, GError **error);
/* Whether image files are ours to read and write here: RemoteHost, UNSUPPORTED without a
 * hypervisor, PERMISSION on a read-only context. */
gboolean vms_engine_check_acting(const VmsEngine *engine, gboolean writing, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsSurvey, vms_survey_free)
