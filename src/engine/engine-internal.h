/*
 * What the engine's own files share: the engine, its subscriptions, and the memory of what was tried.
 */
#pragma once

#include "azure/world.h"
#include "base/hash_table.h"
#include "base/strbuf.h"
#include "engine/arm_clock.h"
#include "engine/conditions.h"
#include "engine/engine.h"
#include "engine/operation.h"
#include "engine/state.h"
#include "engine/token.h"

#include <assert.h>

/* What is remembered of one action that did not come out, or whose effect is not seen yet. Lost
 * with the process, it only makes us ask again. */
struct memory {
        UT_hash_handle hh;
        struct backoff backoff;
        struct mono not_before; /* not admitted earlier */
        struct mono
                known_at; /* a single GET showed its effect then: created, or gone; 0 ns: none did */
        struct utc slot;  /* create: of the action last tried */
        bool running;
        bool asked; /* orphan: not_before says when */
        bool done;  /* succeeded since the world was read, which does not show it */
        bool maybe_done; /* create: the last try failed and may have had its effect, or a GET has shown what
                            no listing has */
        bool astray; /* create: the last try met something else than was planned from: no other
                            before the disks are listed */
        bool told;   /* the failure is in the log */
        enum arm_class told_class; /* told: for this */
        uint64_t serial;           /* create, delete: the last plan that asked for it */
        uint64_t failed_in;        /* delete: the plan in which it failed last */
        struct guid accepted;      /* delete: the uniqueId that a DELETE was accepted of, first */
        struct mono accepted_at;   /* then; 0 ns: none was since that was found undone */
        unsigned
                listings; /* delete: so many may still have it before it must be gone, or be asked for anew */
        bool undone; /* delete: one that was accepted was not done; no listing lacks it yet */
        struct given_up *given_up; /* create: that failed and may come out yet, the last first */
        char key[]; /* "create generation/policy", "delete group/name", "orphan generation/" */
};

/* What the survivors of one series said in this round. */
struct witness {
        size_t asked, answered;
        struct mono at; /* of the last answer */
        bool failed;    /* one could not be read, or is not what the listing said */
};

/* What is known of a generation beside world and state. */
struct known {
        UT_hash_handle hh;
        bool internal; /* an invariant about it was broken */
        bool refused;  /* its last create failed for a quota */
        bool keyless;  /* none came out since one failed for the key of its encryption set */
        char generation[GUID_TEXT_SIZE];
        /* Unique ids of what the operator retires, in the order of guid_compare(); owned; NULL: nothing. Until
         * none is listed any more, or a policy and target select one. */
        struct guid *retired;
        size_t n_retired;
        struct mono retired_at; /* when that was said */
};

/* A doubt that ends with two clean sweeps, one after the other. */
struct sweep_doubt {
        bool stands;
        unsigned clean; /* sweeps that counted since it was raised last */
        struct mono
                at; /* raised last, or end of the last that counted: those that began before do not */
        struct utc since;
        char reason[256 + RESOURCE_ID_TEXT_SIZE];
};

struct subscription {
        struct engine *engine;
        char id[GUID_TEXT_SIZE];

        struct world *world; /* NULL until the first whole sweep */
        struct mono begin;   /* of its sweep */
        struct mono read_at; /* end of it */
        struct utc
                awake_from; /* begin of the first world since the start, or end of the last suspend or pause */
        struct mono awake_at; /* end of the last suspend or pause; 0 ns: there was none */
        bool unplanned;       /* it could not be planned, and the log says so */
        struct mono disks_at; /* begin of the listing of its disks; 0 ns: to be listed next time */
        struct mono disks_listed; /* the same, also when they are to be listed next time */
        struct plan *plan;        /* of that world; NULL when it is to be made */
        struct utc plan_now;      /* what the plan was made by, and when */
        struct mono planned_at;
        bool may_delete;   /* the plan is the first of its world: its deletions may be admitted */
        bool deletes_left; /* some of them wait for room, an answer or their turn */
        struct witness *witnesses; /* [plan->n_series], or NULL */
        struct memory **tries;     /* [plan->n_actions]: NULL where it was not tried yet */
        uint64_t *spent;           /* [n_policies]: deletions of the plan that came out */
        uint64_t *retired; /* [n_policies]: of complete ones by retire, which no tally has */
        uint64_t *lost;    /* [n_policies]: of both, those that the plan's tally has as gained */
        uint64_t serial;   /* counts plans, so that a late answer finds its own */

