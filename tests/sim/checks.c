/*
 * The checks' records: what lives, in chains, kept by the service's journal alone, so that an effect
 * costs what it concerns.
 */
#include "checks-internal.h"

#include "base/array.h"
#include "base/sha256.h"
#include "base/str.h"
#include "sim/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a snapshot that is gone may count for a daemon that has not looked since. */
#define GONE_KEPT_S (2 * CHECKS_SIGHT_S)
#define RECORDS_MAX 10000000
/* A look, and what follows from it, by a slow network. */
#define OVERTAKEN_S 60

const char *promise_name(enum promise promise) {
        switch (promise) {
        case PROMISE_ONLY_OURS:
                return "only-ours";
        case PROMISE_NEVER_LAST:
                return "never-the-last";
        case PROMISE_KEPT:
                return "kept";
        case PROMISE_HELD:
                return "held";
        case PROMISE_FAILED:
                return "failed";
        case PROMISE_EXACTLY_ONCE:
                return "exactly-once";
        case PROMISE_SLOT:
                return "slot";
        case PROMISE_TRUTH:
                return "truth";
        case PROMISE_RPO:
                return "rpo";
        case PROMISE_VANISHED:
                return "vanished";
        case PROMISE_EXPLAINED:
                return "explained";
        case PROMISE_CLOCK:
                return "doubt-clock";
        case PROMISE_LISTING:
                return "doubt-listing";
        case PROMISE_TARGETS:
                return "doubt-targets";
        case PROMISE_STALE:
                return "doubt-stale";
        case PROMISE_POLICY:
                return "doubt-policy";
        case PROMISE_MASS:
                return "doubt-mass";
        case PROMISE_PEER:
                return "doubt-peer";
        case PROMISE_INTERNAL:
                return "doubt-internal";
        case PROMISE_GONE:
                return "gone-disk";
        case PROMISE_ASKED:
                return "asked";
        case PROMISE_REREAD:
                return "re-read";
        case PROMISE_SURVIVORS:
                return "survivors";
        case PROMISE_RETRY_AFTER:
                return "retry-after";
        case PROMISE_BURST:
                return "burst";
        case PROMISE_BUDGETS:
                return "budgets";
        case PROMISE_CREATES:
                return "creates";
        case PROMISE_IT_ENDS:
                return "it-ends";
        case PROMISE_TURNS:
                return "turns";
        case PROMISE_SILENT:
                return "silent";
        case _PROMISE_N:
                break;
        }
        return "?";
}

void checks_broken(struct checks *c, enum promise promise, const char *format, ...) {
        va_list ap;
        int n;

        if (c->broken)
                return;

        c->broken = true;
        c->promise = promise;
        n = snprintf(c->what, sizeof(c->what), "%s: ", promise_name(promise));
        va_start(ap, format);
        vsnprintf(c->what + n, sizeof(c->what) - (size_t)n, format, ap);
        va_end(ap);
}

void checks_grow(void *items, size_t n, size_t *capacity, size_t size) {
        if (array_grow(items, n, capacity, size, RECORDS_MAX) < 0)
                abort();
}

const char *checks_tag(const struct service_resource *r, const char *name) {
        return service_tag_get(r, name) ?: "";
}

struct utc checks_failed_since(const struct service_resource *r) {
        return r->fails ? r->done_at : r->copy_failed_at;
}

bool checks_is_failed(const struct service_resource *r, struct utc at) {
        return service_resource_state(r, at) == SERVICE_FAILED ||
               (r->fails && at.ticks >= r->done_at.ticks) || service_resource_copy_failed(r, at);
}

/* Intents. */

bool intent_holds(const struct intent *intent, unsigned node, struct utc at) {
        return (node == 0 || intent->nodes == 0 || intent->nodes & 1U << (node - 1)) &&
               at.ticks >= intent->since.ticks &&
               (intent->ended.ticks == 0 || at.ticks < intent->ended.ticks);
}

