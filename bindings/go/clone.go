// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"time"
)

// CloneMethod is how the disks of a clone come to their contents.
type CloneMethod uint32

// The methods.
const (
	CloneFull   CloneMethod = C.VMSNAP_CLONE_FULL   // It depends on nothing.
	CloneLinked CloneMethod = C.VMSNAP_CLONE_LINKED // Overlays over a snapshot's images.
)

// RunPolicy is what becomes of the source's habit of running.
type RunPolicy uint32

// The policies.
const (
	RunAlwaysOff RunPolicy = C.VMSNAP_RUN_POLICY_ALWAYS_OFF // Left off.
	RunInherit   RunPolicy = C.VMSNAP_RUN_POLICY_INHERIT    // As the source does.
)

// CloneOptions is what to make. A zero field means its default.
type CloneOptions struct {
	Name         string   // The clone's; "": rules, prefix or suffix give it.
	Rules        []string // "[KIND:]OLD=NEW"; the first that is for a resource names it.
	Prefix       string
	Suffix       string
	Seed         *string // The identity follows from it; nil: it is random.
	Method       CloneMethod
	RunPolicy    RunPolicy
	KeepSerial   bool          // Disks keep serial numbers and WWNs.
	Start        bool          // Start it, whatever the policy says.
	AllowPartial bool          // From a partial snapshot.
	WaitReady    time.Duration // Longest wait for locks and a guest to be ready.
}

func (o CloneOptions) native(a *arena) C.vmsnap_clone_options {
	made := C.vmsnap_clone_options{
		struct_size: C.sizeof_vmsnap_clone_options,
		name:        a.text(o.Name),
		rules:       a.list(o.Rules),
		prefix:      a.text(o.Prefix),
		suffix:      a.text(o.Suffix),
		method:      C.uint32_t(o.Method),
		run_policy:  C.uint32_t(o.RunPolicy),
		flags: flag(o.KeepSerial, C.VMSNAP_CLONE_KEEP_SERIAL) |
			flag(o.Start, C.VMSNAP_CLONE_START) |
			flag(o.AllowPartial, C.VMSNAP_CLONE_ALLOW_PARTIAL),
		wait_ready_ms: a.milliseconds(o.WaitReady),
	}
	if o.Seed != nil {
		made.seed = a.wholeText(*o.Seed)
	}
	return made
}

// planClone makes a plan by one of the functions of C.
func planClone(options CloneOptions, plan func(*C.vmsnap_clone_options, **C.vmsnap_plan,
	**C.vmsnap_error) C.int) (*Plan, error) {
	var a arena
	defer a.free()
	given, made := options.native(&a), &Plan{clone: true}
	if a.err != nil {
		return nil, a.err
	}
	var failure *C.vmsnap_error
	if err := take(plan(&given, &made.handle, &failure), failure); err != nil {
		return nil, err
	}
	return made, nil
}

// PlanClone finds all that stands in the way of a new VM made from this one as it is. It is the
// dry-run and has no side effect; its plan is run by Plan.Start or Plan.Run.
func (v *VM) PlanClone(options CloneOptions) (*Plan, error) {
	return planClone(options, func(given *C.vmsnap_clone_options, made **C.vmsnap_plan,
		failure **C.vmsnap_error) C.int {
		return C.vmsnap_clone_plan(v.handle, given, made, failure)
	})
}

// PlanClone does so for a new VM made from the snapshot of one, which may be gone.
func (s *Snapshot) PlanClone(options CloneOptions) (*Plan, error) {
	return planClone(options, func(given *C.vmsnap_clone_options, made **C.vmsnap_plan,
		failure **C.vmsnap_error) C.int {
		return C.vmsnap_clone_plan_from_snapshot(s.handle, given, made, failure)
	})
}

// StartFlatten starts writing the disks of the VM, which must be off, anew without what they are
// built on: a linked clone is freed from its snapshot by it.
func (v *VM) StartFlatten() (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_vm_flatten(v.handle, job, failure)
	})
}

// Flatten does so and waits; the UUID of its operation.
func (v *VM) Flatten(ctx context.Context) (string, error) {
	return runJob(ctx, v.StartFlatten, (*Job).Operation)
}

// NewVMName is the name of the VM that the operation made; "" if it makes none, or has not.
func (o *Operation) NewVMName() string {
	return C.GoString(C.vmsnap_operation_get_new_vm_name(o.handle))
}

// NewVMUUID is its UUID.
func (o *Operation) NewVMUUID() string {
	return C.GoString(C.vmsnap_operation_get_new_vm_uuid(o.handle))
}
