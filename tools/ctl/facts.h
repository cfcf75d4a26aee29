/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that status says, as an object of JSON.
 */
#ifndef SLUICECTL_FACTS_H
#define SLUICECTL_FACTS_H

#include <json-c/json.h>

struct json_object *facts_gather(void);

const char *fact_text(struct json_object *of, const char *name);
int64_t fact_number(struct json_object *of, const char *name);
struct json_object *fact(struct json_object *of, const char *name);

#endif /* SLUICECTL_FACTS_H */