bool intent_claims(const struct intent *intent, const char *policy) {
        if (strcmp(intent->policy, policy) == 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(intent->formerly); i++)
                if (intent->formerly[i] && strcmp(intent->formerly[i], policy) == 0)
                        return true;
        return false;
}

bool intent_selects(const struct intent *intent, const struct service_resource *disk) {
        return str_equal_nocase(disk->group, "rg-app") &&
               (intent->two_subscriptions ||
                str_equal_nocase(disk->subscription, SERVICE_SUBSCRIPTION)) &&
               (!intent->selects || strcmp(checks_tag(disk, "backup"), intent->selects) == 0);
}

const struct intent *checks_intent(const struct checks *c, unsigned node, const char *owner,
                                   const char *policy, struct utc at) {
        for (size_t i = 0; i < c->n_intents; i++)
                if (intent_holds(&c->intents[i], node, at) &&
                    strcmp(c->intents[i].owner, owner) == 0 &&
                    intent_claims(&c->intents[i], policy))
                        return &c->intents[i];
        return NULL;
}

static void forget_fleet(struct seen_node *n) {
        for (unsigned place = 0; place < CHECKS_PLACES; place++)
                n->places[place].largest = 0;
}

void checks_intend(struct checks *c, const struct intent *intent, const char *renamed,
                   struct utc now) {
        for (size_t i = 0; i < c->n_intents; i++) {
                struct intent *old = &c->intents[i];

                if (old->ended.ticks != 0 || strcmp(old->policy, renamed ?: intent->policy) != 0 ||
                    old->nodes != intent->nodes)
                        continue;
                old->ended = now;
                /* Another name or selection is another target: what was seen of it begins anew. */
                for (unsigned k = 0; k < CHECKS_NODES_MAX; k++)
                        if (renamed || strcmp(old->selects ?: "", intent->selects ?: "") != 0)
                                forget_fleet(&c->nodes[k]);
        }
        if (c->n_intents == INTENTS_MAX)
                abort();
        c->intents[c->n_intents] = *intent;
        c->intents[c->n_intents].ended = (struct utc){};
        c->intents[c->n_intents++].since = now;
}

unsigned checks_count_fleet(const struct checks *c, const struct intent *intent, unsigned place) {
        unsigned n = 0;

        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                n += chain->place == place && chain->disk && intent_selects(intent, chain->disk);
        return n;
}

/* Records. */

struct seen_snapshot *checks_seen(const struct checks *c, const struct service_resource *r) {
        return r && r->serial < c->n_by_serial ? c->by_serial[r->serial] : NULL;
}

unsigned checks_place(const char *subscription) {
        return str_equal_nocase(subscription, CHECKS_OTHER_SUBSCRIPTION);
}

struct seen_chain *checks_chain(const struct checks *c, const struct guid *generation,
                                unsigned place) {
        for (struct seen_chain *chain = c->chains; chain; chain = chain->next)
                if (chain->place == place && guid_compare(&chain->generation, generation) == 0)
                        return chain;
        return NULL;
}

bool checks_has_moved(const struct checks *c, const struct seen_chain *chain) {
        for (unsigned place = 0; place < CHECKS_PLACES; place++) {
                const struct seen_chain *other = checks_chain(c, &chain->generation, place);

                if (other && other != chain && other->disk)
                        return true;
        }
        return false;
}

static struct seen_chain *chain_get(struct checks *c, const struct guid *generation,
                                    const char *subscription) {
        unsigned place = checks_place(subscription);
        struct seen_chain *chain = checks_chain(c, generation, place);

        if (chain)
                return chain;
        chain = calloc(1, sizeof(*chain));
        if (!chain)
                abort();
        chain->generation = *generation;
        chain->place = place;
        chain->next = c->chains;
        c->chains = chain;
        return chain;
}

/* The name's end that owner, generation, policy, region and slot demand: "-<16 hex>-<slot>". Extra
 * backups have those of a policy "backup of …". */