        struct mono touched_at;    /* our last act that the next listing is to confirm */
        struct mono touched_first; /* the first one since the world's begin */
        size_t putting;            /* creates whose PUT is not answered yet */
        size_t deleting;           /* deletions under way */
        size_t vanishing; /* looks under way at what is no longer listed: deletions wait for them */
        size_t *unasked; /* [n_policies]: those beyond what is looked at, which go the way of the others */
        bool some_stay;           /* one of the others was not shown to be gone */
        struct operation *parked; /* utlist: creates that wait for a listing */
        struct mono wanted_at;    /* by when the first of them wants it; MONO_NEVER: none does */
        struct operation *sweep;
        size_t n_operations;     /* that hold room, or rest: no more than limits.parallel, either */
        bool sweep_clean;        /* nothing went wrong in the sweep under way */
        struct mono next_sweep;  /* the next one at the latest */
        struct mono late_at;     /* an rpo is told to be broken without a new world; or NEVER */
        unsigned soon;           /* sweeps in a row that were to teach something */
        int64_t look_again_ns;   /* while something is under way: after so long */
        struct mono sweep_again; /* after a failure, not before */
        struct backoff backoff;  /* of sweeps */
        bool failing;            /* the last sweep failed */
        enum arm_class told_class; /* failing: it was told for this */
        char *unreadable;      /* owned: why it did, with the remedy; NULL as well without memory */
        struct budget *budget; /* of requests: what may be asked, and when */
        bool creating;         /* creates of the plan wait for room or for the budget */
        struct strbuf no_zones; /* regions that refused zone-redundant storage, each in newlines */
        struct mono permit_at; /* something that is due waits for the budget until then; or NEVER */
        size_t settled,
                unsettled; /* of the last round's creates: complete in its listing, or not yet */
        int64_t settle_ns; /* learned: from a PUT's answer until its listing shows Succeeded */

        struct sweep_doubt listing;
        unsigned lagging; /* listings that must agree until it counts as not lagging any more */
        bool agreed;      /* two listings 15 minutes apart agreed since the start */
        struct mono agreeing_since; /* begin of the first of those that agree; 0 ns: none yet */

        struct memory *memories;
        size_t n_told;   /* of them: their failures are in the log */
        bool one_region; /* all creates of the plan go to one: what holds one back holds all */
        struct conditions conditions;
};

/* What stands of one policy, over all subscriptions. */
struct policy_standing {
        struct policy_tally tally;
        size_t deleted, allowance;         /* within a day */
        size_t spent;                      /* deletions that came out since the worlds were read */
        bool mass;                         /* the doubt stands since it was raised */
        bool doubted;                      /* the same of doubt policy, all having been listed */
        uint64_t policy_begun, mass_begun; /* numbers of the two doubts, while they stand */
        bool hidden; /* doubt policy: not by the tally, but since some of what it had is not listed */
};

/* A deletion that was accepted one by one (apply), and what held it back then: a doubt that comes later
 * was accepted by nobody, also one of the same kind after that one has ended. */
struct applied {
        UT_hash_handle hh;
        struct guid unique_id;
        uint32_t accepted; /* of DOUBTS_ACKABLE */
        uint64_t begun;    /* engine->n_begun then: a doubt whose number is higher came later */
};

/* What an operator asked for; there until it is told and some time after. */
struct order {
        struct order *prev, *next;
        char id[ENGINE_HASH_SIZE];
        enum order_kind kind;
        enum order_state state;
        struct subscription *subscription;
        struct resource_id snapshot;
        struct guid unique_id;
        char generation[GUID_TEXT_SIZE];
        char *detail; /* owned; HOLD: the reason; RELEASE: the hold that goes, NULL until it was read; ADOPT:
                         the policy */
        struct strbuf tags; /* ADOPT: name NUL value NUL of each */
        /* BACKUP: what is taken of what, and until when it is kept */
        struct resource_id disk;
        char *location; /* owned */
        size_t policy;
        struct utc slot, until;
        bool counts_percent;
        struct strbuf text; /* how it gets on, and how it ended */
        struct utc since;
        struct mono ended; /* once it does not run any more */
};

