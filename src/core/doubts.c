#include "core/doubts.h"

#include "base/macros.h"
#include "base/strbuf.h"

const char *doubt_name(enum doubt doubt) {
        static const char *const names[] = {
                [DOUBT_CLOCK] = "clock", [DOUBT_LISTING] = "listing",   [DOUBT_TARGETS] = "targets",
                [DOUBT_STALE] = "stale", [DOUBT_POLICY] = "policy",     [DOUBT_MASS] = "mass",
                [DOUBT_PEER] = "peer",   [DOUBT_INTERNAL] = "internal",
        };

        return names[doubt];
}

const char *doubt_end(enum doubt doubt) {
        static const char *const ends[] = {
                [DOUBT_CLOCK] = "ends after two clean sweeps",
                [DOUBT_LISTING] = "ends after two clean sweeps, which read all of it",
                [DOUBT_TARGETS] = "ends when the disks are back, or by ack",
                [DOUBT_STALE] = "ends with a complete snapshot",
                [DOUBT_POLICY] = "ends by ack, or when the old rule is back",
                [DOUBT_MASS] = "ends by ack",
                [DOUBT_PEER] = "ends after 24 hours of one rule",
                [DOUBT_INTERNAL] = "ends with a restart",
        };

        return ends[doubt];
}

void blocks_append(uint32_t blocked, struct strbuf *out) {
        static const struct {
                uint32_t bit;
                const char *name;
        } blocks[] = {
                {BLOCK_PAUSED, "paused"}, {BLOCK_PAUSED_ALL, "all paused"},
                {BLOCK_ASK, "ask"},       {BLOCK_GONE, "gone"},
                {BLOCK_FULL, "full"},     {BLOCK_BURST, "burst"},
                {BLOCK_HOLD, "hold"},
        };
        const char *separator = "";

        for (enum doubt doubt = 0; doubt < _DOUBT_N; doubt++)
                if (blocked & DOUBT_BIT(doubt)) {
                        strbuf_appendf(out, "%s%s", separator, doubt_name(doubt));
                        separator = ", ";
                }
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
                if (blocked & blocks[i].bit) {
                        strbuf_appendf(out, "%s%s", separator, blocks[i].name);
                        separator = ", ";
                }
}

void policy_tally_add(struct policy_tally *sum, const struct policy_tally *more) {
        sum->complete += more->complete;
        sum->listed += more->listed;
        sum->beyond += more->beyond;
        sum->deletes += more->deletes;
        sum->failures += more->failures;
        sum->gained += more->gained;
        sum->differing += more->differing;
        sum->agreeing += more->agreeing;
        if (more->accepted)
                sum->accepted = more->accepted;
        sum->former.ticks = MAX(sum->former.ticks, more->former.ticks);
}

/* Whether @part is more than @percent of @whole, a count of rows, which is far from overflow. @part may
 * be anything, since some of it was remembered in a file, and then it is more. */
static bool is_more_than(size_t part, size_t whole, unsigned percent) {
        size_t scaled;

        return __builtin_mul_overflow(part, (size_t)100, &scaled) || scaled > whole * percent;
}

bool doubt_policy_stands(const struct policy_tally *tally, unsigned percent) {
        return is_more_than(tally->beyond, tally->complete, percent);
}

bool doubt_mass_stands(const struct policy_tally *tally, size_t deleted, size_t allowance,
                       unsigned percent) {
        size_t sum;

        if (tally->deletes <= allowance)
                return false;

        if (__builtin_add_overflow(tally->deletes - allowance, deleted, &sum))
                sum = SIZE_MAX;
        if (sum <= tally->gained)
                return false;
        return sum - tally->gained > DOUBT_MASS_LEAST &&
               is_more_than(sum - tally->gained, tally->complete, percent);
}

static int64_t day_of(struct utc now) {
        int64_t seconds = utc_seconds(now), day = seconds / SEC_PER_DAY;

        return seconds % SEC_PER_DAY < 0 ? day - 1 : day;
}