static void derived_end(const struct service_resource *r, char *out, size_t size) {
        char generation[GUID_TEXT_SIZE], policy[TAG_TEXT_MAX + 16];
        const char *fields[4] = {checks_tag(r, "snapkeep-owner"),
                                 guid_format(&r->source_unique_id, generation), policy, r->region};
        uint8_t digest[SHA256_SIZE];
        size_t n = 0;

        snprintf(policy, sizeof(policy), "%s%s",
                 service_tag_get(r, "snapkeep-until") ? "backup of " : "",
                 checks_tag(r, "snapkeep-policy"));
        if (sha256_fields(fields, 4, digest) < 0)
                abort();
        n += (size_t)snprintf(out + n, size - n, "-");
        for (int i = 0; i < 8; i++)
                n += (size_t)snprintf(out + n, size - n, "%02x", digest[i]);
        snprintf(out + n, size - n, "-%s", checks_tag(r, "snapkeep-slot"));
}

/* DESIGN section 4, "Ours", but for the policy that must claim it. */
static bool is_shaped(const struct service_resource *r) {
        char end[64], name[128], own[GUID_TEXT_SIZE], generation[GUID_TEXT_SIZE];
        const char *slot = checks_tag(r, "snapkeep-slot");
        const char *until = service_tag_get(r, "snapkeep-until");
        size_t len, end_len;
        struct utc time;

        if (!r->incremental || strcmp(checks_tag(r, "snapkeep-version"), "1") != 0 ||
            !checks_tag(r, "snapkeep-owner")[0] || !checks_tag(r, "snapkeep-policy")[0] ||
            !checks_tag(r, "snapkeep-disk")[0] || !checks_tag(r, "snapkeep-keep")[0] ||
            utc_parse_slot(slot, strlen(slot), &time) < 0 ||
            (until && utc_parse_slot(until, strlen(until), &time) < 0))
                return false;
        guid_format(&r->source_unique_id, generation);
        if (!str_equal_nocase(checks_tag(r, "snapkeep-generation"), generation))
                return false;
        if (str_equal_nocase(checks_tag(r, "snapkeep-adopted"), guid_format(&r->unique_id, own)))
                return true;

        derived_end(r, end, sizeof(end));
        snprintf(name, sizeof(name), "%s", r->name);
        len = strlen(name);
        if (len > 2 && name[len - 2] == '-' && name[len - 1] >= '2' && name[len - 1] <= '9')
                name[len -= 2] = '\0';
        end_len = strlen(end);
        return len > end_len && len - end_len <= 40 && str_equal_nocase(name + len - end_len, end);
}

static uint64_t hash_tags(const struct service_resource *r) {
        uint64_t hash = 0;

        /* Whatever their order. */
        for (size_t i = 0; i < r->n_tags; i++)
                hash += sim_mix(sim_hash_str(SIM_HASH_START, r->tags[i].name),
                                sim_hash_str(SIM_HASH_START, r->tags[i].value));
        return hash;
}

uint64_t tags_at(const struct seen_snapshot *s, struct utc at) {
        for (size_t i = 0; i < s->n_changes; i++)
                if (s->changes[i].at.ticks > at.ticks)
                        return s->changes[i].before;
        return s->tags;
}

static void note_change(struct seen_snapshot *s, struct utc at) {
        if (s->n_changes == TAG_CHANGES_MAX) {
                memmove(&s->changes[0], &s->changes[1], sizeof(s->changes) - sizeof(s->changes[0]));
                s->n_changes--;
        }
        s->changes[s->n_changes].at = at;
        s->changes[s->n_changes++].before = s->tags;
        s->tagged_at = at;
}

