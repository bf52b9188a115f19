/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/backup-xml.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/words.h"
#include "base/clock.h"
#include "base/error.h"

#include <string.h>

#define END_LIMIT_US (10 * G_USEC_PER_SEC)
#define POLL_FIRST_US (2 * 1000)
#define POLL_LAST_US (50 * 1000)

/* A driver without jobs and a domain that is off have none for certain. */
static gboolean
has_no_jobs(void)
{
    return vms_libvirt_last_unsupported() || vms_libvirt_last_code() == VIR_ERR_OPERATION_INVALID;
}

gboolean
vms_libvirt_read_job_word(virDomainPtr domain, const char **ret_word, GError **error)
{
    virTypedParameterPtr params = NULL;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    int type = VIR_DOMAIN_JOB_NONE;
    int count = 0;

    if (virDomainGetJobStats(domain, &type, &params, &count, 0) < 0) {
        if (!has_no_jobs())
            return vms_libvirt_fail_domain(error, domain);
        type = VIR_DOMAIN_JOB_NONE;
    }
    virTypedParamsGetInt(params, count, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsFree(params, count);
    *ret_word = type == VIR_DOMAIN_JOB_NONE ? NULL : vms_words_job(operation);
    return TRUE;
}

static gboolean
read_kind(virDomainPtr domain, VmsJobKind *ret_kind, GError **error)
{
    const char *word = NULL;

    if (!vms_libvirt_read_job_word(domain, &word, error))
        return FALSE;
    if (!word)
        *ret_kind = VMS_JOB_NONE;
    else
        *ret_kind = strcmp(word, "backup") == 0 ? VMS_JOB_BACKUP : VMS_JOB_OTHER;
    return TRUE;
}

gboolean
vms_libvirt_begin_backup(VmsHypervisor *hv, const char *uuid, const char *socket,
                         const VmsBackupDisk *disks, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autofree char *xml = NULL;
    const char *word = NULL;

    if (!vms_backup_xml_write(socket, disks, &xml, error) ||
        !vms_domain_call_recall(&on, hv, uuid, error))
        return FALSE;
    /* libvirt would wait up to 30 s for another job to end, and our guest may be frozen. */
    if (!vms_libvirt_read_job_word(on.domain, &word, error))
        return FALSE;
    if (word)
        return vms_refuse(error, VMSNAP_E_BUSY, "BlockDevicesNotReady", "a job (%s) runs on the VM",
                          word);
    if (virDomainBackupBegin(on.domain, xml, NULL, VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL) < 0)
        return vms_libvirt_fail(error, uuid);
    return TRUE;
}

static gboolean
wait_until_gone(virDomainPtr domain, GError **error)
{
    const gint64 end = vms_clock_monotonic_us() + END_LIMIT_US;
    gint64 pause = POLL_FIRST_US;
    VmsJobKind kind;

    while (read_kind(domain, &kind, error)) {
        if (kind != VMS_JOB_BACKUP)
            return TRUE;
        if (vms_clock_monotonic_us() > end)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "the backup job does not end");
        vms_clock_sleep_us(pause);
        pause = MIN(pause * 2, POLL_LAST_US);
    }
    return FALSE;
}

static gboolean
abort_backup(virDomainPtr domain, GError **error)
{
    VmsJobKind kind;

    if (!read_kind(domain, &kind, error))
        return FALSE;
    if (kind != VMS_JOB_BACKUP)
        return TRUE;
    /* It may have ended since: then libvirt says that there is no job. */
    if (virDomainAbortJob(domain) < 0 && vms_libvirt_last_code() != VIR_ERR_OPERATION_INVALID)
        return vms_libvirt_fail_domain(error, domain);
    return wait_until_gone(domain, error);
}

gboolean
vms_libvirt_end_backup(VmsHypervisor *hv, const char *uuid, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autoptr(GError) failure = NULL;

    if (vms_domain_call_begin(&on, hv, uuid, &failure) && abort_backup(on.domain, &failure))
        return TRUE;
    if (vms_error_get_code(failure) == VMSNAP_E_NOT_FOUND) /* its jobs went with it */
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
vms_libvirt_read_job(VmsHypervisor *hv, const char *uuid, VmsJobKind *ret_kind, char **ret_socket,
                     GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autofree char *socket = NULL;
    g_autofree char *xml = NULL;
    VmsJobKind kind;

    if (!vms_domain_call_begin(&on, hv, uuid, error) || !read_kind(on.domain, &kind, error))
        return FALSE;
    if (kind == VMS_JOB_BACKUP && ret_socket) {
        xml = virDomainBackupGetXMLDesc(on.domain, 0);
        if (!xml && vms_libvirt_last_code() != VIR_ERR_NO_DOMAIN_BACKUP)
            return vms_libvirt_fail(error, uuid);
        if (!xml)
            kind = VMS_JOB_NONE;
        else if (!vms_backup_xml_read_socket(xml, &socket, error))
            return FALSE;
    }
    *ret_kind = kind;
    if (ret_socket)
        *ret_socket = g_steal_pointer(&socket);
    return TRUE;
}
