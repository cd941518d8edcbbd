/*
 * What the state's own files share: where a record is, or belongs, and how it stands in the file.
 */
#pragma once

#include "engine/state.h"

struct cJSON;
struct json_writer;

/* What JSON numbers hold whole (azure/json.h). Sums stay there instead of running over. */
#define STATE_COUNT_MAX ((UINT64_C(1) << 53) - 1)

/* Each returns the index of the first record that is not below, and whether it is the one. */
size_t state_acks_place(const struct state *state, enum doubt kind, const char *policy,
                        bool *ret_found);
size_t state_gone_place(const struct state *state, const char *generation, bool *ret_found);
size_t state_unselected_place(const struct state *state, const char *generation, const char *policy,
                              bool *ret_found);
size_t state_fleets_place(const struct state *state, const char *key, bool *ret_found);
size_t state_deletions_place(const struct state *state, const char *policy, int64_t hour,
                             int64_t born, bool *ret_found);
size_t state_masses_place(const struct state *state, const char *policy, bool *ret_found);
size_t state_rules_place(const struct state *state, const char *policy, bool *ret_found);

/* Each makes a zeroed record at the place. Returns 0, -ENOMEM, or -E2BIG at the ceiling. */
int state_acks_make(struct state *state, size_t at);
int state_gone_make(struct state *state, size_t at);
int state_failures_make(struct state *state, size_t at);
int state_fleets_make(struct state *state, size_t at);
int state_deletions_make(struct state *state, size_t at);
int state_masses_make(struct state *state, size_t at);
int state_rules_make(struct state *state, size_t at);

void state_ack_deinit(struct state_ack *ack);

/* Whether a snapshot's tag could hold it. */
bool state_rule_is_plain(const char *rule);
/* Whether config could have it: letters, digits, '-', '_' and '.', a letter or digit first. */
bool state_policy_is_plain(const char *policy);

/* One kind of record, in the order of the file. */
struct state_section {
        const char *name;
        size_t n; /* offset of the number of records in struct state */
        int (*read)(const struct cJSON *json, struct state *state); /* appends one */
        void (*write)(struct json_writer *w, const struct state *state, size_t i);
        bool later; /* the first files had none */
};

#define STATE_SECTIONS 8
extern const struct state_section state_sections[STATE_SECTIONS];

/* In whole seconds. */
void state_write_time(struct json_writer *w, const char *name, struct utc time);
/* Null is @none. Returns whether it is a time. */
bool state_read_time(const struct cJSON *json, const char *name, struct utc none,
                     struct utc *ret_time);