/* Reads the tags again. */
static void snapshot_read(struct seen_snapshot *s) {
        const char *slot = checks_tag(s->r, "snapkeep-slot");
        const char *until = checks_tag(s->r, "snapkeep-until");
        struct utc time;

        s->backup = *until != '\0';
        s->until_s = utc_parse_slot(until, strlen(until), &time) == 0 ? utc_seconds(time) : 0;
        s->slot_s = utc_parse_slot(slot, strlen(slot), &time) == 0 ? utc_seconds(time) : 0;
        s->early = is_shaped(s->r) && !checks_tag(s->r, "snapkeep-adopted")[0] &&
                   utc_is_set(s->r->time_created) &&
                   utc_seconds(s->r->time_created) < s->slot_s - CHECKS_EARLY_S;
        s->shaped = is_shaped(s->r) && !s->early;
        s->held = service_tag_get(s->r, "snapkeep-hold") != NULL;
        s->told_held &= s->held;
        s->tags = hash_tags(s->r);
        s->period_zone = NULL;
        snprintf(s->policy, sizeof(s->policy), "%s", checks_tag(s->r, "snapkeep-policy"));
        snprintf(s->keep, sizeof(s->keep), "%s", checks_tag(s->r, "snapkeep-keep"));
        snprintf(s->owner, sizeof(s->owner), "%s", checks_tag(s->r, "snapkeep-owner"));
}

/* The oldest sight that a daemon still goes by, or so much before @at. */
static struct utc oldest_sight(const struct checks *c, struct utc at) {
        struct utc oldest = utc_add_seconds(at, -GONE_KEPT_S);

        for (size_t i = 0; i < CHECKS_NODES_MAX * CHECKS_PLACES; i++) {
                const struct seen_place *p = &c->nodes[i / CHECKS_PLACES].places[i % CHECKS_PLACES];

                if (p->swept_utc.ticks != 0)
                        oldest.ticks =
                                MIN(oldest.ticks,
                                    utc_add_seconds(p->swept_utc, -MAX(c->lag_s, p->swept_lag_s))
                                            .ticks);
        }
        return oldest;
}

/* A daemon that has not looked since still counts it. */
static void remember_gone(struct checks *c, const struct seen_snapshot *s, struct utc at) {
        struct utc gone_at = utc_is_set(s->r->deleted_at) ? s->r->deleted_at : at;
        struct utc oldest = oldest_sight(c, at);
        size_t kept = 0;
        bool by_us = false;

        for (size_t i = 0; i < c->n_gone; i++)
                if (c->gone[i].at.ticks > oldest.ticks)
                        c->gone[kept++] = c->gone[i];
        c->n_gone = kept;
        if (!s->shaped || s->backup ||
            !service_resource_is_complete(s->r, (struct utc){gone_at.ticks - 1}))
                return;

        checks_grow(&c->gone, c->n_gone, &c->gone_capacity, sizeof(*c->gone));
        c->gone[c->n_gone] = (struct seen_gone){
                .generation = s->chain->generation,
                .place = s->chain->place,
                .slot_s = s->slot_s,
                .instant = s->r->time_created,
                .at = at,
                .by = utc_is_set(s->r->deleted_at) ? s->r->deleted_by_client : 0,
        };
        /* One that a hand took may have been read as a survivor just before. */
        for (unsigned i = 0; i < CHECKS_NODES_MAX; i++)
                by_us |= s->delete_sent[i].ns > 0;
        if (!by_us)
                memcpy(c->gone[c->n_gone].looks, s->looks, sizeof(s->looks));
        memcpy(c->gone[c->n_gone].owner, s->owner, sizeof(s->owner));
        memcpy(c->gone[c->n_gone++].policy, s->policy, sizeof(s->policy));
}

static struct seen_snapshot *snapshot_add(struct checks *c, const struct service_resource *r) {
        struct seen_chain *chain = chain_get(c, &r->source_unique_id, r->subscription);
        struct seen_snapshot *s = calloc(1, sizeof(*s));

        if (!s)
                abort();
        s->r = r;
        s->chain = chain;
        snapshot_read(s);
        checks_grow(&chain->items, chain->n, &chain->capacity, sizeof(struct seen_snapshot *));
        chain->items[chain->n++] = s;

