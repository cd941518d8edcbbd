/*
 * Tells a story on a rig: its events in their order, then calm, then the account.
 */
#include "play.h"

#include "base/strbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS (3600 * NSEC_PER_SEC)
/* In calm an operator looks so often, and acks what stands. */
#define CALM_LOOK_S (6 * SEC_PER_HOUR)
/* A disk whose copies take minutes, and a round after it. */
#define GRACE_S 1800
#define LAST_LOOK_S 5400
#define HINDERED_AFTER_S 7200
#define MOMENTS_MAX (2 * STORY_EVENTS_MAX)

/* An event's begin or end. */
struct moment {
        int64_t at_s;
        const struct story_event *event;
        bool end;
};

static int moment_compare(const void *a, const void *b) {
        const struct moment *x = a, *y = b;

        if (x->at_s != y->at_s)
                return CMP(x->at_s, y->at_s);
        if (x->event != y->event)
                return CMP(x->event, y->event);
        return CMP(x->end, y->end);
}

/* A hand that holds what a daemon is about to delete, just before or just after it looks. */
static void play_hook(enum network_hook when, const struct network_event *event, struct rig *rig) {
        struct play *play = rig->hook_data;
        const char *path;
        const struct service_resource *r;
        char id[PLAY_ID_SIZE];

        if (play->spends && when == NETWORK_BEFORE_EFFECT)
                strangers_spend(play);
        if (play->fail_copies > 0 && when == NETWORK_AFTER_EFFECT && hand_fails_copy(play)) {
                play->fail_copies--;
                play->counts->events[EVENT_COPY_FAILS]++;
        }
        if (play->order)
                hand_orders_now(play, when, event);
        if (!play->hold_at_read || when != play->hold_when || !event->url ||
            event->kind != SERVICE_REQUEST_GET_SNAPSHOT)
                return;
        path = strstr(event->url, "/subscriptions/");
        if (!path)
                return;
        snprintf(id, sizeof(id), "%.*s", (int)strcspn(path, "?"), path);
        r = service_find(rig->service, id);
        if (!r || service_merge_tag(rig->service, sim_true_utc(rig->sim), id, "snapkeep-hold",
                                    "audit") != 0)
                return;
        memcpy(play->held_at_read, id, sizeof(id));
        play->hold_at_read = false;
}

static void play_shapes(const struct story *story, struct service_options *options) {
        options->tagging_ns = story->tagging_s * NSEC_PER_SEC;
        options->page_size = story->page_size ?: SERVICE_PAGE_SIZE;
        options->empty_pages = story->empty_pages;
        options->bare_accepted = story->bare_accepted;
        options->no_operation_urls = story->no_operation_urls;
        options->repeated_is_200 = story->repeated_is_200;
}

static void play_begin(struct play *play, const struct story *story, bool echo) {
        struct rig *rig = &play->rig;
        struct strbuf text = {};

        rig_init_at(rig, "generated", story->seed, echo, utc_from_seconds(story->start_s));
        /* Transitions are half of a trace's lines; some runs have them all, so that what they say is
         * checked, too. */
        rig->log_most = echo || story->seed % 8 == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
        rig->hook = play_hook;
        rig->hook_data = play;
        rig_must(service_add_group(rig->service, SERVICE_SUBSCRIPTION, "rg-other", SERVICE_REGION));
        play_shapes(story, service_options(rig->service));
        if (story->wants[0].two_identities)
                rig_two_identities(rig);
        if (story->wants[0].two_subscriptions)
                rig_two_subscriptions(rig);
        for (size_t i = 0; i < story->n_spared; i++)
                rig_must(network_spare(rig->network, story->spared[i].node,
                                       story->spared[i].request, story->spared[i].nth));
        for (unsigned i = 0; i < story->n_disks; i++)
                play_add_disk(play, i);

        for (unsigned k = 0; k < story->n_nodes; k++)
                for (unsigned i = 0; i < story->n_policies; i++) {
                        struct intent intent = story->wants[i];

                        play->wants[k][i] = intent;
                        intent.nodes = 1U << k;
                        rig->checks.intents[rig->checks.n_intents++] = intent;
                }
        story_policy(story->wants, story->n_policies, &text);
        play_noise(play, 1);
        for (unsigned k = 0; k < story->n_nodes; k++)
                rig_add_node(rig, strbuf_str(&text));
        strbuf_deinit(&text);
}

static int64_t seconds_in(const struct play *play) {
        return utc_seconds(sim_true_utc(play->rig.sim)) - play->story->start_s;
}

/* Runs until then. What is over and done is forgotten once a day, so that a month costs no more
 * than its days. */
