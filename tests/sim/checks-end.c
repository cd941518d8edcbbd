/*
 * Promise 9: once faults stop, every slot that is due is filled, and nothing is left over but what
 * something named keeps.
 */
#include "checks-internal.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* After the last slot's start: its create, the listing that confirms it, the round that deletes. */
#define ROUND_SLACK_S 3600
/* A slot's name, and those with -2 to -9 (DESIGN section 4). */
#define SLOT_NAMES 9

/* How late a slot may be where nothing but single faults hinders it: what failed is tried again
 * within minutes, and a daemon that was killed reads the world anew. */
#define LATE_S 3600

static bool is_blocked(const struct seen_snapshot *s, struct utc now) {
        return service_tag_get(s->r, "snapkeep-hold") || service_resource_is_locked(s->r) ||
               service_resource_has_access(s->r, now);
}

/* The newest slot whose start has come, or 0. */
static int64_t newest_slot(const struct intent *intent, int64_t now_s) {
        int64_t slot, newest = 0;

        if (intent->every_s > 0) {
                slot = now_s / intent->every_s * intent->every_s;
                return slot;
        }
        for (slot = next_slot(intent, now_s - 8 * SEC_PER_DAY); slot > 0 && slot <= now_s;
             slot = next_slot(intent, slot))
                newest = slot;
        return newest;
}

/* One that has failed, and that the node has known to have since before @then. */
static void check_failed_left_over(struct checks *c, const struct seen_snapshot *s,
                                   const struct intent *intent, unsigned node, struct utc now,
                                   struct utc then) {
        struct utc since = s->failed[node - 1].at;

        if (!c->nodes[node - 1].alive || !intent_holds(intent, node, now) || since.ticks == 0 ||
            since.ticks >= then.ticks || s->r->time_created.ticks >= then.ticks ||
            (!s->backup && intent_keeps_all(intent)))
                return;
        c->evaluated[PROMISE_IT_ENDS]++;
        checks_broken(c, PROMISE_IT_ENDS, "%s has failed and is still there", s->r->name);
}

/* One of ours that nothing holds, while @complete of its series are there: failed for long, or a backup
 * whose date has passed. */
static void check_left_over(struct checks *c, const struct seen_snapshot *s,
                            const struct intent *intent, size_t complete, struct utc now) {
        struct utc earlier = utc_add_seconds(now, -2 * ROUND_SLACK_S);

        if (checks_is_failed(s->r, now)) {
                for (unsigned node = 1; node <= CHECKS_NODES_MAX; node++)
                        check_failed_left_over(c, s, intent, node, now,
                                               utc_add_seconds(earlier, -7 * SEC_PER_DAY));
                return;
        }
        if (!s->backup || !service_resource_is_complete(s->r, earlier))
                return;
        c->evaluated[PROMISE_IT_ENDS]++;
        if (complete >= MAX(intent->min_keep, 1U) && s->until_s < utc_seconds(earlier) &&
            utc_add_seconds(s->r->time_created, intent->min_age_s).ticks < earlier.ticks)
                checks_broken(c, PROMISE_IT_ENDS, "%s is still there, and its date has passed",
                              s->r->name);
}

