/*
 * health: how all that the daemon looks after is, and each series, with what is wrong in sentences.
 *
 * Worked out from plans, doubts and findings each time that it is asked for; nothing is remembered.
 */
#pragma once

#include "base/json_writer.h"
#include "base/strbuf.h"
#include "core/planner.h"

#include <stddef.h>

struct answer_source; /* answers.h */

/* In the numbers that monitoring by Nagios' conventions knows as exit statuses. */
enum health {
        HEALTH_OK = 0,
        HEALTH_WARNING = 1,
        HEALTH_CRITICAL = 2,
        HEALTH_UNKNOWN = 3, /* not everything was read yet */
};

/* "ok", "warning", "critical", "unknown". */
const char *health_name(enum health health);
/* Critical before unknown before warning before ok. */
enum health health_worse(enum health a, enum health b);

/* Of one series. Appends what is wrong with it, joined by ", ". */
enum health series_health(const struct series_state *series, struct strbuf *reasons);
/* Of all. */
enum health answer_health(const struct answer_source *source);
/* How many of engine_doubts() there are. */
size_t answer_n_doubts(const struct answer_source *source);

/* Chosen: an operator reads some, and finds all by the lists. */
#define HEALTH_REASONS_MAX 20

/* What is wrong with all of it; sentences only where a writer is given. */
struct verdict_on_all {
        struct json_writer *w; /* or NULL */
        enum health health;
        size_t n_reasons; /* told and untold */
        size_t n_doubts;
        size_t series[HEALTH_UNKNOWN + 1];
        size_t n_series;
        size_t n_gone; /* of these, of disks that are gone */
};

/* Fills @all, which is zeroed but for its writer. Of the sentences the first HEALTH_REASONS_MAX are written,
 * as strings of an array that is open. */
void health_judge_all(const struct answer_source *source, struct verdict_on_all *all);
