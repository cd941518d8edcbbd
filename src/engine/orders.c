/*
 * Orders: what an operator asks for that takes requests to Azure, from the word until its end is told.
 *
 * An order is memory, for whoever asked: what it has changed stands in Azure. Asked for twice while it
 * runs it is one order; of two different ones about one snapshot the second is refused.
 */
#include "core/adopt.h"
#include "core/naming.h"
#include "core/series.h"
#include "core/wanted.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Chosen: so many that are over can still be asked about, for so long. */
#define ORDERS_OVER_MAX 256
#define ORDERS_OVER_NS (3600 * NSEC_PER_SEC)

const char *order_kind_name(enum order_kind kind) {
        switch (kind) {
        case ORDER_HOLD:
                return "hold";
        case ORDER_RELEASE:
                return "release";
        case ORDER_ADOPT:
                return "adopt";
        case ORDER_BACKUP:
                break;
        }
        return "backup";
}

const char *order_state_name(enum order_state state) {
        switch (state) {
        case ORDER_RUNNING:
                return "running";
        case ORDER_DONE:
                return "done";
        case ORDER_FAILED:
                break;
        }
        return "failed";
}

/* "the order to …", of a snapshot. */
static const char *const words[] = {
        [ORDER_HOLD] = "hold snapshot",
        [ORDER_RELEASE] = "release snapshot",
        [ORDER_ADOPT] = "adopt snapshot",
        [ORDER_BACKUP] = "take backup",
};

/* ---- those there are ---- */

void order_deinit(struct order *order) {
        free(order->detail);
        free(order->location);
        strbuf_deinit(&order->tags);
        strbuf_deinit(&order->text);
        free(order);
}

static void order_free(struct engine *engine, struct order *order) {
        DL_DELETE(engine->orders, order);
        order_deinit(order);
}

void orders_deinit(struct engine *engine) {
        struct order *order, *next;

        DL_FOREACH_SAFE (engine->orders, order, next) {
                order_free(engine, order);
        }
}

/* The oldest are first. Returns how many run. */
static size_t forget_old(struct engine *engine, struct mono now) {
        struct order *order, *next;
        size_t n_running = 0, n_over = 0;

        DL_FOREACH (engine->orders, order) {
                n_running += order->state == ORDER_RUNNING;
                n_over += order->state != ORDER_RUNNING;
        }
        DL_FOREACH_SAFE (engine->orders, order, next) {
                if (order->state == ORDER_RUNNING ||
                    (now.ns - order->ended.ns < ORDERS_OVER_NS && n_over < ORDERS_OVER_MAX))
                        continue;
                order_free(engine, order);
                n_over--;
        }
        return n_running;
}

static struct order *order_find(const struct engine *engine, const char *id) {
        struct order *order;

        DL_FOREACH (engine->orders, order) {
                if (strcmp(order->id, id) == 0)
                        return order;
        }
        return NULL;
}

bool engine_order(const struct engine *engine, const char *id, struct engine_order *ret_order) {
        const struct order *order = order_find(engine, id);

        if (!order)
                return false;
        *ret_order = (struct engine_order){
                .id = order->id,
                .kind = order->kind,
                .state = order->state,
                .snapshot = order->snapshot,
                .text = strbuf_str(&order->text),
                .since = order->since,
        };
        return true;
}

bool subscription_orders_hold(const struct subscription *s, const struct guid *unique_id) {
        const struct order *order;

        DL_FOREACH (s->engine->orders, order) {
                if (order->kind == ORDER_HOLD && order->subscription == s &&
                    guid_compare(&order->unique_id, unique_id) == 0 &&
                    (order->state == ORDER_RUNNING ||
                     (order->state == ORDER_DONE && order->ended.ns >= s->begin.ns)))
                        return true;
        }
        return false;
}

/* ---- the snapshot ---- */

struct found {
        struct subscription *s;
        struct world_view view;
        const struct snapshot_row *row;
        size_t n;
};

static int find_snapshot(struct engine *engine, const char *text, struct found *found) {
        struct wanted wanted;
        bool all_read = true;

        if (wanted_parse(text, RESOURCE_SNAPSHOT, &wanted) != 0)
                return ENGINE_E_INVALID;
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];
                struct world_view view;

                if (!s->world) {
                        all_read = false;
                        continue;
                }
                view = world_view(s->world);
                for (size_t j = 0; j < view.n_snapshots; j++) {
                        const struct snapshot_row *row = &view.snapshots[j];
                        char name[SNAPSHOT_NAME_SIZE];

                        if (!wanted_is(&wanted, view.subscription, view_str(&view, row->group),
                                       snapshot_row_name(&view, row, name)))
                                continue;
                        if (found->n++ == 0) {
                                found->s = s;
                                found->view = view;
                                found->row = row;
                        }
                }
        }
        if (found->n > 1)
                return ENGINE_E_AMBIGUOUS;
        if (!all_read && !wanted.subscription[0])
                return ENGINE_E_NOT_READ; /* one of its name may be there */
        if (found->n == 0)
                return all_read ? ENGINE_E_UNKNOWN : ENGINE_E_NOT_READ;
        return 0;
}