struct engine {
        struct services services;
        const struct policy_file *file;
        char *user_agent;
        struct token *token;          /* of the identity for all but deletions */
        struct token *pruner;         /* of the one for deletions; the same when there is one */
        struct reactor_source *run;   /* the engine's own turn, and its deadline */
        struct mono due;              /* when that turn is to be at the latest */
        struct operation *operations; /* utlist, in the order they were begun */
        size_t n_operations;          /* of them: each holds one of limits.parallel */
        size_t n_resting;             /* of them: each waits for a moment, and holds none of it */
        struct operation *waiting;    /* utlist: looks for which there is no room yet */
        struct subscription *subscriptions;
        size_t n_subscriptions;
        size_t turn; /* index of the one that is looked at first, behind the last that had room */

        struct arm_clock arm_clock;
        struct sweep_doubt clock;
        struct state state;
        bool state_failing; /* the last write failed, and it was told */
        struct mono state_again;

        uint32_t *policy_blocks;          /* [n_policies]: DOUBT_POLICY, DOUBT_MASS, BLOCK_ASK */
        uint32_t *target_blocks;          /* [n_targets]: DOUBT_TARGETS */
        struct policy_standing *policies; /* [n_policies] */
        uint64_t *targets_begun; /* [n_targets]: numbers of their doubts, while they stand */
        uint64_t n_begun; /* doubts of policies and targets that began: numbers them from 1 */
        uint32_t *found;  /* [n_targets] */
        char (*target_keys)[17]; /* [n_targets] */
        struct known *known;     /* hash by generation */
        struct generation_standing
                *generations; /* sorted; made for each plan; borrows from @known */
        size_t n_generations, generations_capacity;
        const char **rules;  /* [n_policies]: remembered ones, borrowed; filled for each plan */
        struct zone **zones; /* owned; those of accepted rules that the file has not, once read */
        size_t n_zones, zones_capacity;
        struct applied *applied; /* hash by unique id */
        struct order *orders;    /* utlist, the oldest first */
        size_t n_given_up;       /* creates of all series that given-up.c remembers */
        struct conditions conditions;

        struct engine_counts counts;
        struct engine_options options;
        bool was_paused; /* everything, when it ran last */
        bool started;
};

/* run.c: the engine's turns. */

/* One of them, a reactor_fn of engine->run. */
void engine_run(enum reactor_reason reason, void *data);
/* A token_changed_fn: what waits for one goes on. */
void engine_token_changed(void *data);
/* Have the engine run in the reactor's next turn. */
void engine_wake(struct engine *engine);
/* It begins, and holds room until it ends, rests or is parked. */
void engine_add(struct engine *engine, struct operation *op);
/* Whether one more of it may begin. What rests holds no room of others, and is counted here: else all that
 * is due in a subscription would begin, and wait. @beside of its operations do not count: deletions that wait
 * keep nothing from going but other deletions. */
bool subscription_has_room(const struct subscription *s, size_t beside);
/* Begins it as soon as there is room. */
void engine_queue(struct engine *engine, struct operation *op);

/* engine.c: what time it is. */

/* Whether engine_now() is what is to be gone by: from ARM's first Date on, or once sweeps have none. What is
 * remembered is not to end by a clock of ours that nothing has confirmed since the start. */
bool engine_knows_time(const struct engine *engine);
/* A moment of ARM's calendar on the monotonic clock; UTC_NEVER gives MONO_NEVER. */
struct mono engine_mono_of(const struct engine *engine, struct utc at, struct mono now);

/* A reply of ARM that went well, and when it was asked for: its Date sets ARM's clock. */
void engine_see_reply(struct engine *engine, const struct http_reply *reply, struct mono sent,
                      struct mono now);

/* memory.c: what is remembered of each action beyond its plan. */

/* The memory of that key, made when it is not there. NULL when memory is out. */
struct memory *subscription_memory_of(struct subscription *s, const char *verb, const char *a,
                                      const char *b);
/* The same, NULL when there is none. */
const struct memory *subscription_memory_find(const struct subscription *s, const char *verb,
                                              const char *a, const char *b);
/* Creates are remembered by series: what fails for one slot mostly fails for the next, which is told
 * once. A new slot is tried at once all the same. */
struct memory *subscription_memory(struct subscription *s, const struct action *action);
/* The failure that it remembers is in the log, or is over. */
void subscription_tell(struct subscription *s, struct memory *memory, bool told);
/* A DELETE of what the action deletes was accepted. */
void memory_note_accepted(struct memory *memory, const struct action *action, struct mono now);
/* A new listing has come: what was done before it began is in it, or to be seen. What a single GET has
 * shown stays true although a listing lags. */
