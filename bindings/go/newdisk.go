// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"time"
)

// NewDiskMethod is how a new disk comes to its contents.
type NewDiskMethod uint32

// The methods.
const (
	NewDiskAuto    NewDiskMethod = C.VMSNAP_NEW_DISK_AUTO    // Sharing blocks where possible.
	NewDiskFull    NewDiskMethod = C.VMSNAP_NEW_DISK_FULL    // A full copy.
	NewDiskReflink NewDiskMethod = C.VMSNAP_NEW_DISK_REFLINK // Sharing blocks, or not at all.
	NewDiskLinked  NewDiskMethod = C.VMSNAP_NEW_DISK_LINKED  // An overlay over the snapshot's image.
)

// NewDiskOptions is what to make. A zero field means its default; To is required.
type NewDiskOptions struct {
	To        string // A path, which starts with "/" or "./", or "POOL/VOLUME".
	Target    string // Which disk of the snapshot, "vda"; "": it has only one.
	Format    string // "raw" or "qcow2"; "": as the disk was.
	Size      uint64 // What the guest is to see, in bytes; 0: as the disk was.
	Method    NewDiskMethod
	Image     bool          // Flattened, read-only, with its digest beside it.
	KeepOwner bool          // Owner and mode as the disk had them.
	WaitReady time.Duration // Longest wait for locks.
}

func (o NewDiskOptions) native(a *arena) C.vmsnap_new_disk_options {
	return C.vmsnap_new_disk_options{
		struct_size: C.sizeof_vmsnap_new_disk_options,
		to:          a.wholeText(o.To),
		target:      a.text(o.Target),
		format:      a.text(o.Format),
		size:        C.uint64_t(o.Size),
		method:      C.uint32_t(o.Method),
		flags: flag(o.Image, C.VMSNAP_NEW_DISK_IMAGE) |
			flag(o.KeepOwner, C.VMSNAP_NEW_DISK_KEEP_OWNER),
		wait_ready_ms: a.milliseconds(o.WaitReady),
	}
}

// PlanNewDisk finds all that stands in the way of a new disk or image. It is the dry-run and has
// no side effect; its plan is only to be read.
func (s *Snapshot) PlanNewDisk(options NewDiskOptions) (*Plan, error) {
	var a arena
	defer a.free()
	given, made := options.native(&a), &Plan{}
	if a.err != nil {
		return nil, a.err
	}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_new_disk_plan(s.handle, &given, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// StartNewDisk starts making a new disk or image.
func (s *Snapshot) StartNewDisk(options NewDiskOptions) (*Job, error) {
	var a arena
	defer a.free()
	given := options.native(&a)
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_new_disk_start(s.handle, &given, job, failure)
	})
}

// CreateNewDisk makes a new disk or image; the UUID of its operation, which tells what was made.
func (s *Snapshot) CreateNewDisk(ctx context.Context, options NewDiskOptions) (string, error) {
	start := func() (*Job, error) { return s.StartNewDisk(options) }
	return runJob(ctx, start, (*Job).Operation)
}

// NewPath is the file that the operation made; "" if it makes none, or has not.
func (o *Operation) NewPath() string {
	return C.GoString(C.vmsnap_operation_get_new_path(o.handle))
}

// NewFormat is its format, "raw" or "qcow2".
func (o *Operation) NewFormat() string {
	return C.GoString(C.vmsnap_operation_get_new_format(o.handle))
}

// NewSize is the size its guest sees, in bytes.
func (o *Operation) NewSize() uint64 {
	return uint64(C.vmsnap_operation_get_new_size(o.handle))
}

// NewSHA256 is the digest of the file of a new image, in hexadecimal; "" of a disk.
func (o *Operation) NewSHA256() string {
	return C.GoString(C.vmsnap_operation_get_new_sha256(o.handle))
}
