#include "engine/conditions.h"

#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

struct condition {
        UT_hash_handle hh;
        unsigned pass; /* raised last in this one */
        int doubt;
        struct utc since;
        const struct event_entry *event;
        char *over; /* owned, or NULL; as are the fields */
        char *reason, *policy, *disk, *generation;
        char key[];
};

static struct condition *condition_free(struct condition *condition) {
        free(condition->over);
        free(condition->reason);
        free(condition->policy);
        free(condition->disk);
        free(condition->generation);
        free(condition);
        return NULL;
}

void conditions_deinit(struct conditions *conditions) {
        struct condition *condition, *next;

        HASH_ITER (hh, conditions->raised, condition, next) {
                HASH_DEL(conditions->raised, condition);
                condition_free(condition);
        }
}

void conditions_begin(struct conditions *conditions) {
        conditions->pass++;
}

static void say(struct log *log, enum log_level level, const struct event_entry *event,
                const char *state, const char *reason, const char *policy, const char *disk,
                const char *generation, const char *text) {
        struct log_entry entry;

        log_begin(&entry, level);
        entry.event = event;
        log_field(&entry, LOG_STATE, state);
        log_field(&entry, LOG_REASON, reason);
        log_field(&entry, LOG_POLICY, policy);
        log_field(&entry, LOG_DISK, disk);
        log_field(&entry, LOG_GENERATION, generation);
        log_commit(log, &entry, "%s", text);
}

/* A copy, or NULL: a field that is lost when memory is out is not missed. */
static char *keep(const char *s) {
        return s ? strdup(s) : NULL;
}

void condition_raise(struct conditions *conditions, const struct condition_sight *sight,
                     struct utc now) {
        const struct event_entry *event = event_find(sight->reason);
        struct condition *condition;
        size_t len = strlen(sight->key);

        HASH_FIND(hh, conditions->raised, sight->key, len, condition);
        if (condition) {
                condition->pass = conditions->pass;
                return;
        }

        if (sight->doubt >= 0)
                conditions->begun[sight->doubt]++;
        say(conditions->log, sight->level, event, "begun", sight->reason, sight->policy,
            sight->disk, sight->generation, sight->text);

        condition = calloc(1, sizeof(*condition) + len + 1);
        if (!condition)
                return;
        memcpy(condition->key, sight->key, len + 1);
        condition->pass = conditions->pass;
        condition->doubt = sight->doubt;
        condition->since = now;
        condition->event = event;
        condition->over = keep(sight->over);
        condition->reason = keep(sight->reason);
        condition->policy = keep(sight->policy);
        condition->disk = keep(sight->disk);
        condition->generation = keep(sight->generation);
        HASH_ADD_KEYPTR(hh, conditions->raised, condition->key, len, condition);
        if (!condition->hh.tbl)
                condition_free(condition);
}

struct utc condition_since(const struct conditions *conditions, const char *key) {
        struct condition *condition;

        HASH_FIND_STR(conditions->raised, key, condition);
        return condition ? condition->since : UTC_NONE;
}

void conditions_finish(struct conditions *conditions) {
        struct condition *condition, *next;

        HASH_ITER (hh, conditions->raised, condition, next) {
                if (condition->pass == conditions->pass)
                        continue;
                if (condition->doubt >= 0)
                        conditions->ended[condition->doubt]++;
                if (condition->over)
                        say(conditions->log, LOG_LEVEL_NOTICE, condition->event, "over",
                            condition->reason, condition->policy, condition->disk,
                            condition->generation, condition->over);
                HASH_DEL(conditions->raised, condition);
                condition_free(condition);
        }
}
