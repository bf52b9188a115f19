// SPDX-License-Identifier: LGPL-2.1-or-later

// Backup takes a consistent snapshot of one VM, verifies it and prints its record, from which a
// backup program learns where the images are.
//
//	backup [-uri URI] [-state-dir FOLDER] VM NAME
//
// An interrupt cancels the snapshot; the program ends when the guest is thawed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"vmsnap"
)

func backup(ctx context.Context, options vmsnap.Options, name, snapshotName string) error {
	library, err := vmsnap.Open(options)
	if err != nil {
		return err
	}
	defer library.Close()
	vm, err := library.FindVM(name)
	if err != nil {
		return err
	}
	defer vm.Close()
	snapshot, err := vm.CreateSnapshot(ctx, vmsnap.SnapshotOptions{
		Name:      snapshotName,
		Labels:    map[string]string{"made-by": "backup"},
		WaitReady: time.Minute,
	})
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if err := snapshot.Verify(ctx); err != nil {
		return err
	}
	fmt.Println(string(snapshot.JSON()))
	return nil
}

func main() {
	var options vmsnap.Options
	flag.StringVar(&options.URI, "uri", "qemu:///system", "libvirt URI")
	flag.StringVar(&options.StateDir, "state-dir", "", "folder of catalog, leases and locks")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: backup [-uri URI] [-state-dir FOLDER] VM NAME")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := backup(ctx, options, flag.Arg(0), flag.Arg(1))
	if errors.Is(err, vmsnap.Inconsistent) {
		fmt.Fprintln(os.Stderr, "no consistent snapshot is possible now:", err)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil {
		stop()
		os.Exit(1)
	}
}
