/*
 * What befalls the network and the service in a generated run.
 */
#include "play.h"

void play_noise(struct play *play, uint32_t factor) {
        struct network *network = play->rig.network;

        network_stop_faults(network);
        if (factor == 0 || play->story->noise == 0)
                return;
        for (int fault = NETWORK_NOT_SENT; fault < _NETWORK_FAULT_N; fault++) {
                uint32_t rate = 220;

                /* Few requests are fit for these. */
                if (fault == NETWORK_FAILED_CREATE || fault == NETWORK_FAILED_DELETE ||
                    fault == NETWORK_STUCK_OPERATION || fault == NETWORK_CONFLICT ||
                    fault == NETWORK_FAILED_COPY)
                        rate = 6000;
                network_set_fault(network, (enum network_fault)fault,
                                  MIN(rate * factor * play->story->noise, 200000U));
        }
}

static bool begin_noise(struct play *play, const struct story_event *event) {
        play_noise(play, 4 + (uint32_t)(event_pick(event, 1) % 40));
        return true;
}

static bool begin_failed_creates(struct play *play, const struct story_event *event) {
        network_set_fault(play->rig.network, NETWORK_FAILED_CREATE, 1000000);
        return true;
}

static void end_faults(struct play *play, const struct story_event *event) {
        play_noise(play, 1);
}

static bool begin_cut(struct play *play, const struct story_event *event) {
        network_link_cut(event_node(play, event)->link, true);
        return true;
}

static void end_cut(struct play *play, const struct story_event *event) {
        network_link_cut(event_node(play, event)->link, false);
}

static bool begin_lag(struct play *play, const struct story_event *event) {
        int (*set_lag)(struct service * service, struct utc now, const char *subscription,
                       int64_t ns) =
                event->kind == EVENT_FLAPS ? service_set_listing_flaps : service_set_listing_lag;
        int64_t lag_s = 60 + (int64_t)(event_pick(event, 1) % 1200);

        /* That of another subscription may be longer, and go on. */
        play->rig.checks.lag_s = MAX(play->rig.checks.lag_s, lag_s);
        play->lag_until_s = MAX(play->lag_until_s, event->at_s + event->length_s + CHECKS_SIGHT_S);
        return set_lag(play->rig.service, play_now(play), event_subscription(play, event),
                       lag_s * NSEC_PER_SEC) == 0;
}

static void end_lag(struct play *play, const struct story_event *event) {
        service_set_listing_lag(play->rig.service, play_now(play), event_subscription(play, event),
                                -1);
}

static const char *rights_group(const struct story_event *event) {
        static const char *const groups[] = {"rg-snapshots", "rg-app", NULL};

        return groups[event_pick(event, 1) % ARRAY_SIZE(groups)];
}

static bool begin_rights(struct play *play, const struct story_event *event) {
        static const enum service_rights rights[_EVENT_N] = {
                [EVENT_UNLISTED] = SERVICE_RIGHTS_UNLISTED,
                [EVENT_NO_RIGHTS] = SERVICE_RIGHTS_NONE,
                [EVENT_READ_ONLY] = SERVICE_RIGHTS_READ,
        };

        play->rig.checks.rights_cut = true;
        play->rights_until_s =
                MAX(play->rights_until_s, event->at_s + event->length_s + CHECKS_SIGHT_S);
        return service_set_rights(play->rig.service, event_subscription(play, event),
                                  rights_group(event), rights[event->kind]) == 0;
}

static void end_rights(struct play *play, const struct story_event *event) {
        service_set_rights(play->rig.service, event_subscription(play, event), rights_group(event),
                           SERVICE_RIGHTS_INHERITED);
}

static bool begin_forbidden(struct play *play, const struct story_event *event) {
        return service_forbid(play->rig.service, event_subscription(play, event), true) == 0;
}

static void end_forbidden(struct play *play, const struct story_event *event) {
        service_forbid(play->rig.service, event_subscription(play, event), false);
}

static bool begin_away(struct play *play, const struct story_event *event) {
        static const enum service_away away[_EVENT_N] = {
                [EVENT_AWAY_500] = SERVICE_AWAY_500,   [EVENT_AWAY_503] = SERVICE_AWAY_503,
                [EVENT_THROTTLED] = SERVICE_THROTTLED, [EVENT_UNKNOWN] = SERVICE_UNKNOWN,
                [EVENT_DISABLED] = SERVICE_DISABLED,
        };
        /* For the subscription, or for all of ARM where that can be. */
        const char *subscription =
                event_is_everywhere(event) ? NULL : event_subscription(play, event);

        return service_set_away(play->rig.service, subscription, away[event->kind],
                                5 + (int64_t)(event_pick(event, 2) % 600),
                                utc_add_seconds(play_now(play), event->length_s)) == 0;
}

