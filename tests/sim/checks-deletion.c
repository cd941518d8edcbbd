/*
 * A deletion by us that went: whose it was, what it left, what forbade it.
 */
#include "checks-internal.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* "Failed ones of ours go after 7 days"; the daemon's clock may be a minute off. */
#define FAILED_LIFE_S (7 * SEC_PER_DAY - 60)

/* Whether the policy that wants it gone may: claimed and selected, or its disk gone for long. */
static bool check_claim(struct checks *c, const struct seen_snapshot *s,
                        const struct intent *intent, const char *id, struct utc at) {
        const struct seen_chain *chain = s->chain;
        int64_t sight = CHECKS_SIGHT_S + c->lag_s;
        int64_t changed_s = chain->disk_changed.ticks == 0
                                    ? INT64_MAX
                                    : (at.ticks - chain->disk_changed.ticks) / TICKS_PER_SEC;

        if (!str_equal_nocase(s->r->group, intent->group)) {
                checks_broken(c, PROMISE_ONLY_OURS, "%s was deleted in a group of no policy", id);
                return false;
        }
        c->evaluated[PROMISE_GONE]++;
        if (chain->disk) {
                if (!intent_selects(intent, chain->disk) && changed_s > sight)
                        checks_broken(c, PROMISE_ONLY_OURS,
                                      "%s was deleted, and no target has selected its disk for "
                                      "%lld s",
                                      id, (long long)changed_s);
                return !c->broken;
        }

        /* A daemon that has not swept since cannot know; after that it must have proven it. */
        if (changed_s > sight && checks_has_moved(c, chain))
                checks_broken(c, PROMISE_GONE, "%s was deleted, and its disk is elsewhere", id);
        else if (changed_s > sight && !intent->gone_apply)
                checks_broken(c, PROMISE_GONE,
                              "%s was deleted, its disk is gone and all is to stay", id);
        else if (changed_s > sight && changed_s < intent->freeze_s)
                checks_broken(c, PROMISE_GONE,
                              "%s was deleted %lld s after its disk, it was to freeze for %lld", id,
                              (long long)changed_s, (long long)intent->freeze_s);
        return !c->broken;
}

/* What is left: never less than min_keep newer ones, and nothing that the rule keeps. */
static void check_retention(struct checks *c, struct seen_snapshot *s, const struct intent *intent,
                            unsigned node, struct utc at) {
        static struct point points[POINTS_MAX + 1];
        /* By the clock that wrote when snapshots were created. */
        struct utc now = {at.ticks + service_clock_error(c->service) / NSEC_PER_TICK};
        struct utc before = {at.ticks - 1};
        struct point victim = {.slot_s = s->slot_s, .instant = s->r->time_created, .who = s};
        const char *why;
        size_t n, left, recent;
        int64_t sight = CHECKS_SIGHT_S + c->lag_s;

        civil_periods(intent->zone_posix, s->slot_s, victim.period);

        /* Its survivors may have gone by other hands while the round went on, or, where twice as many
         * as needed were listed and none had to be read, since the listing. */
        n = collect_points(c, s->chain, intent, before, 0, points);
        left = recent = 0;
        for (size_t i = 0; i < n; i++)
                left += point_is_newer(&points[i], &victim);
        c->evaluated[PROMISE_NEVER_LAST]++;
        if (left < MAX(intent->min_keep, 1U)) {
                n = collect_unknown(c, s->chain, intent, before, ROUND_S, node, points);
                for (size_t i = 0; i < n; i++)
                        recent += point_is_newer(&points[i], &victim);
                n = collect_unknown(c, s->chain, intent, before, sight, node, points);
                if (recent < MAX(intent->min_keep, 1U) && n < 2 * (size_t)intent->min_keep)
                        checks_broken(c, PROMISE_NEVER_LAST,
                                      "%s was deleted, %zu newer ones are left of min_keep: %u",
                                      s->r->name, left, intent->min_keep);
        }

        c->evaluated[PROMISE_KEPT]++;
        n = collect_points(c, s->chain, intent, before, 0, points);
        points[n++] = victim;
        for (size_t i = 0; i + 1 < n; i++)
                if (points[i].who == s) {
                        points[i] = points[--n];
                        break;
                }
        for (size_t i = 0; i < n; i++)
                if (points[i].who == s) {
                        why = rule_keeps(intent, points, n, &points[i], now, /* floors= */ false);
                        if (!why &&
                            now.ticks <
                                    utc_add_seconds(s->r->time_created, intent->min_age_s).ticks)
                                why = "it is younger than min_age";
                        if (!why)
                                return;
                        break;
                }

        n = collect_points(c, s->chain, intent, before, sight, points);
        for (size_t i = 0; i < n; i++)
                if (points[i].who == s) {
                        why = rule_keeps(intent, points, n, &points[i], now, /* floors= */ false);
                        if (!why &&
                            now.ticks <
                                    utc_add_seconds(s->r->time_created, intent->min_age_s).ticks)
                                why = "it is younger than min_age";
                        if (!why)
                                return;
                        checks_broken(c, PROMISE_KEPT, "%s was deleted, and %s", s->r->name, why);
                        return;
                }
}

