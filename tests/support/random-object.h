/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "record/field.h"

/* Objects of any shape with random, valid members; and whether two are equal. */

/* Free with shape->free. */
gpointer random_object(GRand *rand, const VmsShape *shape);
/* NULL if they are; else the key of the first member that differs. */
const char *first_difference(const VmsShape *shape, gconstpointer a, gconstpointer b);
