/*
 * What the daemon says of snapshots: all of its world, and the chains of a disk. Each page works out
 * what it shows and no more, since the world may have half a million rows.
 */
#include "azure/world.h"
#include "core/explain.h"
#include "core/wanted.h"
#include "snapkeepd/answers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What becomes of one row of ours. */
struct fate {
        bool known;
        struct utc death;
        struct strbuf reasons;
};

/* Rows of one view, one behind the other, with their fates. */
struct rows {
        const struct answer_source *source;
        size_t subscription; /* whose view it is */
        const struct world_view *view;
        struct explainer *explainer;
        size_t first, n;
        struct fate *fates; /* [n] */
};

static void rows_deinit(struct rows *rows) {
        for (size_t i = 0; rows->fates && i < rows->n; i++)
                strbuf_deinit(&rows->fates[i].reasons);
        free(rows->fates);
        explainer_free(rows->explainer);
}

static int rows_init(struct rows *rows, const struct answer_source *source, size_t subscription,
                     const struct world_view *view, struct utc now, size_t first, size_t n) {
        struct standing standing;
        int r;

        *rows = (struct rows){
                .source = source,
                .subscription = subscription,
                .view = view,
                .first = first,
                .n = n,
        };
        rows->fates = calloc(n + 1, sizeof(*rows->fates));
        if (!rows->fates)
                return -ENOMEM;
        r = explainer_new(source->file, view, now, &rows->explainer);
        if (r < 0)
                return r;
        engine_stands(source->engine, &standing);
        explainer_know(rows->explainer, &standing);
        return 0;
}

/* Works out a whole series, and keeps what is of these rows. */
static int rows_explain(struct rows *rows, const struct explained_row *what,
                        const struct snapshot_row *row) {
        struct explained_series series;
        int r;

        r = explainer_series_of(rows->explainer, what, row, &series);
        if (r < 0)
                return r;
        for (size_t i = 0; i < series.n; i++) {
                size_t at = (size_t)(series.items[i].row - rows->view->snapshots) - rows->first;

                if (at >= rows->n || rows->fates[at].known)
                        continue;
                explained_append(rows->explainer, &series, &series.items[i],
                                 &rows->fates[at].reasons);
                if (rows->fates[at].reasons.error)
                        return rows->fates[at].reasons.error;
                rows->fates[at].death = series.items[i].death;
                rows->fates[at].known = true;
        }
        return 0;
}

static void write_id(struct json_writer *w, const char *member, enum resource_type type,
                     const struct world_view *view, uint32_t group, const char *name) {
        struct resource_id id = {.type = type};
        char text[RESOURCE_ID_TEXT_SIZE];

        snprintf(id.subscription, sizeof(id.subscription), "%s", view->subscription);
        snprintf(id.group, sizeof(id.group), "%s", view_str(view, group));
        snprintf(id.name, sizeof(id.name), "%s", name);
        json_write_string(w, member, resource_id_format(&id, text));
}

static void write_disk(struct json_writer *w, const struct world_view *view,
                       const struct disk_row *disk) {
        if (disk)
                write_id(w, "disk", RESOURCE_DISK, view, disk->group, view_str(view, disk->name));
        else
                json_write_null(w, "disk");
}

static void write_maybe(struct json_writer *w, const char *member, const char *value) {
        if (*value)
                json_write_string(w, member, value);
        else
                json_write_null(w, member);
}

static const char *state_of(const struct snapshot_row *row, bool deleted) {
        return deleted                     ? "leaving"
               : row->flags & ROW_COMPLETE ? "complete"
               : row->flags & ROW_FAILED   ? "failed"
               : row->flags & ROW_UNDERWAY ? "underway"
                                           : "leaving";
}

static void write_members(struct json_writer *w, const struct rows *rows,
                          const struct snapshot_row *row) {
        const struct world_view *view = rows->view;
        const char *group = view_str(view, row->group);
        char name[SNAPSHOT_NAME_SIZE];

        snapshot_row_name(view, row, name);
        write_id(w, "id", RESOURCE_SNAPSHOT, view, row->group, name);
        json_write_string(w, "subscription", view->subscription);
        json_write_string(w, "group", group);
        json_write_string(w, "name", name);
        write_maybe(w, "generation", view_str(view, row->generation));
        json_write_string(w, "region", view_str(view, row->region));
        write_maybe(w, "policy", view_str(view, row->policy));
        json_write_utc(w, "slot", row->slot);
        json_write_utc(w, "created", row->time_created);
        /* Of what was deleted since, the next listing will have no more than that. */
        json_write_string(w, "state",
                          state_of(row, engine_has_deleted(rows->source->engine, rows->subscription,
                                                           group, name)));
        json_write_int(w, "percent", row->percent);
        json_write_bool(w, "held", row->flags & ROW_HELD);
        write_maybe(w, "hold", view_hold(view, row) ?: "");
        json_write_bool(w, "backup", row->flags & ROW_BACKUP);
}