/* By the clock that wrote when it was created, which a daemon's may be a minute off. */
static bool is_over(const struct checks *c, const struct seen_snapshot *s,
                    const struct intent *intent, struct utc at) {
        struct utc now = {at.ticks + service_clock_error(c->service) / NSEC_PER_TICK};

        return utc_seconds(now) + 60 >= s->until_s &&
               now.ticks >= utc_add_seconds(s->r->time_created, intent->min_age_s).ticks;
}

/* A backup goes by its date alone, and only while min_keep of its series are there, none of which is a
 * backup; those may have gone by other hands since they were seen. */
static void check_backup_over(struct checks *c, const struct seen_snapshot *s,
                              const struct intent *intent, unsigned node, struct utc at) {
        static struct point points[POINTS_MAX + 1];
        struct utc before = {at.ticks - 1};
        size_t n;

        c->evaluated[PROMISE_KEPT]++;
        if (intent->off)
                checks_broken(c, PROMISE_KEPT, "%s was deleted, and prune is off", s->r->name);
        else if (!is_over(c, s, intent, at))
                checks_broken(c, PROMISE_KEPT, "%s was deleted %lld s before its date or too young",
                              s->r->name, (long long)(s->until_s - utc_seconds(at)));

        c->evaluated[PROMISE_NEVER_LAST]++;
        n = collect_unknown(c, s->chain, intent, before, CHECKS_SIGHT_S + c->lag_s, node, points);
        if (n < MAX(intent->min_keep, 1U))
                checks_broken(c, PROMISE_NEVER_LAST,
                              "%s was deleted, and its series has %zu of min_keep: %u", s->r->name,
                              n, intent->min_keep);
        for (size_t i = 0; i < c->n_orders; i++)
                c->orders[i].over |= str_equal_nocase(c->orders[i].name, s->r->name);
}

bool checks_is_retired(const struct checks *c, unsigned node, const struct seen_snapshot *s,
                       struct utc after, struct utc at) {
        const struct intent *intent = checks_intent(c, node, s->owner, s->policy, at);
        const struct seen_chain *chain = s->chain;
        char generation[GUID_TEXT_SIZE];
        struct utc seen;

        guid_format(&s->r->source_unique_id, generation);
        if (!checks_was_acked(c, node, CHECKS_ACK_RETIRE, generation, NULL, after))
                return false;
        if (!intent || !chain->disk || !intent_selects(intent, chain->disk) ||
            !str_equal_nocase(s->r->group, intent->group) || c->rights_cut ||
            c->nodes[node - 1].places[chain->place].filtered)
                return true;

        /* What has come back since the word may not be seen yet; what had, is: the disks are listed first. */
        seen = utc_add_seconds(chain->disk_changed, c->lag_s);
        return at.ticks <= utc_add_seconds(seen, CHECKS_SIGHT_S).ticks &&
               !checks_was_acked(c, node, CHECKS_ACK_RETIRE, generation, NULL, seen);
}

