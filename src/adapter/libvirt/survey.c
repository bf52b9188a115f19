/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/domain-xml.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/tpm.h"
#include "adapter/libvirt/volume.h"
#include "adapter/libvirt/words.h"
#include "base/error.h"

#include <string.h>

/* One reading of one VM. */
typedef struct {
    VmsLibvirt *self;
    virDomainPtr domain;
    gboolean secrets;
    gboolean lenient; /* one unreadable VM must not hide the others */
} Reading;

/* ---- what the XML says ---- */

static void
adopt_text(char **field, char **value)
{
    if (!*field)
        *field = g_steal_pointer(value);
}

/* The first one that knows a value wins: the configuration before the running machine. */
static void
adopt_details(VmsVm *vm, VmsDomainXml *xml)
{
    adopt_text(&vm->nvram, &xml->nvram);
    adopt_text(&vm->loader, &xml->loader);
    adopt_text(&vm->kernel, &xml->kernel);
    adopt_text(&vm->initrd, &xml->initrd);
    adopt_text(&vm->emulator, &xml->emulator);
    adopt_text(&vm->machine, &xml->machine);
    adopt_text(&vm->genid, &xml->genid);
    adopt_text(&vm->cid, &xml->cid);
    vm->has_tpm = vm->has_tpm || xml->has_tpm;
    adopt_text(&vm->tpm_state, &xml->tpm_state);
}

static void
take_array(GPtrArray **field, GPtrArray **value)
{
    g_clear_pointer(field, g_ptr_array_unref);
    *field = g_steal_pointer(value);
}

static gboolean
adopt_configuration(VmsVm *vm, const char *xml, GError **error)
{
    g_autoptr(VmsDomainXml) parts = NULL;

    if (!vms_domain_xml_parse(xml, &parts, error))
        return FALSE;
    take_array(&vm->disks, &parts->disks);
    take_array(&vm->nics, &parts->nics);
    adopt_details(vm, parts);
    vm->has_agent_channel = parts->has_agent_channel;
    return TRUE;
}

static gboolean
adopt_live(VmsVm *vm, const char *xml, GError **error)
{
    g_autoptr(VmsDomainXml) parts = NULL;

    if (!vms_domain_xml_parse(xml, &parts, error))
        return FALSE;
    take_array(&vm->live_disks, &parts->disks);
    take_array(&vm->live_nics, &parts->nics);
    adopt_details(vm, parts);
    vm->has_agent_channel = parts->has_agent_channel;
    vm->agent_connected = parts->agent_connected;
    return TRUE;
}

static gboolean
adopt_xml(VmsVm *vm, GError **error)
{
    const char *configured = vm->inactive_xml ? vm->inactive_xml : vm->live_xml;

    if (configured && !adopt_configuration(vm, configured, error))
        return FALSE;
    return vm->live_xml ? adopt_live(vm, vm->live_xml, error) : TRUE;
}

static gboolean
adopt_or_warn(const Reading *reading, VmsVm *vm, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (adopt_xml(vm, &failure))
        return TRUE;
    vms_error_set_object(failure, vm->name);
    if (!reading->lenient) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    vms_log(reading->self->log, VMSNAP_LOG_WARNING, "the devices of %s are not known: %s", vm->name,
            failure->message);
    return TRUE;
}

static gboolean
read_xml(const Reading *reading, VmsVm *vm, GError **error)
{
    gboolean may = reading->secrets && !reading->self->base.read_only;
    unsigned int secure = may ? VIR_DOMAIN_XML_SECURE : 0;

    if (vm->persistent) {
        vm->inactive_xml = virDomainGetXMLDesc(reading->domain, VIR_DOMAIN_XML_INACTIVE | secure);
        if (!vm->inactive_xml)
            return vms_libvirt_fail(error, vm->name);
    }
    if (vm->domain_id >= 0) {
        vm->live_xml = virDomainGetXMLDesc(reading->domain, secure);
        if (!vm->live_xml)
            return vms_libvirt_fail(error, vm->name);
    }
    return TRUE;
}

/* ---- what calls say ---- */

/* A driver that does not know the question answers "no"; any other failure counts. */
static gboolean
take_answer(int answer, gboolean *ret_yes, const VmsVm *vm, GError **error)
{
    if (answer < 0 && !vms_libvirt_last_unsupported())
        return vms_libvirt_fail(error, vm->name);
    *ret_yes = answer > 0;
    return TRUE;
}