static bool begin_key(struct play *play, const struct story_event *event) {
        static const enum service_key keys[] = {SERVICE_KEY_DISABLED, SERVICE_KEY_FORBIDDEN,
                                                SERVICE_KEY_UNREADABLE};
        bool any = false;

        for (unsigned i = 0; i < play->story->n_disks; i++)
                any |= play->story->encrypted[i];
        return any && service_set_key(play->rig.service, STORY_SET,
                                      keys[event_pick(event, 1) % ARRAY_SIZE(keys)]) == 0;
}

static void end_key(struct play *play, const struct story_event *event) {
        rig_must(service_set_key(play->rig.service, STORY_SET, SERVICE_KEY_USABLE));
}

/* What they take is back when the windows that it was taken from are over. */
static bool begin_spending(struct play *play, const struct story_event *event) {
        play->spends = event;
        play->rig.checks.strangers_spend = true;
        play->spend_until_s =
                MAX(play->spend_until_s, event->at_s + event->length_s + SEC_PER_HOUR);
        return true;
}

static void end_spending(struct play *play, const struct story_event *event) {
        play->spends = NULL;
}

/* Of some kinds of request so many that the daemons see little left, or nothing. */
void strangers_spend(struct play *play) {
        static const struct {
                enum service_request_kind kind;
                const char *region; /* listings count in none */
                uint32_t most;      /* in 3 minutes (FACTS section 9) */
        } drawn[] = {
                {SERVICE_REQUEST_PUT_SNAPSHOT, SERVICE_REGION, 1000},
                {SERVICE_REQUEST_DELETE_SNAPSHOT, SERVICE_REGION, 3000},
                {SERVICE_REQUEST_LIST_SNAPSHOTS, "", 240},
                {SERVICE_REQUEST_GET_SNAPSHOT, SERVICE_REGION, 15000},
        };
        static const unsigned parts[] = {1, 2, 5, 20, 60};

        for (unsigned i = 0; i < ARRAY_SIZE(drawn); i++) {
                uint64_t pick = event_pick(play->spends, 10 + i);

                if (pick % 2 == 0)
                        rig_must(
                                service_spend(play->rig.service, play_now(play),
                                              SERVICE_SUBSCRIPTION, drawn[i].region, drawn[i].kind,
                                              drawn[i].most / parts[pick / 2 % ARRAY_SIZE(parts)]));
        }
}

static bool begin_quota(struct play *play, const struct story_event *event) {
        return service_set_quota(play->rig.service, event_subscription(play, event), 1) == 0;
}

static void end_quota(struct play *play, const struct story_event *event) {
        service_set_quota(play->rig.service, event_subscription(play, event), 0);
}

static bool expire_tokens(struct play *play, const struct story_event *event) {
        service_expire_tokens(play->rig.service);
        return true;
}

static bool begin_clock_error(struct play *play, const struct story_event *event) {
        service_set_clock_error(play->rig.service, event_pick(event, 2) % 2
                                                           ? event_step_ns(event)
                                                           : -event_step_ns(event));
        return true;
}

static void end_clock_error(struct play *play, const struct story_event *event) {
        service_set_clock_error(play->rig.service, 0);
}

const struct event_script service_events[_EVENT_N] = {
        [EVENT_NOISE] = {begin_noise, end_faults},
        [EVENT_CREATES_FAIL] = {begin_failed_creates, end_faults},
        [EVENT_CUT] = {begin_cut, end_cut},
        [EVENT_LAG] = {begin_lag, end_lag},
        [EVENT_FLAPS] = {begin_lag, end_lag},
        [EVENT_UNLISTED] = {begin_rights, end_rights},
        [EVENT_NO_RIGHTS] = {begin_rights, end_rights},
        [EVENT_READ_ONLY] = {begin_rights, end_rights},
        [EVENT_FORBIDDEN] = {begin_forbidden, end_forbidden},
        /* These end by themselves. */
        [EVENT_AWAY_500] = {.begin = begin_away},
        [EVENT_AWAY_503] = {.begin = begin_away},
        [EVENT_THROTTLED] = {.begin = begin_away},
        [EVENT_UNKNOWN] = {.begin = begin_away},
        [EVENT_DISABLED] = {.begin = begin_away},
        [EVENT_QUOTA] = {begin_quota, end_quota},
        [EVENT_KEY] = {begin_key, end_key},
        [EVENT_STRANGERS_SPEND] = {begin_spending, end_spending},
        [EVENT_TOKENS] = {.begin = expire_tokens},
        [EVENT_SERVICE_CLOCK] = {begin_clock_error, end_clock_error},
};
