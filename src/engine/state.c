/*
 * The state's records: sorted arrays, found by search, so that equal states are equal bytes.
 */
#include "engine/state-private.h"

#include "base/array.h"
#include "base/str.h"
#include "core/naming.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void state_ack_deinit(struct state_ack *ack) {
        free(ack->policy);
        free(ack->rule);
}

static void rule_deinit(struct state_rule *rule) {
        free(rule->policy);
        free(rule->rule);
}

void state_deinit(struct state *state) {
        for (size_t i = 0; i < state->n_acks; i++)
                state_ack_deinit(&state->acks[i]);
        free(state->acks);
        for (size_t i = 0; i < state->n_gone; i++)
                free(state->gone[i].disk);
        free(state->gone);
        for (size_t i = 0; i < state->n_unselected; i++)
                free(state->unselected[i].policy);
        free(state->unselected);
        free(state->failures);
        free(state->fleets);
        for (size_t i = 0; i < state->n_deletions; i++)
                free(state->deletions[i].policy);
        free(state->deletions);
        for (size_t i = 0; i < state->n_masses; i++)
                free(state->masses[i]);
        free(state->masses);
        for (size_t i = 0; i < state->n_rules; i++)
                rule_deinit(&state->rules[i]);
        free(state->rules);
        *state = (struct state){};
}

/* Where a record is or belongs: the arrays are sorted, so that equal states are equal bytes. Each
 * returns the index of the first record that is not below, and whether it is the one. */

size_t state_acks_place(const struct state *state, enum doubt kind, const char *policy,
                        bool *ret_found) {
        size_t i = 0;
        int c = 1;

        for (; i < state->n_acks; i++) {
                c = strcmp(state->acks[i].policy, policy);
                c = c != 0 ? c : CMP(state->acks[i].kind, kind);
                if (c >= 0)
                        break;
        }
        *ret_found = i < state->n_acks && c == 0;
        return i;
}

size_t state_gone_place(const struct state *state, const char *generation, bool *ret_found) {
        size_t low = 0, high = state->n_gone;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(state->gone[middle].generation, generation) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = low < state->n_gone && strcmp(state->gone[low].generation, generation) == 0;
        return low;
}

