// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// Consistency is what to do about a guest whose file systems may be in motion.
type Consistency uint32

// The policies.
const (
	ConsistencyRequire Consistency = C.VMSNAP_CONSISTENCY_REQUIRE // Fail unless provably consistent.
	ConsistencyPrefer  Consistency = C.VMSNAP_CONSISTENCY_PREFER  // Freeze if possible.
	ConsistencySkip    Consistency = C.VMSNAP_CONSISTENCY_SKIP    // Never touch the guest.
)

// Grade is what was achieved at the cut.
type Grade int

// The grades.
const (
	GradeNone    Grade = C.VMSNAP_GRADE_NONE    // Not decided: the snapshot is not ready.
	GradeOffline Grade = C.VMSNAP_GRADE_OFFLINE // Consistent: nothing was writing.
	GradeFrozen  Grade = C.VMSNAP_GRADE_FROZEN  // Consistent: the guest's freeze is proven.
	GradeCrash   Grade = C.VMSNAP_GRADE_CRASH   // As after a power cut.
)

// SnapshotKind is what a snapshot is of.
type SnapshotKind int

// The kinds.
const (
	SnapshotOfVM   SnapshotKind = C.VMSNAP_SNAPSHOT_KIND_VM   // All disks of a virtual machine.
	SnapshotOfDisk SnapshotKind = C.VMSNAP_SNAPSHOT_KIND_DISK // One disk.
)

// SnapshotPhase is where a snapshot stands.
type SnapshotPhase int

// The phases.
const (
	SnapshotPending     SnapshotPhase = C.VMSNAP_SNAPSHOT_PENDING
	SnapshotInProgress  SnapshotPhase = C.VMSNAP_SNAPSHOT_IN_PROGRESS
	SnapshotReady       SnapshotPhase = C.VMSNAP_SNAPSHOT_READY
	SnapshotFailed      SnapshotPhase = C.VMSNAP_SNAPSHOT_FAILED
	SnapshotTerminating SnapshotPhase = C.VMSNAP_SNAPSHOT_TERMINATING
)

// Method is how disks are cut.
type Method uint32

// The methods.
const (
	MethodAuto    Method = C.VMSNAP_METHOD_AUTO    // The best that fits each disk.
	MethodReflink Method = C.VMSNAP_METHOD_REFLINK // On a file system that shares blocks.
	MethodCopy    Method = C.VMSNAP_METHOD_COPY    // Only while nothing has the disk open.
	MethodBackup  Method = C.VMSNAP_METHOD_BACKUP  // Pull backup job of a running VM.
)

// KeepIP tells what becomes of addresses that a VM got by DHCP for a while only.
type KeepIP uint32

const (
	KeepIPAlways KeepIP = C.VMSNAP_KEEP_IP_ALWAYS // A restore gives it the same for good.
	KeepIPNever  KeepIP = C.VMSNAP_KEEP_IP_NEVER  // Only those of host entries are kept.
)

// SnapshotOptions is what to take. A zero field means its default; Name is required.
type SnapshotOptions struct {
	Name         string
	Description  string
	Labels       map[string]string
	Disks        []string // Targets to take; nil: all. Not for the snapshot of a disk.
	Store        string   // Absolute folder for the images; "": beside each disk.
	Consistency  Consistency
	Method       Method
	WaitReady    time.Duration // Longest wait for lock, agent, foreign jobs.
	FreezeCall   time.Duration // Longest wait for the freeze reply.
	FreezeBudget time.Duration // Agent's acknowledgement to thaw request.
	// AcceptUnfrozen lists mount points and targets that may hold what no freeze reaches.
	AcceptUnfrozen []string
	KeepIP         KeepIP // What becomes of addresses got by DHCP. Not of disk snapshots.
	Digest         bool   // Record the images' SHA-256 once the snapshot is Ready.
}

// Snapshot is a reading of one stored snapshot.
type Snapshot struct {
	handle *C.vmsnap_snapshot
}

// inC is the options as C has them.
func (options *SnapshotOptions) inC(a *arena) C.vmsnap_snapshot_options {
	return C.vmsnap_snapshot_options{
		struct_size:      C.sizeof_vmsnap_snapshot_options,
		name:             a.text(options.Name),
		description:      a.text(options.Description),
		labels:           a.list(pairs(options.Labels)),
		disks:            a.list(options.Disks),
		store:            a.text(options.Store),
		consistency:      C.uint32_t(options.Consistency),
		method:           C.uint32_t(options.Method),
		wait_ready_ms:    a.milliseconds(options.WaitReady),
		freeze_call_ms:   a.milliseconds(options.FreezeCall),
		freeze_budget_ms: a.milliseconds(options.FreezeBudget),
		flags:            flag(options.Digest, C.VMSNAP_SNAPSHOT_WITH_DIGEST),
		accept_unfrozen:  a.list(options.AcceptUnfrozen),
		keep_ip:          C.uint32_t(options.KeepIP),
	}
}