void answer_append_why(const struct answer_source *source, size_t subscription,
                       const struct world_view *view, const struct explainer *explainer,
                       const struct snapshot_row *row, const struct explained_row *what,
                       struct strbuf *out) {
        const struct series_state *series = NULL;

        if (what->kind == EXPLAIN_UNCLAIMED && (what->why & EXPLAIN_NO_DISK))
                series = engine_goes_on(source->engine, subscription,
                                        view_str(view, row->generation),
                                        view_str(view, row->policy));
        if (!series)
                explained_row_append(explainer, row, what, out);
        else
                strbuf_appendf(out,
                               "its disk was moved and goes on under policy %s as %s/%s/%s: retire "
                               "leaves it, and what nobody needs of it is for people to delete",
                               source->file->policies[series->policy].name,
                               series->disk.subscription, series->disk.group, series->disk.name);
}

/* Opens the row's object and writes what all rows have; the caller closes it. */
static int write_row(struct json_writer *w, struct rows *rows, size_t i) {
        const struct snapshot_row *row = &rows->view->snapshots[rows->first + i];
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct fate *fate = &rows->fates[i];
        struct explained_row what;
        int r = 0;

        explainer_row(rows->explainer, row, &what);
        if (what.kind == EXPLAIN_OURS && (row->flags & ROW_BACKUP)) {
                r = explainer_backup(rows->explainer, &what, row, &fate->reasons, &fate->death);
                fate->known = true;
        } else if (what.kind == EXPLAIN_OURS && !fate->known)
                r = rows_explain(rows, &what, row);
        answer_append_why(rows->source, rows->subscription, rows->view, rows->explainer, row, &what,
                          &why);
        r = r ?: why.error;
        r = r ?: fate->reasons.error;
        if (r < 0)
                return r;

        json_open(w, NULL, '{');
        json_write_string(w, "kind", explain_kind_name(what.kind));
        write_members(w, rows, row);
        write_disk(w, rows->view, what.disk);
        write_maybe(w, "claimed_by",
                    what.kind == EXPLAIN_OURS ? rows->source->file->policies[what.policy].name
                                              : "");
        if (what.kind == EXPLAIN_OURS)
                answer_write_parts(w, "kept_by", &fate->reasons);
        else {
                json_open(w, "kept_by", '[');
                json_write_string(w, NULL, explain_kind_name(what.kind));
                json_close(w);
        }
        json_write_utc(w, "goes", fate->known ? fate->death : UTC_NEVER);
        write_maybe(w, "why", strbuf_str(&why));
        return 0;
}

static void begin(struct json_writer *w, const struct answer_source *source, struct utc now,
                  struct strbuf *out) {
        *w = (struct json_writer){.out = out};
        json_open(w, NULL, '{');
        json_write_int(w, "version", 1);
        json_write_utc(w, "now", now);
        answer_stamp(w, source);
}

static void end(struct json_writer *w, size_t total, size_t offset) {
        json_close(w);
        json_write_int(w, "total", (int64_t)total);
        json_write_int(w, "offset", (int64_t)offset);
        json_close(w);
}

static int write_rows(struct json_writer *w, const struct answer_source *source,
                      size_t subscription, const struct world_view *view, struct utc now,
                      size_t first, size_t n) {
        struct rows rows;
        int r;

        r = rows_init(&rows, source, subscription, view, now, first, n);
        for (size_t i = 0; i < n && r == 0; i++) {
                r = write_row(w, &rows, i);
                if (r == 0)
                        json_close(w);
        }
        rows_deinit(&rows);
        return r;
}

int answer_snapshots(const struct answer_source *source, size_t offset, size_t count,
                     struct strbuf *out) {
        struct utc now = engine_now(source->engine); /* one for all of the page */
        size_t rows = answer_page_rows(count), at = 0;
        struct json_writer w;
        int r = 0;

        begin(&w, source, now, out);
        json_open(&w, "snapshots", '[');
        for (size_t i = 0; i < engine_n_subscriptions(source->engine) && r == 0; i++) {
                struct world_view view;
                size_t from, to;

                if (!engine_view(source->engine, i, &view))
                        continue;
                from = offset > at ? MIN(offset - at, view.n_snapshots) : 0;
                to = offset + rows > at ? MIN(offset + rows - at, view.n_snapshots) : 0;
                if (to > from)
                        r = write_rows(&w, source, i, &view, now, from, to - from);
                at += view.n_snapshots;
        }
        end(&w, at, offset);
        return r;
}

