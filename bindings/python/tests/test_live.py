# SPDX-License-Identifier: LGPL-2.1-or-later
"""The binding against the real library: without a hypervisor, and on libvirt's test driver."""

import asyncio
import datetime
import gc
import os
import tempfile
import threading
import unittest

import vmsnap


class WithStateFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name

    def open(self, uri="test:///default", **options):
        context = vmsnap.Context(uri, state_dir=self.state, **options)
        self.addCleanup(context.close)
        return context


class Opening(WithStateFolder):
    def test_version_is_known(self):
        self.assertRegex(vmsnap.get_version(), r"^\d+\.\d+\.\d+$")

    def test_no_hypervisor_is_needed_to_list(self):
        context = self.open("none")
        self.assertEqual(context.list_snapshots(), [])
        self.assertEqual(context.list_operations(), [])
        self.assertEqual(context.status(), (0, 0))

    def test_a_bad_uri_is_an_error_with_its_origin(self):
        with self.assertRaises(vmsnap.Error) as caught:
            self.open("nosuchdriver:///x")
        self.assertEqual(caught.exception.code, vmsnap.Code.HYPERVISOR)
        self.assertEqual(caught.exception.origin, "libvirt")
        self.assertEqual(caught.exception.frozen, vmsnap.Frozen.NO)
        self.assertIn('"', caught.exception.json)

    def test_paths_may_be_any_bytes(self):
        state = os.path.join(os.fsencode(self.state), b"\xff")
        os.mkdir(state)
        with vmsnap.Context("none", state_dir=state) as context:
            self.assertEqual(context.list_operations(), [])

    def test_what_is_damaged_is_not_adopted(self):
        context = self.open("none")
        with self.assertRaises(vmsnap.NotFound):
            context.adopt(self.state).result()
        folder = os.path.join(self.state, ".vmsnap", "3c1f6f2e-0000-4000-8000-000000000002")
        os.makedirs(folder)
        with open(os.path.join(folder, "snapshot.json"), "w", encoding="utf-8") as file:
            file.write("{")
        job = context.adopt(self.state, dry_run=True)
        self.addCleanup(job.close)
        with self.assertRaises(vmsnap.StorageError) as caught:
            job.wait()
        self.assertEqual(caught.exception.reason, "DamagedRecord")
        self.assertEqual([act["act"] for act in job.info["acts"]], ["failed"])
        with self.assertRaises(vmsnap.Invalid):
            context.adopt("relative")
        with self.assertRaises(vmsnap.NotFound):
            context.drop_operation("3c1f6f2e-0000-4000-8000-000000000003", newer=True).result()

    def test_times_keep_their_meaning(self):
        options = vmsnap._handles.restore_options(undo_ttl=365 * 86400, stop_timeout=0.0001)
        self.assertEqual((options.undo_ttl_s, options.stop_timeout_ms, options.wait_ready_ms),
                         (365 * 86400, 1, 0))
        self.assertEqual(vmsnap._handles.restore_options(undo_ttl=0.5).undo_ttl_s, 1)
        for wrong in ({"undo_ttl": -1}, {"undo_ttl": 2**32}, {"wait_ready": float("inf")},
                      {"wait_ready": float("nan")}):
            with self.assertRaises(vmsnap.Invalid):
                vmsnap._handles.restore_options(**wrong)

    def test_nul_is_refused_before_the_library_sees_it(self):
        with self.assertRaises(vmsnap.Invalid):
            vmsnap.Context("none\0x")

    def test_after_a_fork_the_child_can_only_forget(self):
        context = self.open("none")
        child = os.fork()
        if child == 0:
            try:
                context.list_operations()
            except vmsnap.Forked:
                context.close()
                del context
                os._exit(7)
            os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(context.list_operations(), [])

    def test_a_closed_context_raises_closed(self):
        context = self.open("none")
        context.close()
        context.close()
        with self.assertRaises(vmsnap.Closed):
            context.list_snapshots()


