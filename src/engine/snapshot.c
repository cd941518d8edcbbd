/*
 * One snapshot of one slot: created, found in the round's listing, and checked.
 *
 *         START -> CREATE -> LISTING -> DONE (listed complete, and checked)
 *         START -> LOOK -> CREATE when the name may exist although no listing shows it
 *         CREATE -> LOOK_AGAIN -> LOOK when it was refused for some time, or never sent
 *         CREATE -> LISTING also when the reply is lost: the listing shows what became of it
 *         LISTING -> POLL, with the operation's URL, when it is listed and not complete; the URL is
 *         Azure-AsyncOperation's before Location's, and without either the snapshot itself tells
 *         (FACTS section 3, "Order of trust")
 *         LISTING -> LOOK when it is not listed, or nobody named an operation
 *         POLL -> OPERATION -> POLL (running) | DONE (checked)
 *         OPERATION -> LOOK_AGAIN when it cannot be read; it holds no resource: LOOK
 *         LOOK -> DONE | LOOK_AGAIN (under way) | CREATE (it never arrived), behind LOOK_AGAIN when it was
 *         sent twice, and FAILED when that was so often
 *         CREATE -> CREATE when the region has no zone-redundant storage and the policy leaves the choice
 *         any -> FAILED
 *
 * One listing confirms all creates of a round, so nothing is polled that it shows complete (DESIGN
 * section 6).
 *
 * The name is the slot's, so that a PUT that is sent twice makes one snapshot (FACTS section 1,
 * "Idempotency"). The same fact means that a success proves nothing: an existing name is accepted
 * and nothing is taken. Hence the check of what is there in the end. Such a PUT replaces the tags of
 * what it finds, a hold among them; where listings may not show a name that exists, it is looked at
 * first.
 */
#include "azure/replies.h"
#include "azure/requests.h"
#include "core/targets.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Chosen: snapshots of ordinary disks took 0.1 to 2.4 s (FACTS section 1); one that takes half an
 * hour is found by the next sweep. */
#define SNAPSHOT_LIFE_NS (1800 * NSEC_PER_SEC)
/* A PUT that could not go for so long, its budget being closed, is preceded by a look. Chosen: as late as a
 * slot may be before one is (admit.c). */
#define SNAPSHOT_UNSEEN_NS (ENGINE_SWEEP_SOON_S * NSEC_PER_SEC)
/* Between polls when the service does not say. */
#define SNAPSHOT_POLL_FIRST_NS (1 * NSEC_PER_SEC)
#define SNAPSHOT_POLL_CAP_NS (30 * NSEC_PER_SEC)

enum snapshot_state {
        SNAPSHOT_AWAIT_START,
        SNAPSHOT_AWAIT_CREATE,     /* the reply to the PUT */
        SNAPSHOT_AWAIT_LISTING,    /* the subscription's next listing */
        SNAPSHOT_AWAIT_POLL,       /* the moment to ask for the operation */
        SNAPSHOT_AWAIT_OPERATION,  /* the operation's status */
        SNAPSHOT_AWAIT_LOOK_AGAIN, /* the moment to look at the snapshot itself */
        SNAPSHOT_AWAIT_LOOK,       /* the snapshot */
        SNAPSHOT_DONE,
        SNAPSHOT_FAILED,
};

struct snapshot {
        struct operation op;
        enum snapshot_state state;
        struct action action;
        char *operation_url; /* Azure-AsyncOperation, else Location, checked; NULL: neither came */
        struct mono next;    /* begin of the series' next slot */
        struct mono
                ask_at;   /* neither it nor the snapshot earlier: Retry-After of the PUT's answer */
        bool by_location; /* it is Location */
        bool rule_is_accepted; /* it carries the file's keep rule, not the one accepted before */
        bool without_zones;    /* its last PUT asked for locally redundant storage */
        bool put;              /* counted among the subscription's unanswered PUTs */
        bool look_first;       /* the name may exist: no PUT before a GET has said 404 */
        bool unlisted;         /* a listing that began later did not have it */
        bool known;            /* a single GET or its operation showed it complete */
        bool counts_percent;   /* of its disk's data no percentage is not all */
        unsigned puts;         /* that may have had their effect */
        struct arm_error put_error; /* what is told of the last of them, should it have had none */
        struct backoff unseen;      /* of those that had none */
        bool waited;                /* after the last of them */
        unsigned polls;
        unsigned percent; /* of the data, when the service counts it; 100 otherwise */
};

