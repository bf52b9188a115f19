/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/scope.h"

#include <criterion/criterion.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* A manager that hears the guard's request and moves nobody. */

static const char interface[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'><method name='StartTransientUnit'>"
    "<arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a(sv)' direction='in'/><arg type='a(sa(sv))' direction='in'/>"
    "<arg type='o' direction='out'/></method></interface></node>";

typedef struct {
    char *folder;
    char *address;
    GMainContext *context;
    GMainLoop *loop;
    GDBusNodeInfo *node;
    GVariant *heard;
} Manager;

static void
on_call(GDBusConnection *connection, const char *sender, const char *path, const char *name,
        const char *method, GVariant *arguments, GDBusMethodInvocation *call, void *data)
{
    Manager *manager = data;

    (void)connection, (void)sender, (void)path, (void)name, (void)method;
    manager->heard = g_variant_ref(arguments);
    g_dbus_method_invocation_return_value(call, g_variant_new("(o)", "/job/1"));
}

static gboolean
on_connection(GDBusServer *server, GDBusConnection *connection, void *data)
{
    static const GDBusInterfaceVTable table = { .method_call = on_call };
    Manager *manager = data;

    (void)server;
    g_dbus_connection_register_object(connection, "/org/freedesktop/systemd1",
                                      manager->node->interfaces[0], &table, manager, NULL, NULL);
    g_object_ref(connection);
    return TRUE;
}

static void *
serve(void *data)
{
    Manager *manager = data;
    g_autofree char *guid = g_dbus_generate_guid();
    GDBusServer *server;

    g_main_context_push_thread_default(manager->context);
    server =
        g_dbus_server_new_sync(manager->address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, NULL);
    g_signal_connect(server, "new-connection", G_CALLBACK(on_connection), manager);
    g_dbus_server_start(server);
    g_main_loop_run(manager->loop);
    g_dbus_server_stop(server);
    g_object_unref(server);
    return NULL;
}

Test(scope, asks_for_its_own_process_and_says_when_it_was_not_moved)
{
    Manager manager = { .context = g_main_context_new() };
    g_autofree char *name = g_strdup_printf("vmsnap-thaw-guard-%d.scope", (int)getpid());
    g_autoptr(GVariant) properties = NULL;
    const char *asked = NULL;
    GThread *thread;

    manager.folder = g_dir_make_tmp("vmsnap-scope-XXXXXX", NULL);
    manager.address = g_strdup_printf("unix:path=%s/private", manager.folder);
    manager.loop = g_main_loop_new(manager.context, FALSE);
    manager.node = g_dbus_node_info_new_for_xml(interface, NULL);
    thread = g_thread_new("manager", serve, &manager);
    for (int i = 0; i < 1000 && !manager.heard; i++) {
        cr_assert_not(vms_scope_enter(manager.address), "nobody moved us");
        g_usleep(1000);
    }
    g_main_loop_quit(manager.loop);
    g_thread_join(thread);
    cr_assert(manager.heard);
    g_variant_get_child(manager.heard, 0, "&s", &asked);
    cr_assert_str_eq(asked, name);
    properties = g_variant_get_child_value(manager.heard, 2);
    cr_assert_eq(g_variant_n_children(properties), 3);
    g_variant_unref(manager.heard);
    g_dbus_node_info_unref(manager.node);
    g_main_loop_unref(manager.loop);
    g_main_context_unref(manager.context);
    g_free(manager.address);
    g_rmdir(manager.folder);
    g_free(manager.folder);
}

Test(scope, is_left_alone_where_nobody_listens)
{
    cr_assert_not(vms_scope_enter("unix:path=/nowhere/private"));
}
