/*
 * The records of the state file: each is written as one line of JSON, and read with its values checked.
 */
#include "engine/state-private.h"

#include "azure/json.h"
#include "base/json_writer.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

#define STATE_KEY_SIZE sizeof(((struct state_fleet *)NULL)->key)

/* Values */

void state_write_time(struct json_writer *w, const char *name, struct utc time) {
        if (utc_is_set(time) && time.ticks != UTC_NEVER.ticks)
                time = utc_from_seconds(utc_seconds(time));
        json_write_utc(w, name, time);
}

bool state_read_time(const struct cJSON *json, const char *name, struct utc none,
                     struct utc *ret_time) {
        const char *text = json_string(json, name);

        *ret_time = none;
        return json_is_absent(json, name) || (text && utc_parse(text, strlen(text), ret_time) == 0);
}

static bool integer_within(const struct cJSON *value, int64_t min, int64_t max,
                           int64_t *ret_value) {
        return json_integer_of(value, ret_value) && *ret_value >= min && *ret_value <= max;
}

static bool read_integer(const struct cJSON *json, const char *name, int64_t min, int64_t max,
                         int64_t *ret_value) {
        return json_integer(json, name, ret_value) && *ret_value >= min && *ret_value <= max;
}

static int read_policy(const struct cJSON *json, char **ret_policy) {
        const char *text = json_string(json, "policy");

        if (!text || !state_policy_is_plain(text))
                return STATE_E_DAMAGED;
        *ret_policy = strdup(text);
        return *ret_policy ? 0 : -ENOMEM;
}

/* Acks */

static const struct {
        const char *name;
        enum doubt kind;
} ack_kinds[] = {
        {"policy", DOUBT_POLICY},
        {"mass", DOUBT_MASS},
        {"ask", _DOUBT_N},
        {"asked", STATE_ASKED},
};

static void ack_write(struct json_writer *w, const struct state *state, size_t i) {
        const struct state_ack *ack = &state->acks[i];

        json_open(w, NULL, '{');
        for (size_t k = 0; k < ARRAY_SIZE(ack_kinds); k++)
                if (ack_kinds[k].kind == ack->kind)
                        json_write_string(w, "kind", ack_kinds[k].name);
        json_write_string(w, "policy", ack->policy);
        if (ack->rule)
                json_write_string(w, "rule", ack->rule);
        else
                json_write_null(w, "rule");
        json_write_int(w, "allowance", (int64_t)ack->allowance);
        state_write_time(w, "at", ack->at);
        json_close(w);
}

static int ack_fill(const struct cJSON *json, struct state_ack *ack) {
        const char *kind = json_string(json, "kind"), *rule = json_string(json, "rule");
        int64_t allowance;
        size_t k = 0;

        while (k < ARRAY_SIZE(ack_kinds) && (!kind || strcmp(ack_kinds[k].name, kind) != 0))
                k++;
        if (k == ARRAY_SIZE(ack_kinds) || !state_read_time(json, "at", UTC_NONE, &ack->at) ||
            !utc_is_set(ack->at) ||
            !read_integer(json, "allowance", 0, STATE_COUNT_MAX, &allowance))
                return STATE_E_DAMAGED;
        ack->kind = ack_kinds[k].kind;
        ack->allowance = (uint64_t)allowance;
        if ((ack->kind == DOUBT_POLICY || ack->kind == STATE_ASKED) != (rule != NULL) ||
            (ack->kind != DOUBT_MASS && allowance != 0) || (rule && !state_rule_is_plain(rule)))
                return STATE_E_DAMAGED;

        if (rule) {
                ack->rule = strdup(rule);
                if (!ack->rule)
                        return -ENOMEM;
        }
        return read_policy(json, &ack->policy);
}

static int ack_read(const struct cJSON *json, struct state *state) {
        struct state_ack ack = {};
        bool found;
        int r;

        r = ack_fill(json, &ack);
        if (r == 0 && state_acks_place(state, ack.kind, ack.policy, &found) != state->n_acks)
                r = STATE_E_DAMAGED;
        if (r == 0)
                r = state_acks_make(state, state->n_acks);
        if (r != 0) {
                state_ack_deinit(&ack);
                return r;
        }
        state->acks[state->n_acks - 1] = ack;
        return 0;
}

/* Gone disks */

static void gone_write(struct json_writer *w, const struct state *state, size_t i) {
        const struct state_gone *gone = &state->gone[i];

        json_open(w, NULL, '{');
        json_write_string(w, "generation", gone->generation);
        state_write_time(w, "first", gone->first);
        state_write_time(w, "since", gone->since);
        /* The first files had neither. */
        if (gone->disk) {
                json_write_string(w, "disk", gone->disk);
                state_write_time(w, "seen", gone->seen);
        }
        json_close(w);
}

