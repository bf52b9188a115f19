// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, uri string) *Context {
	t.Helper()
	library, err := Open(Options{URI: uri, StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(library.Close)
	return library
}

func findTestVM(t *testing.T) (*Context, *VM) {
	t.Helper()
	library := open(t, "test:///default")
	vm, err := library.FindVM("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vm.Close)
	return library, vm
}

func TestVersionIsKnown(t *testing.T) {
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(Version()) {
		t.Errorf("version %q", Version())
	}
}

// The bindings use each public function, or say here why they do not.
func TestEveryPublicFunctionIsUsed(t *testing.T) {
	unused := map[string]string{
		"vmsnap_check_ref": "a Go pointer is shared", "vmsnap_context_ref": "likewise",
		"vmsnap_job_ref": "likewise", "vmsnap_plan_ref": "likewise",
		"vmsnap_vm_list_ref": "lists become slices", "vmsnap_snapshot_list_ref": "likewise",
		"vmsnap_operation_list_ref": "likewise", "vmsnap_disk_list_ref": "likewise",
		"vmsnap_freeze_ref": "likewise", "vmsnap_undo_set_list_ref": "likewise",
		"vmsnap_inventory_ref": "likewise",
	}
	text, err := os.ReadFile("../../src/libvmsnap.map")
	if err != nil {
		t.Skip("not in the source tree")
	}
	var sources strings.Builder
	files, _ := filepath.Glob("*.go")
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			source, _ := os.ReadFile(file)
			sources.Write(source)
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^\s+(vmsnap_\w+);`).FindAllStringSubmatch(string(text), -1) {
		used := strings.Contains(sources.String(), "C."+match[1]+"(")
		if _, excused := unused[match[1]]; used == excused {
			t.Errorf("%s: used %v, excused %v", match[1], used, excused)
		}
	}
}

func TestNoHypervisorIsNeededToList(t *testing.T) {
	library := open(t, "none")
	snapshots, err := library.ListSnapshots("")
	if err != nil || len(snapshots) != 0 {
		t.Errorf("%v, %v", snapshots, err)
	}
	operations, err := library.ListOperations()
	if err != nil || len(operations) != 0 {
		t.Errorf("%v, %v", operations, err)
	}
	if status, err := library.Status(); err != nil || status != (Status{}) {
		t.Errorf("%v, %v", status, err)
	}
}

func TestBadURIIsAnErrorWithItsOrigin(t *testing.T) {
	_, err := Open(Options{URI: "nosuchdriver:///x", StateDir: t.TempDir()})
	var failed *Error
	if !errors.Is(err, Hypervisor) || !errors.As(err, &failed) {
		t.Fatalf("%v", err)
	}
	if failed.Origin != "libvirt" || failed.Frozen != FrozenNo || !json.Valid(failed.JSON) {
		t.Errorf("%+v", failed)
	}
}

func TestNULIsRefusedBeforeTheLibrarySeesIt(t *testing.T) {
	if _, err := Open(Options{URI: "none\x00x"}); !errors.Is(err, Invalid) {
		t.Errorf("%v", err)
	}
}

func TestMachineIsFoundByNameAndUUID(t *testing.T) {
	library, vm := findTestVM(t)
	if vm.Name() != "test" || vm.State() != VMRunning || !json.Valid(vm.JSON()) {
		t.Errorf("%s %v %s", vm.Name(), vm.State(), vm.JSON())
	}
	same, err := library.FindVM(vm.UUID())
	if err != nil || same.Name() != "test" {
		t.Fatalf("%v", err)
	}
	same.Close()
	all, err := library.ListVMs()
	if err != nil || len(all) != 1 || all[0].UUID() != vm.UUID() {
		t.Fatalf("%v, %v", all, err)
	}
	all[0].Close()
}

func TestDiskIsTakenAndDeleted(t *testing.T) {
	library := open(t, "none")
	path := filepath.Join(t.TempDir(), "a.raw")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	disk, err := library.FindDisk(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	if disk.Name() != path || disk.Path() != path || disk.Format() != "raw" ||
		disk.VirtualSize() != 1<<20 || disk.VMName()+disk.VMUUID()+disk.Target() != "" ||
		!json.Valid(disk.JSON()) {
		t.Errorf("%s", disk.JSON())
	}
	made, err := disk.CreateSnapshot(context.Background(), SnapshotOptions{Name: "one"})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if made.Kind() != SnapshotOfDisk || made.DiskName() != path || made.VMName() != "" ||
		!made.Consistent() {
		t.Errorf("%s", made.JSON())
	}
	found, err := library.FindDiskSnapshot("one")
	if err != nil || found.UUID() != made.UUID() {
		t.Fatalf("%v", err)
	}
	found.Close()
	for _, name := range []string{path, ""} {
		if all, err := library.ListDiskSnapshots(name); err != nil || len(all) != 1 {
			t.Errorf("%v, %v", all, err)
		}
	}
	if _, err := library.FindSnapshot("one"); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
	if err := made.Delete(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestDisksOfAMachineAreListed(t *testing.T) {
	library, vm := findTestVM(t)
	for _, name := range []string{vm.Name(), ""} {
		if _, err := library.ListDisks(name); err != nil {
			t.Errorf("%v", err)
		}
	}
	if _, err := library.FindDisk("test/nosuch", ""); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	library := open(t, "test:///default")
	if _, err := library.FindVM("nosuch"); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
	if _, err := library.FindSnapshot("nosuch"); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
	if _, err := library.FindOperation("00000000-0000-4000-8000-000000000000"); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
}

func TestClosedHandlesAreHarmless(t *testing.T) {
	library, vm := findTestVM(t)
	vm.Close()
	vm.Close()
	if vm.Name() != "" || vm.JSON() != nil {
		t.Error("a closed reading still speaks")
	}
	if _, err := vm.Check(); !errors.Is(err, Invalid) {
		t.Errorf("%v", err)
	}
	library.Close()
	if _, err := library.ListVMs(); err == nil {
		t.Error("a closed context still lists")
	}
}

func TestCheckHasAVerdict(t *testing.T) {
	_, vm := findTestVM(t)
	check, err := vm.Check()
	if err != nil {
		t.Fatal(err)
	}
	defer check.Close()
	if check.Verdict() < VerdictOffline || check.Verdict() > VerdictBlocked || !json.Valid(check.JSON()) {
		t.Errorf("%v %s", check.Verdict(), check.JSON())
	}
}

func TestRecoveryWithNothingToDoSucceeds(t *testing.T) {
	acts, err := open(t, "none").Recover(context.Background())
	if err != nil || !strings.Contains(string(acts), `"acts"`) {
		t.Errorf("%s, %v", acts, err)
	}
}

func TestFinishedJobSaysSo(t *testing.T) {
	job, err := open(t, "none").StartRecover()
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if err := job.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if done, err := job.Poll(); !done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
	if progress, err := job.Progress(); err != nil || progress.Stage != StageDone {
		t.Errorf("%v, %v", progress, err)
	}
	if _, err := job.Snapshot(); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
	fd, err := job.Fd()
	if err != nil {
		t.Fatal(err)
	}
	os.NewFile(uintptr(fd), "job").Close()
}

func TestDoneContextStartsNothing(t *testing.T) {
	_, vm := findTestVM(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := vm.CreateSnapshot(ctx, SnapshotOptions{Name: "one"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCancelledWaitLeavesAFinishedJob(t *testing.T) {
	job, err := open(t, "none").StartRecover()
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := job.Wait(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if done, err := job.Poll(); !done && !errors.Is(err, Cancelled) {
		t.Errorf("%v, %v", done, err)
	}
}

func TestBadArgumentsAreInvalidBeforeAnythingStarts(t *testing.T) {
	_, vm := findTestVM(t)
	for _, options := range []SnapshotOptions{
		{}, {Name: "Upper"}, {Name: "-x"}, {Name: strings.Repeat("a", 64)},
		{Name: "x", WaitReady: -time.Second}, {Name: "x", Consistency: 9},
		{Name: "x", Store: "relative"},
	} {
		if _, err := vm.StartSnapshot(options); !errors.Is(err, Invalid) {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func TestWhatIsDamagedIsNotAdopted(t *testing.T) {
	library, top := open(t, "none"), t.TempDir()
	ctx := context.Background()
	if _, err := library.Adopt(ctx, []string{top}, AdoptOptions{}); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
	folder := top + "/.vmsnap/3c1f6f2e-0000-4000-8000-000000000002"
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/snapshot.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var failed *Error
	_, err := library.Adopt(ctx, []string{top}, AdoptOptions{DryRun: true})
	if !errors.As(err, &failed) || failed.Reason != "DamagedRecord" {
		t.Errorf("%v", err)
	}
	if _, err := library.Adopt(ctx, nil, AdoptOptions{}); !errors.Is(err, Invalid) {
		t.Errorf("%v", err)
	}
	if _, err := library.DropOperation(ctx, "none", false); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
}

func TestMachineWithoutAgentIsNotFrozen(t *testing.T) {
	_, vm := findTestVM(t)
	var failed *Error
	_, err := vm.Freeze(context.Background(), FreezeOptions{Hold: 20 * time.Second, Detached: true})
	if !errors.As(err, &failed) || failed.Reason != "AgentNotReady" {
		t.Errorf("%v", err)
	}
	if _, err := vm.Thaw(context.Background()); !errors.Is(err, NotFound) {
		t.Errorf("%v", err)
	}
	if _, err := vm.Freeze(context.Background(), FreezeOptions{Hold: time.Hour}); !errors.Is(err, Invalid) {
		t.Errorf("%v", err)
	}
}

func TestMachineWithoutAgentFailsUnderRequire(t *testing.T) {
	library, vm := findTestVM(t)
	_, err := vm.CreateSnapshot(context.Background(), SnapshotOptions{Name: "one"})
	var failed *Error
	if !errors.As(err, &failed) || failed.Code == Internal || failed.Frozen != FrozenNo {
		t.Fatalf("%+v", err)
	}
	snapshots, err := library.ListSnapshots("")
	if err != nil {
		t.Fatal(err)
	}
	for _, snapshot := range snapshots {
		if snapshot.Phase() != SnapshotFailed {
			t.Errorf("%s is in phase %v", snapshot.Name(), snapshot.Phase())
		}
		snapshot.Close()
	}
}
