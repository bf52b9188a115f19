/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/drivers.h"

#include <glib.h>
#include <stdatomic.h>

/* One virtual machine with a guest agent, made of numbers in a file that several processes map: a
 * test and the guard it started see the same VM. Every call is logged and may be made to fail. */

#define FAKE_MAC "52:54:00:00:00:01"
#define FAKE_ADDRESS "10.0.0.5"
#define FAKE_UUID "3c1f6f2e-0000-4000-8000-000000000001"

typedef enum {
    FAKE_REFUSE = 0, /* fails and does nothing */
    FAKE_LOSE,       /* does it, but the answer is lost */
    FAKE_KILL        /* the calling process dies before it */
} FakeFailure;

enum { FAKE_DISKS = 2 };

typedef struct {
    atomic_int state; /* vmsnap_vm_state */
    atomic_int domain_id;
    atomic_int pid;         /* 0: cannot be told */
    atomic_int frozen;      /* how many file systems are */
    atomic_int filesystems; /* how many the agent can freeze */
    atomic_int missed;      /* how many of them it passes by */
    atomic_int hang_ms;     /* how long a freeze that was done is not answered */
    atomic_int windows;
    atomic_int can_freeze;
    atomic_int frozen_by_other; /* the next freeze finds it frozen already */
    atomic_int migrating;
    atomic_int silent;      /* the agent does not answer */
    atomic_int late_freeze; /* with silent: a freeze sent now is executed when it wakes */
    atomic_int job;         /* VmsJobKind */
    char job_socket[128];
    char agent_socket[128]; /* where the last agent was reached; empty: over the hypervisor */
    /* failures: calls from fail_first to fail_last, counted from 1 by calls */
    atomic_int calls;
    atomic_int fail_first;
    atomic_int fail_last;
    atomic_int failure; /* FakeFailure */
    atomic_llong thawed_us;
    /* the machine around the guest; see fake-machine.c */
    atomic_int gone;         /* undefined */
    atomic_int managed_save; /* has one */
    atomic_int autostart;    /* whichever VM was told so last */
    atomic_int restored;     /* what runs came out of one */
    atomic_int deaf;         /* does not follow when it is asked to stop */
    atomic_int dud;          /* FakeDud: what becomes of a start */
    atomic_int torn_starts;  /* started with disks of different times */
    atomic_int saves;        /* is saved, not stopped, when it is asked to stop */
    atomic_int vanishes;     /* is undefined when it goes off */
    char other[128];         /* a disk of another VM; empty: there is none */
    char disks[FAKE_DISKS][128];
    char nvram[128]; /* empty: none; so for the next two */
    char tpm[128];   /* a new file whenever the VM is started */
    char seed[128];  /* in a drive */
    /* see fake-network.c */
    atomic_int network; /* it has a NIC on one, and a lease */
    atomic_int entry;   /* which is a host entry */
    /* overlays; see fake-machine.c */
    atomic_int pieces; /* of each disk's file, which can be cloned then; 0: it cannot */
    char overlays[FAKE_DISKS][256];
    atomic_int live[FAKE_DISKS];       /* QEMU is on the overlay */
    atomic_int configured[FAKE_DISKS]; /* and at the next start */
    atomic_int merge[FAKE_DISKS];      /* VmsMerge */
    atomic_int next;                   /* what the guest writes when it is thawed; 0: nothing */
    atomic_int written;                /* what it wrote then */
    char metadata[256];                /* see fake-metadata.c */
    char xml[1024];
    char clone[4096]; /* configuration of another VM that was defined, off; empty: none */
    atomic_int logged;
    char log[16384]; /* names of calls, each followed by a space */
} FakeWorld;

/* The hypervisor of a world; fake_machine_ops() are those of a whole VM, not of its guest only. */
typedef struct {
    VmsHypervisor hypervisor;
    FakeWorld *world;
} FakeHypervisor;

typedef enum { FAKE_OK, FAKE_REFUSED, FAKE_LOST } FakeFate;

typedef enum {
    FAKE_STARTS = 0,
    FAKE_NEVER_STARTS,
    FAKE_STARTS_OLD, /* but not with disks of time '1' */
    FAKE_START_KILLS /* who asks for it */
} FakeDud;

/* Log and count one call, and say what becomes of it; @error is set unless it is OK. */
FakeFate fake_world_call(FakeWorld *world, const char *name, GError **error);

/* The guest writes to every disk what tells of its time, to wherever QEMU puts it. */
void fake_machine_write(FakeWorld *world, char time);
/* It is thawed, and goes on. */
void fake_machine_go_on(FakeWorld *world);
/* It goes off, as it is. */
void fake_machine_go_off(FakeWorld *world);
/* TRUE if the path is an overlay's. */
gboolean fake_machine_is_overlay(const char *path);

/* Fill in what a machine needs besides its guest. */
void fake_machine_add_ops(VmsHypervisorOps *ops);
void fake_overlay_add_ops(VmsHypervisorOps *ops);  /* fake-overlay.c */
void fake_metadata_add_ops(VmsHypervisorOps *ops); /* fake-metadata.c */
VmsNetworks *fake_networks_new(FakeWorld *world);  /* fake-network.c */

/* Map @path, made if it is missing: a running VM with an agent and two file systems. */
FakeWorld *fake_world_open(const char *path);
void fake_world_close(FakeWorld *world);
/* Drivers with a hypervisor (twice) and agents on @world (borrowed). */
VmsDrivers *fake_drivers_new(FakeWorld *world);
void fake_drivers_free(VmsDrivers *drivers);
/* The VM as a survey would find it. */
VmsVm *fake_world_survey(FakeWorld *world);
/* Log one call of the test's own, such as the cut. */
void fake_world_log(FakeWorld *world, const char *name);