static int gone_read(const struct cJSON *json, struct state *state) {
        const char *text = json_string(json, "generation"), *disk = json_string(json, "disk");
        struct state_gone gone = {};
        struct guid guid;
        bool found;
        int r;

        if (!text || guid_parse(text, strlen(text), &guid) < 0 ||
            !state_read_time(json, "first", UTC_NONE, &gone.first) ||
            !state_read_time(json, "since", UTC_NONE, &gone.since) ||
            !state_read_time(json, "seen", UTC_NONE, &gone.seen) ||
            (disk && strlen(disk) >= RESOURCE_ID_TEXT_SIZE))
                return STATE_E_DAMAGED;
        guid_format(&guid, gone.generation);
        if (state_gone_place(state, gone.generation, &found) != state->n_gone)
                return STATE_E_DAMAGED;

        if (disk) {
                gone.disk = strdup(disk);
                if (!gone.disk)
                        return -ENOMEM;
        }
        r = state_gone_make(state, state->n_gone);
        if (r < 0) {
                free(gone.disk);
                return r;
        }
        state->gone[state->n_gone - 1] = gone;
        return 0;
}

/* Series of disks that were no more selected */

static void unselected_write(struct json_writer *w, const struct state *state, size_t i) {
        json_open(w, NULL, '{');
        json_write_string(w, "generation", state->unselected[i].generation);
        json_write_string(w, "policy", state->unselected[i].policy);
        json_close(w);
}

static int unselected_read(const struct cJSON *json, struct state *state) {
        const char *text = json_string(json, "generation");
        _cleanup_(freep) char *policy = NULL;
        char generation[GUID_TEXT_SIZE];
        struct guid guid;
        bool found;
        int r;

        if (!text || guid_parse(text, strlen(text), &guid) < 0)
                return STATE_E_DAMAGED;
        guid_format(&guid, generation);
        r = read_policy(json, &policy);
        if (r != 0)
                return r;
        if (state_unselected_place(state, generation, policy, &found) != state->n_unselected ||
            found)
                return STATE_E_DAMAGED;
        return state_unselected_note(state, generation, policy);
}

/* Failed snapshots */

static void failure_write(struct json_writer *w, const struct state *state, size_t i) {
        const struct failure *failure = &state->failures[i];
        char text[GUID_TEXT_SIZE];

        json_open(w, NULL, '{');
        json_write_string(w, "snapshot", guid_format(&failure->unique_id, text));
        json_write_string(w, "subscription", guid_format(&failure->subscription, text));
        state_write_time(w, "since", failure->since);
        json_close(w);
}

static bool read_guid(const struct cJSON *json, const char *name, struct guid *ret_guid) {
        const char *text = json_string(json, name);

        return text && guid_parse(text, strlen(text), ret_guid) == 0;
}

static int failure_read(const struct cJSON *json, struct state *state) {
        struct failure failure;
        bool found;
        int r;

        if (!read_guid(json, "snapshot", &failure.unique_id) ||
            !read_guid(json, "subscription", &failure.subscription) ||
            !state_read_time(json, "since", UTC_NONE, &failure.since) || !utc_is_set(failure.since))
                return STATE_E_DAMAGED;
        if (failure_place(state->failures, state->n_failures, &failure.unique_id, &found) !=
            state->n_failures)
                return STATE_E_DAMAGED;

        r = state_failures_make(state, state->n_failures);
        if (r < 0)
                return r;
        state->failures[state->n_failures - 1] = failure;
        return 0;
}

/* Fleets */

static void fleet_write(struct json_writer *w, const struct state *state, size_t i) {
        const struct fleet *fleet = &state->fleets[i].fleet;

        json_open(w, NULL, '{');
        json_write_string(w, "key", state->fleets[i].key);
        json_open(w, "days", '[');
        for (size_t d = 0; d < ARRAY_SIZE(fleet->day); d++)
                json_write_int(w, NULL, fleet->day[d]);
        json_close(w);
        json_open(w, "sizes", '[');
        for (size_t d = 0; d < ARRAY_SIZE(fleet->size); d++)
                json_write_int(w, NULL, fleet->size[d]);
        json_close(w);
        json_write_int(w, "missing_from", fleet->missing_from);
        if (fleet->has_accepted)
                json_write_int(w, "accepted", fleet->accepted);
        else
                json_write_null(w, "accepted");
        json_close(w);
}

static int fleet_fill(const struct cJSON *json, struct fleet *fleet) {
        const struct cJSON *day = json_first(json_array(json, "days")),
                           *size = json_first(json_array(json, "sizes"));
        int64_t value;

        for (size_t d = 0; d < ARRAY_SIZE(fleet->day); d++) {
                if (!integer_within(day, UTC_MIN_SECONDS / SEC_PER_DAY,
                                    UTC_MAX_SECONDS / SEC_PER_DAY, &fleet->day[d]) ||
                    !integer_within(size, 0, UINT32_MAX, &value))
                        return STATE_E_DAMAGED;
                fleet->size[d] = (uint32_t)value;
                day = json_next(day);
                size = json_next(size);
        }
        if (!read_integer(json, "missing_from", 0, UINT32_MAX, &value))
                return STATE_E_DAMAGED;
        fleet->missing_from = (uint32_t)value;
        if (json_is_absent(json, "accepted"))
                return 0;
        if (!read_integer(json, "accepted", 0, UINT32_MAX, &value))
                return STATE_E_DAMAGED;
        fleet->has_accepted = true;
        fleet->accepted = (uint32_t)value;
        return 0;
}

