/*
 * Makes a failing story smaller while the same promise stays broken: days after the failure, events,
 * the network's faults, daemons, disks, policies, keys. What is left is what it takes.
 */
#include "story.h"

#include <stdlib.h>
#include <string.h>

struct shrinker {
        struct story *best;
        enum promise promise;
        unsigned tries;
        struct story_result result; /* of the best */
};

/* Plays the candidate; takes it over when it fails alike. */
static bool try(struct shrinker *s, const struct story *candidate) {
        struct story_counts counts = {};
        struct story_result result;
        bool alike;

        if (s->tries == 0)
                return false;
        s->tries--;
        story_play(candidate, false, false, &counts, &result);
        alike = result.broken && result.promise == s->promise;
        if (alike) {
                story_result_deinit(&s->result);
                s->result = result;
                *s->best = *candidate;
        } else {
                story_result_deinit(&result);
        }
        return alike;
}

/* Runs of events, half of them at first and single ones at last. */
static void shrink_events(struct shrinker *s) {
        for (size_t size = MAX(s->best->n_events / 2, (size_t)1);; size /= 2) {
                for (size_t at = 0; at < s->best->n_events;) {
                        struct story candidate = *s->best;
                        size_t n = MIN(size, candidate.n_events - at);

                        memmove(&candidate.events[at], &candidate.events[at + n],
                                (candidate.n_events - at - n) * sizeof(candidate.events[0]));
                        candidate.n_events -= n;
                        if (!try(s, &candidate))
                                at += n;
                }
                if (size <= 1)
                        break;
        }
}

static void shrink_faults(struct shrinker *s) {
        struct story candidate = *s->best;

        candidate.noise = 0;
        if (try(s, &candidate) || s->result.n_struck == 0)
                return;

        /* The list of the last failure; each round spares a run of it more. */
        s->best->spared = calloc(STORY_SPARED_MAX, sizeof(*s->best->spared));
        if (!s->best->spared)
                abort();
        for (size_t size = MAX(s->result.n_struck / 2, (size_t)1);; size /= 2) {
                for (size_t at = 0; at < s->result.n_struck;) {
                        size_t n = MIN(size, s->result.n_struck - at), before = s->best->n_spared;

                        candidate = *s->best;
                        if (before + n > STORY_SPARED_MAX)
                                return;
                        memcpy(&candidate.spared[before], &s->result.struck[at],
                               n * sizeof(candidate.spared[0]));
                        candidate.n_spared = before + n;
                        if (!try(s, &candidate))
                                at += n;
                }
                if (size <= 1)
                        break;
        }
}

/* One simplification after the other, each by itself. */
static void shrink_rest(struct shrinker *s) {
        struct story candidate = *s->best;
        int days = (int)(s->result.at_s / SEC_PER_DAY) + 1 + STORY_CALM_DAYS;

        if (days < candidate.days) {
                candidate.days = days;
                try(s, &candidate);
        }
        while (s->best->n_disks > 1) {
                candidate = *s->best;
                candidate.n_disks--;
                if (!try(s, &candidate))
                        break;
        }
        if (s->best->tagging_s > 0) {
                candidate = *s->best;
                candidate.tagging_s = 0;
                try(s, &candidate);
        }
        if (s->best->page_size > 0 || s->best->empty_pages > 0) {
                candidate = *s->best;
                candidate.page_size = 0;
                candidate.empty_pages = 0;
                try(s, &candidate);
        }
        if (s->best->bare_accepted || s->best->no_operation_urls || s->best->repeated_is_200) {
                candidate = *s->best;
                candidate.bare_accepted = candidate.no_operation_urls = false;
                candidate.repeated_is_200 = false;
                try(s, &candidate);
        }
        if (s->best->n_nodes > 1) {
                candidate = *s->best;
                candidate.n_nodes = 1;
                try(s, &candidate);
        }
        if (s->best->n_policies > 1) {
                candidate = *s->best;
                candidate.n_policies = 1;
                try(s, &candidate);
        }
}

static void shrink_keys(struct shrinker *s) {
        for (unsigned i = 0; i < s->best->n_policies; i++)
                for (int key = 0; key < 12; key++) {
                        struct story candidate = *s->best;
                        struct intent *want = &candidate.wants[i];

                        switch (key) {
                        case 0:
                                want->jitter_s = 0;
                                break;
                        case 1:
                                want->hourly = 0;
                                break;
                        case 2:
                                want->daily = 0;
                                break;
                        case 3:
                                want->weekly = want->monthly = want->yearly = 0;
                                break;
                        case 4:
                                want->within_s = 0;
                                break;
                        case 5:
                                want->pick_last = false;
                                break;
                        case 6:
                                want->min_age_s = 0;
                                break;
                        case 7:
                                want->ask = false;
                                break;
                        case 8:
                                want->expect = 0;
                                break;
                        case 9:
                                want->zone = want->zone_posix = NULL;
                                break;
                        case 10:
                                want->min_keep = 1;
                                break;
                        case 11:
                                want->last = 1;
                                break;
                        }
                        if (memcmp(want, &s->best->wants[i], sizeof(*want)) != 0)
                                try(s, &candidate);
                }
}

void story_shrink(struct story *story, const struct story_result *failure, unsigned tries) {
        struct shrinker s = {.best = story, .promise = failure->promise, .tries = tries};
        size_t before;

        s.result.at_s = failure->at_s;
        shrink_rest(&s);
        do {
                before = story->n_events;
                shrink_events(&s);
                shrink_rest(&s);
        } while (story->n_events < before && s.tries > 0);
        shrink_faults(&s);
        shrink_keys(&s);
        shrink_events(&s);
        story_result_deinit(&s.result);
}
