/*
 * One snapshot that an operator wants now: of no slot, no member of its series, kept until its own date.
 *
 *         START -> LOOK -> CREATE when it is not there
 *         CREATE -> WAIT -> LOOK
 *         LOOK -> WAIT -> LOOK while it is under way; DONE when it is complete, and the one asked for
 *         LOOK, CREATE -> AGAIN -> LOOK when a reply is lost, or is none, or the PUT could not go for long
 *         LOOK -> OPERATION when the service gave it up, and has said where it tells why
 *         CREATE -> CREATE when the region has no zone-redundant storage and the policy leaves the choice
 *         any -> FAILED; so does one that was there and is not any more
 *
 * The name is the order's minute's, and a look comes before each PUT: whatever is retried makes one, and
 * of two daemons that are given the same order in the same minute the second finds the first one's. One
 * that has been there is not made again: whoever deleted it, at its date or before, had a reason.
 */
#include "azure/remedy.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "core/naming.h"
#include "core/schedule.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <string.h>

/* Chosen: Ultra and Premium SSD v2 disks are copied for hours; by then it is there or a person looks. */
#define BACKUP_LIFE_NS (24 * 3600 * NSEC_PER_SEC)
/* A PUT that could not go for so long after the look, its budget being closed, is preceded by another. Chosen:
 * as for slots (snapshot.c). */
#define BACKUP_UNSEEN_NS (ENGINE_SWEEP_SOON_S * NSEC_PER_SEC)
#define BACKUP_WAIT_FIRST_NS (1 * NSEC_PER_SEC)
#define BACKUP_WAIT_CAP_NS (60 * NSEC_PER_SEC)

enum backup_state {
        BACKUP_AWAIT_START,
        BACKUP_AWAIT_LOOK,      /* the snapshot */
        BACKUP_AWAIT_CREATE,    /* the reply to the PUT */
        BACKUP_AWAIT_AGAIN,     /* the moment to look after something went wrong */
        BACKUP_AWAIT_WAIT,      /* the moment to look whether it is complete */
        BACKUP_AWAIT_OPERATION, /* why it failed */
        BACKUP_DONE,
        BACKUP_FAILED,
};

struct backup {
        struct operation op;
        enum backup_state state;
        struct order *order; /* the engine's, which keeps it while it runs */
        char *operation_url; /* Azure-AsyncOperation of the last PUT, checked; or NULL */
        unsigned waits;
        unsigned puts;      /* that were accepted */
        bool put;           /* a PUT may have had its effect */
        bool seen;          /* it was there */
        bool without_zones; /* the region refused zone-redundant storage */
};

static const char *backup_state_name(enum backup_state state) {
        switch (state) {
        case BACKUP_AWAIT_START:
                return "start";
        case BACKUP_AWAIT_LOOK:
                return "look";
        case BACKUP_AWAIT_CREATE:
                return "create";
        case BACKUP_AWAIT_AGAIN:
                return "again";
        case BACKUP_AWAIT_WAIT:
                return "wait";
        case BACKUP_AWAIT_OPERATION:
                return "operation";
        case BACKUP_DONE:
                return "done";
        case BACKUP_FAILED:
                return "failed";
        }
        return "?";
}

static void backup_enter(struct backup *backup, enum backup_state state) {
        struct log_entry entry;

        assert(backup->state != BACKUP_DONE && backup->state != BACKUP_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "backup");
        log_field(&entry, LOG_STATE, backup_state_name(state));
        log_commit(backup->op.engine->services.log, &entry, "backup %s: %s -> %s",
                   backup->order->snapshot.name, backup_state_name(backup->state),
                   backup_state_name(state));
        backup->state = state;
}

static enum op_verdict backup_look(struct backup *backup, struct mono now) {
        backup_enter(backup, BACKUP_AWAIT_LOOK);
        return operation_call(&backup->op,
                              arm_get(&backup->op.engine->file->cloud, &backup->order->snapshot),
                              BUDGET_KIND_GET, BUDGET_RANK_POLL, MONO_NEVER, now);
}

static enum op_verdict backup_again(struct backup *backup, struct mono now) {
        backup_enter(backup, BACKUP_AWAIT_AGAIN);
        return operation_pause(&backup->op, now);
}

static enum op_verdict backup_wait(struct backup *backup, struct mono now) {
        int64_t wait_ns = MIN(BACKUP_WAIT_FIRST_NS << MIN(backup->waits, 10U), BACKUP_WAIT_CAP_NS);

        if (backup->op.call.reply)
                wait_ns = MAX(wait_ns,
                              arm_retry_after_ns(backup->op.call.reply,
                                                 clock_utc(backup->op.engine->services.clock)));
        backup->waits++;
        backup_enter(backup, BACKUP_AWAIT_WAIT);
        return operation_sleep(&backup->op, mono_add_ns(now, wait_ns));
}

