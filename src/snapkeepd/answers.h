/*
 * answers: what the daemon knows, as JSON for those who ask: its status, series, doubts, the plan. How well
 * all of it is says health.h.
 *
 * Each answer is an object whose "version" is 1; members are added to a version and never changed.
 * Long lists come in pages: "total" says how many there are, "offset" where this page begins, "hash" whether
 * it is of the same list as the page before. Texts
 * are UTF-8 as they came from Azure and the policy; who shows them on a terminal cleans them.
 */
#pragma once

#include "base/json_writer.h"
#include "base/strbuf.h"
#include "core/explain.h"
#include "engine/engine.h"
#include "snapkeepd/health.h"

/* Chosen: rows of one page; some hundred kilobytes, far below the bus's limit of a message. */
#define ANSWER_ROWS_MAX 1000

/* What is asked about; @engine has been started. */
struct answer_source {
        const struct engine *engine;
        const struct policy_file *file;
        bool refused; /* the policy file, at the last reload: this is the one before it */
};

void answer_status(const struct answer_source *source, struct strbuf *out);
/* Rows from @offset, at most @count of them and ANSWER_ROWS_MAX; 0 stands for the latter. */
void answer_series(const struct answer_source *source, size_t offset, size_t count,
                   struct strbuf *out);
void answer_doubts(const struct answer_source *source, size_t offset, size_t count,
                   struct strbuf *out);
/* The member "hash" is null while a subscription was not read. Returns 0 or -ENOMEM. */
int answer_plan(const struct answer_source *source, size_t offset, size_t count,
                struct strbuf *out);

/* answers-snapshots.c */

/* Everybody's, in the order of the worlds: by generation and slot. Returns 0 or -ENOMEM. */
int answer_snapshots(const struct answer_source *source, size_t offset, size_t count,
                     struct strbuf *out);
/* Chosen: a name that more disks have is not worth asking for. */
#define ANSWER_CHAINS_MAX 100
/* Of the disks of this name (core/wanted.h): each chain, and its snapshots, the newest first; of these
 * the rows are. Returns 0, ENGINE_E_UNKNOWN, NOT_READ, AMBIGUOUS or INVALID, or -ENOMEM. */
int answer_chains(const struct answer_source *source, const char *disk, size_t offset, size_t count,
                  struct strbuf *out);

/* What explained_row_append() appends, but that its disk was moved: a subscription's world does not know where else a
 * disk may be. The view is that of this subscription. */
void answer_append_why(const struct answer_source *source, size_t subscription,
                       const struct world_view *view, const struct explainer *explainer,
                       const struct snapshot_row *row, const struct explained_row *what,
                       struct strbuf *out);

/* answers-orders.c: how the order stands. Returns whether there is one of this id. */
bool answer_order(const struct answer_source *source, const char *id, struct strbuf *out);

/* Parts of them, for answers of others. */
/* The member "hash", which is another when a world was read anew: pages of two of them do not go together. */
void answer_stamp(struct json_writer *w, const struct answer_source *source);
/* How many rows a page has that was asked for with @count. */
size_t answer_page_rows(size_t count);
/* An array of what is joined by ", ". */
void answer_write_parts(struct json_writer *w, const char *name, const struct strbuf *joined);
void answer_action(struct json_writer *w, const struct policy_file *file,
                   const struct action *action, bool done);
/* "subscriptions": […], whether each was read and when, whether the last attempt failed, and how much of
 * it cannot be decoded, which no list has. */
void answer_subscriptions(struct json_writer *w, const struct engine *engine);
/* "findings": […] of all plans. */
void answer_findings(struct json_writer *w, const struct engine *engine);
/* When the earliest slot to come starts, or UTC_NEVER. */
struct utc answer_next(const struct engine *engine);
