// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import "encoding/json"

// Code tells what a caller can do about a failure. It is itself an error, so that
// errors.Is(err, vmsnap.Busy) works. Codes may be added.
type Code int

// The codes.
const (
	Internal     Code = C.VMSNAP_E_INTERNAL     // A defect of the library: report it.
	Invalid      Code = C.VMSNAP_E_INVALID      // A bad argument; nothing was done.
	Unsupported  Code = C.VMSNAP_E_UNSUPPORTED  // Cannot be done with this host, VM or disk.
	NotFound     Code = C.VMSNAP_E_NOT_FOUND    // No such object.
	Exists       Code = C.VMSNAP_E_EXISTS       // The name is taken.
	Busy         Code = C.VMSNAP_E_BUSY         // Somebody else holds it: try again later.
	Timeout      Code = C.VMSNAP_E_TIMEOUT      // A limit ran out.
	Cancelled    Code = C.VMSNAP_E_CANCELLED    // Cancelled on request and rolled back.
	Agent        Code = C.VMSNAP_E_AGENT        // The guest agent is missing, refused or failed.
	Inconsistent Code = C.VMSNAP_E_INCONSISTENT // Consistency was required, cannot be proven.
	Conflict     Code = C.VMSNAP_E_CONFLICT     // Conflicts stand against it: ask the user.
	PlanStale    Code = C.VMSNAP_E_PLAN_STALE   // The world changed since the plan was made.
	InUse        Code = C.VMSNAP_E_IN_USE       // Something else still needs it.
	NoSpace      Code = C.VMSNAP_E_NO_SPACE     // Not enough storage.
	Lost         Code = C.VMSNAP_E_LOST         // Data of a snapshot is missing or was changed.
	Permission   Code = C.VMSNAP_E_PERMISSION   // The caller may not.
	Hypervisor   Code = C.VMSNAP_E_HYPERVISOR   // libvirt or QEMU failed.
	IO           Code = C.VMSNAP_E_IO           // Reading or writing storage failed.
	Uncertain    Code = C.VMSNAP_E_UNCERTAIN    // The outcome is not known: run recovery.
	Forked       Code = C.VMSNAP_E_FORKED       // The handle was made by the parent process.
	Closed       Code = C.VMSNAP_E_CLOSED       // The context was closed.
)

// Error is the code's name, such as "BUSY".
func (c Code) Error() string {
	return C.GoString(C.vmsnap_code_get_name(C.int(c)))
}

// Frozen tells whether a guest was left with frozen file systems.
type Frozen int

// What is known about it.
const (
	FrozenNo      Frozen = C.VMSNAP_FROZEN_NO
	FrozenYes     Frozen = C.VMSNAP_FROZEN_YES
	FrozenUnknown Frozen = C.VMSNAP_FROZEN_UNKNOWN
)

// Error is why a call failed.
type Error struct {
	Code       Code
	Reason     string          // What happened, one word such as "FreezeFailed".
	Message    string          // One sentence without full stop.
	Step       string          // The step of the operation that failed, if any.
	Object     string          // The VM, disk, file or record it is about, if any.
	Origin     string          // "vmsnap", "libvirt", "qga", "os" and so on.
	OriginCode int             // The origin's own number.
	Frozen     Frozen          // Whether a guest was left frozen.
	JSON       json.RawMessage // All of it.
	Cause      error           // What caused it, if known.

	done error // the error of the context.Context whose end cancelled the job
}

func (e *Error) Error() string {
	return e.Message + " (" + e.Reason + ")"
}

// Is makes errors.Is work with a Code, and with the context's error after a cancellation.
func (e *Error) Is(target error) bool {
	return target == error(e.Code) || e.done != nil && target == e.done
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error {
	return e.Cause
}

// readError copies a vmsnap_error.
func readError(failure *C.vmsnap_error) *Error {
	made := &Error{
		Code:       Code(C.vmsnap_error_get_code(failure)),
		Reason:     C.GoString(C.vmsnap_error_get_reason(failure)),
		Message:    C.GoString(C.vmsnap_error_get_message(failure)),
		Step:       C.GoString(C.vmsnap_error_get_step(failure)),
		Object:     C.GoString(C.vmsnap_error_get_object(failure)),
		Origin:     C.GoString(C.vmsnap_error_get_origin(failure)),
		OriginCode: int(C.vmsnap_error_get_origin_code(failure)),
		Frozen:     Frozen(C.vmsnap_error_get_frozen(failure)),
		JSON:       raw(C.vmsnap_error_get_json(failure)),
	}
	if cause := C.vmsnap_error_get_cause(failure); cause != nil {
		made.Cause = readError(cause)
	}
	return made
}

// take turns the outcome of a call into an error and releases the C one.
func take(result C.int, failure *C.vmsnap_error) error {
	if result >= 0 {
		return nil
	}
	if failure == nil {
		code := Code(result)
		return &Error{Code: code, Reason: code.Error(), Message: "the call failed",
			Origin: "vmsnap"}
	}
	defer C.vmsnap_error_free(failure)
	return readError(failure)
}