static void play_until(struct play *play, int64_t until_s) {
        struct rig *rig = &play->rig;

        while (!rig->checks.broken) {
                int64_t now_s = seconds_in(play);
                int64_t next_s = MIN(until_s, (now_s / SEC_PER_DAY + 1) * SEC_PER_DAY);

                if (next_s > now_s)
                        rig_run(rig, (next_s - now_s) * NSEC_PER_SEC);
                if (next_s > play->lag_until_s)
                        rig->checks.lag_s = 0;
                if (next_s > play->rights_until_s)
                        rig->checks.rights_cut = false;
                if (next_s > play->spend_until_s)
                        rig->checks.strangers_spend = false;
                /* What hands did at this very moment, too, before it is forgotten. */
                checks_step(&rig->checks, rig->service, sim_true_utc(rig->sim));
                if (!rig->checks.broken)
                        checks_creates(&rig->checks, sim_true_utc(rig->sim));
                if (next_s >= until_s)
                        break;
                service_forget(rig->service, sim_true_utc(rig->sim));
                rig->checks.seen = 0;
        }
}

void play_calm(struct play *play) {
        static const char *const places[] = {SERVICE_SUBSCRIPTION, CHECKS_OTHER_SUBSCRIPTION};
        struct rig *rig = &play->rig;
        struct utc now = sim_true_utc(rig->sim);

        play_noise(play, 0);
        rig->kill_at = 0;
        play->hold_at_read = false;
        play->fail_copies = 0;
        play->spends = NULL;
        rig_must(service_set_key(rig->service, STORY_SET, SERVICE_KEY_USABLE));
        service_set_clock_error(rig->service, 0);
        service_set_away(rig->service, NULL, SERVICE_HERE, 0, now);
        for (unsigned i = 0; i < CHECKS_PLACES; i++) {
                service_set_away(rig->service, places[i], SERVICE_HERE, 0, now);
                service_forbid(rig->service, places[i], false);
                service_set_quota(rig->service, places[i], 0);
                service_set_listing_lag(rig->service, now, places[i], -1);
        }
        for (unsigned k = 0; k < rig->n_nodes; k++) {
                struct rig_node *node = &rig->nodes[k];

                network_link_cut(node->link, false);
                rig_resume(node);
                if (sim_node_clock_error_ns(node->machine) != 0)
                        rig_step_clock(node, -sim_node_clock_error_ns(node->machine));
                rig_start(node);
                rig_unpause(node);
                if (k > 0) {
                        memcpy(play->wants[k], play->wants[0], sizeof(play->wants[0]));
                        play_reload(play, k, NULL);
                }
        }
}

/* What keeps a daemon from creating; and for how long after that it may still be in its backoff. */
static void note_hindrance(struct play *play, const struct story_event *event) {
        static const bool hinders[_EVENT_N] = {
                [EVENT_NOISE] = true,         [EVENT_CUT] = true,
                [EVENT_UNLISTED] = true,      [EVENT_NO_RIGHTS] = true,
                [EVENT_READ_ONLY] = true,     [EVENT_FORBIDDEN] = true,
                [EVENT_AWAY_500] = true,      [EVENT_AWAY_503] = true,
                [EVENT_THROTTLED] = true,     [EVENT_UNKNOWN] = true,
                [EVENT_DISABLED] = true,      [EVENT_QUOTA] = true,
                [EVENT_SERVICE_CLOCK] = true, [EVENT_SUSPEND] = true,
                [EVENT_KILL] = true,          [EVENT_KILL_BEFORE] = true,
                [EVENT_KILL_AFTER] = true,    [EVENT_PAUSE_ALL] = true,
                [EVENT_LAG] = true,           [EVENT_CREATES_FAIL] = true,
                [EVENT_KEY] = true,           [EVENT_STRANGERS_SPEND] = true,
                [EVENT_FLAPS] = true,
        };
        static const bool of_one[_EVENT_N] = {
                [EVENT_LAG] = true,       [EVENT_UNLISTED] = true,  [EVENT_NO_RIGHTS] = true,
                [EVENT_READ_ONLY] = true, [EVENT_FORBIDDEN] = true, [EVENT_AWAY_500] = true,
                [EVENT_AWAY_503] = true,  [EVENT_THROTTLED] = true, [EVENT_UNKNOWN] = true,
                [EVENT_DISABLED] = true,  [EVENT_QUOTA] = true,     [EVENT_FLAPS] = true,
        };
        struct utc until =
                utc_add_seconds(sim_true_utc(play->rig.sim), event->length_s + HINDERED_AFTER_S);

        for (unsigned place = 0; place < CHECKS_PLACES && hinders[event->kind]; place++) {
                struct utc *from = &play->rig.checks.creates_from[place];

                /* What is of one subscription delays no other. */
                if (!of_one[event->kind] || event_is_everywhere(event) ||
                    checks_place(event_subscription(play, event)) == place)
                        from->ticks = MAX(from->ticks, until.ticks);
        }
}

