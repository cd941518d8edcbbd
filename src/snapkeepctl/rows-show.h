/*
 * rows-show: snapshots in JSON, as snapkeepd/answers.h writes them, in the words of tables.
 */
#pragma once

#include "snapkeepctl/ctl.h"

struct cJSON;
struct json_writer;
struct strbuf;

/* The column "goes": an instant, "now", "never", or "-" for what is not complete yet. @now is the
 * answer's. Writes and returns @buffer, of TIME_TEXT_SIZE. */
const char *row_goes_text(const struct cJSON *row, const struct cJSON *answer, bool in_utc,
                          char *buffer);
/* Appends what keeps it, joined by ", ": a hold comes first, with its reason, since the end is cut where there
 * is no room. */
void append_kept_by(struct strbuf *out, const struct cJSON *row);
/* Appends "group/name" of the ARM id. */
void append_short_id(struct strbuf *out, const char *id);
/* A line for each finding of Status. */
void append_findings(struct strbuf *out, const struct cJSON *answer_status);