/* The largest size of the days that are remembered. */
static uint32_t fleet_peak(const struct fleet *fleet) {
        uint32_t peak = 0;

        for (size_t i = 0; i < ARRAY_SIZE(fleet->day); i++)
                if (fleet->day[i] != 0)
                        peak = MAX(peak, fleet->size[i]);
        return peak;
}

/* Keeps the last days, in their order, and @found among today's. A day of the future was written
 * under a wrong clock: its size was real, and counts as of today. */
static void fleet_turn(struct fleet *fleet, uint32_t found, int64_t today) {
        struct fleet turned = {};

        turned.day[DOUBT_FLEET_DAYS] = today;
        turned.size[DOUBT_FLEET_DAYS] = found;
        for (size_t i = 0; i < ARRAY_SIZE(fleet->day); i++) {
                int64_t day = MIN(fleet->day[i], today);
                size_t place;

                if (fleet->day[i] == 0 || today - day > DOUBT_FLEET_DAYS)
                        continue;
                place = (size_t)(DOUBT_FLEET_DAYS - (today - day));
                turned.day[place] = day;
                turned.size[place] = MAX(turned.size[place], fleet->size[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(fleet->day); i++) {
                fleet->day[i] = turned.day[i];
                fleet->size[i] = turned.size[i];
        }
}

void fleet_see(struct fleet *fleet, uint32_t found, struct utc now) {
        uint32_t peak;

        if (utc_is_set(now))
                fleet_turn(fleet, found, day_of(now));

        if (fleet->has_accepted)
                fleet->accepted = MAX(fleet->accepted, found);
        if (fleet->missing_from > 0) {
                if (found >= fleet->missing_from)
                        fleet->missing_from = 0;
                return;
        }

        peak = fleet_peak(fleet);
        if (found < peak && (uint64_t)(peak - found) * 4 >= peak)
                fleet->missing_from = peak;
}

bool fleet_equals(const struct fleet *a, const struct fleet *b) {
        for (size_t i = 0; i < ARRAY_SIZE(a->day); i++)
                if (a->day[i] != b->day[i] || a->size[i] != b->size[i])
                        return false;
        return a->missing_from == b->missing_from && a->accepted == b->accepted &&
               a->has_accepted == b->has_accepted;
}

void fleet_accept(struct fleet *fleet, uint32_t found, struct utc now) {
        *fleet = (struct fleet){.accepted = found, .has_accepted = true};
        fleet_turn(fleet, found, day_of(now));
}

bool doubt_targets_stands(const struct fleet *fleet, uint32_t found, uint32_t expect) {
        if (fleet->missing_from > 0)
                return true;
        return found < expect && !(fleet->has_accepted && found >= fleet->accepted);
}

bool doubt_targets_stood(const struct fleet *fleet, uint32_t expect) {
        size_t last = 0;

        for (size_t i = 1; i < ARRAY_SIZE(fleet->day); i++)
                if (fleet->day[i] > fleet->day[last])
                        last = i;
        if (fleet->day[last] == 0)
                return fleet->missing_from > 0;
        return doubt_targets_stands(fleet, fleet->size[last], expect);
}

/* Whether the rule that begins at @i was seen before another one, not more than a day earlier. */
static bool rule_returns(const struct rule_seen *seen, size_t i) {
        struct utc since = utc_add_seconds(seen[i].at, -DOUBT_PEER_WINDOW_S);

        for (size_t j = i; j-- > 0 && seen[j].at.ticks >= since.ticks;)
                if (seen[j].rule == seen[i].rule)
                        return true;
        return false;
}

bool doubt_peer_stands(const struct rule_seen *seen, size_t n, struct utc now) {
        bool stands = false;
        struct utc end = UTC_NONE; /* of the day after the last change */

        for (size_t i = 1; i < n; i++) {
                if (seen[i].rule == seen[i - 1].rule)
                        continue;
                if (seen[i].at.ticks >= end.ticks)
                        stands = false;
                stands = stands || rule_returns(seen, i);
                end = utc_add_seconds(seen[i].at, DOUBT_PEER_WINDOW_S);
        }
        return stands && now.ticks < end.ticks;
}
