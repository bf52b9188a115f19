// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
)

// OperationPhase is where an operation stands.
type OperationPhase int

// The phases.
const (
	OperationPending    OperationPhase = C.VMSNAP_OPERATION_PENDING
	OperationInProgress OperationPhase = C.VMSNAP_OPERATION_IN_PROGRESS
	OperationCompleted  OperationPhase = C.VMSNAP_OPERATION_COMPLETED
	OperationFailed     OperationPhase = C.VMSNAP_OPERATION_FAILED
	OperationCancelled  OperationPhase = C.VMSNAP_OPERATION_CANCELLED
)

// Operation is a reading of one recorded operation.
type Operation struct {
	handle *C.vmsnap_operation
}

// UUID is its UUID.
func (o *Operation) UUID() string {
	return C.GoString(C.vmsnap_operation_get_uuid(o.handle))
}

// Type is "snapshot", "restore", "undo", "delete" and so on.
func (o *Operation) Type() string {
	return C.GoString(C.vmsnap_operation_get_type(o.handle))
}

// Phase is where it stood when it was read.
func (o *Operation) Phase() OperationPhase {
	return OperationPhase(C.vmsnap_operation_get_phase(o.handle))
}

// JSON is the whole reading.
func (o *Operation) JSON() json.RawMessage {
	return raw(C.vmsnap_operation_get_json(o.handle))
}

// StartUndo starts bringing back what a restore replaced.
func (o *Operation) StartUndo(options RestoreOptions) (*Job, error) {
	var a arena
	defer a.free()
	given := options.native(&a)
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_operation_undo(o.handle, &given, job, failure)
	})
}

// Undo brings back what a restore replaced; the UUID of the undo's own operation.
func (o *Operation) Undo(ctx context.Context, options RestoreOptions) (string, error) {
	start := func() (*Job, error) { return o.StartUndo(options) }
	return runJob(ctx, start, (*Job).Operation)
}

// Close releases the reading.
func (o *Operation) Close() {
	C.vmsnap_operation_unref(o.handle)
	o.handle = nil
}