        if (r->serial >= c->n_by_serial) {
                size_t n = MAX(64, (size_t)r->serial * 2);
                struct seen_snapshot **grown =
                        realloc(c->by_serial, n * sizeof(struct seen_snapshot *));

                if (!grown)
                        abort();
                memset(grown + c->n_by_serial, 0,
                       (n - c->n_by_serial) * sizeof(struct seen_snapshot *));
                c->by_serial = grown;
                c->n_by_serial = n;
        }
        c->by_serial[r->serial] = s;
        return s;
}

static void snapshot_drop(struct checks *c, struct seen_snapshot *s) {
        struct seen_chain *chain = s->chain;

        for (size_t i = 0; i < chain->n; i++)
                if (chain->items[i] == s) {
                        memmove(&chain->items[i], &chain->items[i + 1],
                                (chain->n - i - 1) * sizeof(struct seen_snapshot *));
                        chain->n--;
                        break;
                }
        c->by_serial[s->r->serial] = NULL;
        free(s);
}

static void see_disk(struct checks *c, const struct service_effect *effect) {
        struct seen_chain *chain =
                chain_get(c, &effect->resource->unique_id, effect->resource->subscription);

        if (effect->kind == SERVICE_EFFECT_DELETED) {
                if (chain->disk == effect->resource) {
                        chain->disk = NULL;
                        chain->disk_gone_at = effect->at;
                }
        } else {
                chain->disk = effect->resource;
        }
        chain->disk_changed = effect->at;
        c->fleet->changed = effect->at;
}

/* Whether a daemon must miss it: complete, claimed, of a disk that is selected, there for long enough
 * to have been listed, and kept by the rule: any other could be a peer's to delete. */
static bool is_missed(struct checks *c, const struct seen_snapshot *s, struct utc at) {
        static struct point points[POINTS_MAX];
        const struct intent *intent = checks_intent(c, 0, s->owner, s->policy, at);
        struct utc before = {at.ticks - 1}, sight = utc_add_seconds(at, -CHECKS_SIGHT_S);
        int64_t slot = s->slot_s;
        size_t n;

        if (!s->shaped || !intent || !s->chain->disk || !intent_selects(intent, s->chain->disk) ||
            s->tagged_at.ticks >= sight.ticks || s->r->created_at.ticks >= sight.ticks)
                return false;
        if (s->backup)
                return service_resource_is_complete(s->r, before) &&
                       str_equal_nocase(s->r->group, intent->group) &&
                       s->until_s > utc_seconds(at) + 2 * CHECKS_SIGHT_S;
        /* With those that went a moment before, as by the same hand, it may have been superseded. */
        n = collect_points(c, s->chain, intent, before, CHECKS_SIGHT_S, points);
        /* Before it looks again, the next slots may have come. */
        for (size_t i = 0; i < n; i++)
                slot = MAX(slot, points[i].slot_s);
        for (int i = 0; i < 2 && n < POINTS_MAX; i++) {
                slot = next_slot(intent, slot);
                points[n] = (struct point){.slot_s = slot, .instant = utc_from_seconds(slot)};
                civil_periods(intent->zone_posix, slot, points[n++].period);
        }
        for (size_t i = 0; i < n; i++)
                if (points[i].who == s)
                        return rule_keeps(intent, points, n, &points[i],
                                          utc_add_seconds(at, 2 * CHECKS_SIGHT_S),
                                          /* floors= */ true);
        return false;
}