class Machines(WithStateFolder):
    def test_the_test_drivers_machine_is_found_by_name_and_uuid(self):
        context = self.open()
        vm = context.find_vm("test")
        self.assertEqual(vm.name, "test")
        self.assertEqual(vm.state, vmsnap.VMState.RUNNING)
        self.assertEqual(context.find_vm(vm.uuid).name, "test")
        self.assertEqual([one.name for one in context.list_vms()], ["test"])
        self.assertEqual(vm.info["uuid"], vm.uuid)

    def test_what_is_not_there_is_a_lookup_error(self):
        context = self.open()
        for find in (context.find_vm, context.find_snapshot):
            with self.assertRaises(LookupError) as caught:
                find("nosuch")
            self.assertIsInstance(caught.exception, vmsnap.NotFound)
        with self.assertRaises(vmsnap.NotFound):
            context.find_operation("00000000-0000-4000-8000-000000000000")

    def test_a_reading_outlives_its_context(self):
        context = self.open()
        vm = context.find_vm("test")
        context.close()
        del context
        gc.collect()
        self.assertEqual(vm.name, "test")

    def test_a_check_has_a_verdict(self):
        check = self.open().find_vm("test").check()
        self.assertIn(check.verdict, list(vmsnap.Verdict))
        self.assertIsInstance(check.info, dict)

    def test_a_machine_without_agent_is_not_frozen(self):
        vm = self.open().find_vm("test")
        with self.assertRaises(vmsnap.AgentError) as caught:
            vm.freeze(20, disks=["vda"], detached=True)
        self.assertEqual(caught.exception.reason, "AgentNotReady")
        with self.assertRaises(vmsnap.NotFound) as caught:
            vm.thaw()
        self.assertEqual(caught.exception.reason, "NotFrozen")
        with self.assertRaises(vmsnap.Invalid):
            vm.freeze(601)

    def test_readings_are_shared_between_threads(self):
        vm, names = self.open().find_vm("test"), []
        threads = [threading.Thread(target=lambda: names.append(vm.name)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(names, ["test"] * 8)


class Disks(WithStateFolder):
    def test_a_disk_is_taken_and_deleted(self):
        context = self.open("none")
        path = os.path.join(self.state, "a.raw")
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        disk = context.find_disk(path)
        self.assertEqual((disk.name, disk.path, disk.format, disk.virtual_size),
                         (path, path, "raw", 1 << 20))
        self.assertEqual((disk.vm_name, disk.vm_uuid, disk.target), (None, None, None))
        self.assertEqual(disk.info["kind"], "VirtualDisk")
        with disk.snapshot("one", labels={"by": "test"}) as job:
            job.wait()
            made = job.snapshot()
        self.assertEqual((made.kind, made.disk_name, made.vm_name, made.consistent),
                         (vmsnap.SnapshotKind.DISK, path, None, True))
        self.assertEqual(context.find_disk_snapshot("one").uuid, made.uuid)
        self.assertEqual([each.name for each in context.list_disk_snapshots()], ["one"])
        self.assertEqual(context.list_disk_snapshots("/else"), [])
        self.assertEqual(context.list_snapshots(), [])
        made.verify().wait()
        made.delete().wait()
        self.assertEqual(context.list_disk_snapshots(path), [])

    def test_what_is_no_disk_is_refused(self):
        context = self.open("none")
        for name, code in (("x", "INVALID"), ("web/vda", "UNSUPPORTED"), ("/none", "NOT_FOUND"),
                           (self.state, "UNSUPPORTED"), ("/a\n", "INVALID")):
            with self.assertRaises(vmsnap.Error) as caught:
                context.find_disk(name)
            self.assertEqual(caught.exception.code.name, code, name)
        with self.assertRaises(vmsnap.Invalid):
            context.find_disk(self.state, "vmdk")

    def test_disks_of_a_machine_are_listed(self):
        context = self.open()
        self.assertEqual({disk.vm_name for disk in context.list_disks()} - {"test"}, set())
        with self.assertRaises(vmsnap.NotFound):
            context.find_disk("test/nosuch")


class Jobs(WithStateFolder):
    def test_recovery_with_nothing_to_do_succeeds(self):
        job = self.open().recover()
        self.assertTrue(job.wait())
        self.assertEqual(job.info["acts"], [])
        self.assertEqual(job.progress().stage, vmsnap.Stage.DONE)
        with self.assertRaises(vmsnap.NotFound):
            job.snapshot()

    def test_a_job_can_be_awaited(self):
        async def recover():
            return await self.open().recover()
        self.assertEqual(asyncio.run(recover()).info["acts"], [])

    def test_a_job_can_be_polled_by_its_descriptor(self):
        import select
        with self.open().recover() as job:
            ready, _, _ = select.select([job], [], [], 10)
            self.assertEqual(ready, [job])
            self.assertTrue(job.wait(0))

    def test_watching_ends_with_the_job(self):
        with self.open().recover() as job:
            self.assertEqual([seen.stage for seen in job.watch()][-1], vmsnap.Stage.DONE)

    def test_a_bad_name_is_invalid_before_anything_starts(self):
        vm = self.open().find_vm("test")
        for name in ("", "Upper", "-x", "a" * 64, "00000000-0000-4000-8000-000000000000"):
            with self.assertRaises(ValueError) as caught:
                vm.snapshot(name)
            self.assertIsInstance(caught.exception, vmsnap.Invalid)

    def test_a_machine_without_an_agent_fails_under_require_and_leaves_a_record(self):
        context = self.open()
        job = context.find_vm("test").snapshot("one", labels={"by": "test"})
        with self.assertRaises(vmsnap.Error) as caught:
            job.wait()
        self.assertNotEqual(caught.exception.code, vmsnap.Code.INTERNAL, caught.exception)
        self.assertEqual(caught.exception.frozen, vmsnap.Frozen.NO)
        for snapshot in context.list_snapshots():
            self.assertEqual(snapshot.phase, vmsnap.SnapshotPhase.FAILED)
            self.assertIsInstance(snapshot.created, datetime.datetime)

    def test_a_cancelled_task_waits_for_its_job(self):
        async def cancel_at_once():
            job = self.open().recover()
            task = asyncio.ensure_future(job)
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            try:
                return job.wait(0)
            except vmsnap.Cancelled:
                return True
        self.assertTrue(asyncio.run(cancel_at_once()))


if __name__ == "__main__":
    unittest.main()