static gboolean
read_flags(const Reading *reading, VmsVm *vm, GError **error)
{
    int autostart = 0;

    if (!take_answer(virDomainIsPersistent(reading->domain), &vm->persistent, vm, error))
        return FALSE;
    if (!vm->persistent)
        return TRUE;
    if (virDomainGetAutostart(reading->domain, &autostart) == 0)
        vm->autostart = autostart != 0;
    return take_answer(virDomainHasManagedSaveImage(reading->domain, 0), &vm->managed_save, vm,
                       error);
}

static gboolean
read_counts(const Reading *reading, VmsVm *vm, GError **error)
{
    int checkpoints = virDomainListAllCheckpoints(reading->domain, NULL, 0);
    int snapshots;

    if (checkpoints < 0 && !vms_libvirt_last_unsupported())
        return vms_libvirt_fail(error, vm->name);
    snapshots = virDomainSnapshotNum(reading->domain, 0);
    if (snapshots < 0 && !vms_libvirt_last_unsupported())
        return vms_libvirt_fail(error, vm->name);
    vm->checkpoints = checkpoints > 0 ? (guint)checkpoints : 0;
    vm->snapshots = snapshots > 0 ? (guint)snapshots : 0;
    return TRUE;
}

/* While somebody holds the domain's lock for long the job has no name, but there is one. */
static gboolean
read_job(const Reading *reading, VmsVm *vm, GError **error)
{
    g_autoptr(GError) failure = NULL;
    const char *word = NULL;

    if (vm->domain_id >= 0 && !vms_libvirt_read_job_word(reading->domain, &word, &failure)) {
        if (vms_error_get_code(failure) != VMSNAP_E_BUSY) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        word = "unknown";
    }
    vm->job = g_strdup(word);
    vm->migrating = vm->migrating || g_strcmp0(word, "migration") == 0;
    return TRUE;
}

static gboolean
read_calls(const Reading *reading, VmsVm *vm, GError **error)
{
    int state = 0;
    int reason = 0;

    if (!vms_libvirt_state_of(reading->domain, &state, &reason, &vm->domain_id, error))
        return FALSE;
    vm->state = vms_words_state(state);
    vm->state_reason = g_strdup(vms_words_reason(state, reason));
    vm->migrating = vms_words_is_migrating(state, reason);
    return read_job(reading, vm, error) && read_flags(reading, vm, error) &&
           read_counts(reading, vm, error);
}

static VmsVm *
new_vm(virDomainPtr domain, GError **error)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (virDomainGetUUIDString(domain, uuid) < 0) {
        vms_libvirt_fail(error, NULL);
        return NULL;
    }
    return vms_vm_new(uuid, virDomainGetName(domain));
}

static void
settle_tpm(const VmsLibvirt *self, VmsVm *vm)
{
    g_autofree char *state = g_steal_pointer(&vm->tpm_state);

    vm->tpm_state = vms_tpm_state_path(self->base.session, vm->uuid, state);
}

static gboolean
read_vm(const Reading *reading, VmsVm **ret_vm, GError **error)
{
    g_autoptr(VmsVm) vm = new_vm(reading->domain, error);

    if (!vm || !read_calls(reading, vm, error) || !read_xml(reading, vm, error) ||
        !adopt_or_warn(reading, vm, error))
        return FALSE;
    settle_tpm(reading->self, vm);
    vms_volume_resolve(virDomainGetConnect(reading->domain), vm->disks);
    vms_volume_resolve(virDomainGetConnect(reading->domain), vm->live_disks);
    *ret_vm = g_steal_pointer(&vm);
    return TRUE;
}

/* ---- all of them ---- */

typedef struct {
    virDomainPtr *items;
    int count;
} Domains;

static void
domains_clear(Domains *domains)
{
    for (int i = 0; i < domains->count; i++)
        virDomainFree(domains->items[i]);
    free(domains->items);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Domains, domains_clear)