static void count_deletion(struct checks *c, const struct seen_snapshot *s,
                           const struct intent *intent, unsigned node, struct utc at) {
        struct seen_deletion *d;

        checks_grow(&c->deletions_done, c->n_deletions_done, &c->deletions_done_capacity,
                    sizeof(*c->deletions_done));
        d = &c->deletions_done[c->n_deletions_done++];
        *d = (struct seen_deletion){.at = at, .node = node, .place = s->chain->place};
        memcpy(d->listed_in, s->listed_in, sizeof(d->listed_in));
        snprintf(d->policy, sizeof(d->policy), "%s", intent ? intent->policy : s->policy);
}

void check_deletion(struct checks *c, const struct service_effect *effect,
                    struct seen_snapshot *s) {
        unsigned node = effect->client;
        const struct look *look = &s->looks[node - 1];
        struct utc sent = s->delete_sent_utc[node - 1], at = effect->at;
        const struct intent *intent;
        enum promise promise;
        const char *why;

        c->deletions++;
        /* What had sent it and died meanwhile cannot tell of it. */
        if (sent.ticks >= c->nodes[node - 1].started_utc.ticks && c->nodes[node - 1].alive)
                expect_words(c, node, s->r->name, /* vanished= */ false, at);

        if (c->nodes[node - 1].unread && sent.ticks > c->nodes[node - 1].unread_at.ticks) {
                checks_broken(c, PROMISE_ASKED,
                              "%s was deleted, and what had paused that may be in a state that "
                              "nobody could read",
                              s->r->name);
                return;
        }

        c->evaluated[PROMISE_HELD] += s->told_held;
        if (s->told_held) {
                checks_broken(c, PROMISE_HELD, "%s was deleted after a daemon had said it is held",
                              s->r->name);
                return;
        }

        /* Changed by a hand after the daemon had read it for the last time: nobody's fault. */
        if (s->tagged_at.ticks >= look->heard_of.ticks && !look->heard_held)
                return;

        c->evaluated[PROMISE_ONLY_OURS]++;
        if (!s->shaped) {
                checks_broken(c, PROMISE_ONLY_OURS, "%s was deleted and is not ours", s->r->id);
                return;
        }
        c->evaluated[PROMISE_HELD]++;
        if (service_tag_get(s->r, "snapkeep-hold") || look->heard_held) {
                checks_broken(c, PROMISE_HELD, "%s was deleted under a hold", s->r->id);
                return;
        }
        /* What the service had not taken in when the word was said was not seen by who said it. */
        if (checks_is_retired(c, node, s, s->r->created_at, sent))
                return;

        intent = checks_intent(c, node, s->owner, s->policy, sent);
        if (!intent) {
                checks_broken(c, PROMISE_ONLY_OURS, "%s was deleted, and no policy claims it",
                              s->r->id);
                return;
        }
        if (!check_claim(c, s, intent, s->r->id, at))
                return;

        c->evaluated[PROMISE_FAILED]++;
        if (checks_is_failed(s->r, (struct utc){at.ticks - 1})) {
                if (at.ticks + service_clock_error(c->service) / NSEC_PER_TICK <
                            utc_add_seconds(s->r->time_created, FAILED_LIFE_S).ticks ||
                    (service_clock_error(c->service) == 0 &&
                     c->nodes[node - 1].clock_error_ns == 0 &&
                     at.ticks < utc_add_seconds(checks_failed_since(s->r), FAILED_LIFE_S).ticks))
                        checks_broken(c, PROMISE_FAILED,
                                      "%s had failed and was deleted before 7 days", s->r->name);
        } else if (!service_resource_is_complete(s->r, (struct utc){at.ticks - 1})) {
                checks_broken(c, PROMISE_FAILED, "%s was deleted unfinished", s->r->name);
        } else if (s->backup) {
                check_backup_over(c, s, intent, node, at);
        } else {
                check_retention(c, s, intent, node, at);
        }
        if (c->broken)
                return;

        if (!checks_is_failed(s->r, (struct utc){at.ticks - 1}))
                count_deletion(c, s, intent, node, at);
        why = doubt_forbids(c, node, s, intent, sent, at, &promise);
        if (why)
                checks_broken(c, promise, "%s was deleted, and %s", s->r->name, why);
}
