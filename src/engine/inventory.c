/*
 * The sweep of one subscription: its disks, then its snapshots, page by page into a new world.
 *
 *         START -> DISKS -> SNAPSHOTS -> DONE
 *         DISKS -> DISKS, SNAPSHOTS -> SNAPSHOTS on a next link; both -> PAGE to try a page again
 *         any -> FAILED
 *
 * A round that lists to confirm its creates goes by the disks of the sweep before.
 *
 * Disks first: a snapshot that is made while we read is then at worst of a disk we do not know yet,
 * and never one whose disk seems gone. A page that fails fails the sweep, since a listing with a hole
 * would show fewer snapshots than there are. An element that cannot be decoded is a hole that the world
 * knows of: the sweep goes on, and the world is not whole.
 */
#include "azure/page.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <string.h>

/* From page to page. Chosen: five windows of the listing bucket and more, in each of which our share of it is
 * some pages; what has none for so long is stuck. However many pages there are, they come to an end. */
#define INVENTORY_LIFE_NS (1800 * NSEC_PER_SEC)
/* Chosen: a service that pages without end is broken. */
#define INVENTORY_PAGES_MAX 100000

enum inventory_state {
        INVENTORY_AWAIT_START,
        INVENTORY_AWAIT_DISKS,
        INVENTORY_AWAIT_SNAPSHOTS,
        INVENTORY_AWAIT_PAGE, /* the moment to ask for the same page again */
        INVENTORY_DONE,
        INVENTORY_FAILED,
};

struct inventory {
        struct operation op;
        enum inventory_state state;
        enum inventory_state listing; /* DISKS or SNAPSHOTS: what is being listed */
        struct mono begin;
        bool lists_disks;    /* else those of the world before are taken over */
        bool clean;          /* no page had to be asked for twice, but for throttling */
        struct world *world; /* being filled; handed over at the end */
        struct page *page;   /* being read */
        char *url;           /* of the page that is being read; NULL: the first */
        size_t pages;
        char *earlier; /* a next link among those before, to find circles; or NULL */
};

static const char *inventory_state_name(enum inventory_state state) {
        switch (state) {
        case INVENTORY_AWAIT_START:
                return "start";
        case INVENTORY_AWAIT_DISKS:
                return "disks";
        case INVENTORY_AWAIT_SNAPSHOTS:
                return "snapshots";
        case INVENTORY_AWAIT_PAGE:
                return "page";
        case INVENTORY_DONE:
                return "done";
        case INVENTORY_FAILED:
                return "failed";
        }
        return "?";
}

static void inventory_enter(struct inventory *inventory, enum inventory_state state) {
        struct log_entry entry;

        assert(inventory->state != INVENTORY_DONE && inventory->state != INVENTORY_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "inventory");
        log_field(&entry, LOG_STATE, inventory_state_name(state));
        log_commit(inventory->op.engine->services.log, &entry, "inventory of %s: %s -> %s",
                   inventory->op.subscription->id, inventory_state_name(inventory->state),
                   inventory_state_name(state));
        inventory->state = state;
}

static int inventory_sink(const char *bytes, size_t len, void *data) {
        struct inventory *inventory = data;

        return page_feed(inventory->page, bytes, len);
}

/* Asks for the page at inventory->url, from its first byte. What a try before has left in the world
 * is met again: equal ids count once. */
static enum op_verdict inventory_send(struct inventory *inventory, struct mono now) {
        const struct policy_cloud *cloud = &inventory->op.engine->file->cloud;
        const char *subscription = inventory->op.subscription->id;
        bool disks = inventory->listing == INVENTORY_AWAIT_DISKS;
        struct http_request *request;
        int r;

        inventory->page = page_free(inventory->page);
        r = page_new(disks ? world_add_disk : world_add_snapshot, inventory->world,
                     &inventory->page);
        if (r < 0)
                return operation_fail_with(&inventory->op, ARM_TRANSIENT, "ENOMEM",
                                           "out of memory");
        page_expect(inventory->page, disks ? &world_guess_disks : &world_guess_snapshots);

        if (inventory->url)
                request = arm_follow(inventory->url);
        else
                request = disks ? arm_list_disks(cloud, subscription)
                                : arm_list_snapshots(cloud, subscription);
        if (request) {
                request->sink = inventory_sink;
                request->sink_data = inventory;
        }
        inventory_enter(inventory, inventory->listing);
        return operation_call(&inventory->op, request, BUDGET_KIND_LIST, BUDGET_RANK_POLL,
                              MONO_NEVER, now);
}

static enum op_verdict inventory_unreadable(struct inventory *inventory, int problem,
                                            struct mono now) {
        struct call *call = &inventory->op.call;

        arm_error_unreadable(call->reply, "UnreadablePage", problem, /* member= */ NULL,
                             &call->error);
        inventory->clean = false;
        inventory_enter(inventory, INVENTORY_AWAIT_PAGE);
        return operation_pause(&inventory->op, now);
}

/*
 * On to the page behind @next. Links that lead in a circle are found by comparing each with one
 * before it, which is replaced after 1, 2, 4, 8 ... pages: at some time it lies on the circle and
 * stays there for longer than the circle is (Brent's method).
 */