static const char *snapshot_state_name(enum snapshot_state state) {
        switch (state) {
        case SNAPSHOT_AWAIT_START:
                return "start";
        case SNAPSHOT_AWAIT_CREATE:
                return "create";
        case SNAPSHOT_AWAIT_LISTING:
                return "listing";
        case SNAPSHOT_AWAIT_POLL:
                return "poll";
        case SNAPSHOT_AWAIT_OPERATION:
                return "operation";
        case SNAPSHOT_AWAIT_LOOK_AGAIN:
                return "look-again";
        case SNAPSHOT_AWAIT_LOOK:
                return "look";
        case SNAPSHOT_DONE:
                return "done";
        case SNAPSHOT_FAILED:
                return "failed";
        }
        return "?";
}

static void snapshot_enter(struct snapshot *snapshot, enum snapshot_state state) {
        struct log_entry entry;

        assert(snapshot->state != SNAPSHOT_DONE && snapshot->state != SNAPSHOT_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "snapshot");
        log_field(&entry, LOG_STATE, snapshot_state_name(state));
        log_commit(snapshot->op.engine->services.log, &entry, "snapshot %s: %s -> %s",
                   snapshot->action.name, snapshot_state_name(snapshot->state),
                   snapshot_state_name(state));
        snapshot->state = state;
}

/* Whether the reply to a PUT is awaited: the subscription does not list before it is there. One that was not sent
 * yet may wait for minutes, and has no effect that a listing could miss. */
static void snapshot_count_put(struct snapshot *snapshot, bool put) {
        if (put && !snapshot->put)
                snapshot->op.subscription->putting++;
        else if (!put && snapshot->put)
                snapshot->op.subscription->putting--;
        snapshot->put = put;
}

/* The region's name between newlines, as no_zones has it. */
static bool region_line(const struct operation *op, char *line, size_t size) {
        return op->region && op->region[0] != '\0' &&
               (size_t)snprintf(line, size, "\n%s\n", op->region) < size;
}

/* Where auto means locally redundant. Azure is said to choose by itself (FACTS section 1); a region that
 * refuses its own choice is asked so once, and not again before the next start. */
static bool region_has_no_zones(const struct operation *op) {
        char line[80];

        return region_line(op, line, sizeof(line)) &&
               strstr(strbuf_str(&op->subscription->no_zones), line);
}

static enum redundancy snapshot_redundancy(const struct snapshot *snapshot) {
        const struct operation *op = &snapshot->op;
        enum redundancy wanted = op->engine->file->policies[snapshot->action.policy].redundancy;

        return wanted == REDUNDANCY_AUTO && region_has_no_zones(op) ? REDUNDANCY_LRS : wanted;
}

/* Whether the same PUT is worth another try, locally redundant. */
static bool snapshot_can_do_without_zones(struct snapshot *snapshot) {
        struct operation *op = &snapshot->op;
        struct strbuf *known = &op->subscription->no_zones;
        char line[80];

        if (!arm_error_refuses_zones(&op->call.error) || snapshot->without_zones ||
            op->engine->file->policies[snapshot->action.policy].redundancy != REDUNDANCY_AUTO ||
            !region_line(op, line, sizeof(line)))
                return false;
        if (!region_has_no_zones(op)) {
                strbuf_append_str(known, line);
                if (known->error) {
                        known->error = 0; /* nothing was appended; the next one asks again */
                        return false;
                }
                log_say(op->engine->services.log, LOG_LEVEL_NOTICE,
                        "region %s has no zone-redundant storage for snapshots: those of policies "
                        "with redundancy: auto are locally redundant there",
                        op->region);
        }
        return true;
}

static enum op_verdict snapshot_send_create(struct snapshot *snapshot, struct mono now) {
        const struct policy_file *file = snapshot->op.engine->file;
        const struct policy *policy = &file->policies[snapshot->action.policy];
        struct strbuf tags = {};
        struct snapshot_spec spec = {};
        struct http_request *request = NULL;
        enum op_verdict verdict;

        action_tags(file, &snapshot->action, snapshot->rule_is_accepted, &tags);
        if (tags.error == 0) {
                spec = (struct snapshot_spec){
                        .id = action_snapshot_id(&snapshot->action),
                        .disk = snapshot->action.disk,
                        .location = snapshot->action.location,
                        .redundancy = snapshot_redundancy(snapshot),
                        .network_access = policy->network_access,
                        .disk_access = policy->disk_access,
                        .tags = tags.data,
                        .tags_len = tags.len,
                };
                request = arm_put_snapshot(&file->cloud, &spec);
        }
        strbuf_deinit(&tags);
        snapshot->without_zones = spec.redundancy == REDUNDANCY_LRS;