size_t state_unselected_place(const struct state *state, const char *generation, const char *policy,
                              bool *ret_found) {
        size_t low = 0, high = state->n_unselected;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct unselected *one = &state->unselected[middle];

                if ((strcmp(one->generation, generation) ?: strcmp(one->policy, policy)) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = low < state->n_unselected &&
                     strcmp(state->unselected[low].generation, generation) == 0 &&
                     strcmp(state->unselected[low].policy, policy) == 0;
        return low;
}

size_t state_fleets_place(const struct state *state, const char *key, bool *ret_found) {
        size_t low = 0, high = state->n_fleets;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(state->fleets[middle].key, key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = low < state->n_fleets && strcmp(state->fleets[low].key, key) == 0;
        return low;
}

/* By hour, policy, and hour of creation. From the end, since the hour is nearly always the last one. */
size_t state_deletions_place(const struct state *state, const char *policy, int64_t hour,
                             int64_t born, bool *ret_found) {
        size_t i = state->n_deletions;
        int c = -1;

        for (; i > 0; i--) {
                c = CMP(state->deletions[i - 1].hour, hour);
                c = c != 0 ? c : strcmp(state->deletions[i - 1].policy, policy);
                c = c != 0 ? c : CMP(state->deletions[i - 1].born, born);
                if (c <= 0)
                        break;
        }
        *ret_found = i > 0 && c == 0;
        return *ret_found ? i - 1 : i;
}

size_t state_masses_place(const struct state *state, const char *policy, bool *ret_found) {
        size_t i = 0;
        int c = 1;

        for (; i < state->n_masses; i++) {
                c = strcmp(state->masses[i], policy);
                if (c >= 0)
                        break;
        }
        *ret_found = i < state->n_masses && c == 0;
        return i;
}

size_t state_rules_place(const struct state *state, const char *policy, bool *ret_found) {
        size_t i = 0;
        int c = 1;

        for (; i < state->n_rules; i++) {
                c = strcmp(state->rules[i].policy, policy);
                if (c >= 0)
                        break;
        }
        *ret_found = i < state->n_rules && c == 0;
        return i;
}

/* Makes a zeroed place at @at in the array behind @items, a pointer to the array pointer. Returns 0,
 * -ENOMEM or -E2BIG. */
static int place_make(void *items, size_t *n, size_t *capacity, size_t size, size_t max,
                      size_t at) {
        char *place;
        int r;

        r = array_grow(items, *n, capacity, size, max);
        if (r < 0)
                return r;
        place = *(char **)items + at * size;
        memmove(place + size, place, (*n - at) * size);
        memset(place, 0, size);
        (*n)++;
        return 0;
}

int state_acks_make(struct state *state, size_t at) {
        return place_make(&state->acks, &state->n_acks, &state->acks_capacity, sizeof(*state->acks),
                          STATE_ACKS_MAX, at);
}

int state_gone_make(struct state *state, size_t at) {
        return place_make(&state->gone, &state->n_gone, &state->gone_capacity, sizeof(*state->gone),
                          STATE_GONE_MAX, at);
}

int state_failures_make(struct state *state, size_t at) {
        return place_make(&state->failures, &state->n_failures, &state->failures_capacity,
                          sizeof(*state->failures), STATE_FAILURES_MAX, at);
}

int state_fleets_make(struct state *state, size_t at) {
        return place_make(&state->fleets, &state->n_fleets, &state->fleets_capacity,
                          sizeof(*state->fleets), STATE_FLEETS_MAX, at);
}

int state_deletions_make(struct state *state, size_t at) {
        return place_make(&state->deletions, &state->n_deletions, &state->deletions_capacity,
                          sizeof(*state->deletions), STATE_DELETIONS_MAX, at);
}

int state_masses_make(struct state *state, size_t at) {
        return place_make(&state->masses, &state->n_masses, &state->masses_capacity,
                          sizeof(*state->masses), STATE_MASSES_MAX, at);
}

int state_rules_make(struct state *state, size_t at) {
        return place_make(&state->rules, &state->n_rules, &state->rules_capacity,
                          sizeof(*state->rules), STATE_RULES_MAX, at);
}

bool state_rule_is_plain(const char *rule) {
        size_t len = strlen(rule);

        for (size_t i = 0; i < len; i++)
                if (rule[i] < ' ' || rule[i] > '~')
                        return false;
        return len > 0 && len <= NAMING_TAG_VALUE_MAX;
}

bool state_policy_is_plain(const char *policy) {
        size_t len = strlen(policy);

        if (len == 0 || len > POLICY_NAME_MAX || !ascii_is_alnum(policy[0]))
                return false;
        for (size_t i = 1; i < len; i++)
                if (!ascii_is_alnum(policy[i]) && !strchr("-_.", policy[i]))
                        return false;
        return true;
}

int state_gone_get(struct state *state, const char *generation, struct state_gone **ret_gone) {
        bool found;
        size_t at = state_gone_place(state, generation, &found);
        int r;

        if (!found) {
                r = state_gone_make(state, at);
                if (r < 0)
                        return r;
                snprintf(state->gone[at].generation, sizeof(state->gone[at].generation), "%s",
                         generation);
                state->gone[at].disk = NULL;
                state->gone[at].seen = UTC_NONE;
                state->gone[at].first = UTC_NONE;
                state->gone[at].since = UTC_NONE;
                state->changed = true;
        }
        *ret_gone = &state->gone[at];
        return 0;
}

int state_fleet_get(struct state *state, const char *key, struct state_fleet **ret_fleet) {
        bool found;
        size_t at = state_fleets_place(state, key, &found);
        int r;

        if (!found) {
                r = state_fleets_make(state, at);
                if (r < 0)
                        return r;
                snprintf(state->fleets[at].key, sizeof(state->fleets[at].key), "%s", key);
                state->changed = true;
        }
        *ret_fleet = &state->fleets[at];
        return 0;
}

void state_fleet_rename(struct state *state, const char *from, const char *to) {
        struct state_fleet fleet;
        bool found, taken;
        size_t at = state_fleets_place(state, from, &found);

        (void)state_fleets_place(state, to, &taken);
        if (!found || taken)
                return;
        fleet = state->fleets[at];
        state->n_fleets--;
        memmove(&state->fleets[at], &state->fleets[at + 1],
                (state->n_fleets - at) * sizeof(*state->fleets));
        at = state_fleets_place(state, to, &found);
        memmove(&state->fleets[at + 1], &state->fleets[at],
                (state->n_fleets - at) * sizeof(*state->fleets));
        state->n_fleets++;
        snprintf(fleet.key, sizeof(fleet.key), "%s", to);
        state->fleets[at] = fleet;
        state->changed = true;
}

static bool fleet_is_over(const struct state_fleet *fleet, char (*keys)[17], size_t n,
                          int64_t today) {
        for (size_t i = 0; i < ARRAY_SIZE(fleet->fleet.day); i++)
                if (fleet->fleet.day[i] != 0 && today - fleet->fleet.day[i] <= STATE_FLEET_DAYS)
                        return false;
        for (size_t i = 0; i < n; i++)
                if (strcmp(keys[i], fleet->key) == 0)
                        return false;
        return true;
}

void state_expire_fleets(struct state *state, char (*keys)[17], size_t n, struct utc now) {
        int64_t today = utc_seconds(now) / SEC_PER_DAY;
        size_t kept = 0;

        for (size_t i = 0; i < state->n_fleets; i++)
                if (!fleet_is_over(&state->fleets[i], keys, n, today))
                        state->fleets[kept++] = state->fleets[i];
        if (kept < state->n_fleets)
                state->changed = true;
        state->n_fleets = kept;
}

const struct state_gone *state_gone_find(const struct state *state, const char *generation) {
        bool found;
        size_t at = state_gone_place(state, generation, &found);

        return found ? &state->gone[at] : NULL;
}

void state_gone_forget(struct state *state, const char *generation) {
        bool found;
        size_t at = state_gone_place(state, generation, &found);

        if (!found)
                return;
        free(state->gone[at].disk);
        state->n_gone--;
        memmove(&state->gone[at], &state->gone[at + 1],
                (state->n_gone - at) * sizeof(*state->gone));
        state->changed = true;
}

int state_gone_see(struct state *state, const char *generation, const char *disk, struct utc seen) {
        _cleanup_(freep) char *copy = NULL;
        struct state_gone *gone;
        int r;

        r = state_gone_get(state, generation, &gone);
        if (r < 0)
                return r;
        if (gone->disk && (str_equal_nocase(gone->disk, disk) || gone->seen.ticks > seen.ticks))
                return 0;
        copy = strdup(disk);
        if (!copy)
                return -ENOMEM;
        free(gone->disk);
        gone->disk = take_ptr(copy);
        gone->seen = seen;
        gone->first = gone->since = UTC_NONE;
        state->changed = true;
        return 0;
}

void state_gone_end(struct state *state, const char *generation) {
        bool found;
        size_t at = state_gone_place(state, generation, &found);

        if (!found || (!utc_is_set(state->gone[at].first) && !utc_is_set(state->gone[at].since)))
                return;
        state->gone[at].first = state->gone[at].since = UTC_NONE;
        state->changed = true;
}

int state_unselected_note(struct state *state, const char *generation, const char *policy) {
        _cleanup_(freep) char *copy = NULL;
        struct unselected *one;
        bool found;
        size_t at = state_unselected_place(state, generation, policy, &found);
        int r;

        if (found)
                return 0;
        copy = strdup(policy);
        if (!copy)
                return -ENOMEM;
        r = place_make(&state->unselected, &state->n_unselected, &state->unselected_capacity,
                       sizeof(*state->unselected), STATE_UNSELECTED_MAX, at);
        if (r < 0)
                return r;
        one = &state->unselected[at];
        snprintf(one->generation, sizeof(one->generation), "%s", generation);
        one->policy = take_ptr(copy);
        state->changed = true;
        return 0;
}

void state_unselected_forget(struct state *state, size_t at) {
        assert(at < state->n_unselected);

        free(state->unselected[at].policy);
        state->n_unselected--;
        memmove(&state->unselected[at], &state->unselected[at + 1],
                (state->n_unselected - at) * sizeof(*state->unselected));
        state->changed = true;
}

int state_failure_note(struct state *state, const struct guid *unique_id,
                       const struct guid *subscription, struct utc now) {
        bool found;
        size_t at = failure_place(state->failures, state->n_failures, unique_id, &found);
        int r;

        if (found)
                return 0;
        r = state_failures_make(state, at);
        if (r < 0)
                return r;
        state->failures[at] = (struct failure){*unique_id, *subscription, now};
        state->changed = true;
        return 0;
}

void state_failure_forget(struct state *state, size_t at) {
        assert(at < state->n_failures);

        state->n_failures--;
        memmove(&state->failures[at], &state->failures[at + 1],
                (state->n_failures - at) * sizeof(*state->failures));
        state->changed = true;
}

int state_ack(struct state *state, enum doubt kind, const char *policy, const char *rule,
              uint64_t allowance, struct utc now) {
        struct state_ack ack = {
                .kind = kind, .allowance = MIN(allowance, STATE_COUNT_MAX), .at = now};
        bool found;
        size_t at = state_acks_place(state, kind, policy, &found);
        int r = 0;

        assert(kind == DOUBT_POLICY || kind == DOUBT_MASS || kind == _DOUBT_N ||
               kind == STATE_ASKED);
        assert((kind == DOUBT_POLICY || kind == STATE_ASKED) == (rule != NULL) && utc_is_set(now));

        /* Such a rule would be on no snapshot either. */
        if (rule && !state_rule_is_plain(rule))
                return -E2BIG;
        ack.policy = strdup(policy);
        if (rule)
                ack.rule = strdup(rule);
        if (!ack.policy || (rule && !ack.rule))
                r = -ENOMEM;
        if (r == 0 && !found)
                r = state_acks_make(state, at);
        if (r < 0) {
                state_ack_deinit(&ack);
                return r;
        }
        state_ack_deinit(&state->acks[at]); /* the earlier one, or a place without anything */
        state->acks[at] = ack;
        state->changed = true;
        return 0;
}

bool state_is_acked(const struct state *state, enum doubt kind, const char *policy,
                    const char *rule) {
        bool found;
        size_t at = state_acks_place(state, kind, policy, &found);

        return found &&
               (!rule || (state->acks[at].rule && strcmp(state->acks[at].rule, rule) == 0));
}

struct utc state_acked_at(const struct state *state, enum doubt kind, const char *policy) {
        bool found;
        size_t at = state_acks_place(state, kind, policy, &found);

        return found ? state->acks[at].at : UTC_NONE;
}

void state_ack_forget(struct state *state, enum doubt kind, const char *policy) {
        bool found;
        size_t at = state_acks_place(state, kind, policy, &found);

        if (!found)
                return;
        state_ack_deinit(&state->acks[at]);
        state->n_acks--;
        memmove(&state->acks[at], &state->acks[at + 1],
                (state->n_acks - at) * sizeof(*state->acks));
        state->changed = true;
}

uint64_t state_allowance(const struct state *state, const char *policy, struct utc now) {
        bool found;
        size_t at = state_acks_place(state, DOUBT_MASS, policy, &found);

        /* An ack that lies ahead was given by a clock that was wrong: we ask again. */
        if (!found || state->acks[at].at.ticks > now.ticks ||
            utc_add_seconds(state->acks[at].at, DOUBT_MASS_WINDOW_S).ticks < now.ticks)
                return 0;
        return state->acks[at].allowance;
}

bool state_spend_allowance(struct state *state, const char *policy, struct utc now) {
        bool found;
        size_t at = state_acks_place(state, DOUBT_MASS, policy, &found);

        if (state_allowance(state, policy, now) == 0)
                return false;
        state->acks[at].allowance--;
        state->changed = true;
        return true;
}

void state_return_allowance(struct state *state, const char *policy, struct utc spent) {
        bool found;
        size_t at = state_acks_place(state, DOUBT_MASS, policy, &found);

        if (!found || state->acks[at].at.ticks > spent.ticks ||
            state->acks[at].allowance == STATE_COUNT_MAX)
                return;
        state->acks[at].allowance++;
        state->changed = true;
}

static int64_t hour_of(struct utc time) {
        int64_t seconds = utc_seconds(time);

        return (seconds - (seconds % SEC_PER_HOUR + SEC_PER_HOUR) % SEC_PER_HOUR) / SEC_PER_HOUR;
}

/* Whether the hour still counts at @now. Those ahead do, for a clock that was set back a little must
 * not make room for deletions; but no further than the window, or a clock that was once far ahead
 * would stop deletions until then. */
static bool hour_counts(int64_t hour, struct utc now) {
        return hour >= hour_of(utc_add_seconds(now, -DOUBT_MASS_WINDOW_S)) &&
               hour <= hour_of(utc_add_seconds(now, DOUBT_MASS_WINDOW_S));
}

void state_expire_deletions(struct state *state, struct utc now) {
        size_t kept = 0;

        for (size_t i = 0; i < state->n_deletions; i++)
                if (hour_counts(state->deletions[i].hour, now))
                        state->deletions[kept++] = state->deletions[i];
                else
                        free(state->deletions[i].policy);
        if (kept < state->n_deletions)
                state->changed = true;
        state->n_deletions = kept;
}

/* The hour of creation as a deletion at @now keeps it. */
static int64_t born_of(struct utc created, struct utc now) {
        return created.ticks <= utc_add_seconds(now, -DOUBT_MASS_GAIN_S).ticks ? 0
                                                                               : hour_of(created);
}

int state_count_deletions(struct state *state, const char *policy, struct utc created,
                          uint64_t count, struct utc now) {
        int64_t hour = hour_of(now), born = born_of(created, now);
        struct state_deletions *deletions;
        bool found;
        size_t at;
        int r;

        if (count == 0)
                return 0;
        if (!state_policy_is_plain(policy))
                return -EINVAL;

        at = state_deletions_place(state, policy, hour, born, &found);
        if (!found) {
                _cleanup_(freep) char *copy = strdup(policy);

                if (!copy)
                        return -ENOMEM;
                r = state_deletions_make(state, at);
                if (r < 0)
                        return r;
                state->deletions[at].policy = take_ptr(copy);
                state->deletions[at].hour = hour;
                state->deletions[at].born = born;
        }
        deletions = &state->deletions[at];
        deletions->count = count < STATE_COUNT_MAX - deletions->count ? deletions->count + count
                                                                      : STATE_COUNT_MAX;
        state->changed = true;
        return 0;
}

void state_forget_deletions(struct state *state, const char *policy) {
        size_t kept = 0;

        for (size_t i = 0; i < state->n_deletions; i++)
                if (strcmp(state->deletions[i].policy, policy) != 0)
                        state->deletions[kept++] = state->deletions[i];
                else
                        free(state->deletions[i].policy);
        if (kept < state->n_deletions)
                state->changed = true;
        state->n_deletions = kept;
}

void state_uncount_deletion(struct state *state, const char *policy, struct utc created,
                            struct utc counted) {
        bool found;
        size_t at = state_deletions_place(state, policy, hour_of(counted),
                                          born_of(created, counted), &found);

        if (!found)
                return;
        state->changed = true;
        if (--state->deletions[at].count > 0)
                return;
        free(state->deletions[at].policy);
        state->n_deletions--;
        memmove(&state->deletions[at], &state->deletions[at + 1],
                (state->n_deletions - at) * sizeof(*state->deletions));
}

uint64_t state_deletions_since(const struct state *state, const char *policy, struct utc now) {
        uint64_t sum = 0;

        for (size_t i = 0; i < state->n_deletions; i++)
                if (hour_counts(state->deletions[i].hour, now) &&
                    state->deletions[i].born <= hour_of(utc_add_seconds(now, -DOUBT_MASS_GAIN_S)) &&
                    strcmp(state->deletions[i].policy, policy) == 0)
                        sum += state->deletions[i].count;
        return sum;
}

bool state_mass_stands(const struct state *state, const char *policy) {
        bool found;

        (void)state_masses_place(state, policy, &found);
        return found;
}

int state_mass_note(struct state *state, const char *policy) {
        _cleanup_(freep) char *copy = NULL;
        bool found;
        size_t at = state_masses_place(state, policy, &found);
        int r;

        if (found)
                return 0;
        copy = strdup(policy);
        if (!copy)
                return -ENOMEM;
        r = state_masses_make(state, at);
        if (r < 0)
                return r;
        state->masses[at] = take_ptr(copy);
        state->changed = true;
        return 0;
}

void state_mass_forget(struct state *state, const char *policy) {
        bool found;
        size_t at = state_masses_place(state, policy, &found);

        if (!found)
                return;
        free(state->masses[at]);
        state->n_masses--;
        memmove(&state->masses[at], &state->masses[at + 1],
                (state->n_masses - at) * sizeof(*state->masses));
        state->changed = true;
}

const struct state_rule *state_rule_find(const struct state *state, const char *policy) {
        bool found;
        size_t at = state_rules_place(state, policy, &found);

        return found ? &state->rules[at] : NULL;
}

int state_rule_set(struct state *state, const char *policy, const char *rule, uint64_t complete) {
        struct state_rule next = {.complete = MIN(complete, STATE_COUNT_MAX)};
        bool found;
        size_t at = state_rules_place(state, policy, &found);
        int r = 0;

        if (found && strcmp(state->rules[at].rule, rule) == 0) {
                state->changed |= state->rules[at].complete != next.complete;
                state->rules[at].complete = next.complete;
                return 0;
        }
        if (!state_rule_is_plain(rule))
                return -E2BIG;
        next.policy = strdup(policy);
        next.rule = strdup(rule);
        if (!next.policy || !next.rule)
                r = -ENOMEM;
        if (r == 0 && !found)
                r = state_rules_make(state, at);
        if (r < 0) {
                rule_deinit(&next);
                return r;
        }
        rule_deinit(&state->rules[at]); /* the earlier one, or a place without anything */
        state->rules[at] = next;
        state->changed = true;
        return 0;
}

void state_rule_uncount(struct state *state, const char *policy) {
        bool found;
        size_t at = state_rules_place(state, policy, &found);

        if (!found || state->rules[at].complete == 0)
                return;
        state->rules[at].complete--;
        state->changed = true;
}
