// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
)

// Options is how to open. A zero field means its default.
type Options struct {
	URI          string   // libvirt URI acted on; "": libvirt's default; "none": no hypervisor.
	AnalysisURIs []string // Further URIs, for conflict analysis only.
	Catalog      string   // "sqlite:/PATH"; "": catalog.db in the state folder.
	StateDir     string   // Folder of catalog, leases, locks and sockets.
	GuardPath    string   // The thaw guard program; "": the installed one.
	ReadOnly     bool     // Lists, checks and dry-runs only.
	SelfGuard    bool     // Freeze without a guard process when none can be started.
	MaxJobs      uint32   // Most jobs at a time, then Busy; 0: 128.
	AgentSockets []string // "VM=PATH": this VM's guest agent is asked on a UNIX socket of its own.
}

// Context is the library instance: connections, catalog, jobs.
type Context struct {
	handle *C.vmsnap_context
}

// Status is what earlier processes left open.
type Status struct {
	OpenOperations uint64 // Operations whose owner is dead.
	OpenFreezes    uint64 // Freeze leases whose owner and guard are dead.
}

// Open connects and opens the catalog. It looks and never acts.
func Open(options Options) (*Context, error) {
	var a arena
	defer a.free()
	given := C.vmsnap_context_options{
		struct_size:   C.sizeof_vmsnap_context_options,
		uri:           a.text(options.URI),
		analysis_uris: a.list(options.AnalysisURIs),
		catalog:       a.text(options.Catalog),
		state_dir:     a.text(options.StateDir),
		guard_path:    a.text(options.GuardPath),
		flags: flag(options.ReadOnly, C.VMSNAP_CONTEXT_READ_ONLY) |
			flag(options.SelfGuard, C.VMSNAP_CONTEXT_SELF_GUARD),
		max_jobs:      C.uint32_t(options.MaxJobs),
		agent_sockets: a.list(options.AgentSockets),
	}
	if a.err != nil {
		return nil, a.err
	}
	made := &Context{}
	var failure *C.vmsnap_error
	if err := take(C.vmsnap_context_open(&given, &made.handle, &failure), failure); err != nil {
		return nil, err
	}
	return made, nil
}

// Close cancels all jobs, waits until they have rolled back, and releases the context.
func (c *Context) Close() {
	C.vmsnap_context_close(c.handle)
	C.vmsnap_context_unref(c.handle)
	c.handle = nil
}

// Status counts what earlier processes left open. It looks only.
func (c *Context) Status() (Status, error) {
	reading := C.vmsnap_context_status{struct_size: C.sizeof_vmsnap_context_status}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_context_read_status(c.handle, &reading, &failure), failure)
	return Status{uint64(reading.open_operations), uint64(reading.open_freezes)}, err
}

// StartRecover starts finishing or undoing what dead processes left.
func (c *Context) StartRecover() (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_context_recover(c.handle, job, failure)
	})
}

// Recover finishes or undoes what dead processes left; the list of its acts as JSON.
func (c *Context) Recover(ctx context.Context) (json.RawMessage, error) {
	return runJob(ctx, c.StartRecover, (*Job).JSON)
}

// FindVM finds a virtual machine by name or UUID.
func (c *Context) FindVM(name string) (*VM, error) {
	var a arena
	defer a.free()
	text, made := a.wholeText(name), &VM{}
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_find_vm(c.handle, text, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ListVMs reads every virtual machine of the acting connection, sorted by name.
func (c *Context) ListVMs() ([]*VM, error) {
	var list *C.vmsnap_vm_list
	var failure *C.vmsnap_error
	if err := take(C.vmsnap_context_list_vms(c.handle, &list, &failure), failure); err != nil {
		return nil, err
	}
	defer C.vmsnap_vm_list_unref(list)
	made := make([]*VM, C.vmsnap_vm_list_get_count(list))
	for i := range made {
		made[i] = &VM{C.vmsnap_vm_ref(C.vmsnap_vm_list_get_item(list, C.size_t(i)))}
	}
	return made, nil
}

// FindSnapshot finds a snapshot by name or UUID.
func (c *Context) FindSnapshot(name string) (*Snapshot, error) {
	var a arena
	defer a.free()
	text, made := a.wholeText(name), &Snapshot{}
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_find_snapshot(c.handle, text, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ListSnapshots reads the stored snapshots, oldest first: those of a VM (name or UUID), or with ""
// all.
func (c *Context) ListSnapshots(vm string) ([]*Snapshot, error) {
	var a arena
	defer a.free()
	text := a.text(vm)
	var list *C.vmsnap_snapshot_list
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_list_snapshots(c.handle, text, &list, &failure), failure)
	if err != nil {
		return nil, err
	}
	return snapshotsOf(list), nil
}

// snapshotsOf takes what a list holds, and releases the list.
func snapshotsOf(list *C.vmsnap_snapshot_list) []*Snapshot {
	defer C.vmsnap_snapshot_list_unref(list)
	made := make([]*Snapshot, C.vmsnap_snapshot_list_get_count(list))
	for i := range made {
		item := C.vmsnap_snapshot_list_get_item(list, C.size_t(i))
		made[i] = &Snapshot{C.vmsnap_snapshot_ref(item)}
	}
	return made
}

// FindOperation finds a recorded operation by UUID.
func (c *Context) FindOperation(uuid string) (*Operation, error) {
	var a arena
	defer a.free()
	text, made := a.wholeText(uuid), &Operation{}
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_find_operation(c.handle, text, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ListOperations reads the recorded operations, oldest first.
func (c *Context) ListOperations() ([]*Operation, error) {
	var list *C.vmsnap_operation_list
	var failure *C.vmsnap_error
	err := take(C.vmsnap_context_list_operations(c.handle, &list, &failure), failure)
	if err != nil {
		return nil, err
	}
	defer C.vmsnap_operation_list_unref(list)
	made := make([]*Operation, C.vmsnap_operation_list_get_count(list))
	for i := range made {
		item := C.vmsnap_operation_list_get_item(list, C.size_t(i))
		made[i] = &Operation{C.vmsnap_operation_ref(item)}
	}
	return made, nil
}

// StartSnapshotGroup starts taking snapshots of several VMs at one time: members are VM names or
// UUIDs and the names of their snapshots. A VM that is too late is dropped, or nothing is cut. Name
// and Disks of the options stay empty.
func (c *Context) StartSnapshotGroup(members map[string]string, dropStragglers bool,
	options SnapshotOptions) (*Job, error) {
	var a arena
	defer a.free()
	given, list := options.inC(&a), a.list(pairs(members))
	onStraggler := C.uint32_t(C.VMSNAP_STRAGGLER_ABORT)
	if dropStragglers {
		onStraggler = C.VMSNAP_STRAGGLER_DROP
	}
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_snapshot_create_group(c.handle, list, &given, onStraggler, job, failure)
	})
}

// CreateSnapshotGroup takes snapshots of several VMs at one time.
func (c *Context) CreateSnapshotGroup(ctx context.Context, members map[string]string,
	dropStragglers bool, options SnapshotOptions) ([]*Snapshot, error) {
	var readErr error
	made, err := runJob(ctx, func() (*Job, error) {
		return c.StartSnapshotGroup(members, dropStragglers, options)
	}, func(job *Job) []*Snapshot {
		found, err := job.Snapshots()
		readErr = err
		return found
	})
	if err == nil {
		err = readErr
	}
	return made, err
}
