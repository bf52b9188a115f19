// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import "encoding/json"

// VM is a reading of one virtual machine.
type VM struct {
	handle *C.vmsnap_vm
}

// VMState is what a virtual machine was doing.
type VMState int

// The states.
const (
	VMUnknown     VMState = C.VMSNAP_VM_UNKNOWN
	VMRunning     VMState = C.VMSNAP_VM_RUNNING
	VMPaused      VMState = C.VMSNAP_VM_PAUSED
	VMOff         VMState = C.VMSNAP_VM_OFF
	VMStopping    VMState = C.VMSNAP_VM_STOPPING
	VMCrashed     VMState = C.VMSNAP_VM_CRASHED
	VMPMSuspended VMState = C.VMSNAP_VM_PMSUSPENDED
)

// Name is the domain's name.
func (v *VM) Name() string {
	return C.GoString(C.vmsnap_vm_get_name(v.handle))
}

// UUID is the domain's UUID, lower case.
func (v *VM) UUID() string {
	return C.GoString(C.vmsnap_vm_get_uuid(v.handle))
}

// State is its state when it was read.
func (v *VM) State() VMState {
	return VMState(C.vmsnap_vm_get_state(v.handle))
}

// JSON is the whole reading.
func (v *VM) JSON() json.RawMessage {
	return raw(C.vmsnap_vm_get_json(v.handle))
}

// Close releases the reading.
func (v *VM) Close() {
	C.vmsnap_vm_unref(v.handle)
	v.handle = nil
}

// Verdict is what a snapshot taken now would be.
type Verdict int

// The verdicts.
const (
	VerdictOffline Verdict = C.VMSNAP_VERDICT_OFFLINE // Consistent: the disks are at rest.
	VerdictFrozen  Verdict = C.VMSNAP_VERDICT_FROZEN  // Consistent: the guest can be frozen.
	VerdictCrash   Verdict = C.VMSNAP_VERDICT_CRASH   // Only crash-consistent.
	VerdictBlocked Verdict = C.VMSNAP_VERDICT_BLOCKED // No snapshot is possible.
)

// Check is what a snapshot would meet now.
type Check struct {
	handle *C.vmsnap_check
}

// Check asks what a snapshot would meet now. It changes nothing.
func (v *VM) Check() (*Check, error) {
	made := &Check{}
	var failure *C.vmsnap_error
	if err := take(C.vmsnap_vm_check(v.handle, &made.handle, &failure), failure); err != nil {
		return nil, err
	}
	return made, nil
}

// Verdict is the verdict.
func (c *Check) Verdict() Verdict {
	return Verdict(C.vmsnap_check_get_verdict(c.handle))
}

// Reason is the first reason against a consistent snapshot, "" if there is none.
func (c *Check) Reason() string {
	return C.GoString(C.vmsnap_check_get_reason(c.handle))
}

// JSON is everything that was found.
func (c *Check) JSON() json.RawMessage {
	return raw(C.vmsnap_check_get_json(c.handle))
}

// Close releases the answer.
func (c *Check) Close() {
	C.vmsnap_check_unref(c.handle)
	c.handle = nil
}
