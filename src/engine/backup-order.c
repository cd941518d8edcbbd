/*
 * Giving an order for an extra backup: of which disk, under which policy, whether there is room for it, and
 * what it is called. What takes it is backup.c.
 */
#include "core/naming.h"
#include "core/schedule.h"
#include "core/series.h"
#include "core/targets.h"
#include "core/wanted.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Chosen: of the 7 that Azure allows a disk in 5 minutes, those that an order may be the last of. The
 * others are the slots'. */
#define BACKUP_BURST 4

struct source {
        struct subscription *s;
        struct world_view view;
        const struct disk_row *disk;
        size_t policy;
        size_t n;
};

static int find_disk(struct engine *engine, const char *text, struct source *source) {
        struct wanted wanted;
        bool all_read = true;

        if (wanted_parse(text, RESOURCE_DISK, &wanted) != 0)
                return ENGINE_E_INVALID;
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];
                struct world_view view;

                if (!s->world) {
                        all_read = false;
                        continue;
                }
                view = world_view(s->world);
                for (size_t d = 0; d < view.n_disks; d++) {
                        if (!wanted_is(&wanted, view.subscription,
                                       view_str(&view, view.disks[d].group),
                                       view_str(&view, view.disks[d].name)))
                                continue;
                        source->n++;
                        source->s = s;
                        source->view = view;
                        source->disk = &view.disks[d];
                }
        }
        if (source->n > 1)
                return ENGINE_E_AMBIGUOUS;
        if (!all_read && (source->n == 0 || !wanted.subscription[0]))
                return ENGINE_E_NOT_READ; /* one of its name may be there */
        return source->n == 0 ? ENGINE_E_UNKNOWN : 0;
}

static int find_policy(const struct engine *engine, const char *name, struct source *source) {
        size_t n = 0;

        if (source->disk->generation == 0 || source->disk->flags & DISK_NO_SNAPSHOT)
                return ENGINE_E_UNMANAGED;
        for (size_t p = 0; p < engine->file->n_policies; p++)
                if ((!*name || strcmp(engine->file->policies[p].name, name) == 0) &&
                    policy_selects(engine->file, p, &source->view, source->disk)) {
                        source->policy = p;
                        n++;
                }
        return n == 0 ? ENGINE_E_UNMANAGED : n > 1 ? ENGINE_E_POLICIES : 0;
}

/* What Azure allows a disk, everybody's counted, and orders that no listing shows yet. */
static int has_room(const struct engine *engine, const struct source *source, struct mono now) {
        int64_t begin = utc_add_seconds(engine_now(engine), -CHAIN_BURST_S).ticks;
        const char *generation = view_str(&source->view, source->disk->generation);
        size_t n, chain = 0, recent = 0, pending = 0;
        const struct snapshot_row *rows;
        const struct order *order;

        view_generation(&source->view, source->disk->generation, &rows, &n);
        for (size_t i = 0; i < n; i++) {
                chain +=
                        (rows[i].flags & ROW_INCREMENTAL) && rows[i].region == source->disk->region;
                recent += rows[i].time_created.ticks > begin;
                pending += snapshot_row_is_pending(&rows[i], engine_now(engine));
        }
        DL_FOREACH (engine->orders, order) {
                bool runs = order->state == ORDER_RUNNING;

                if (order->kind != ORDER_BACKUP || strcmp(order->generation, generation) != 0)
                        continue;
                /* Counted twice where the listing shows it already, which only is careful. */
                chain += runs || order->ended.ns >= source->s->begin.ns;
                recent += runs || now.ns - order->ended.ns < CHAIN_BURST_S * NSEC_PER_SEC;
                pending += runs;
        }
        if (chain >= CHAIN_MAX)
                return ENGINE_E_CHAIN;
        if (!engine->file->demo && recent >= BACKUP_BURST)
                return ENGINE_E_BURST;
        return source->disk->flags & DISK_COUNTS_PERCENT && pending >= PLANNER_PENDING_MAX
                       ? ENGINE_E_BURST
                       : 0;
}

static void append_tag(struct strbuf *out, const char *name, const char *value) {
        strbuf_append(out, name, strlen(name) + 1);
        strbuf_append(out, value, strlen(value) + 1);
}

static int fill_tags(const struct engine *engine, struct order *order) {
        const struct policy *policy = &engine->file->policies[order->policy];
        char until[UTC_SLOT_SIZE];

        series_tags(engine->file, order->policy, order->slot, order->generation, &order->disk,
                    /* accepted= */ NULL, &order->tags);
        append_tag(&order->tags, TAG_UNTIL, utc_format_slot(order->until, until));
        append_tag(&order->tags, TAG_REASON, order->detail);
        for (size_t i = 0; i < policy->tags.n; i++)
                append_tag(&order->tags, policy->tags.items[i].name, policy->tags.items[i].value);
        return order->tags.error;
}