/* The tags are others now: by a hand, or by a daemon's PUT on a name that exists. */
static void see_tags(struct checks *c, const struct service_effect *effect,
                     struct seen_snapshot *s) {
        bool was_held = s->held, was_shaped = s->shaped;
        struct utc tagged_at = s->tagged_at;
        uint64_t tags = s->tags;

        remember_gone(c, s, effect->at);
        note_change(s, effect->at);
        snapshot_read(s);
        if (!was_shaped && s->shaped && s->r->created_by_client == 0)
                checks_gain(c, s, effect->client, effect->at);
        if (effect->client == 0)
                return;
        c->evaluated[PROMISE_HELD]++;
        /* Of two daemons that fill a slot in the same moment neither knows what is done between them. */
        if (was_held && !s->held && !s->release_ordered &&
            s->r->created_at.ticks < utc_add_seconds(effect->at, -OVERTAKEN_S).ticks)
                checks_broken(c, PROMISE_HELD, "%s was re-tagged, and its hold is gone", s->r->id);
        c->evaluated[PROMISE_ONLY_OURS]++;
        if (!was_shaped && s->shaped && !s->adopt_ordered)
                checks_broken(c, PROMISE_ONLY_OURS, "%s was not ours, and is by its new tags",
                              s->r->id);
        /* Who looks first may be overtaken by a hand, or by another daemon, which of a disk that was made again takes
         * one that is nobody's. And a PUT on a slot's name that somebody has taken since the listing puts our tags on
         * what is there. */
        if (!was_shaped && !s->shaped && !s->early && !s->release_ordered && s->tags != tags &&
            MAX(tagged_at.ticks, s->r->created_at.ticks) <
                    utc_add_seconds(effect->at, -OVERTAKEN_S).ticks)
                checks_broken(c, PROMISE_ONLY_OURS, "%s is not ours, and its tags were changed",
                              s->r->id);
}

static void see_snapshot(struct checks *c, const struct service_effect *effect) {
        struct seen_snapshot *s = checks_seen(c, effect->resource);

        switch (effect->kind) {
        case SERVICE_EFFECT_CREATED:
                s = snapshot_add(c, effect->resource);
                if (effect->client != 0)
                        check_creation(c, effect, s);
                break;
        case SERVICE_EFFECT_DELETED:
                if (!s)
                        break;
                if (effect->client != 0)
                        check_deletion(c, effect, s);
                else if (is_missed(c, s, effect->at))
                        expect_words(c, 0, s->r->name, /* vanished= */ true, effect->at);
                remember_gone(c, s, effect->at);
                snapshot_drop(c, s);
                break;
        case SERVICE_EFFECT_TAGGED:
                if (s)
                        see_tags(c, effect, s);
                break;
        case SERVICE_EFFECT_REPEATED:
                break;
        }
}

void checks_step(struct checks *c, const struct service *service, struct utc now) {
        for (; c->seen < service_effects(service) && !c->broken; c->seen++) {
                const struct service_effect *effect = service_effect_at(service, c->seen);

                if (effect->resource->kind == SERVICE_DISK)
                        see_disk(c, effect);
                else
                        see_snapshot(c, effect);
        }
        if (c->n_explain > 0)
                check_words(c, now);
        checks_exhausted(c);
}

void checks_turns(struct checks *c, unsigned turns, unsigned max) {
        /* The first is of the clock, or of who was answered. */
        c->evaluated[PROMISE_TURNS] += turns > 0;
        if (turns > max)
                checks_broken(c, PROMISE_TURNS,
                              "%u turns came in one instant, and nothing was sent or answered",
                              turns);
}

void checks_init(struct checks *c, struct service *service) {
        *c = (struct checks){.service = service};
        c->acks = calloc(1, sizeof(*c->acks));
        c->fleet = calloc(1, sizeof(*c->fleet));
        if (!c->acks || !c->fleet)
                abort();
}

void checks_deinit(struct checks *c) {
        struct seen_chain *chain = c->chains;

        while (chain) {
                struct seen_chain *next = chain->next;

                for (size_t i = 0; i < chain->n; i++)
                        free(chain->items[i]);
                free(chain->items);
                free(chain);
                chain = next;
        }
        for (int i = 0; i < CHECKS_NODES_MAX; i++)
                checks_asked_clear(&c->nodes[i]);
        free(c->by_serial);
        free(c->gone);
        free(c->deletions_done);
        free(c->orders);
        free(c->explain);
        free(c->told);
        free(c->acks);
        free(c->fleet);
}

/* The operator's words. */