void subscription_clear_done(struct subscription *s, struct mono now);
/* What a GET has shown to be gone, and a listing that began later still has: it lags. */
void subscription_check_deletions(struct subscription *s);
/* Whether creates of the policy are told to fail since its group is not there. */
bool subscription_lacks_group(const struct subscription *s, const struct policy *policy);
/* Ends the failures that nothing asks to mend any more: the slot is filled, or the snapshot gone. */
void subscription_end_failures(struct subscription *s);

/* admit.c: begins what the plan holds of one kind, as far as there is room. Returns whether any of the
 * kind began, waits for an answer, for room, or for the budget. */
bool subscription_admit_kind(struct subscription *s, enum action_kind kind, struct mono now);

/* round.c: what a subscription does next. */

/* @s is zeroed but for its id and engine; to be deinited also when this fails. Returns 0 or -ENOMEM. */
int subscription_init(struct subscription *s);
/* Its operations have ended. */
void subscription_deinit(struct subscription *s);
void subscription_drop_parked(struct subscription *s);
/* How much of each bucket is ours, as budget_new() takes it. */
unsigned subscription_share(const struct subscription *s);
void subscription_tick(struct subscription *s, struct mono now);
/* When to look at it again, on the monotonic clock. */
struct mono subscription_next_wake(const struct subscription *s, struct mono now);
/* Takes a new world over, of which all pages were read. @clean: none had to be asked for twice. */
void subscription_take_world(struct subscription *s, struct world *world, struct mono begin,
                             bool clean, struct mono now);
/* Whether its disks were listed so short a time ago that a round may go by them. */
bool subscription_knows_disks(const struct subscription *s, struct mono now);
void subscription_sweep_failed(struct subscription *s, struct mono now);
/* Something of ours has had its effect, or may have. */
void subscription_touch(struct subscription *s, struct mono now);
/* Reads the world as soon as it may. */
void subscription_look_anew(struct subscription *s);
/* After a suspend or a pause: what was to be done then may be done, or be of another world. */
void subscription_slept(struct subscription *s, struct mono now);
/* Those that were parked before that moment go on. */
void subscription_unpark(struct subscription *s, struct mono before, struct mono now);
/* A create of this round was complete when its listing came, or was not. */
void subscription_learn(struct subscription *s, bool settled);

/* sight.c: what a new world says about the one before it, and what single GETs say about it. */

/* A GET contradicts the listing, or a page failed: doubt listing. */
_printf_(2, 3) void subscription_doubt(struct subscription *s, const char *format, ...);
/* Not all elements of the new world's listing can be decoded: doubt listing, with which, told each time that
 * this is another. */
void subscription_doubt_unread(struct subscription *s, const struct world_unread *unread);
/* Whether it was read, and nothing in its listings could not be decoded: else what the world lacks may be
 * there. */
bool subscription_is_whole(const struct subscription *s);
/* The same of all that were read. */
bool engine_is_whole(const struct engine *engine);
/* Whether all subscriptions that the policy file names were read when they were last asked, and each disk of
 * them. Before that a disk that one lacks may be in another. */
bool engine_reads_all(const struct engine *engine);
/* A listing lacked, or still had, what was confirmed otherwise. */
void subscription_lags(struct subscription *s);
/* Compares, and asks for what vanished. Before the new world is taken over. */
void subscription_compare(struct subscription *s, struct world *world, struct mono begin,
                          struct mono now);
/* Whether the series' survivors have been read, or need not be; asks for them otherwise, as far as
 * there is room. */
bool subscription_survivors_stand(struct subscription *s, size_t series, struct mono now);
/* An answer to one of these questions. */
enum look_kind {
        LOOK_SURVIVOR, /* a complete one that min_keep relies on: is it there? */
        LOOK_VANISHED, /* ours, no longer listed: is it gone? */
        LOOK_DISK,     /* of a generation that is no longer listed: is it gone? */
};
enum look_answer {
        LOOK_THERE, /* the very one, and a SURVIVOR is complete */
        LOOK_OTHER, /* there, but another one, or not complete, or nobody knows which */
        LOOK_GONE, /* 404 ResourceNotFound; or VANISHED, and its name another's, or it is leaving */
        LOOK_UNKNOWN, /* it could not be read */
};
struct look_question {
        enum look_kind kind;
        struct resource_id id;
        struct guid unique_id;            /* of the snapshot, or of the disk */
        char generation[GUID_TEXT_SIZE];  /* for its standing */
        char policy[POLICY_NAME_MAX + 1]; /* VANISHED, SURVIVOR: of its tag */
        struct utc slot;                  /* SURVIVOR: of its tag */
        bool adopted;                     /* SURVIVOR: by its tag, whatever its name */
        struct utc created;               /* VANISHED */
        bool superseded;    /* VANISHED: whoever has deleted it did what the rule says */
        size_t series;      /* SURVIVOR */
        uint64_t serial;    /* SURVIVOR: of the plan */
        const char *region; /* of the snapshot, canonical; only until look_new() returns; or NULL */
};
/* Puts it to Azure. Returns 0 or -ENOMEM. */
int subscription_ask(struct subscription *s, const struct look_question *question, struct mono now);
void subscription_looked(struct subscription *s, const struct look_question *question,
                         enum look_answer answer, struct mono now);