/* Of this minute, so that who asks again asks for the same one. */
static int fill_order(const struct engine *engine, const struct source *source, int64_t keep_s,
                      struct order *order) {
        const struct policy *policy = &engine->file->policies[source->policy];
        char name[sizeof(NAMING_BACKUP_POLICY) + POLICY_NAME_MAX], prefix[NAMING_PREFIX_SIZE];
        const struct world_view *view = &source->view;
        struct series_key key = {engine->file->owner, name,
                                 view_str(view, source->disk->generation),
                                 view_str(view, source->disk->region)};
        int r;

        order->slot = utc_from_seconds(utc_seconds(order->since) / 60 * 60);
        order->until = utc_add_seconds(order->slot, keep_s);
        order->policy = source->policy;
        order->counts_percent = source->disk->flags & DISK_COUNTS_PERCENT;
        stpcpy(order->generation, key.generation);
        order->disk.type = RESOURCE_DISK;
        stpcpy(order->disk.subscription, view->subscription);
        stpcpy(order->disk.group, view_str(view, source->disk->group));
        stpcpy(order->disk.name, view_str(view, source->disk->name));
        order->location = strdup(view_str(view, source->disk->location));

        snprintf(name, sizeof(name), NAMING_BACKUP_POLICY "%s", policy->name);
        r = naming_prefix(order->disk.name, &key, prefix);
        if (r < 0 || !order->location)
                return -ENOMEM;
        order->snapshot.type = RESOURCE_SNAPSHOT;
        stpcpy(order->snapshot.subscription, view->subscription);
        stpcpy(order->snapshot.group, policy->snapshot_group);
        naming_snapshot(prefix, order->slot, 1, order->snapshot.name);
        return fill_tags(engine, order);
}

static int backup_give(struct engine *engine, const struct source *source, struct order *order,
                       const char *who, char ret_order[static ENGINE_HASH_SIZE]) {
        struct mono now = clock_mono(engine->services.clock);
        char id[RESOURCE_ID_TEXT_SIZE], text[UTC_TEXT_SIZE];
        struct operation *op = NULL;
        struct log_entry entry;
        int r;

        utc_format(order->until, text);
        r = engine_question_hash(engine, order_kind_name(order->kind),
                                 resource_id_format(&order->snapshot, id), text, order->id);
        r = r ?: order_admit(engine, order, now);
        if (r == ORDER_E_RUNNING)
                strcpy(ret_order, order->id);
        r = r ?: has_room(engine, source, now);
        r = r ?: backup_new(engine, source->s, order, now, &op);
        if (r != 0)
                return r;
        op->region = strdup(view_str(&source->view, source->disk->region));
        if (!op->region) {
                operation_free(op);
                return -ENOMEM;
        }
        strcpy(ret_order, order->id);
        order_run(engine, order, op);
        order_log(order, LOG_LEVEL_NOTICE, LOG_EVENT_ORDER, &entry);
        log_commit(engine->services.log, &entry,
                   "a backup of disk %s is to be taken and kept until %s (%s), says %s",
                   order->disk.name, text, order->detail, who);
        return 0;
}

int engine_backup(struct engine *engine, const char *disk, int64_t keep_s, const char *reason,
                  const char *policy, const char *who, char ret_order[static ENGINE_HASH_SIZE]) {
        struct source source = {};
        struct order *order;
        int r;

        if (!order_reason_is_valid(reason) || keep_s < ENGINE_BACKUP_LEAST_S ||
            keep_s > ENGINE_BACKUP_MOST_S)
                return ENGINE_E_INVALID;
        if (engine->state.paused)
                return ENGINE_E_PAUSED;
        r = find_disk(engine, disk, &source);
        r = r ?: find_policy(engine, policy, &source);
        if (r != 0)
                return r;

        order = calloc(1, sizeof(*order));
        if (!order)
                return -ENOMEM;
        order->kind = ORDER_BACKUP;
        order->subscription = source.s;
        order->since = engine_now(engine);
        order->detail = strdup(reason);
        r = order->detail ? fill_order(engine, &source, keep_s, order) : -ENOMEM;
        r = r ?: backup_give(engine, &source, order, who, ret_order);
        if (r == 0)
                return 0;
        order_deinit(order);
        return r == ORDER_E_RUNNING ? 0 : r;
}