static enum op_verdict backup_create(struct backup *backup, struct mono now) {
        const struct policy_file *file = backup->op.engine->file;
        const struct order *order = backup->order;
        const struct policy *policy = &file->policies[order->policy];
        struct snapshot_spec spec = {
                .id = order->snapshot,
                .disk = order->disk,
                .location = order->location,
                .redundancy = backup->without_zones ? REDUNDANCY_LRS : policy->redundancy,
                .network_access = policy->network_access,
                .disk_access = policy->disk_access,
                .tags = order->tags.data,
                .tags_len = order->tags.len,
        };

        backup_enter(backup, BACKUP_AWAIT_CREATE);
        return operation_call(&backup->op, arm_put_snapshot(&file->cloud, &spec),
                              BUDGET_KIND_CREATE, BUDGET_RANK_CREATE,
                              mono_add_ns(now, BACKUP_UNSEEN_NS), now);
}

static enum op_verdict backup_gave_up(struct backup *backup) {
        return operation_fail_with(&backup->op, ARM_TRANSIENT, "ProvisioningFailed",
                                   "the service gave it up, or somebody deletes it");
}

/* It has failed: its operation tells why. */
static enum op_verdict backup_ask_why(struct backup *backup, struct mono now) {
        if (!backup->operation_url)
                return backup_gave_up(backup);
        backup_enter(backup, BACKUP_AWAIT_OPERATION);
        return operation_call(&backup->op, arm_poll(backup->operation_url), BUDGET_KIND_POLL,
                              BUDGET_RANK_POLL, MONO_NEVER, now);
}

/* Asked for once: without an answer it has failed all the same. */
static enum op_verdict backup_after_operation(struct backup *backup) {
        const struct call *call = &backup->op.call;
        struct operation_reply operation = {};
        const char *member;

        (void)backup_gave_up(backup);
        if (call->error.class == ARM_OK &&
            operation_reply_parse(call->reply->body ?: "", call->reply->body_len, &operation,
                                  &member) == 0 &&
            operation.error)
                arm_error_from_json(operation.error, &backup->op.error);
        operation_reply_deinit(&operation);
        return OP_DONE;
}

/* Is it the one that was asked for? A PUT on a name that is there takes nothing. */
static bool backup_is_it(const struct backup *backup, const struct snapshot_reply *reply) {
        const struct order *order = backup->order;
        const char *owner = tags_get(reply->tags, TAG_OWNER);
        const char *until = tags_get(reply->tags, TAG_UNTIL);
        char source[GUID_TEXT_SIZE] = "", text[UTC_SLOT_SIZE];

        if (reply->has_source_unique_id)
                guid_format(&reply->source_unique_id, source);
        return strcmp(source, order->generation) == 0 && reply->incremental && owner &&
               strcmp(owner, backup->op.engine->file->owner) == 0 && until &&
               strcmp(until, utc_format_slot(order->until, text)) == 0 &&
               (utc_is_set(reply->time_created) ? schedule_fills(order->slot, reply->time_created)
                                                : reply->provisioning != PROVISIONING_SUCCEEDED);
}

static enum op_verdict backup_compare(struct backup *backup, const struct snapshot_reply *reply,
                                      struct mono now) {
        struct order *order = backup->order;

        if (!backup_is_it(backup, reply))
                return operation_fail_with(
                        &backup->op, ARM_PRECONDITION, "NameTaken",
                        "another snapshot has its name: the disk was made again, "
                        "or another order came within the same minute");
        if (snapshot_reply_has_failed(reply))
                return backup_ask_why(backup, now);
        if (reply->provisioning == PROVISIONING_DELETING)
                return backup_gave_up(backup);
        if (snapshot_reply_is_complete(reply, order->counts_percent))
                return operation_succeed(&backup->op);
        strbuf_clear(&order->text);
        strbuf_appendf(&order->text, "snapshot %s is under way, %u %% of its data copied",
                       order->snapshot.name, reply->has_percent ? reply->percent : 0);
        return backup_wait(backup, now);
}

static enum op_verdict backup_after_look(struct backup *backup, struct mono now) {
        struct call *call = &backup->op.call;
        struct snapshot_reply reply;
        enum op_verdict verdict;
        const char *member = NULL;
        int r;

        switch (call->error.class) {
        case ARM_OK:
                break;
        case ARM_NOT_FOUND:
                if (backup->puts >= BACKOFF_CALL_TRIES && !backup->seen)
                        return operation_fail_with(&backup->op, ARM_TRANSIENT, "NotSeen",
                                                   "Azure accepted it, and does not show it");
                if (!backup->seen &&
                    backup->order->until.ticks > engine_now(backup->op.engine).ticks)
                        return backup_create(backup, now);
                return operation_fail_with(&backup->op, ARM_NOT_FOUND, "Vanished",
                                           "it is not there any more, or its date has passed");
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                return backup_again(backup, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                return operation_fail(&backup->op);
        }

        r = snapshot_reply_parse(call->reply->body ?: "", call->reply->body_len, &reply, &member);
        if (r != 0) {
                arm_error_unreadable(call->reply, "UnreadableReply", r, member, &call->error);
                return backup_again(backup, now);
        }
        backup->seen = true;
        backoff_reset(&backup->op.backoff);
        verdict = backup_compare(backup, &reply, now);
        snapshot_reply_deinit(&reply);
        return verdict;
}

/* Where the service tells why, should it fail. What leads elsewhere is not followed. */
static void backup_note_operation(struct backup *backup) {
        const char *url = http_headers_get(&backup->op.call.reply->headers, "Azure-AsyncOperation");

        free(backup->operation_url);
        backup->operation_url =
                url && endpoint_owns(&backup->op.engine->file->cloud, url) ? strdup(url) : NULL;
}

static enum op_verdict backup_after_create(struct backup *backup, struct mono now) {
        const struct operation *op = &backup->op;