/* ---- chains ---- */

/* One generation of a disk that was asked for, and all of its snapshots. */
struct chain {
        size_t subscription;
        struct world_view view;
        const struct disk_row *disk;
        size_t first, n;
};

static int find_chains(const struct answer_source *source, const struct wanted *wanted,
                       struct chain chains[static ANSWER_CHAINS_MAX], size_t *ret_n) {
        bool all_read = true;
        size_t n = 0;

        for (size_t i = 0; i < engine_n_subscriptions(source->engine); i++) {
                struct world_view view;

                if (!engine_view(source->engine, i, &view)) {
                        all_read = false;
                        continue;
                }
                all_read &= engine_unread(source->engine, i)->n_disks == 0;
                for (size_t d = 0; d < view.n_disks; d++) {
                        const struct disk_row *disk = &view.disks[d];
                        const struct snapshot_row *rows;

                        if (disk->generation == 0 ||
                            !wanted_is(wanted, view.subscription, view_str(&view, disk->group),
                                       view_str(&view, disk->name)))
                                continue;
                        if (n == ANSWER_CHAINS_MAX)
                                return ENGINE_E_AMBIGUOUS;
                        chains[n] = (struct chain){.subscription = i, .view = view, .disk = disk};
                        view_generation(&view, disk->generation, &rows, &chains[n].n);
                        chains[n].first = chains[n].n > 0 ? (size_t)(rows - view.snapshots) : 0;
                        n++;
                }
        }
        *ret_n = n;
        if (n == 0)
                return all_read ? ENGINE_E_UNKNOWN : ENGINE_E_NOT_READ;
        return 0;
}

/* Azure's limit is on the incremental ones of a region. */
static bool row_counts(const struct chain *chain, size_t i) {
        const struct snapshot_row *row = &chain->view.snapshots[chain->first + i];

        return (row->flags & ROW_INCREMENTAL) && row->region == chain->disk->region;
}

static void write_chain(struct json_writer *w, const struct chain *chain) {
        size_t n_counted = 0;

        for (size_t i = 0; i < chain->n; i++)
                n_counted += row_counts(chain, i);
        json_open(w, NULL, '{');
        write_disk(w, &chain->view, chain->disk);
        json_write_string(w, "generation", view_str(&chain->view, chain->disk->generation));
        json_write_string(w, "region", view_str(&chain->view, chain->disk->region));
        json_write_int(w, "chain", (int64_t)n_counted);
        json_write_int(w, "limit", CHAIN_MAX);
        json_close(w);
}

/* The newest first: row @from of it is the last of the view's. */
static int write_chain_rows(struct json_writer *w, const struct answer_source *source,
                            const struct chain *chain, struct utc now, size_t number, size_t from,
                            size_t to) {
        struct rows rows;
        int r;

        r = rows_init(&rows, source, chain->subscription, &chain->view, now,
                      chain->first + chain->n - to, to - from);
        for (size_t i = rows.n; i-- > 0 && r == 0;) {
                r = write_row(w, &rows, i);
                if (r != 0)
                        break;
                json_write_bool(w, "counts", row_counts(chain, chain->n - to + i));
                json_write_int(w, "of", (int64_t)number);
                json_close(w);
        }
        rows_deinit(&rows);
        return r;
}

int answer_chains(const struct answer_source *source, const char *disk, size_t offset, size_t count,
                  struct strbuf *out) {
        _cleanup_(freep) struct chain *chains = NULL;
        struct utc now = engine_now(source->engine);
        size_t rows = answer_page_rows(count), n, at = 0;
        struct wanted wanted;
        struct json_writer w;
        int r;

        if (wanted_parse(disk, RESOURCE_DISK, &wanted) != 0)
                return ENGINE_E_INVALID;
        chains = calloc(ANSWER_CHAINS_MAX, sizeof(*chains));
        if (!chains)
                return -ENOMEM;
        r = find_chains(source, &wanted, chains, &n);
        if (r != 0)
                return r;

        begin(&w, source, now, out);
        json_open(&w, "chains", '[');
        for (size_t i = 0; i < n; i++)
                write_chain(&w, &chains[i]);
        json_close(&w);
        json_open(&w, "snapshots", '[');
        for (size_t i = 0; i < n && r == 0; i++) {
                size_t from = offset > at ? MIN(offset - at, chains[i].n) : 0;
                size_t to = offset + rows > at ? MIN(offset + rows - at, chains[i].n) : 0;

                if (to > from)
                        r = write_chain_rows(&w, source, &chains[i], now, i, from, to);
                at += chains[i].n;
        }
        end(&w, at, offset);
        return r;
}