static bool key_is_valid(const char *key) {
        return strlen(key) == STATE_KEY_SIZE - 1 &&
               strspn(key, "0123456789abcdef") == STATE_KEY_SIZE - 1;
}

static int fleet_read(const struct cJSON *json, struct state *state) {
        const char *key = json_string(json, "key");
        bool found;
        int r;

        if (!key || !key_is_valid(key) || state_fleets_place(state, key, &found) != state->n_fleets)
                return STATE_E_DAMAGED;
        r = state_fleets_make(state, state->n_fleets);
        if (r < 0)
                return r;
        strcpy(state->fleets[state->n_fleets - 1].key, key);
        return fleet_fill(json, &state->fleets[state->n_fleets - 1].fleet);
}

/* Deletions */

static void deletions_write(struct json_writer *w, const struct state *state, size_t i) {
        const struct state_deletions *deletions = &state->deletions[i];

        json_open(w, NULL, '{');
        json_write_int(w, "hour", deletions->hour);
        json_write_string(w, "policy", deletions->policy);
        json_write_int(w, "born", deletions->born);
        json_write_int(w, "count", (int64_t)deletions->count);
        json_close(w);
}

static int deletions_read(const struct cJSON *json, struct state *state) {
        _cleanup_(freep) char *policy = NULL;
        struct state_deletions *deletions;
        int64_t hour, born, count;
        bool found;
        int r;

        if (!read_integer(json, "hour", UTC_MIN_SECONDS / SEC_PER_HOUR,
                          UTC_MAX_SECONDS / SEC_PER_HOUR, &hour) ||
            !read_integer(json, "born", UTC_MIN_SECONDS / SEC_PER_HOUR,
                          UTC_MAX_SECONDS / SEC_PER_HOUR, &born) ||
            !read_integer(json, "count", 1, STATE_COUNT_MAX, &count))
                return STATE_E_DAMAGED;
        r = read_policy(json, &policy);
        if (r != 0)
                return r;
        if (state_deletions_place(state, policy, hour, born, &found) != state->n_deletions)
                return STATE_E_DAMAGED;

        r = state_deletions_make(state, state->n_deletions);
        if (r < 0)
                return r;
        deletions = &state->deletions[state->n_deletions - 1];
        *deletions = (struct state_deletions){take_ptr(policy), hour, born, (uint64_t)count};
        return 0;
}

/* Doubts mass */

static void mass_write(struct json_writer *w, const struct state *state, size_t i) {
        json_open(w, NULL, '{');
        json_write_string(w, "policy", state->masses[i]);
        json_close(w);
}

static int mass_read(const struct cJSON *json, struct state *state) {
        _cleanup_(freep) char *policy = NULL;
        bool found;
        int r;

        r = read_policy(json, &policy);
        if (r != 0)
                return r;
        if (state_masses_place(state, policy, &found) != state->n_masses || found)
                return STATE_E_DAMAGED;
        return state_mass_note(state, policy);
}

/* Accepted rules */

static void rule_write(struct json_writer *w, const struct state *state, size_t i) {
        json_open(w, NULL, '{');
        json_write_string(w, "policy", state->rules[i].policy);
        json_write_string(w, "rule", state->rules[i].rule);
        json_write_int(w, "complete", (int64_t)state->rules[i].complete);
        json_close(w);
}

static int rule_read(const struct cJSON *json, struct state *state) {
        _cleanup_(freep) char *policy = NULL;
        const char *rule = json_string(json, "rule");
        int64_t complete;
        bool found;
        int r;

        if (!rule || !state_rule_is_plain(rule) ||
            !read_integer(json, "complete", 0, STATE_COUNT_MAX, &complete))
                return STATE_E_DAMAGED;
        r = read_policy(json, &policy);
        if (r != 0)
                return r;
        if (state_rules_place(state, policy, &found) != state->n_rules || found)
                return STATE_E_DAMAGED;
        return state_rule_set(state, policy, rule, (uint64_t)complete);
}

/* All of them */

const struct state_section state_sections[STATE_SECTIONS] = {
        {"acks", offsetof(struct state, n_acks), ack_read, ack_write, false},
        {"gone", offsetof(struct state, n_gone), gone_read, gone_write, false},
        {"unselected", offsetof(struct state, n_unselected), unselected_read, unselected_write,
         true},
        {"failures", offsetof(struct state, n_failures), failure_read, failure_write, true},
        {"fleets", offsetof(struct state, n_fleets), fleet_read, fleet_write, false},
        {"deletions", offsetof(struct state, n_deletions), deletions_read, deletions_write, false},
        {"masses", offsetof(struct state, n_masses), mass_read, mass_write, true},
        {"rules", offsetof(struct state, n_rules), rule_read, rule_write, false},
};