        if (arm_error_refuses_zones(&op->call.error) && !backup->without_zones &&
            op->engine->file->policies[backup->order->policy].redundancy == REDUNDANCY_AUTO) {
                backup->without_zones = true;
                return backup_create(backup, now);
        }
        switch (op->call.error.class) {
        case ARM_OK:
                backup->put = true;
                backup->puts++;
                backup_note_operation(backup);
                return backup_wait(backup, now);
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                backup->put |= op->call.error.maybe_done;
                return backup_again(backup, now);
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
        return operation_fail(&backup->op);
}

static enum op_verdict backup_step(struct operation *op, struct mono now) {
        struct backup *backup = container_of(op, struct backup, op);
        enum op_verdict verdict;

        verdict = operation_preflight(op, now);
        /* Overdue: what is on its way has its effect all the same. */
        backup->put |= verdict == OP_DONE && backup->state == BACKUP_AWAIT_CREATE &&
                       op->call.state == CALL_IN_FLIGHT;
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (backup->state) {
        case BACKUP_AWAIT_START:
        case BACKUP_AWAIT_AGAIN:
        case BACKUP_AWAIT_WAIT:
                return backup_look(backup, now);
        case BACKUP_AWAIT_LOOK:
                return backup_after_look(backup, now);
        case BACKUP_AWAIT_CREATE:
                return backup_after_create(backup, now);
        case BACKUP_AWAIT_OPERATION:
                return backup_after_operation(backup);
        case BACKUP_DONE:
        case BACKUP_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

static void backup_log(const struct backup *backup, enum log_level level, enum log_event event,
                       const char *reason) {
        const struct operation *op = &backup->op;
        const struct order *order = backup->order;
        struct log_entry entry;

        order_log(order, level, event, &entry);
        log_field(&entry, LOG_POLICY, op->engine->file->policies[order->policy].name);
        log_fieldf(&entry, LOG_DISK, "%s/%s/%s", order->disk.subscription, order->disk.group,
                   order->disk.name);
        log_field(&entry, LOG_REASON, reason);
        log_field(&entry, LOG_ARM_CODE, op->error.code[0] ? op->error.code : NULL);
        log_field(&entry, LOG_REQUEST_ID, op->call.request_id[0] ? op->call.request_id : NULL);
        log_commit(op->engine->services.log, &entry, "%s", strbuf_str(&order->text));
}

static void backup_ended(struct operation *op, struct mono now) {
        struct backup *backup = container_of(op, struct backup, op);
        struct order *order = backup->order;
        bool done = op->outcome == OP_SUCCEEDED;
        char text[UTC_TEXT_SIZE];

        backup_enter(backup, done ? BACKUP_DONE : BACKUP_FAILED);
        strbuf_clear(&order->text);
        if (done) {
                op->engine->counts.created++;
                strbuf_appendf(&order->text, "snapshot %s is complete, kept until %s%s",
                               order->snapshot.name, utc_format(order->until, text),
                               op->engine->file->policies[order->policy].prune == PRUNE_OFF
                                       ? " and beyond, since prune is off"
                                       : "");
                subscription_look_anew(op->subscription);
                backup_log(backup, LOG_LEVEL_NOTICE, LOG_EVENT_BACKUP_TAKEN, order->detail);
        } else {
                op->engine->counts.create_failures++;
                strbuf_appendf(&order->text, "snapshot %s could not be taken%s",
                               order->snapshot.name, backup->put ? ", or is not complete" : "");
                arm_error_append(&op->error, &order->text);
                arm_remedy_append(&op->error, &order->text);
                backup_log(backup, LOG_LEVEL_WARNING, LOG_EVENT_ORDER_FAILED,
                           arm_class_name(op->error.class));
        }
        order_end(order, done ? ORDER_DONE : ORDER_FAILED, now);
}

static void backup_free(struct operation *op) {
        free(container_of(op, struct backup, op)->operation_url);
}

int backup_new(struct engine *engine, struct subscription *subscription, struct order *order,
               struct mono now, struct operation **ret_op) {
        static const struct operation_ops ops = {
                .name = "backup",
                .step = backup_step,
                .ended = backup_ended,
                .free = backup_free,
        };
        struct backup *backup = calloc(1, sizeof(*backup));

        if (!backup)
                return -ENOMEM;

        operation_init(&backup->op, &ops, engine, subscription, now, BACKUP_LIFE_NS);
        backup->op.apart = true;
        backup->order = order;
        *ret_op = &backup->op;
        return 0;
}
