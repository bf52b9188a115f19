// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
)

// AdoptOptions is how snapshots are adopted; the zero value is the default.
type AdoptOptions struct {
	Name        string // what the one that is found is called from now on
	AcceptTimes bool   // take images whose size and header fit, though their time is another
	DryRun      bool   // only tell
}

// StartAdopt starts making records of snapshots that lie at or below the paths and that no record
// knows.
func (c *Context) StartAdopt(paths []string, options AdoptOptions) (*Job, error) {
	var a arena
	defer a.free()
	given := C.vmsnap_adopt_options{
		struct_size: C.sizeof_vmsnap_adopt_options,
		name:        a.text(options.Name),
		flags: flag(options.DryRun, C.VMSNAP_ADOPT_DRY_RUN) |
			flag(options.AcceptTimes, C.VMSNAP_ADOPT_ACCEPT_TIMES),
	}
	list := a.list(paths)
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_context_adopt(c.handle, list, &given, job, failure)
	})
}

// Adopt makes records of snapshots that lie at or below the paths and that no record knows; the list
// of its acts as JSON.
func (c *Context) Adopt(ctx context.Context, paths []string,
	options AdoptOptions) (json.RawMessage, error) {
	start := func() (*Job, error) { return c.StartAdopt(paths, options) }
	return runJob(ctx, start, (*Job).JSON)
}

// StartDropOperation starts dropping the record of an operation that cannot be read; with newer also
// that of a later version.
func (c *Context) StartDropOperation(uuid string, newer bool) (*Job, error) {
	var a arena
	defer a.free()
	id := a.wholeText(uuid)
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_context_drop_operation(c.handle, id, flag(newer, C.VMSNAP_DROP_NEWER), job,
			failure)
	})
}

// DropOperation drops the record of an operation that cannot be read; what could still be made out,
// as JSON.
func (c *Context) DropOperation(ctx context.Context, uuid string,
	newer bool) (json.RawMessage, error) {
	start := func() (*Job, error) { return c.StartDropOperation(uuid, newer) }
	return runJob(ctx, start, (*Job).JSON)
}