        snapshot_enter(snapshot, SNAPSHOT_AWAIT_CREATE);
        verdict = operation_call(&snapshot->op, request, BUDGET_KIND_CREATE, BUDGET_RANK_CREATE,
                                 mono_add_ns(now, SNAPSHOT_UNSEEN_NS), now);
        snapshot_count_put(snapshot, snapshot->op.call.state == CALL_IN_FLIGHT);
        return verdict;
}

static enum op_verdict snapshot_send_look(struct snapshot *snapshot, struct mono now) {
        struct resource_id id = action_snapshot_id(&snapshot->action);

        snapshot->op.maybe_done = true; /* unless it answers that there is none */
        snapshot_enter(snapshot, SNAPSHOT_AWAIT_LOOK);
        return operation_call(&snapshot->op, arm_get(&snapshot->op.engine->file->cloud, &id),
                              BUDGET_KIND_GET, BUDGET_RANK_POLL, MONO_NEVER, now);
}

static enum op_verdict snapshot_send_poll(struct snapshot *snapshot, struct mono now) {
        snapshot_enter(snapshot, SNAPSHOT_AWAIT_OPERATION);
        return operation_call(&snapshot->op, arm_poll(snapshot->operation_url), BUDGET_KIND_POLL,
                              BUDGET_RANK_POLL, MONO_NEVER, now);
}

/* Waits longer each time, and no less than the service's Retry-After, which is a second or two also for
 * what takes an hour; then does what @state stands for. */
static enum op_verdict snapshot_wait(struct snapshot *snapshot, enum snapshot_state state,
                                     struct mono now) {
        int64_t delay_ns =
                MIN(SNAPSHOT_POLL_FIRST_NS << MIN(snapshot->polls, 10U), SNAPSHOT_POLL_CAP_NS);

        if (snapshot->op.call.reply)
                delay_ns = MAX(delay_ns,
                               arm_retry_after_ns(snapshot->op.call.reply,
                                                  clock_utc(snapshot->op.engine->services.clock)));
        snapshot->polls++;
        snapshot_enter(snapshot, state);
        return operation_sleep(&snapshot->op, mono_add_ns(now, delay_ns));
}

/* The effect is unknown, or somebody failed on the way: look at the snapshot after a pause. */
static enum op_verdict snapshot_look_later(struct snapshot *snapshot, struct mono now) {
        snapshot_enter(snapshot, SNAPSHOT_AWAIT_LOOK_AGAIN);
        return operation_pause(&snapshot->op, now);
}

static enum op_verdict snapshot_unreadable(struct snapshot *snapshot, int problem,
                                           const char *member, struct mono now) {
        struct call *call = &snapshot->op.call;

        arm_error_unreadable(call->reply, "UnreadableReply", problem, member, &call->error);
        return snapshot_look_later(snapshot, now);
}

/* Is this the snapshot that was asked for? Every create ends here. */
static enum op_verdict snapshot_check(struct snapshot *snapshot,
                                      const struct snapshot_reply *reply) {
        const struct action *action = &snapshot->action;
        struct operation *op = &snapshot->op;
        char source[GUID_TEXT_SIZE] = "none", created[UTC_TEXT_SIZE] = "unknown";

        if (reply->has_source_unique_id)
                guid_format(&reply->source_unique_id, source);
        if (strcmp(source, action->generation) != 0)
                return operation_fail_with(op, ARM_PRECONDITION, "WrongSource",
                                           "the snapshot is of the disk with uniqueId %s, not %s: "
                                           "the disk was made again, "
                                           "or the name was taken; it is left alone",
                                           source, action->generation);
        if (!reply->incremental)
                return operation_fail_with(
                        op, ARM_PRECONDITION, "NotIncremental",
                        "the snapshot of that name is a full one; it is left alone");
        if (utc_is_set(reply->time_created))
                utc_format(reply->time_created, created);
        if (!utc_is_set(reply->time_created) || !schedule_fills(action->slot, reply->time_created))
                return operation_fail_with(
                        op, ARM_PRECONDITION, "WrongTime",
                        "the snapshot of that name was created %s, before its slot; it "
                        "is left alone",
                        created);
        if (reply->has_copy_error)
                return operation_fail_with(op, ARM_PRECONDITION, "CopyFailed",
                                           "the service could not copy the data");

        snapshot->percent = reply->has_percent         ? reply->percent
                            : snapshot->counts_percent ? 0
                                                       : 100;
        snapshot->known = true;
        if (snapshot->unlisted)
                subscription_lags(op->subscription);
        return operation_succeed(op);
}

