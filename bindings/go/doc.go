// SPDX-License-Identifier: LGPL-2.1-or-later

// Package vmsnap takes consistent snapshots of virtual machines on libvirt/QEMU hosts and restores
// them in place.
//
//	library, err := vmsnap.Open(vmsnap.Options{URI: "qemu:///system"})
//	if err != nil {
//		return err
//	}
//	defer library.Close()
//	vm, err := library.FindVM("web")
//	if err != nil {
//		return err
//	}
//	defer vm.Close()
//	snapshot, err := vm.CreateSnapshot(ctx, vmsnap.SnapshotOptions{Name: "nightly"})
//
// What takes long has two forms: Start… returns a Job; the other takes a context.Context and
// blocks. When the context is done the job is cancelled and still waited for, so that no call
// returns while its guest may be frozen.
//
// Every failure is an *Error: errors.Is(err, vmsnap.NotFound) tells what the caller can do.
//
// Handles hold C memory until their Close; nothing is finalized. Close may be called twice, but
// not while another goroutine uses the same handle. What is read from a VM, Snapshot, Plan, Check
// or Operation never changes; find it again for a newer reading.
package vmsnap

// #cgo pkg-config: libvmsnap
// #include <vmsnap/vmsnap.h>
import "C"

// Version is the version of the library that is running.
func Version() string {
	return C.GoString(C.vmsnap_get_version())
}