void checks_acked(struct checks *c, unsigned node, enum checks_ack ack, const char *policy,
                  size_t n, struct utc utc) {
        const struct intent *intent = NULL;

        if (c->acks->n == ACKS_MAX) {
                memmove(&c->acks->items[0], &c->acks->items[1],
                        (ACKS_MAX - 1) * sizeof(c->acks->items[0]));
                c->acks->n--;
        }
        for (size_t i = 0; i < c->n_intents; i++)
                if (policy && intent_holds(&c->intents[i], node, utc) &&
                    strcmp(c->intents[i].policy, policy) == 0)
                        intent = &c->intents[i];
        c->acks->items[c->acks->n].node = node;
        c->acks->items[c->acks->n].ack = ack;
        c->acks->items[c->acks->n].n = n;
        c->acks->items[c->acks->n].at = utc;
        snprintf(c->acks->items[c->acks->n].what, TAG_TEXT_MAX, "%s", policy ?: "");
        c->acks->items[c->acks->n].rule[0] = '\0';
        if (intent)
                intent_rule(intent, c->acks->items[c->acks->n].rule);
        c->acks->n++;
        if (ack == CHECKS_ACK_TARGETS || ack == CHECKS_ACK_APPLY) {
                forget_fleet(&c->nodes[node - 1]);
                c->nodes[node - 1].targets_acked = utc;
        }
}

bool checks_was_acked(const struct checks *c, unsigned node, enum checks_ack ack, const char *what,
                      const char *rule, struct utc after) {
        for (size_t i = c->acks->n; i-- > 0;)
                if (c->acks->items[i].node == node && c->acks->items[i].ack == ack &&
                    c->acks->items[i].at.ticks >= after.ticks &&
                    (!what || !c->acks->items[i].what[0] ||
                     strcmp(c->acks->items[i].what, what) == 0) &&
                    (!rule || strcmp(c->acks->items[i].rule, rule) == 0))
                        return true;
        return false;
}

void checks_paused(struct checks *c, unsigned node, bool all, struct utc until) {
        struct seen_node *n = &c->nodes[node - 1];

        n->paused = true;
        n->paused_all = all;
        n->paused_until = until;
}

static void forget_pause(struct seen_node *n) {
        n->paused = n->paused_all = false;
}

void checks_resumed(struct checks *c, unsigned node) {
        forget_pause(&c->nodes[node - 1]);
        c->nodes[node - 1].unread = false;
}

void checks_released(struct checks *c, const struct service_resource *r) {
        struct seen_snapshot *s = checks_seen(c, r);

        if (s)
                s->release_ordered = true;
}

void checks_adopted(struct checks *c, const struct service_resource *r) {
        struct seen_snapshot *s = checks_seen(c, r);

        if (s)
                s->adopt_ordered = true;
}

void checks_backup_ordered(struct checks *c, const char *name, int64_t keep_s, struct utc utc) {
        struct seen_order *order;

        checks_grow(&c->orders, c->n_orders, &c->orders_capacity, sizeof(*c->orders));
        order = &c->orders[c->n_orders++];
        *order = (struct seen_order){.keep_s = keep_s, .at = utc};
        snprintf(order->name, sizeof(order->name), "%s", name);
}

void checks_internal(struct checks *c, unsigned node, const struct guid *generation) {
        c->nodes[node - 1].internal = *generation;
}

void checks_state_lost(struct checks *c, unsigned node, bool certain, struct utc utc) {
        struct seen_node *n = &c->nodes[node - 1];

        if (certain) {
                n->state_lost_at = utc;
                n->unread = false;
        }
        n->state_odd_at = utc;
        forget_fleet(n);
        forget_pause(n);
}

void checks_zone(struct checks *c, bool lost, struct utc utc) {
        c->zone_lost = lost ? utc : UTC_NEVER;
}

void checks_state_unread(struct checks *c, unsigned node, struct utc utc) {
        c->nodes[node - 1].unread = true;
        c->nodes[node - 1].unread_at = utc;
}