static int
compare_names(gconstpointer a, gconstpointer b)
{
    const VmsVm *const *first = a;
    const VmsVm *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

static gboolean
add_vm(const Reading *reading, GPtrArray *vms, GError **error)
{
    g_autoptr(GError) failure = NULL;
    VmsVm *vm = NULL;

    if (read_vm(reading, &vm, &failure)) {
        g_ptr_array_add(vms, vm);
        return TRUE;
    }
    if (vms_error_get_code(failure) == VMSNAP_E_NOT_FOUND) /* it went away meanwhile */
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
vms_libvirt_list_vms(VmsHypervisor *hv, gboolean secrets, GPtrArray **ret_vms, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_auto(Domains) domains = { NULL, 0 };
    g_autoptr(GPtrArray) vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    VmsLibvirt *self = (VmsLibvirt *)hv;

    if (!vms_call_begin(&call, self->connection, error))
        return FALSE;
    domains.count = virConnectListAllDomains(call.conn, &domains.items, 0);
    if (domains.count < 0)
        return vms_libvirt_fail(error, NULL);
    for (int i = 0; i < domains.count; i++) {
        const Reading reading = { self, domains.items[i], secrets, TRUE };

        if (!add_vm(&reading, vms, error))
            return FALSE;
    }
    g_ptr_array_sort(vms, compare_names);
    *ret_vms = g_steal_pointer(&vms);
    return TRUE;
}

/* ---- what they hold ---- */

static gboolean
read_identity(const Reading *reading, VmsVm **ret_vm, GError **error)
{
    g_autoptr(VmsVm) vm = new_vm(reading->domain, error);
    unsigned int id = virDomainGetID(reading->domain);

    if (!vm)
        return FALSE;
    vm->domain_id = id == (unsigned int)-1 ? -1 : (int)id;
    vm->persistent = TRUE; /* of a transient one libvirt gives what it runs with */
    if (!read_xml(reading, vm, error) || !adopt_or_warn(reading, vm, error))
        return FALSE;
    vms_volume_resolve(virDomainGetConnect(reading->domain), vm->disks);
    vms_volume_resolve(virDomainGetConnect(reading->domain), vm->live_disks);
    *ret_vm = g_steal_pointer(&vm);
    return TRUE;
}

static gboolean
hand_on(const Reading *reading, VmsVmSink sink, gpointer data, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(VmsVm) vm = NULL;

    if (read_identity(reading, &vm, &failure)) {
        sink(vm, data);
        return TRUE;
    }
    if (vms_error_get_code(failure) == VMSNAP_E_NOT_FOUND) /* it went away meanwhile */
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
vms_libvirt_each_vm(VmsHypervisor *hv, VmsVmSink sink, gpointer data, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_auto(Domains) domains = { NULL, 0 };
    VmsLibvirt *self = (VmsLibvirt *)hv;

    if (!vms_call_begin(&call, self->connection, error))
        return FALSE;
    domains.count = virConnectListAllDomains(call.conn, &domains.items, 0);
    if (domains.count < 0)
        return vms_libvirt_fail(error, NULL);
    for (int i = 0; i < domains.count; i++) {
        const Reading reading = { self, domains.items[i], FALSE, TRUE };

        if (!hand_on(&reading, sink, data, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- one of them ---- */

static virDomainPtr
look_up(virConnectPtr conn, const char *name, GError **error)
{
    virDomainPtr domain = virDomainLookupByName(conn, name);

    if (!domain && vms_libvirt_last_code() == VIR_ERR_NO_DOMAIN && g_uuid_string_is_valid(name))
        domain = virDomainLookupByUUIDString(conn, name);
    if (!domain)
        vms_libvirt_fail(error, name);
    return domain;
}

/* The XML shows mirrors only. Backup jobs are not meant: they are the VM's, see vm->job. */
static void
find_block_jobs(virDomainPtr domain, VmsVm *vm)
{
    for (guint i = 0; vm->live_disks && i < vm->live_disks->len; i++) {
        VmsDisk *disk = vm->live_disks->pdata[i];
        virDomainBlockJobInfo info = { 0 };

        if (vms_disk_is_owned(disk) && virDomainGetBlockJobInfo(domain, disk->target, &info, 0) > 0)
            disk->busy = disk->busy || info.type != VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP;
    }
}

gboolean
vms_libvirt_find_vm(VmsHypervisor *hv, const char *name, gboolean secrets, VmsVm **ret_vm,
                    GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_autoptr(virDomain) domain = NULL;
    VmsLibvirt *self = (VmsLibvirt *)hv;
    VmsVm *vm = NULL;
    Reading reading;

    if (!vms_call_begin(&call, self->connection, error))
        return FALSE;
    domain = look_up(call.conn, name, error);
    if (!domain)
        return FALSE;
    reading = (Reading){ self, domain, secrets, FALSE };
    if (!read_vm(&reading, &vm, error))
        return FALSE;
    find_block_jobs(domain, vm);
    *ret_vm = vm;
    return TRUE;
}