/* The PUT is answered, or may have had its effect: the round's listing shows what became of it. */
static enum op_verdict snapshot_park(struct snapshot *snapshot, struct mono now) {
        snapshot_count_put(snapshot, false);
        snapshot->puts++;
        snapshot->waited = false;
        snapshot->op.maybe_done = true;
        subscription_touch(snapshot->op.subscription, now);
        snapshot_enter(snapshot, SNAPSHOT_AWAIT_LISTING);
        return operation_park(&snapshot->op, snapshot->next, now);
}

/* The PUT had no effect. When it may go again, another daemon may have been there, and somebody may hold what
 * it took; and no listing waits for it meanwhile. */
static enum op_verdict snapshot_refused(struct snapshot *snapshot, struct mono now) {
        snapshot_count_put(snapshot, false);
        return snapshot_look_later(snapshot, now);
}

static enum op_verdict snapshot_after_create(struct snapshot *snapshot, struct mono now) {
        const struct policy_cloud *cloud = &snapshot->op.engine->file->cloud;
        struct call *call = &snapshot->op.call;
        const char *url;

        if (snapshot_can_do_without_zones(snapshot))
                return snapshot_send_create(snapshot, now);

        switch (call->error.class) {
        case ARM_OK:
                break;
        case ARM_TRANSIENT:
        case ARM_PROTOCOL:
                if (!call->error.maybe_done)
                        return snapshot_refused(snapshot, now);
                snapshot->put_error = call->error;
                return snapshot_park(snapshot, now);
        case ARM_THROTTLED:
        case ARM_CONFLICT: /* perhaps with somebody's PUT of the same name */
                return snapshot_refused(snapshot, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_NOT_FOUND:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                return operation_fail(&snapshot->op);
        }

        backoff_reset(&snapshot->op.backoff);
        snapshot->ask_at = mono_add_ns(
                now,
                MAX(arm_retry_after_ns(call->reply, clock_utc(snapshot->op.engine->services.clock)),
                    (int64_t)0));
        url = http_headers_get(&call->reply->headers, "Azure-AsyncOperation");
        if (url && !endpoint_owns(cloud, url))
                return operation_fail_with(&snapshot->op, ARM_PROTOCOL, "ForeignLink",
                                           "the operation's URL is at another host than "
                                           "azure.cloud.arm, no token goes there");
        snapshot->by_location = !url;
        if (!url)
                url = http_headers_get(&call->reply->headers, "Location");
        /* A gateway may have written it anew; the snapshot itself tells as much. */
        if (url && !endpoint_owns(cloud, url))
                url = NULL;

        free(snapshot->operation_url);
        snapshot->operation_url = url ? strdup(url) : NULL;
        if (url && !snapshot->operation_url)
                return operation_fail_with(&snapshot->op, ARM_TRANSIENT, "ENOMEM", "out of memory");
        snapshot->put_error =
                (struct arm_error){.class = ARM_TRANSIENT,
                                   .code = "NotSeen",
                                   .message = "Azure accepted it, and does not show it",
                                   .retry_after_ns = -1};
        return snapshot_park(snapshot, now);
}

const struct snapshot_row *subscription_find_row(const struct subscription *s,
                                                 const struct action *action) {
        struct world_view view = world_view(s->world);
        uint32_t generation = intern_find(view.strings, action->generation);

        return generation != 0 ? view_find_snapshot(&view, generation, action->group, action->name)
                               : NULL;
}

/* The same check on a row of the listing, which is of our generation already. */
bool action_is_filled_by(const struct action *action, const struct snapshot_row *row) {
        return (row->flags & ROW_COMPLETE) && (row->flags & ROW_INCREMENTAL) &&
               utc_is_set(row->time_created) && schedule_fills(action->slot, row->time_created);
}

static enum op_verdict snapshot_after_listing(struct snapshot *snapshot, struct mono now) {
        struct subscription *s = snapshot->op.subscription;
        const struct snapshot_row *row = NULL;

