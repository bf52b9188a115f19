// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// FreezeOptions is how to freeze for a cut by other means. A zero field means its default.
type FreezeOptions struct {
	Hold           time.Duration // How long it may last; 0: 30 s, at most 10 min, Windows 8 s.
	Detached       bool          // It outlives this process: its guard owns it.
	Disks          []string      // Targets that will be cut; nil: all.
	AcceptUnfrozen []string      // Mount points and targets that may pass the freeze by.
	FreezeCall     time.Duration // Longest wait for the agent.
	WaitReady      time.Duration // Longest wait for locks, jobs and the agent.
}

// Freeze is a freeze that is held, or was. An attached one that is closed is thawed by its guard.
type Freeze struct {
	handle *C.vmsnap_freeze
}

// StartFreeze starts freezing the guest.
func (v *VM) StartFreeze(options FreezeOptions) (*Job, error) {
	var a arena
	defer a.free()
	given := C.vmsnap_freeze_options{
		struct_size:     C.sizeof_vmsnap_freeze_options,
		disks:           a.list(options.Disks),
		accept_unfrozen: a.list(options.AcceptUnfrozen),
		hold_ms:         a.milliseconds(options.Hold),
		freeze_call_ms:  a.milliseconds(options.FreezeCall),
		wait_ready_ms:   a.milliseconds(options.WaitReady),
		flags:           flag(options.Detached, C.VMSNAP_FREEZE_DETACHED),
	}
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_freeze_start(v.handle, &given, job, failure)
	})
}

// Freeze freezes the guest. What is cut before End is called was cut from a guest at rest if End
// says so.
func (v *VM) Freeze(ctx context.Context, options FreezeOptions) (*Freeze, error) {
	return runFreeze(ctx, func() (*Job, error) { return v.StartFreeze(options) })
}

// StartThaw starts ending a detached freeze, or one that was left behind, of whichever process; by
// force it thaws the guest whoever froze it, and the job's JSON lists the acts.
func (v *VM) StartThaw(force bool) (*Job, error) {
	given := C.vmsnap_thaw_options{
		struct_size: C.sizeof_vmsnap_thaw_options,
		flags:       flag(force, C.VMSNAP_THAW_FORCE),
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_vm_thaw(v.handle, &given, job, failure)
	})
}

// Thaw ends a detached freeze, or one that was left behind, of whichever process: how it ended.
func (v *VM) Thaw(ctx context.Context) (*Freeze, error) {
	return runFreeze(ctx, func() (*Job, error) { return v.StartThaw(false) })
}

// ForceThaw thaws the guest whoever froze it, and tells the acts.
func (v *VM) ForceThaw(ctx context.Context) (json.RawMessage, error) {
	return runJob(ctx, func() (*Job, error) { return v.StartThaw(true) }, (*Job).JSON)
}

// runFreeze runs a job to its end and takes the freeze it began or ended.
func runFreeze(ctx context.Context, start func() (*Job, error)) (*Freeze, error) {
	var readErr error
	made, err := runJob(ctx, start, func(job *Job) *Freeze {
		freeze, err := job.Freeze()
		readErr = err
		return freeze
	})
	if err == nil {
		err = readErr
	}
	return made, err
}

// Freeze is the freeze that the finished job began or ended.
func (j *Job) Freeze() (*Freeze, error) {
	made := &Freeze{}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_job_ref_freeze(j.handle, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// UUID names the freeze to others.
func (f *Freeze) UUID() string {
	return C.GoString(C.vmsnap_freeze_get_uuid(f.handle))
}

// StartEnd starts thawing.
func (f *Freeze) StartEnd() (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_freeze_end(f.handle, job, failure)
	})
}

// End thaws, and tells all that is known of the freeze: counts, times, and whether it is proven.
func (f *Freeze) End(ctx context.Context) (json.RawMessage, error) {
	return runJob(ctx, f.StartEnd, (*Job).JSON)
}

// Ended tells whether it was ended, or given up.
func (f *Freeze) Ended() bool {
	return C.vmsnap_freeze_get_ended(f.handle) != 0
}

// Proven tells whether it is over and every file system was frozen to its end.
func (f *Freeze) Proven() bool {
	return C.vmsnap_freeze_get_proven(f.handle) != 0
}

// JSON is how it began or, once it is over, how it ended, with all evidence.
func (f *Freeze) JSON() json.RawMessage {
	return raw(C.vmsnap_freeze_get_json(f.handle))
}

// Close releases the handle.
func (f *Freeze) Close() {
	C.vmsnap_freeze_unref(f.handle)
	f.handle = nil
}
