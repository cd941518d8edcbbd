/*
 * plan-show: a plan in JSON, as snapkeepd/answers.h writes it, for people and for files.
 */
#pragma once

#include "snapkeepctl/ctl.h"

struct cJSON;
struct json_writer;
struct strbuf;

/* Appends what is created and deleted, in tables. */
enum status plan_append(const struct cJSON *plan, bool in_utc, struct strbuf *out);
/* The members of the plan, as "plan --json" has them and "apply" reads them again. */
void plan_write(const struct cJSON *plan, struct json_writer *w);
/* How many actions are of the kind, "create" or "delete", and how many of those are held back. */
void plan_count(const struct cJSON *plan, const char *kind, size_t *ret_n, size_t *ret_blocked);