        if (s->world && s->begin.ns > snapshot->op.parked_at.ns) {
                row = subscription_find_row(s, &snapshot->action);
                if (row && action_is_filled_by(&snapshot->action, row)) {
                        snapshot->percent = row->percent;
                        subscription_learn(s, true);
                        return operation_succeed(&snapshot->op);
                }
                snapshot->unlisted = !row;
        }
        if (row && snapshot->operation_url) {
                if (now.ns >= snapshot->ask_at.ns)
                        return snapshot_send_poll(snapshot, now);
                snapshot_enter(snapshot, SNAPSHOT_AWAIT_POLL);
        } else {
                if (now.ns >= snapshot->ask_at.ns)
                        return snapshot_send_look(snapshot, now);
                snapshot_enter(snapshot, SNAPSHOT_AWAIT_LOOK_AGAIN);
        }
        return operation_sleep(&snapshot->op, snapshot->ask_at);
}

/* The operation has succeeded: its answer holds the resource, which spares a GET. */
static enum op_verdict snapshot_read_output(struct snapshot *snapshot,
                                            const struct operation_reply *operation,
                                            struct mono now) {
        struct snapshot_reply reply;
        const char *member;

        if (!operation->output || snapshot_reply_decode(operation->output, &reply, &member) != 0)
                return snapshot_send_look(snapshot, now);
        return snapshot_check(snapshot, &reply);
}

static enum op_verdict snapshot_after_poll(struct snapshot *snapshot, struct mono now) {
        struct call *call = &snapshot->op.call;
        struct operation_reply operation;
        enum op_verdict verdict = OP_DONE;
        const char *member = NULL;
        int r;

        /* An error here means that the status could not be read, not that the operation failed
         * (FACTS section 3). */
        if (call->error.class != ARM_OK)
                return snapshot_look_later(snapshot, now);

        r = snapshot->by_location
                    ? location_reply_parse(call->reply, &operation)
                    : operation_reply_parse(call->reply->body ?: "", call->reply->body_len,
                                            &operation, &member);
        if (r != 0)
                return snapshot_unreadable(snapshot, r, member, now);

        switch (operation.status) {
        case OPERATION_RUNNING:
                if (snapshot->polls == 0)
                        subscription_learn(snapshot->op.subscription, false);
                verdict = snapshot_wait(snapshot, SNAPSHOT_AWAIT_POLL, now);
                break;
        case OPERATION_SUCCEEDED:
                verdict = snapshot_read_output(snapshot, &operation, now);
                break;
        case OPERATION_FAILED:
        case OPERATION_CANCELED:
                verdict = operation_fail_with(&snapshot->op, ARM_TRANSIENT, "OperationFailed",
                                              "the service gave the creation up");
                if (operation.error)
                        arm_error_from_json(operation.error, &snapshot->op.error);
                break;
        }
        operation_reply_deinit(&operation);
        return verdict;
}

static enum op_verdict snapshot_read_look(struct snapshot *snapshot,
                                          const struct snapshot_reply *reply, struct mono now) {
        switch (reply->provisioning) {
        case PROVISIONING_SUCCEEDED:
                return snapshot_check(snapshot, reply);
        case PROVISIONING_RUNNING:
                return snapshot_wait(snapshot, SNAPSHOT_AWAIT_LOOK_AGAIN, now);
        case PROVISIONING_FAILED:
        case PROVISIONING_CANCELED:
        case PROVISIONING_DELETING:
                break;
        }
        return operation_fail_with(
                &snapshot->op, ARM_TRANSIENT, "ProvisioningFailed",
                "the service gave the creation up, or somebody deletes the snapshot");
}

/*
 * The PUT never arrived, or is not to be seen yet: the same name again is safe. The first time it is written again at
 * once. A service that answers nothing, or accepts and forgets, is not asked without end: from the second on there
 * is a wait before each, after which it is looked at again, and in the end it is given up for now.
 */
static enum op_verdict snapshot_not_seen(struct snapshot *snapshot, struct mono now) {
        struct operation *op = &snapshot->op;

        if (snapshot->puts < 2 || snapshot->waited) {
                op->maybe_done = false;
                return snapshot_send_create(snapshot, now);
        }
        if (snapshot->puts >= BACKOFF_CALL_TRIES) {
                op->call.error = snapshot->put_error;
                return operation_fail(op);
        }
        snapshot->waited = true;
        snapshot_enter(snapshot, SNAPSHOT_AWAIT_LOOK_AGAIN);
        return operation_sleep(op,
                               backoff_next(&snapshot->unseen, BACKOFF_CALL_FIRST_NS,
                                            BACKOFF_CALL_CAP_NS, snapshot->put_error.retry_after_ns,
                                            op->engine->services.random, now));
}

static enum op_verdict snapshot_after_look(struct snapshot *snapshot, struct mono now) {
        struct call *call = &snapshot->op.call;
        struct snapshot_reply reply;
        enum op_verdict verdict;
        const char *member = NULL;
        int r;

