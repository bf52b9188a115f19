// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// UndoState is what an undo set is worth.
type UndoState int

// The states.
const (
	UndoKept    UndoState = C.VMSNAP_UNDO_KEPT
	UndoExpired UndoState = C.VMSNAP_UNDO_EXPIRED
	UndoLost    UndoState = C.VMSNAP_UNDO_LOST
)

// UndoSet is a reading of what a restore keeps, so that it can be undone.
type UndoSet struct {
	handle *C.vmsnap_undo_set
}

// Operation is the UUID of the restore that keeps it.
func (u *UndoSet) Operation() string {
	return C.GoString(C.vmsnap_undo_set_get_operation_uuid(u.handle))
}

// State is what it was worth when it was read.
func (u *UndoSet) State() UndoState {
	return UndoState(C.vmsnap_undo_set_get_state(u.handle))
}

// Until is until when it is kept at least.
func (u *UndoSet) Until() time.Time {
	return time.UnixMicro(int64(C.vmsnap_undo_set_get_until(u.handle)))
}

// Allocated is what its files take on disk, bytes.
func (u *UndoSet) Allocated() uint64 {
	return uint64(C.vmsnap_undo_set_get_allocated(u.handle))
}

// JSON is the whole reading.
func (u *UndoSet) JSON() json.RawMessage {
	return raw(C.vmsnap_undo_set_get_json(u.handle))
}

// Close releases the reading.
func (u *UndoSet) Close() {
	C.vmsnap_undo_set_unref(u.handle)
	u.handle = nil
}

// ListUndoSets reads what restores keep, oldest first.
func (c *Context) ListUndoSets() ([]*UndoSet, error) {
	var list *C.vmsnap_undo_set_list
	var failure *C.vmsnap_error
	err := take(C.vmsnap_context_list_undo_sets(c.handle, &list, &failure), failure)
	if err != nil {
		return nil, err
	}
	defer C.vmsnap_undo_set_list_unref(list)
	made := make([]*UndoSet, C.vmsnap_undo_set_list_get_count(list))
	for i := range made {
		item := C.vmsnap_undo_set_list_get_item(list, C.size_t(i))
		made[i] = &UndoSet{C.vmsnap_undo_set_ref(item)}
	}
	return made, nil
}

// StartDropUndo starts removing what a restore keeps; it cannot be undone then.
func (o *Operation) StartDropUndo() (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_operation_drop_undo(o.handle, job, failure)
	})
}

// DropUndo removes what a restore keeps; the UUID of its own operation.
func (o *Operation) DropUndo(ctx context.Context) (string, error) {
	return runJob(ctx, o.StartDropUndo, (*Job).Operation)
}

// StartCollect starts removing expired undo sets and what finished operations left; with dryRun it
// only tells.
func (c *Context) StartCollect(dryRun bool) (*Job, error) {
	given := C.vmsnap_collect_options{
		struct_size: C.sizeof_vmsnap_collect_options,
		flags:       flag(dryRun, C.VMSNAP_COLLECT_DRY_RUN),
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_context_collect(c.handle, &given, job, failure)
	})
}

// Collect removes expired undo sets and what finished operations left; the list of its acts as
// JSON.
func (c *Context) Collect(ctx context.Context, dryRun bool) (json.RawMessage, error) {
	start := func() (*Job, error) { return c.StartCollect(dryRun) }
	return runJob(ctx, start, (*Job).JSON)
}