static enum op_verdict inventory_follow(struct inventory *inventory, const char *next,
                                        struct mono now) {
        struct operation *op = &inventory->op;

        if (!endpoint_owns(&op->engine->file->cloud, next))
                return operation_fail_with(op, ARM_PROTOCOL, "ForeignLink",
                                           "the next page is at another host than "
                                           "azure.cloud.arm, no token goes there");
        if (++inventory->pages >= INVENTORY_PAGES_MAX)
                return operation_fail_with(op, ARM_PROTOCOL, "EndlessListing", "more than %d pages",
                                           INVENTORY_PAGES_MAX);
        if (inventory->earlier && strcmp(inventory->earlier, next) == 0)
                return operation_fail_with(op, ARM_PROTOCOL, "EndlessListing",
                                           "the links from page to page lead in a circle");

        free(inventory->url);
        inventory->url = strdup(next);
        if ((inventory->pages & (inventory->pages - 1)) == 0) {
                free(inventory->earlier);
                inventory->earlier = strdup(next);
        }
        if (!inventory->url || !inventory->earlier)
                return operation_fail_with(op, ARM_TRANSIENT, "ENOMEM", "out of memory");
        return inventory_send(inventory, now);
}

/* A page came whole: on to the next, to the other listing, or to the end. */
static enum op_verdict inventory_read(struct inventory *inventory, struct mono now) {
        const char *next = NULL;
        int r;

        r = page_finish(inventory->page, &next);
        if (r != 0)
                return inventory_unreadable(inventory, r, now);

        backoff_reset(&inventory->op.backoff);
        inventory->op.deadline = mono_add_ns(now, INVENTORY_LIFE_NS);
        if (next)
                return inventory_follow(inventory, next, now);

        free(inventory->url);
        inventory->url = NULL;
        if (inventory->listing == INVENTORY_AWAIT_DISKS) {
                inventory->listing = INVENTORY_AWAIT_SNAPSHOTS;
                return inventory_send(inventory, now);
        }

        r = world_finish(inventory->world);
        if (r < 0)
                return operation_fail_with(&inventory->op, ARM_TRANSIENT, "ENOMEM",
                                           "out of memory");
        return operation_succeed(&inventory->op);
}

static enum op_verdict inventory_continue(struct inventory *inventory, struct mono now) {
        int problem;

        switch (inventory->op.call.error.class) {
        case ARM_OK:
                return inventory_read(inventory, now);
        case ARM_PROTOCOL:
                /* When the sink refused the body, the page knows why better than the transport. */
                problem = page_feed(inventory->page, "", 0);
                if (problem != 0)
                        return inventory_unreadable(inventory, problem, now);
                inventory->clean = false;
                inventory_enter(inventory, INVENTORY_AWAIT_PAGE);
                return operation_pause(&inventory->op, now);
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
                inventory->clean = false;
                inventory_enter(inventory, INVENTORY_AWAIT_PAGE);
                return operation_pause(&inventory->op, now);
        case ARM_THROTTLED:
                inventory_enter(inventory, INVENTORY_AWAIT_PAGE);
                return operation_pause(&inventory->op, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_NOT_FOUND:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                break;
        }
        return operation_fail(&inventory->op);
}

static enum op_verdict inventory_step(struct operation *op, struct mono now) {
        struct inventory *inventory = container_of(op, struct inventory, op);
        enum op_verdict verdict;

        verdict = operation_preflight(op, now);
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (inventory->state) {
        case INVENTORY_AWAIT_START:
        case INVENTORY_AWAIT_PAGE:
                return inventory_send(inventory, now);
        case INVENTORY_AWAIT_DISKS:
        case INVENTORY_AWAIT_SNAPSHOTS:
                return inventory_continue(inventory, now);
        case INVENTORY_DONE:
        case INVENTORY_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

static void inventory_ended(struct operation *op, struct mono now) {
        struct inventory *inventory = container_of(op, struct inventory, op);

        op->subscription->sweep = NULL;
        op->engine->counts.sweeps++;
        if (op->outcome == OP_SUCCEEDED) {
                inventory_enter(inventory, INVENTORY_DONE);
                if (inventory->lists_disks)
                        op->subscription->disks_at = op->subscription->disks_listed =
                                inventory->begin;
                subscription_take_world(op->subscription, take_ptr(inventory->world),
                                        inventory->begin, inventory->clean, now);
        } else {
                inventory_enter(inventory, INVENTORY_FAILED);
                report_sweep_failure(op, now);
                subscription_sweep_failed(op->subscription, now);
        }
}

static void inventory_free(struct operation *op) {
        struct inventory *inventory = container_of(op, struct inventory, op);

        page_free(inventory->page);
        world_free(inventory->world);
        free(inventory->url);
        free(inventory->earlier);
}

int inventory_new(struct engine *engine, struct subscription *subscription, struct mono now,
                  struct operation **ret_op) {
        static const struct operation_ops ops = {
                .name = "inventory",
                .step = inventory_step,
                .ended = inventory_ended,
                .free = inventory_free,
        };
        struct inventory *inventory = calloc(1, sizeof(*inventory));
        int r;

        if (!inventory)
                return -ENOMEM;

        operation_init(&inventory->op, &ops, engine, subscription, now, INVENTORY_LIFE_NS);
        inventory->listing = INVENTORY_AWAIT_DISKS;
        inventory->begin = now;
        inventory->clean = true;
        r = world_new(subscription->id, engine->file->owner, engine_now(engine), &inventory->world);
        if (r < 0) {
                free(inventory);
                return r;
        }
        /* The one sweep of the subscription that is under way alone replaces its world. */
        if (subscription->world)
                r = world_expect(inventory->world, subscription->world);
        inventory->lists_disks = !subscription_knows_disks(subscription, now);
        if (r == 0 && !inventory->lists_disks) {
                r = world_copy_disks(inventory->world, subscription->world);
                inventory->listing = INVENTORY_AWAIT_SNAPSHOTS;
        }
        if (r < 0) {
                world_free(inventory->world);
                free(inventory);
                return r;
        }
        *ret_op = &inventory->op;
        return 0;
}