        switch (call->error.class) {
        case ARM_OK:
                break;
        case ARM_NOT_FOUND:
                return snapshot_not_seen(snapshot, now);
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                return snapshot_look_later(snapshot, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                return operation_fail(&snapshot->op);
        }

        r = snapshot_reply_parse(call->reply->body ?: "", call->reply->body_len, &reply, &member);
        if (r != 0)
                return snapshot_unreadable(snapshot, r, member, now);
        verdict = snapshot_read_look(snapshot, &reply, now);
        snapshot_reply_deinit(&reply);
        return verdict;
}

static enum op_verdict snapshot_step(struct operation *op, struct mono now) {
        struct snapshot *snapshot = container_of(op, struct snapshot, op);
        enum op_verdict verdict;

        verdict = operation_preflight(op, now);
        if (snapshot->state == SNAPSHOT_AWAIT_CREATE && verdict == OP_AWAIT)
                snapshot_count_put(snapshot, op->call.state == CALL_IN_FLIGHT);
        /* Overdue, as after a suspend: what is on its way has its effect all the same. */
        op->maybe_done |= verdict == OP_DONE && snapshot->state == SNAPSHOT_AWAIT_CREATE &&
                          op->call.state == CALL_IN_FLIGHT;
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (snapshot->state) {
        case SNAPSHOT_AWAIT_START:
                return snapshot->look_first ? snapshot_send_look(snapshot, now)
                                            : snapshot_send_create(snapshot, now);
        case SNAPSHOT_AWAIT_CREATE:
                return snapshot_after_create(snapshot, now);
        case SNAPSHOT_AWAIT_LISTING:
                return snapshot_after_listing(snapshot, now);
        case SNAPSHOT_AWAIT_POLL:
                return snapshot_send_poll(snapshot, now);
        case SNAPSHOT_AWAIT_OPERATION:
                return snapshot_after_poll(snapshot, now);
        case SNAPSHOT_AWAIT_LOOK_AGAIN:
                return snapshot_send_look(snapshot, now);
        case SNAPSHOT_AWAIT_LOOK:
                return snapshot_after_look(snapshot, now);
        case SNAPSHOT_DONE:
        case SNAPSHOT_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

static void snapshot_ended(struct operation *op, struct mono now) {
        struct snapshot *snapshot = container_of(op, struct snapshot, op);

        snapshot_count_put(snapshot, false);
        snapshot_enter(snapshot, op->outcome == OP_SUCCEEDED ? SNAPSHOT_DONE : SNAPSHOT_FAILED);
        report_action(op, &snapshot->action,
                      snapshot->percent == 100 ? "is complete"
                                               : "is accepted, its data still being copied",
                      snapshot->known, now);
}

static void snapshot_free(struct operation *op) {
        struct snapshot *snapshot = container_of(op, struct snapshot, op);

        action_deinit(&snapshot->action);
        free(snapshot->operation_url);
}

static bool action_counts_percent(const struct subscription *s, const struct action *action) {
        struct world_view view = world_view(s->world);
        const struct disk_row *disk = view_find_disk(&view, action->disk.group, action->disk.name);

        return disk && (disk->flags & DISK_COUNTS_PERCENT);
}

int snapshot_new(struct engine *engine, struct subscription *subscription,
                 const struct action *action, bool look_first, struct mono now,
                 struct operation **ret_op) {
        static const struct operation_ops ops = {
                .name = "snapshot",
                .step = snapshot_step,
                .ended = snapshot_ended,
                .free = snapshot_free,
        };
        struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
        int r;

        if (!snapshot)
                return -ENOMEM;

        operation_init(&snapshot->op, &ops, engine, subscription, now, SNAPSHOT_LIFE_NS);
        r = action_copy(action, &snapshot->action);
        if (r < 0) {
                free(snapshot);
                return r;
        }
        snapshot->rule_is_accepted =
                !(engine->policy_blocks[action->policy] & DOUBT_BIT(DOUBT_POLICY));
        snapshot->look_first = look_first;
        snapshot->counts_percent = action_counts_percent(subscription, action);
        snapshot->next =
                engine_mono_of(engine, subscription->plan->series[action->series].next, now);
        *ret_op = &snapshot->op;
        return 0;
}