static void play_events(struct play *play) {
        static struct moment moments[MOMENTS_MAX];
        const struct story *story = play->story;
        size_t n = 0;

        for (size_t i = 0; i < story->n_events; i++) {
                const struct story_event *event = &story->events[i];

                if (event->at_s >= play->calm_s)
                        continue;
                moments[n++] = (struct moment){event->at_s, event, false};
        }
        for (size_t i = 0, begun = n; i < begun; i++) {
                const struct story_event *event = moments[i].event;

                if (event->length_s > 0)
                        moments[n++] = (struct moment){
                                MIN(event->at_s + event->length_s, play->calm_s), event, true};
        }
        qsort(moments, n, sizeof(moments[0]), moment_compare);
        for (size_t i = 0; i < n && !play->rig.checks.broken; i++) {
                size_t index = (size_t)(moments[i].event - story->events);

                play_until(play, moments[i].at_s);
                if (play->rig.checks.broken)
                        break;
                if (moments[i].end) {
                        if (play->begun[index])
                                event_end(play, moments[i].event);
                        continue;
                }
                sim_trace_say(play->rig.trace, 0, "%s", event_name(moments[i].event->kind));
                note_hindrance(play, moments[i].event);
                play->begun[index] = event_begin(play, moments[i].event);
                play->counts->events[moments[i].event->kind] += play->begun[index];
        }
}

static void play_end(struct play *play) {
        struct rig *rig = &play->rig;
        int64_t end_s = (int64_t)play->story->days * SEC_PER_DAY;

        play_until(play, play->calm_s);
        if (rig->checks.broken)
                return;
        play_calm(play);
        rig->checks.hindered = utc_from_seconds(play->story->start_s + play->calm_s + 7200);
        rig->checks.words_due = true;
        for (int64_t at = play->calm_s + CALM_LOOK_S; at < end_s && !rig->checks.broken;
             at += CALM_LOOK_S) {
                play_until(play, at);
                for (unsigned k = 0; k < rig->n_nodes && !rig->checks.broken; k++)
                        rig_ack_all(&rig->nodes[k]);
                /* The last hand, so that the alarm about it can be heard. */
                if (at == play->calm_s + 2 * CALM_LOOK_S && !rig->checks.broken)
                        hand_deletes(play, &(struct story_event){.pick = play->story->seed});
        }
        /* What the last hours raised, too. */
        play_until(play, end_s - LAST_LOOK_S);
        for (unsigned k = 0; k < rig->n_nodes && !rig->checks.broken; k++)
                rig_ack_all(&rig->nodes[k]);
        play_until(play, end_s);
        rig->checks.grace_s = GRACE_S;
        if (!rig->checks.broken)
                checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
}

static void play_count(struct play *play) {
        struct story_counts *counts = play->counts;
        const struct rig *rig = &play->rig;
        struct rig_doubts doubts = rig_count_doubts(rig);

        counts->runs++;
        counts->cycles += rig->checks.creations;
        counts->creations += rig->checks.creations;
        counts->deletions += rig->checks.deletions;
        counts->requests += network_requests(rig->network);
        counts->kills += rig->n_kills;
        for (size_t i = 0; i < network_faults(rig->network); i++)
                counts->faults[network_fault_at(rig->network, i)->fault]++;
        for (int i = 0; i < _SHAPE_N; i++)
                counts->shapes[i] += story_has_shape(play->story, (enum story_shape)i);
        for (int i = 0; i < _PROMISE_N; i++) {
                counts->evaluated[i] += rig->checks.evaluated[i];
                counts->tempted[i] += rig->checks.tempted[i];
        }
        for (int i = 0; i < _DOUBT_N; i++) {
                counts->doubts.begun[i] += doubts.begun[i];
                counts->doubts.ended[i] += doubts.ended[i];
        }
}

static void play_result(struct play *play, struct story_result *ret_result) {
        const struct rig *rig = &play->rig;
        size_t n = network_faults(rig->network);

        *ret_result = (struct story_result){
                .broken = rig->checks.broken,
                .promise = rig->checks.promise,
                .at_s = seconds_in(play),
                .hash = sim_trace_hash(rig->trace),
        };
        memcpy(ret_result->what, rig->checks.what, sizeof(ret_result->what));
        if (!rig->checks.broken)
                return;
        ret_result->struck = calloc(n + 1, sizeof(*ret_result->struck));
        if (!ret_result->struck)
                abort();
        for (size_t i = 0; i < n && i < STORY_SPARED_MAX; i++) {
                const struct network_event *event = network_fault_at(rig->network, i);

                ret_result->struck[ret_result->n_struck++] =
                        (struct story_spared){event->node, event->request, event->nth};
        }
}

void story_result_deinit(struct story_result *result) {
        free(result->struck);
        result->struck = NULL;
}

void story_play(const struct story *story, bool echo, bool tail, struct story_counts *counts,
                struct story_result *ret_result) {
        struct play *play = calloc(1, sizeof(*play));

        if (!play)
                abort();
        play->story = story;
        play->counts = counts;
        play->calm_s = (int64_t)(story->days - STORY_CALM_DAYS) * SEC_PER_DAY;
        play_begin(play, story, echo);
        play->rig.checks.hindered = UTC_NEVER;
        play_events(play);
        play_end(play);
        play_count(play);
        play_result(play, ret_result);
        if (tail && play->rig.checks.broken)
                rig_print_tail(&play->rig);
        rig_deinit(&play->rig);
        free(play);
}