// StartSnapshot starts taking a snapshot of every disk at one point in time.
func (v *VM) StartSnapshot(options SnapshotOptions) (*Job, error) {
	var a arena
	defer a.free()
	given := options.inC(&a)
	if a.err != nil {
		return nil, a.err
	}
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_snapshot_create(v.handle, &given, job, failure)
	})
}

// CreateSnapshot takes a snapshot of every disk at one point in time.
func (v *VM) CreateSnapshot(ctx context.Context, options SnapshotOptions) (*Snapshot, error) {
	return runSnapshot(ctx, func() (*Job, error) { return v.StartSnapshot(options) })
}

// runSnapshot runs a job to its end and takes the snapshot it made.
func runSnapshot(ctx context.Context, start func() (*Job, error)) (*Snapshot, error) {
	var readErr error
	made, err := runJob(ctx, start, func(job *Job) *Snapshot {
		snapshot, err := job.Snapshot()
		readErr = err
		return snapshot
	})
	if err == nil {
		err = readErr
	}
	return made, err
}

// Name is unique per catalog and kind.
func (s *Snapshot) Name() string {
	return C.GoString(C.vmsnap_snapshot_get_name(s.handle))
}

// UUID is its UUID.
func (s *Snapshot) UUID() string {
	return C.GoString(C.vmsnap_snapshot_get_uuid(s.handle))
}

// Kind is what it is of.
func (s *Snapshot) Kind() SnapshotKind {
	return SnapshotKind(C.vmsnap_snapshot_get_kind(s.handle))
}

// DiskName is the disk of a disk snapshot, "VM/TARGET" or a path; "" of a VM's.
func (s *Snapshot) DiskName() string {
	return C.GoString(C.vmsnap_snapshot_get_disk_name(s.handle))
}

// VMName is the name its VM had.
func (s *Snapshot) VMName() string {
	return C.GoString(C.vmsnap_snapshot_get_vm_name(s.handle))
}

// VMUUID is its VM's UUID.
func (s *Snapshot) VMUUID() string {
	return C.GoString(C.vmsnap_snapshot_get_vm_uuid(s.handle))
}

// Phase is where it stood when it was read.
func (s *Snapshot) Phase() SnapshotPhase {
	return SnapshotPhase(C.vmsnap_snapshot_get_phase(s.handle))
}

// Grade is what was achieved at the cut.
func (s *Snapshot) Grade() Grade {
	return Grade(C.vmsnap_snapshot_get_grade(s.handle))
}

// Consistent tells whether it is offline or frozen.
func (s *Snapshot) Consistent() bool {
	return C.vmsnap_snapshot_get_consistent(s.handle) != 0
}

// Created is when it was asked for.
func (s *Snapshot) Created() time.Time {
	return time.UnixMicro(int64(C.vmsnap_snapshot_get_created(s.handle))).UTC()
}

// JSON is the whole reading, evidence included.
func (s *Snapshot) JSON() json.RawMessage {
	return raw(C.vmsnap_snapshot_get_json(s.handle))
}

// StartDelete starts deleting it and its files.
func (s *Snapshot) StartDelete() (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_snapshot_delete(s.handle, job, failure)
	})
}

// Delete deletes it and its files.
func (s *Snapshot) Delete(ctx context.Context) error {
	_, err := runJob(ctx, s.StartDelete, (*Job).JSON)
	return err
}

// StartVerify starts re-reading its images.
func (s *Snapshot) StartVerify() (*Job, error) {
	return startJob(func(job **C.vmsnap_job, failure **C.vmsnap_error) C.int {
		return C.vmsnap_snapshot_verify(s.handle, job, failure)
	})
}

// Verify re-reads its images; Lost if one vanished or changed.
func (s *Snapshot) Verify(ctx context.Context) error {
	_, err := runJob(ctx, s.StartVerify, (*Job).JSON)
	return err
}

// Close releases the reading.
func (s *Snapshot) Close() {
	C.vmsnap_snapshot_unref(s.handle)
	s.handle = nil
}
