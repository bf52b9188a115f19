// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import (
	"context"
	"encoding/json"
	"errors"
)

// Job is a running or finished long operation. Closing it neither waits for it nor cancels it.
type Job struct {
	handle *C.vmsnap_job
}

// Stage is what a job is doing, for display. Unknown numbers mean "working".
type Stage uint32

// The stages.
const (
	StageStarting    Stage = C.VMSNAP_STAGE_STARTING
	StageWaiting     Stage = C.VMSNAP_STAGE_WAITING
	StageSurveying   Stage = C.VMSNAP_STAGE_SURVEYING
	StagePreparing   Stage = C.VMSNAP_STAGE_PREPARING
	StageFreezing    Stage = C.VMSNAP_STAGE_FREEZING
	StageCapturing   Stage = C.VMSNAP_STAGE_CAPTURING
	StageThawing     Stage = C.VMSNAP_STAGE_THAWING
	StageCopying     Stage = C.VMSNAP_STAGE_COPYING
	StageStopping    Stage = C.VMSNAP_STAGE_STOPPING
	StageExchanging  Stage = C.VMSNAP_STAGE_EXCHANGING
	StageRestarting  Stage = C.VMSNAP_STAGE_RESTARTING
	StageFinishing   Stage = C.VMSNAP_STAGE_FINISHING
	StageRollingBack Stage = C.VMSNAP_STAGE_ROLLING_BACK
	StageDone        Stage = C.VMSNAP_STAGE_DONE
)

// Progress is how far a job is. Total 0: not known. Sequence changes whenever anything does.
type Progress struct {
	Stage    Stage
	Done     uint64
	Total    uint64
	Sequence uint64
}

// startJob calls a function that starts a job.
func startJob(start func(**C.vmsnap_job, **C.vmsnap_error) C.int) (*Job, error) {
	var job *C.vmsnap_job
	var failure *C.vmsnap_error
	if err := take(start(&job, &failure), failure); err != nil {
		return nil, err
	}
	return &Job{job}, nil
}

// runJob starts a job, waits for it and reads what it made.
func runJob[Made any](ctx context.Context, start func() (*Job, error),
	read func(*Job) Made) (Made, error) {
	var none Made
	if err := ctx.Err(); err != nil {
		return none, err
	}
	job, err := start()
	if err != nil {
		return none, err
	}
	defer job.Close()
	if err := job.Wait(ctx); err != nil {
		return none, err
	}
	return read(job), nil
}

// waitOnce waits for at most the given time and tells whether the job has succeeded.
func (j *Job) waitOnce(milliseconds C.int) (bool, error) {
	var failure *C.vmsnap_error
	result := C.vmsnap_job_wait(j.handle, milliseconds, &failure)
	return result > 0, take(result, failure)
}

// Wait waits for the job. When ctx is done first the job is cancelled, and still waited for: no
// guest is frozen by it when Wait returns. A job that succeeded nevertheless gives nil; the error
// of one that was cancelled so also is ctx's.
func (j *Job) Wait(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() {
		_, err := j.waitOnce(-1)
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		j.Cancel()
	}
	err := <-ended
	var failed *Error
	if errors.As(err, &failed) && failed.Code == Cancelled {
		failed.done = ctx.Err()
	}
	return err
}

// Poll tells whether the job has succeeded; its error is that of a job that failed.
func (j *Job) Poll() (bool, error) {
	return j.waitOnce(0)
}

// Cancel asks the job to stop at its next safe point and roll back; then Wait.
func (j *Job) Cancel() {
	C.vmsnap_job_cancel(j.handle)
}

// Progress reads how far the job is.
func (j *Job) Progress() (Progress, error) {
	reading := C.vmsnap_progress{struct_size: C.sizeof_vmsnap_progress}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_job_read_progress(j.handle, &reading, &failure), failure)
	return Progress{Stage(reading.stage), uint64(reading.bytes_done), uint64(reading.bytes_total),
		uint64(reading.sequence)}, err
}

// Fd gives a descriptor that polls readable once the job has finished; the caller closes it.
func (j *Job) Fd() (int, error) {
	var fd C.int
	var failure *C.vmsnap_error
	err := take(C.vmsnap_job_get_fd(j.handle, &fd, &failure), failure)
	if err != nil {
		return -1, err
	}
	return int(fd), nil
}

// Operation is the UUID of the job's recorded operation, "" if it has no record.
func (j *Job) Operation() string {
	return C.GoString(C.vmsnap_job_get_operation_uuid(j.handle))
}

// Snapshot is the snapshot that the finished job made or is about.
func (j *Job) Snapshot() (*Snapshot, error) {
	made := &Snapshot{}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_job_ref_snapshot(j.handle, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// JSON is what the finished job recorded; nil while it runs.
func (j *Job) JSON() json.RawMessage {
	return raw(C.vmsnap_job_get_json(j.handle))
}

// Close releases the job.
func (j *Job) Close() {
	C.vmsnap_job_unref(j.handle)
	j.handle = nil
}

// Snapshots are those that the finished job of a group made, failed ones too.
func (j *Job) Snapshots() ([]*Snapshot, error) {
	var list *C.vmsnap_snapshot_list
	var failure *C.vmsnap_error
	err := take(C.vmsnap_job_ref_snapshot_list(j.handle, &list, &failure), failure)
	if err != nil {
		return nil, err
	}
	return snapshotsOf(list), nil
}