static void check_series(struct checks *c, const struct seen_chain *chain,
                         const struct intent *intent, struct utc now) {
        static struct point points[POINTS_MAX];
        size_t n = collect_points(c, chain, intent, now, 0, points);
        int64_t slot = newest_slot(intent, utc_seconds(now) - intent->jitter_s - c->grace_s);
        struct utc earlier = utc_add_seconds(now, -ROUND_SLACK_S);
        bool has_slot = slot == 0;

        for (size_t i = 0; i < n; i++)
                has_slot |= points[i].slot_s >= slot; /* a later one may have superseded it */
        c->evaluated[PROMISE_IT_ENDS]++;
        if (!has_slot) {
                checks_broken(c, PROMISE_IT_ENDS, "%s has no snapshot of its newest slot under %s",
                              chain->disk->name, intent->policy);
                return;
        }
        /* By what was complete then: what is copied in the background ends in between two looks. */
        n = collect_points(c, chain, intent, earlier, 0, points);
        for (size_t i = 0; i < n; i++) {
                c->evaluated[PROMISE_IT_ENDS]++;
                if (!is_blocked(points[i].who, now) &&
                    !rule_keeps(intent, points, n, &points[i], earlier, /* floors= */ true)) {
                        checks_broken(c, PROMISE_IT_ENDS, "%s is still there, and nothing keeps it",
                                      points[i].who->r->name);
                        return;
                }
        }
        for (size_t i = 0; i < chain->n && !intent->off; i++) {
                const struct seen_snapshot *s = chain->items[i];

                if (s->shaped && intent_claims(intent, s->policy) &&
                    strcmp(s->owner, intent->owner) == 0 &&
                    str_equal_nocase(s->r->group, intent->group) && !is_blocked(s, now))
                        check_left_over(c, s, intent, n, now);
        }
}

/* Whether something complete, under way or lately gone stands for the slot. */
static bool is_filled(const struct checks *c, const struct seen_chain *chain,
                      const struct intent *intent, int64_t slot, struct utc now) {
        size_t names = 0;

        for (size_t i = 0; i < chain->n; i++) {
                const struct seen_snapshot *s = chain->items[i];

                names += (s->shaped || s->early) && s->slot_s == slot &&
                         intent_claims(intent, s->policy);

                /* A hand that changes its tags changes what a daemon can see of it. */
                if (s->tagged_at.ticks > utc_from_seconds(slot).ticks ||
                    (s->shaped && !s->backup && s->slot_s == slot &&
                     intent_claims(intent, s->policy) && !checks_is_failed(s->r, now)))
                        return true;
        }
        /* All of its names were tried. */
        if (names >= SLOT_NAMES)
                return true;
        for (size_t i = 0; i < c->n_gone; i++)
                if (c->gone[i].slot_s == slot && c->gone[i].place == chain->place &&
                    guid_compare(&c->gone[i].generation, &chain->generation) == 0)
                        return true;
        return false;
}

void checks_creates(struct checks *c, struct utc now) {
        for (const struct seen_chain *chain = c->chains; chain && !c->broken; chain = chain->next) {
                /* Those with three pending wait, and a chain of 500 takes no more. */
                if (!chain->disk || chain->n >= SERVICE_CHAIN_MAX ||
                    strstr(chain->disk->sku, "Ultra") || strstr(chain->disk->sku, "V2"))
                        continue;
                for (size_t i = 0; i < c->n_intents && !c->broken; i++) {
                        const struct intent *intent = &c->intents[i];
                        struct utc from = {
                                MAX(c->creates_from[chain->place].ticks,
                                    MAX(chain->disk_changed.ticks, intent->since.ticks))};
                        int64_t slot;

                        if (!intent_holds(intent, 0, now) || !intent_selects(intent, chain->disk))
                                continue;
                        slot = newest_slot(intent, utc_seconds(now) - intent->jitter_s - LATE_S);
                        if (slot == 0 || slot <= utc_seconds(from) + LATE_S)
                                continue;
                        c->evaluated[PROMISE_CREATES]++;
                        if (!is_filled(c, chain, intent, slot, now))
                                checks_broken(c, PROMISE_CREATES,
                                              "slot %lld of %s under %s has no snapshot",
                                              (long long)slot, chain->disk->name, intent->policy);
                }
        }
}

void checks_settled(struct checks *c, const struct service *service, struct utc now) {
        checks_step(c, service, now);
        for (const struct seen_chain *chain = c->chains; chain && !c->broken; chain = chain->next) {
                if (!chain->disk)
                        continue;
                for (size_t i = 0; i < c->n_intents && !c->broken; i++)
                        if (intent_holds(&c->intents[i], 0, now) &&
                            intent_selects(&c->intents[i], chain->disk))
                                check_series(c, chain, &c->intents[i], now);
        }
}