/* gone.c: disks that no listing has any more. */

/* Asks for the disks of generations that no listing has, once all subscriptions were read: a few at a time and
 * each in its turn. */
void subscription_seek_orphans(struct subscription *s, struct mono now);
/* The answer to a LOOK_DISK. */
void subscription_disk_looked(struct subscription *s, const struct look_question *question,
                              enum look_answer answer, struct mono now);

/* notes.c: what the state is told of a new world. */

/* Remembers since when ours are listed failed, as of the world at hand. @clean: what it lacks is not there. */
void subscription_note_failures(struct subscription *s, bool clean);
/* Remembers what the plan found of disks that their policies select no more: once such a disk is gone, nobody
 * can read its tags. */
void subscription_note_unselected(struct subscription *s);

/* standing.c: doubts and questions, over all subscriptions. */

/* What a plan of @s is to be made by. Valid until the next call. Returns 0 or -ENOMEM. */
int engine_standing(struct engine *engine, const struct subscription *s,
                    struct standing *ret_standing);
/* The same, as far as it was worked out already. */
void engine_fill_standing(const struct engine *engine, const struct subscription *s,
                          struct standing *ret_standing);
/* Works out what stands now, and settles all plans with it. */
void engine_settle(struct engine *engine);
/* A sweep of any subscription came to a good end, begun at @begin. @clean: no page of it had to be asked for
 * twice. */
void engine_swept(struct engine *engine, struct mono begin, bool clean, struct mono now);
/* Raises it. */
_printf_(3, 4) void sweep_doubt_raise(struct engine *engine, struct sweep_doubt *doubt,
                                      const char *format, ...);
/* The doubt clock: our clock is off. */
void engine_doubt_clock(struct engine *engine, struct utc date);
/* A sweep begun at @begin came to its end. It counts if it is clean, and began after the doubt was raised and
 * after the one that counted before it had ended. */
void sweep_doubt_swept(struct sweep_doubt *doubt, struct mono begin, bool clean, struct mono now);
/* Appends the key of a condition. */
void doubt_key(uint32_t bit, const char *scope, struct strbuf *out);
/* What is known of it beside world and state, made when it is not there. NULL when memory is out. */
struct known *engine_known(struct engine *engine, const char *generation);
/* Writes the state if it has changed, and a write that failed is some minutes ago. */
void engine_save(struct engine *engine, struct mono now);

/* policies.c: doubts policy and mass. */

/* What holds the policy's deletions back, by the tallies of engine->policies: DOUBT_POLICY, DOUBT_MASS,
 * BLOCK_ASK. The state remembers the rule that was agreed to, and what was asked. */
uint32_t engine_policy_blocks(struct engine *engine, size_t policy);
/* The rule that is remembered of the policy, under a name that it had before if need be; or NULL. */
const struct state_rule *engine_known_rule(const struct engine *engine,
                                           const struct policy *policy);
/* Doubt mass of the policy has been answered, or asks nothing any more. */
void engine_end_mass(struct engine *engine, size_t policy);

/* fleets.c: doubt targets. */

/* DOUBT_TARGETS or 0, by what engine->found counts; the state remembers how many there are. */
uint32_t engine_target_blocks(struct engine *engine, size_t target);
/* Whether all subscriptions that the target names were read: before that nobody can count it. */
bool target_is_read(const struct engine *engine, const struct target *target);
/* Whether all disks that are listed there could be decoded: else it may have more than are found. */
bool target_is_whole(const struct engine *engine, const struct target *target);
/* What is remembered of its size, or NULL. */
const struct fleet *engine_fleet(const struct engine *engine, size_t target);

/* blocks.c: what holds each deletion back. */

/* Lays what stands on the plan. */
void subscription_settle(struct subscription *s);
/* What holds a deletion back that was admitted from the plan of this serial: a doubt that came since, a
 * pause, or that the plan stands no longer. 0: it may go. */
