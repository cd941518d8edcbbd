/*
 * operation: one conversation with Azure: one enum, one step (STYLE section 7).
 *
 * An operation awaits one thing: a reply, or a moment. It is stepped from the engine's run when
 * that has come; nothing here runs from inside a callback of the transport. It is a cache of
 * knowledge, not a record: freed at any time, all it knew is in Azure.
 *
 * A call is the request of an operation that is under way: it waits for its subscription's budget to
 * permit it (azure/budget.h) and for a token, sends, and classifies what comes back. It retries nothing
 * but a refused token, once. Every request goes through this one door.
 */
#pragma once

#include "azure/budget.h"
#include "azure/error.h"
#include "base/guid.h"
#include "base/transport.h"
#include "engine/backoff.h"

#include <stdbool.h>

struct engine;
struct subscription;
struct operation;
struct token;

enum op_verdict {
        OP_CONTINUE, /* step on: nothing is awaited */
        OP_AWAIT,    /* a reply, or op->wake */
        OP_DONE,     /* ended: op->outcome says how */
};

enum op_outcome {
        OP_RUNNING,
        OP_SUCCEEDED,
        OP_FAILED, /* op->error says why */
};

enum call_state {
        CALL_IDLE,
        CALL_WAITING,   /* for a permit or for a token */
        CALL_IN_FLIGHT, /* sent */
        CALL_ENDED,     /* error and reply can be read */
};

struct call {
        enum call_state state;
        struct http_request *request;    /* owned; kept for a second try with another token */
        struct transport_call *flight;   /* while in flight */
        struct http_reply *reply;        /* owned; once ended, NULL when nothing was sent */
        struct arm_error error;          /* once ended */
        char *bearer;                    /* owned: the token sent, to be refused by value; wiped */
        struct budget_ask ask;           /* what it costs; the region is the operation's */
        bool permitted;                  /* the budget counts it as under way */
        struct mono send_before;         /* not sent at or after it; MONO_NEVER */
        struct mono sent;                /* when it went out */
        bool renewed;                    /* a refused token was replaced once */
        bool awaits_token;               /* waiting: for nothing else */
        char request_id[GUID_TEXT_SIZE]; /* x-ms-client-request-id */
};

struct operation_ops {
        const char *name; /* "inventory", "snapshot", "prune", "tagging" */
        enum op_verdict (*step)(struct operation *op, struct mono now);
        void (*ended)(struct operation *op,
                      struct mono now);     /* tells the log and the subscription */
        void (*free)(struct operation *op); /* of what the operation added */
};

struct operation {
        const struct operation_ops *ops;
        struct engine *engine;             /* borrowed */
        struct subscription *subscription; /* borrowed */
        struct token *token;               /* as whom it asks; borrowed */
        struct operation *prev, *next;     /* in the engine's list */
        struct call call;
        char *region;           /* owned: canonical, of the snapshot; NULL where it is not known */
        struct backoff backoff; /* of the step that is being tried */
        struct mono began;
        struct mono deadline; /* of the whole operation */
        struct mono wake; /* stepped then at the latest; MONO_NEVER while only a reply is awaited */
        bool runnable;
        struct mono parked_at;
        struct mono wanted; /* parked: its listing, by then */
        bool apart;      /* an order's, which mostly waits: it takes no room of limits.parallel */
        bool resting;    /* waits for a moment, and holds no room until it has come */
        bool parked;     /* waits for a listing, among its subscription's, and holds no room */
        bool maybe_done; /* what it is for may have been done, by us or others, also when it fails */
        enum op_outcome outcome;
        struct arm_error error;
};

/* It asks as the engine's first identity; a deletion sets op->token to the pruner's. */
void operation_init(struct operation *op, const struct operation_ops *ops, struct engine *engine,
                    struct subscription *subscription, struct mono now, int64_t life_ns);
/* Cancels what is in flight, in silence. Frees the operation through its ops. */
void operation_free(struct operation *op);

/*
 * What every step begins with: the call under way is advanced. OP_CONTINUE: there is none, or it has
 * ended and op->call.error is to be read. Past the operation's deadline it ends with OP_DONE.
 */
enum op_verdict operation_preflight(struct operation *op, struct mono now);

/* Begins a call and takes @request over, NULL being "out of memory". Returns OP_AWAIT or OP_DONE. */
enum op_verdict operation_call(struct operation *op, struct http_request *request,
                               enum budget_kind kind, enum budget_rank rank,
                               struct mono send_before, struct mono now);

/* Takes the permit of its first call ahead, so that it takes up no room while it would wait for one.
 * Returns 0 or -ENOMEM. */
int operation_reserve(struct operation *op, enum budget_kind kind, enum budget_rank rank,
                      struct mono now);

/* Awaits a moment. */
enum op_verdict operation_sleep(struct operation *op, struct mono until);

/* Waits as backoff says and sends the last request again; ends the operation with the call's error when it
 * was tried often enough, or is told to wait for longer than it may live. For requests that may be repeated
 * blindly. */
enum op_verdict operation_retry(struct operation *op, struct mono now);
/* The same wait without the request: for those who must look first. */
enum op_verdict operation_pause(struct operation *op, struct mono now);

enum op_verdict operation_succeed(struct operation *op);
/* Ends it with the call's error. */
enum op_verdict operation_fail(struct operation *op);
/* Ends it with an error of ours: @code is a word, the text a sentence part. */
_printf_(4, 5) enum op_verdict operation_fail_with(struct operation *op, enum arm_class class,
                                                   const char *code, const char *format, ...);

/* Awaits the subscription's next listing, which is to begin by @wanted: subscription_unpark() makes it go
 * on. The wait is not of its life. */
enum op_verdict operation_park(struct operation *op, struct mono wanted, struct mono now);

/* The conversations. Each is added to the engine's list by whoever made it. */
struct action;
struct look_question;
int inventory_new(struct engine *engine, struct subscription *subscription, struct mono now,
                  struct operation **ret_op);
/* With @look_first its name may exist: it is looked at before it is written, and a permit for its create
 * is not to be reserved. */
int snapshot_new(struct engine *engine, struct subscription *subscription,
                 const struct action *action, bool look_first, struct mono now,
                 struct operation **ret_op);
int prune_new(struct engine *engine, struct subscription *subscription, const struct action *action,
              struct mono now, struct operation **ret_op);
/* Does an order about a snapshot's tags, which the engine keeps until it ends. */
struct order;
int backup_new(struct engine *engine, struct subscription *subscription, struct order *order,
               struct mono now, struct operation **ret_op);
int tagging_new(struct engine *engine, struct subscription *subscription, struct order *order,
                struct mono now, struct operation **ret_op);
/* Asks one of the questions of engine-internal.h; the answer goes to subscription_looked(). */
int look_new(struct engine *engine, struct subscription *subscription,
             const struct look_question *question, struct mono now, struct operation **ret_op);