/* Whether nothing can keep it from being deleted any more: a DELETE of ours may have gone out, and no
 * listing has shown what became of it. */
static bool is_leaving(const struct found *found, const char *name) {
        const struct engine *engine = found->s->engine;
        const struct memory *memory;
        const struct operation *op;

        if (found->row->flags & ROW_LEAVING)
                return true;
        DL_FOREACH (engine->operations, op) {
                if (prune_has_sent(op, &found->row->unique_id))
                        return true;
        }
        memory = subscription_memory_of(found->s, "delete",
                                        view_str(&found->view, found->row->group), name);
        return memory && memory->done;
}

/* ---- giving one ---- */

void order_log(const struct order *order, enum log_level level, enum log_event event,
               struct log_entry *entry) {
        log_begin(entry, level);
        log_event(entry, event);
        log_field(entry, LOG_OPERATION, order_kind_name(order->kind));
        log_field(entry, LOG_GENERATION, order->generation);
        log_fieldf(entry, LOG_SNAPSHOT, "%s/%s/%s", order->snapshot.subscription,
                   order->snapshot.group, order->snapshot.name);
}

static void order_tell(struct engine *engine, const struct order *order, const char *who) {
        const char *name = order->snapshot.name;
        struct log *log = engine->services.log;
        struct log_entry entry;

        order_log(order, LOG_LEVEL_NOTICE, LOG_EVENT_ORDER, &entry);
        switch (order->kind) {
        case ORDER_HOLD:
                log_commit(log, &entry, "snapshot %s is to be held (%s), says %s", name,
                           order->detail, who);
                break;
        case ORDER_RELEASE:
                log_commit(log, &entry, "snapshot %s is to be released, says %s", name, who);
                break;
        case ORDER_ADOPT:
                log_commit(log, &entry, "snapshot %s is to be adopted under %s, says %s", name,
                           order->detail, who);
                break;
        case ORDER_BACKUP: /* backup.c tells its own */
                break;
        }
}

static int order_new(const struct found *found, enum order_kind kind, const char *detail,
                     struct order **ret_order) {
        const struct engine *engine = found->s->engine;
        struct order *order = calloc(1, sizeof(*order));

        if (!order)
                return -ENOMEM;
        order->kind = kind;
        order->subscription = found->s;
        order->snapshot.type = RESOURCE_SNAPSHOT;
        stpcpy(order->snapshot.subscription, found->view.subscription);
        stpcpy(order->snapshot.group, view_str(&found->view, found->row->group));
        snapshot_row_name(&found->view, found->row, order->snapshot.name);
        order->unique_id = found->row->unique_id;
        stpcpy(order->generation, view_str(&found->view, found->row->generation));
        order->since = engine_now(engine);
        order->detail = detail ? strdup(detail) : NULL;
        if (detail && !order->detail) {
                free(order);
                return -ENOMEM;
        }
        *ret_order = order;
        return 0;
}

int order_admit(struct engine *engine, const struct order *order, struct mono now) {
        size_t n_running = forget_old(engine, now);
        const struct order *other;

        DL_FOREACH (engine->orders, other) {
                if (other->state != ORDER_RUNNING ||
                    resource_id_compare(&other->snapshot, &order->snapshot) != 0)
                        continue;
                return strcmp(other->id, order->id) == 0 ? ORDER_E_RUNNING : ENGINE_E_BUSY;
        }
        return n_running < ENGINE_ORDERS_MAX ? 0 : ENGINE_E_BUSY;
}

void order_run(struct engine *engine, struct order *order, struct operation *op) {
        struct order *other = order_find(engine, order->id);

        if (other)
                order_free(engine, other);
        DL_APPEND(engine->orders, order);
        engine_add(engine, op);
        engine_wake(engine);
}

/* Adds it and lets it run, or takes the same one that runs already. */
static int order_give(const struct found *found, struct order *order, const char *who) {
        struct engine *engine = found->s->engine;
        struct mono now = clock_mono(engine->services.clock);
        struct operation *op;
        int r;

        r = order_admit(engine, order, now);
        r = r ?: tagging_new(engine, found->s, order, now, &op);
        if (r != 0)
                return r;
        op->region = strdup(view_str(&found->view, found->row->region));
        if (!op->region) {
                operation_free(op);
                return -ENOMEM;
        }
        order_run(engine, order, op);
        order_tell(engine, order, who);
        subscription_settle(found->s);
        return 0;
}

/* What adoption adds. */
static int adopt_tags(const struct found *found, const struct adoption *adoption,
                      struct order *order) {
        const struct world_view *view = &found->view;
        struct resource_id disk = {.type = RESOURCE_DISK};
        char own[GUID_TEXT_SIZE];

        stpcpy(disk.subscription, view->subscription);
        stpcpy(disk.group, view_str(view, adoption->disk->group));
        stpcpy(disk.name, view_str(view, adoption->disk->name));
        series_tags(found->s->engine->file, adoption->policy, adoption->slot, order->generation,
                    &disk, /* accepted= */ NULL, &order->tags);
        strbuf_append(&order->tags, TAG_ADOPTED, sizeof(TAG_ADOPTED));
        strbuf_append(&order->tags, guid_format(&order->unique_id, own), GUID_TEXT_SIZE);
        return order->tags.error;
}