uint32_t subscription_blocks(const struct subscription *s, const struct action *action,
                             uint64_t serial);

/* acts.c: what stands, for people. */

/* Visits what stands of everything, of subscriptions, targets and policies; and of a series. */
void engine_wide_doubts(const struct engine *engine, engine_doubt_fn fn, void *data);
void series_doubts(const struct subscription *s, const struct series_state *series,
                   engine_doubt_fn fn, void *data);
/* Appends the key of a condition. */
void series_key(const struct subscription *s, const struct series_state *series, const char *what,
                struct strbuf *out);
void engine_forget_applied(struct engine *engine);
/* The first digits of a hash over the owner and what is asked, so that an answer fits one
 * question alone. Returns 0 or -ENOMEM. */
int engine_question_hash(const struct engine *engine, const char *kind, const char *scope,
                         const char *detail, char ret_hash[static ENGINE_HASH_SIZE]);

/* retire.c */

/* Whether the deletion, a retired one, is still what the operator said, and the disks were listed since, those of
 * other subscriptions too that can be read. */
bool subscription_retires(const struct subscription *s, const struct action *action);
/* Forgets the retirements that a new plan shows to be over. */
void engine_end_retirements(struct engine *engine);
/* Tells which are not handed on to the engine that follows, if one does. */
void engine_leave_retirements(const struct engine *engine, const char *why);

/* orders.c */

void orders_deinit(struct engine *engine);
/* Tells which are given up: none is handed on to the engine that follows, if one does. */
void engine_leave_orders(const struct engine *engine, const char *why);
/* Whether an order to hold it is under way, or was done since the world was read. */
bool subscription_orders_hold(const struct subscription *s, const struct guid *unique_id);
/* Begins an entry about the order's snapshot. */
void order_log(const struct order *order, enum log_level level, enum log_event event,
               struct log_entry *entry);
/* Whether there is room for one more that runs, and no other about the same. Returns 0, ENGINE_E_BUSY or
 * ORDER_E_RUNNING. */
#define ORDER_E_RUNNING 100 /* beyond ENGINE_E_*: the same order runs already */
int order_admit(struct engine *engine, const struct order *order, struct mono now);
/* Adds it to the engine, in place of an older one of its id, and lets @op do it. */
void order_run(struct engine *engine, struct order *order, struct operation *op);
void order_deinit(struct order *order);
bool order_reason_is_valid(const char *reason);
/* It runs no more; its text has been written. */
void order_end(struct order *order, enum order_state state, struct mono now);

/* prune.c: whether the operation is the deletion of this snapshot and its DELETE may have gone out. */
bool prune_has_sent(const struct operation *op, const struct guid *unique_id);

/* snapshot.c: the world's row of the action's name, or NULL. */
const struct snapshot_row *subscription_find_row(const struct subscription *s,
                                                 const struct action *action);
/* Whether the row is what the create was to make, complete. */
bool action_is_filled_by(const struct action *action, const struct snapshot_row *row);

/* given-up.c: a create that failed may come out yet, also when its slot has passed and the next one is
 * taken. It is remembered until a listing shows what became of it, so that the log has every snapshot. */
void given_up_note(struct memory *memory, const struct operation *op, const struct action *action);
/* The action came out by a later try. */
void given_up_end(struct engine *engine, struct memory *memory, const struct action *action);
void given_up_forget(struct engine *engine, struct memory *memory);
/* It is listed, and not complete yet: that is no end of its failure. */
bool given_up_is_underway(const struct memory *memory);
/* Tells those that the new world shows complete. */
void subscription_find_given_up(struct subscription *s, struct mono now);

/* report.c: what the log says of an action's end; counts it and sets when it may be tried again. */
void report_action(struct operation *op, const struct action *action, const char *success,
                   bool known, struct mono now);
/* A survivor could not be read: the first of the deletions that wait for it is told as one that failed, since
 * none of its series goes before that can be. */
void report_unread_survivor(struct operation *op, const struct look_question *question,
                            struct mono now);
/* A create that was given up, begun at @began, is listed complete. @failures: those that this ends; 0:
 * they were told to be over, or are of a later slot. */
void report_found(struct subscription *s, const struct action *action, unsigned failures,
                  struct mono began, struct mono now);
void report_sweep_failure(struct operation *op, struct mono now);
/* What is out of order in the plan, told once. */
void report_plan(struct subscription *s);
