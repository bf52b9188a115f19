/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/scope.h"

#include <gio/gio.h>
#include <unistd.h>

enum { CALL_MS = 2000, MOVED_MS = 500 };

static char *
read_cgroup(void)
{
    char *text = NULL;

    return g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL) ? text : NULL;
}

/* systemd answers before it has moved us. */
static gboolean
wait_moved(const char *before)
{
    for (int i = 0; i < MOVED_MS; i += 5) {
        g_autofree char *now = read_cgroup();

        if (g_strcmp0(now, before) != 0)
            return TRUE;
        g_usleep(5000);
    }
    return FALSE;
}

/* StartTransientUnit(name, mode, properties, auxiliary units) */
static GVariant *
make_request(void)
{
    g_autofree char *name = g_strdup_printf("vmsnap-thaw-guard-%d.scope", (int)getpid());
    guint32 pid = (guint32)getpid();
    GVariantBuilder properties;

    g_variant_builder_init(&properties, G_VARIANT_TYPE("a(sv)"));
    g_variant_builder_add(&properties, "(sv)", "Description",
                          g_variant_new_string("Thaws a guest that vmsnap froze"));
    g_variant_builder_add(&properties, "(sv)", "PIDs",
                          g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &pid, 1, sizeof(pid)));
    g_variant_builder_add(&properties, "(sv)", "CollectMode",
                          g_variant_new_string("inactive-or-failed"));
    return g_variant_new("(ssa(sv)a(sa(sv)))", name, "fail", &properties, NULL);
}

gboolean
vms_scope_enter(const char *address)
{
    g_autoptr(GDBusConnection) bus = NULL;
    g_autoptr(GVariant) job = NULL;
    g_autofree char *before = read_cgroup();

    bus = g_dbus_connection_new_for_address_sync(
        address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, NULL);
    if (!bus)
        return FALSE;
    job = g_dbus_connection_call_sync(bus, NULL, "/org/freedesktop/systemd1",
                                      "org.freedesktop.systemd1.Manager", "StartTransientUnit",
                                      make_request(), G_VARIANT_TYPE("(o)"), G_DBUS_CALL_FLAGS_NONE,
                                      CALL_MS, NULL, NULL);
    g_dbus_connection_close_sync(bus, NULL, NULL);
    return job && wait_moved(before);
}
