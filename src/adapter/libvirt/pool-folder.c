/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/xml.h"
#include "base/error.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)

enum { XML_LIMIT = 1024 * 1024 };

static virStoragePoolPtr
find_pool(virConnectPtr conn, const char *name, GError **error)
{
    virStoragePoolPtr pool = virStoragePoolLookupByName(conn, name);

    if (!pool)
        vms_libvirt_fail(error, name);
    return pool;
}

static gboolean
check_active(virStoragePoolPtr pool, const char *name, GError **error)
{
    int active = virStoragePoolIsActive(pool);

    if (active < 0)
        return vms_libvirt_fail(error, name);
    return active || vms_refuse(error, VMSNAP_E_UNSUPPORTED, "PoolInactive",
                                "storage pool %s is not active", name);
}

static gboolean
is_folder(const char *type)
{
    static const char *const folders[] = { "dir", "fs", "netfs", NULL };

    return type && g_strv_contains(folders, type);
}

static gboolean
read_folder(const char *xml, const char *name, char **ret_folder, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    g_autofree char *type = NULL;
    g_autofree char *folder = NULL;
    const xmlNode *root;

    if (!vms_xml_read(xml, XML_LIMIT, "pool", &document, error))
        return FALSE;
    root = xmlDocGetRootElement(document);
    type = vms_xml_attribute(root, "type");
    folder = vms_xml_text(vms_xml_child(vms_xml_child(root, "target"), "path"));
    if (!is_folder(type) || !folder || *folder != '/')
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "PoolUnsupported",
                          "storage pool %s is of type %s, not a folder", name,
                          type ? type : "(none)");
    *ret_folder = g_steal_pointer(&folder);
    return TRUE;
}

gboolean
vms_libvirt_read_pool(VmsHypervisor *hv, const char *pool, char **ret_folder, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_autoptr(virStoragePool) found = NULL;
    g_autofree char *xml = NULL;

    if (!vms_call_begin(&call, ((VmsLibvirt *)hv)->connection, error))
        return FALSE;
    found = find_pool(call.conn, pool, error);
    if (!found || !check_active(found, pool, error))
        return FALSE;
    xml = virStoragePoolGetXMLDesc(found, 0);
    return xml ? read_folder(xml, pool, ret_folder, error) : vms_libvirt_fail(error, pool);
}

gboolean
vms_libvirt_refresh_pool(VmsHypervisor *hv, const char *pool, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_autoptr(virStoragePool) found = NULL;

    if (!vms_call_begin(&call, ((VmsLibvirt *)hv)->connection, error))
        return FALSE;
    found = find_pool(call.conn, pool, error);
    if (!found)
        return FALSE;
    return virStoragePoolRefresh(found, 0) == 0 || vms_libvirt_fail(error, pool);
}
