// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// Mode is how a plan is run.
type Mode uint32

// The modes.
const (
	ModeDryRun     Mode = C.VMSNAP_MODE_DRY_RUN     // Change nothing; the plan is the answer.
	ModeStrict     Mode = C.VMSNAP_MODE_STRICT      // Refuse on any conflict.
	ModeBestEffort Mode = C.VMSNAP_MODE_BEST_EFFORT // Do without missing images and host devices.
)

// Severity is how much a finding matters.
type Severity int

// The severities.
const (
	SeverityInfo     Severity = C.VMSNAP_SEVERITY_INFO
	SeverityWarning  Severity = C.VMSNAP_SEVERITY_WARNING
	SeverityConflict Severity = C.VMSNAP_SEVERITY_CONFLICT
)

// Finding is one thing that a plan found.
type Finding struct {
	Reason   string // Such as "MACInUse".
	Severity Severity
	Message  string
}

// RestoreOptions is how to restore. A zero field means its default.
type RestoreOptions struct {
	ForceStop       bool          // Cut the power if the guest does not stop in time.
	AllowPartial    bool          // Restore from a partial snapshot.
	DropManagedSave bool          // Drop a managed save image that stands in the way.
	NoStart         bool          // Leave the VM off afterwards.
	StopTimeout     time.Duration // Longest wait for a graceful stop.
	UndoTTL         time.Duration // How long the old set is kept.
	WaitReady       time.Duration // Longest wait for locks and foreign jobs.
}

func (o RestoreOptions) native(a *arena) C.vmsnap_restore_options {
	return C.vmsnap_restore_options{
		struct_size: C.sizeof_vmsnap_restore_options,
		flags: flag(o.ForceStop, C.VMSNAP_RESTORE_FORCE_STOP) |
			flag(o.AllowPartial, C.VMSNAP_RESTORE_ALLOW_PARTIAL) |
			flag(o.DropManagedSave, C.VMSNAP_RESTORE_DROP_MANAGED_SAVE) |
			flag(o.NoStart, C.VMSNAP_RESTORE_NO_START),
		stop_timeout_ms: a.milliseconds(o.StopTimeout),
		undo_ttl_s:      a.seconds(o.UndoTTL),
		wait_ready_ms:   a.milliseconds(o.WaitReady),
	}
}

// Plan is what a restore or a clone would do.
type Plan struct {
	handle *C.vmsnap_plan
	clone  bool
}

// PlanRestore finds every conflict of a restore of vm (name or UUID; "": the VM that the snapshot
// was taken of). It is the dry-run and has no side effect.
func (s *Snapshot) PlanRestore(vm string, options RestoreOptions) (*Plan, error) {
	var a arena
	defer a.free()
	given, name, made := options.native(&a), a.text(vm), &Plan{}
	if a.err != nil {
		return nil, a.err
	}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_restore_plan(s.handle, name, &given, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ReadPlan makes a plan of what another's JSON was, in this process or in another. It runs only if
// the world and its options still give the same plan.
func (c *Context) ReadPlan(text json.RawMessage) (*Plan, error) {
	var a arena
	defer a.free()
	given, made := a.wholeText(string(text)), &Plan{}
	if a.err != nil {
		return nil, a.err
	}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_plan_from_json(c.handle, given, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err = json.Unmarshal(made.JSON(), &kind); err != nil {
		made.Close()
		return nil, err
	}
	made.clone = kind.Type == "clone"
	return made, nil
}

// Hash is over all that decided.
func (p *Plan) Hash() string {
	return C.GoString(C.vmsnap_plan_get_hash(p.handle))
}

// Findings is what the plan found.
func (p *Plan) Findings() []Finding {
	made := make([]Finding, C.vmsnap_plan_get_finding_count(p.handle))
	for i := range made {
		index := C.size_t(i)
		made[i] = Finding{
			Reason:   C.GoString(C.vmsnap_plan_get_finding_reason(p.handle, index)),
			Severity: Severity(C.vmsnap_plan_get_finding_severity(p.handle, index)),
			Message:  C.GoString(C.vmsnap_plan_get_finding_message(p.handle, index)),
		}
	}
	return made
}

// CountConflicts is how many findings refuse the mode.
func (p *Plan) CountConflicts(mode Mode) int {
	return int(C.vmsnap_plan_get_conflict_count(p.handle, C.uint32_t(mode)))
}

// JSON is the whole plan.
func (p *Plan) JSON() json.RawMessage {
	return raw(C.vmsnap_plan_get_json(p.handle))
}

// Start starts running the plan, ModeStrict or ModeBestEffort.
func (p *Plan) Start(mode Mode) (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		if p.clone {
			return C.vmsnap_clone_start(p.handle, C.uint32_t(mode), job, failure)
		}
		return C.vmsnap_restore_start(p.handle, C.uint32_t(mode), job, failure)
	})
}

// Run runs the plan; the UUID of its operation, which can be undone.
func (p *Plan) Run(ctx context.Context, mode Mode) (string, error) {
	start := func() (*Job, error) { return p.Start(mode) }
	return runJob(ctx, start, (*Job).Operation)
}

// Close releases the plan.
func (p *Plan) Close() {
	C.vmsnap_plan_unref(p.handle)
	p.handle = nil
}