/* Gives the order, or gives it up. */
static int order_finish(const struct found *found, struct order *order, const char *detail,
                        const char *who, char ret_order[static ENGINE_HASH_SIZE]) {
        char id_text[RESOURCE_ID_TEXT_SIZE];
        int r;

        r = engine_question_hash(found->s->engine, order_kind_name(order->kind),
                                 resource_id_format(&order->snapshot, id_text), detail, order->id);
        if (r == 0 && is_leaving(found, order->snapshot.name))
                r = ENGINE_E_LEAVING;
        r = r ?: order_give(found, order, who);
        if (r == 0 || r == ORDER_E_RUNNING)
                strcpy(ret_order, order->id);
        if (r != 0)
                order_deinit(order);
        return r == ORDER_E_RUNNING ? 0 : r;
}

static int give(struct engine *engine, const char *snapshot, enum order_kind kind,
                const char *detail, const char *who, char ret_order[static ENGINE_HASH_SIZE]) {
        struct found found = {};
        struct order *order;
        int r;

        r = find_snapshot(engine, snapshot, &found);
        if (r != 0)
                return r;
        if (!snapshot_row_is_ours(found.row) || guid_is_nil(&found.row->unique_id))
                return ENGINE_E_NOT_OURS;
        r = order_new(&found, kind, detail, &order);
        return r < 0 ? r : order_finish(&found, order, detail ?: "", who, ret_order);
}

/* Azure allows a tag's value 256 characters; control characters would be none that people can read. */
bool order_reason_is_valid(const char *reason) {
        size_t len = strlen(reason);

        for (size_t i = 0; i < len; i++)
                if ((unsigned char)reason[i] < ' ' || reason[i] == 0x7f)
                        return false;
        return len > 0 && len <= NAMING_TAG_VALUE_MAX;
}

int engine_hold(struct engine *engine, const char *snapshot, const char *reason, const char *who,
                char ret_order[static ENGINE_HASH_SIZE]) {
        if (!order_reason_is_valid(reason))
                return ENGINE_E_INVALID;
        return give(engine, snapshot, ORDER_HOLD, reason, who, ret_order);
}

int engine_release(struct engine *engine, const char *snapshot, const char *who,
                   char ret_order[static ENGINE_HASH_SIZE]) {
        return give(engine, snapshot, ORDER_RELEASE, /* detail= */ NULL, who, ret_order);
}

static int adopt_outcome(int r) {
        static const int outcomes[] = {
                [ADOPT_E_OURS] = ENGINE_E_OURS,
                [ADOPT_E_FULL] = ENGINE_E_FULL,
                [ADOPT_E_INCOMPLETE] = ENGINE_E_INCOMPLETE,
                [ADOPT_E_UNMANAGED] = ENGINE_E_UNMANAGED,
                [ADOPT_E_POLICIES] = ENGINE_E_POLICIES,
                [ADOPT_E_GROUP] = ENGINE_E_GROUP,
                [ADOPT_E_SLOT] = ENGINE_E_SLOT,
        };

        return outcomes[r];
}

int engine_adopt(struct engine *engine, const char *snapshot, const char *policy, const char *who,
                 char ret_order[static ENGINE_HASH_SIZE]) {
        struct adoption adoption;
        struct found found = {};
        struct order *order;
        int r;

        r = find_snapshot(engine, snapshot, &found);
        if (r != 0)
                return r;
        r = adopt_judge(engine->file, &found.view, found.row, policy, engine_now(engine),
                        &adoption);
        if (r != 0)
                return adopt_outcome(r);
        r = order_new(&found, ORDER_ADOPT, engine->file->policies[adoption.policy].name, &order);
        if (r < 0)
                return r;
        r = adopt_tags(&found, &adoption, order);
        if (r < 0) {
                order_deinit(order);
                return r;
        }
        return order_finish(&found, order, order->detail, who, ret_order);
}

void engine_leave_orders(const struct engine *engine, const char *why) {
        const struct order *order;

        DL_FOREACH (engine->orders, order) {
                struct log_entry entry;

                if (order->state != ORDER_RUNNING)
                        continue;
                order_log(order, LOG_LEVEL_WARNING, LOG_EVENT_ORDER_FAILED, &entry);
                log_field(&entry, LOG_REASON, "cancelled");
                log_commit(engine->services.log, &entry,
                           "%s: the order to %s %s is given up; nobody saw that it was done, and "
                           "it may have been",
                           why, words[order->kind], order->snapshot.name);
        }
}

void order_end(struct order *order, enum order_state state, struct mono now) {
        struct subscription *s = order->subscription;

        order->state = state;
        order->ended = now;
        /* The next listing shows what Azure has of it. */
        subscription_touch(s, now);
        subscription_settle(s);
}
