// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
)

// Disk is a reading of one disk, of a virtual machine or of none.
type Disk struct {
	handle *C.vmsnap_disk
}

// Name is "VM/TARGET", or the path of a disk that no VM has.
func (d *Disk) Name() string {
	return C.GoString(C.vmsnap_disk_get_name(d.handle))
}

// Path is its file or device; "" if it is neither.
func (d *Disk) Path() string {
	return C.GoString(C.vmsnap_disk_get_path(d.handle))
}

// Format is "raw", "qcow2", …; "" if the VM's configuration does not say.
func (d *Disk) Format() string {
	return C.GoString(C.vmsnap_disk_get_format(d.handle))
}

// VMName is the name of its VM; "" if none has it.
func (d *Disk) VMName() string {
	return C.GoString(C.vmsnap_disk_get_vm_name(d.handle))
}

// VMUUID is the UUID of its VM; "" if none has it.
func (d *Disk) VMUUID() string {
	return C.GoString(C.vmsnap_disk_get_vm_uuid(d.handle))
}

// Target is what its VM calls it, "vda"; "" if none has it.
func (d *Disk) Target() string {
	return C.GoString(C.vmsnap_disk_get_target(d.handle))
}

// VirtualSize is the size its guest sees, in bytes; 0 if that cannot be told from here.
func (d *Disk) VirtualSize() uint64 {
	return uint64(C.vmsnap_disk_get_virtual_size(d.handle))
}

// JSON is the whole reading.
func (d *Disk) JSON() json.RawMessage {
	return raw(C.vmsnap_disk_get_json(d.handle))
}

// StartSnapshot starts taking a snapshot of this disk.
func (d *Disk) StartSnapshot(options SnapshotOptions) (*Job, error) {
	var a arena
	defer a.free()
	given := options.inC(&a)
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_disk_snapshot_create(d.handle, &given, job, failure)
	})
}

// CreateSnapshot takes a snapshot of this disk.
func (d *Disk) CreateSnapshot(ctx context.Context, options SnapshotOptions) (*Snapshot, error) {
	return runSnapshot(ctx, func() (*Job, error) { return d.StartSnapshot(options) })
}

// Close releases the reading.
func (d *Disk) Close() {
	C.vmsnap_disk_unref(d.handle)
	d.handle = nil
}

// FindDisk finds a disk: "VM/TARGET", or a path, which starts with "/" or "./". The format is what
// a file that no VM has holds; "": by its name.
func (c *Context) FindDisk(name, format string) (*Disk, error) {
	var a arena
	defer a.free()
	text, wanted, made := a.wholeText(name), a.text(format), &Disk{}
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_find_disk(c.handle, text, wanted, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ListDisks reads the disks of a VM (name or UUID), or with "" of all.
func (c *Context) ListDisks(vm string) ([]*Disk, error) {
	var a arena
	defer a.free()
	text := a.text(vm)
	var list *C.vmsnap_disk_list
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_list_disks(c.handle, text, &list, &failure), failure)
	if err != nil {
		return nil, err
	}
	defer C.vmsnap_disk_list_unref(list)
	made := make([]*Disk, C.vmsnap_disk_list_get_count(list))
	for i := range made {
		made[i] = &Disk{C.vmsnap_disk_ref(C.vmsnap_disk_list_get_item(list, C.size_t(i)))}
	}
	return made, nil
}

// FindDiskSnapshot finds a disk snapshot by name or UUID.
func (c *Context) FindDiskSnapshot(name string) (*Snapshot, error) {
	var a arena
	defer a.free()
	text, made := a.wholeText(name), &Snapshot{}
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_find_disk_snapshot(c.handle, text, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ListDiskSnapshots reads the stored disk snapshots, oldest first: those of a disk ("VM/TARGET" or
// path, as recorded), or with "" all.
func (c *Context) ListDiskSnapshots(disk string) ([]*Snapshot, error) {
	var a arena
	defer a.free()
	text := a.text(disk)
	var list *C.vmsnap_snapshot_list
	var failure *C.vmsnap_error
	if a.err != nil {
		return nil, a.err
	}
	err := take(C.vmsnap_context_list_disk_snapshots(c.handle, text, &list, &failure), failure)
	if err != nil {
		return nil, err
	}
	return snapshotsOf(list), nil
}
