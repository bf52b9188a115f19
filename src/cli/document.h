/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <stdio.h>

/* Reading the library's JSON documents for the tables. What is missing reads as nothing: tables
 * are for people, scripts take the JSON. */

/* Owned by the caller; NULL if it is no object. */
JsonNode *cli_document_parse(const char *json);
JsonObject *cli_document_root(JsonNode *document);
/* NULL if there is none, or it is of another kind. Texts are owned by the caller and fit for a
 * terminal. */
char *cli_text(JsonObject *object, const char *member);
JsonObject *cli_object(JsonObject *object, const char *member);
/* Never NULL; how many. */
guint cli_count(JsonObject *object, const char *member);
JsonObject *cli_item(JsonObject *object, const char *member, guint index);
gint64 cli_number(JsonObject *object, const char *member, gint64 fallback);
gboolean cli_truth(JsonObject *object, const char *member);
/* Texts of a list, joined. */
char *cli_joined(JsonObject *object, const char *member, const char *separator);

/* ---- show.c: whole documents for people ---- */

/* Those of the list @member that have a reason. */
void cli_print_findings(JsonObject *root, const char *member, FILE *to);
void cli_print_snapshot(const char *json);
/* An operation, or a plan that looks like one. */
void cli_print_operation(const char *json);
