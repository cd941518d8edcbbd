#include "core/proofs.h"

#include "base/array.h"
#include "base/duration.h"
#include "base/strbuf.h"
#include "core/calendar.h"
#include "core/proofs-internal.h"
#include "core/zone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Chosen: more than a person reads, and a bound for a file of very many policies. */
#define FINDINGS_MAX 10000

struct proofs *proofs_free(struct proofs *proofs) {
        if (!proofs)
                return NULL;

        for (size_t i = 0; i < proofs->n_findings; i++)
                free(proofs->findings[i].text);
        free(proofs->findings);
        free(proofs->policies);
        free(proofs);
        return NULL;
}

bool proofs_failed(const struct proofs *proofs) {
        for (size_t i = 0; i < proofs->n_findings; i++)
                if (proofs->findings[i].severity == PROOF_ERROR)
                        return true;
        return false;
}

int proofs_add(struct proofs *proofs, enum proof_severity severity, size_t policy,
               const char *format, ...) {
        struct strbuf text = {};
        va_list ap;
        int r;

        r = array_grow(&proofs->findings, proofs->n_findings, &proofs->findings_capacity,
                       sizeof(*proofs->findings), FINDINGS_MAX);
        if (r < 0)
                return r;

        va_start(ap, format);
        strbuf_vappendf(&text, format, ap);
        va_end(ap);

        proofs->findings[proofs->n_findings] =
                (struct proof_finding){.severity = severity, .policy = policy};
        r = strbuf_take(&text, &proofs->findings[proofs->n_findings].text);
        if (r < 0) {
                strbuf_deinit(&text);
                return r;
        }

        proofs->n_findings++;
        return 0;
}

/* A duration in a buffer of the caller's, for a finding. A failure sticks in @reterr. */
#define DURATION_SIZE 32
static const char *duration(int64_t seconds, char buffer[static DURATION_SIZE], int *reterr) {
        struct strbuf text = {};

        duration_append(seconds, &text);
        snprintf(buffer, DURATION_SIZE, "%s", strbuf_str(&text));
        if (text.error < 0)
                *reterr = text.error;
        strbuf_deinit(&text);
        return buffer;
}

/*
 * Every item on its own: in a union one that is dead would hide behind the others. One that has had its slots
 * is no error: a file that was right would become wrong by the passing of time, and a daemon that is
 * restarted after that would refuse it, with all of its other policies.
 */
static int check_elapses(struct proofs *proofs, size_t index, const struct policy *policy,
                         struct utc now) {
        for (size_t i = 0; i < policy->schedule.n; i++) {
                const struct schedule_item *item = &policy->schedule.items[i];
                struct schedule one = {&policy->schedule.items[i], 1};
                const char *what = "never elapses: it has no slots";
                enum proof_severity severity = PROOF_ERROR;
                struct utc slot;
                int r;

                if (schedule_next(&one, policy->zone, now, &slot))
                        continue;

                if (item->kind == SCHEDULE_CALENDAR && calendar_elapses(item->calendar)) {
                        what = "is over: no slot lies after now, and it makes no more backups";
                        severity = PROOF_WARNING;
                }
                if (policy->schedule.n == 1)
                        r = proofs_add(proofs, severity, index, "the schedule %s", what);
                else
                        r = proofs_add(proofs, severity, index,
                                       "item %zu of %zu of the schedule %s", i + 1,
                                       policy->schedule.n, what);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_end(struct proofs *proofs, size_t index, const struct schedule_gaps *gaps) {
        char last[UTC_TEXT_SIZE];

        /* What ends with the calendar itself, in the year 2199 or 9999, ends nothing. */
        if (!gaps->ends || gaps->n == 0 || utc_seconds(gaps->last) > INT64_C(7000000000))
                return 0;
        return proofs_add(
                proofs, PROOF_WARNING, index,
                "the schedule ends: its last slot is %s, %u from now on, and no backup is "
                "made after it",
                utc_format(gaps->last, last), gaps->n);
}

static int check_rpo(struct proofs *proofs, size_t index, const struct policy *policy,
                     const struct schedule_gaps *gaps) {
        char gap[DURATION_SIZE], jitter[DURATION_SIZE], worst[DURATION_SIZE], rpo[DURATION_SIZE];
        char late[DURATION_SIZE];
        int64_t jitter_s, worst_s;
        int r = 0;

        if (policy->rpo_s <= 0 || gaps->n < 2)
                return 0;

        jitter_s = MIN(policy->jitter_s, gaps->shortest_s);
        worst_s = gaps->longest_s + jitter_s;
        duration(policy->rpo_s, rpo, &r);
        duration(gaps->longest_s, gap, &r);
        duration(jitter_s, jitter, &r);
        duration(worst_s, worst, &r);
        duration(2 * gaps->longest_s + jitter_s, late, &r);
        if (r < 0)
                return r;

        /* At the worst moment the next one is only just begun: equal is too late as well. */
        if (worst_s >= policy->rpo_s) {
                r = proofs_add(proofs, PROOF_ERROR, index,
                               "the rpo of %s cannot be kept: slots lie up to %s apart and the "
                               "jitter is up to %s, so the newest snapshot is up to %s old before "
                               "the next is begun",
                               rpo, gap, jitter, worst);
                if (r < 0)
                        return r;
        }
        if (policy->catch_up)
                return 0;

        return proofs_add(
                proofs, PROOF_WARNING, index,
                "catch_up: none with an rpo of %s: a slot that passes while the daemon is "
                "down is not made up for, and the newest snapshot is then up to %s old",
                rpo, late);
}

/* The largest and smallest offset of the coming two years, looked at twice a month: no zone keeps a
 * change for less. */
static void zone_offsets(const struct zone *zone, struct utc now, int32_t *ret_low,
                         int32_t *ret_high) {
        int64_t seconds = utc_seconds(now);

        *ret_low = *ret_high = zone_offset(zone, seconds);
        for (int i = 0; i < 2 * 26; i++) {
                int32_t offset = zone_offset(zone, seconds + i * 14 * SEC_PER_DAY);

                *ret_low = MIN(*ret_low, offset);
                *ret_high = MAX(*ret_high, offset);
        }
}

static int check_drift(struct proofs *proofs, size_t index, const struct policy *policy,
                       struct utc now) {
        int32_t low, high;

        if (!policy->zone)
                return 0;

        zone_offsets(policy->zone, now, &low, &high);
        if (low == high)
                return 0;

        for (size_t i = 0; i < policy->schedule.n; i++) {
                const struct schedule_item *item = &policy->schedule.items[i];
                char period[DURATION_SIZE];
                struct civil a, b;
                int r = 0;

                if (item->kind != SCHEDULE_EVERY || item->period_s % SEC_PER_DAY != 0)
                        continue;

                a = civil_from_seconds(item->offset_s % SEC_PER_DAY + low);
                b = civil_from_seconds(item->offset_s % SEC_PER_DAY + high);
                duration(item->period_s, period, &r);
                if (r < 0)
                        return r;

                r = proofs_add(proofs, PROOF_WARNING, index,
                               "every: %s keeps its hour in UTC and drifts against local midnight: "
                               "in %s it is at %02d:%02d or at %02d:%02d, as the clocks change; a "
                               "calendar event stays",
                               item->period_s == SEC_PER_DAY ? "24h" : period,
                               policy->zone_name ? policy->zone_name : zone_name(policy->zone),
                               a.hour, a.minute, b.hour, b.minute);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_policy(struct proofs *proofs, size_t index, const struct policy *policy,
                        struct utc now) {
        struct proof_policy *p = &proofs->policies[index];
        struct slot_counter counter;
        struct schedule_gaps gaps;
        int r;

        r = check_elapses(proofs, index, policy, now);
        if (r < 0)
                return r;

        schedule_gaps(&policy->schedule, policy->zone, now, utc_add_seconds(now, WALK_SPAN_S),
                      WALK_LEAST, WALK_MOST, &gaps);
        if (gaps.n >= 2) {
                p->shortest_s = gaps.shortest_s;
                p->longest_s = gaps.longest_s;
                p->slots_per_day = (double)(gaps.n - 1) * (double)SEC_PER_DAY /
                                   (double)(utc_seconds(gaps.last) - utc_seconds(gaps.first));
        }

        r = slot_counter_init(&counter, policy, now);
        if (r < 0)
                return r;

        p->peak = peak_bound(policy, &counter);
        p->burst = slot_counter_most(&counter, PROOF_BURST_WINDOW_S);
        slot_counter_deinit(&counter);

        r = check_end(proofs, index, &gaps);
        if (r < 0)
                return r;

        r = check_rpo(proofs, index, policy, &gaps);
        if (r < 0)
                return r;

        return check_drift(proofs, index, policy, now);
}

/* Errors first, then by policy, those of the whole file last; otherwise as they were found. */
static void sort_findings(struct proofs *proofs) {
        for (size_t i = 1; i < proofs->n_findings; i++) {
                struct proof_finding finding = proofs->findings[i];
                size_t at = i;

                for (; at > 0; at--) {
                        const struct proof_finding *before = &proofs->findings[at - 1];

                        if (before->severity > finding.severity ||
                            (before->severity == finding.severity &&
                             before->policy <= finding.policy))
                                break;
                        proofs->findings[at] = *before;
                }
                proofs->findings[at] = finding;
        }
}

int proofs_run(const struct policy_file *file, const struct proof_fleet *fleet, struct utc now,
               struct proofs **ret_proofs) {
        _cleanup_(proofs_freep) struct proofs *proofs = NULL;
        static const struct proof_fleet no_fleet = {};
        int r;

        proofs = calloc(1, sizeof(*proofs));
        if (!proofs)
                return -ENOMEM;

        proofs->policies = calloc(file->n_policies + 1, sizeof(*proofs->policies));
        if (!proofs->policies)
                return -ENOMEM;

        proofs->n_policies = file->n_policies;
        for (size_t i = 0; i < file->n_policies; i++) {
                r = check_policy(proofs, i, &file->policies[i], now);
                if (r < 0)
                        return r;
        }

        r = proofs_check_fleet(proofs, file, fleet ? fleet : &no_fleet);
        if (r < 0)
                return r;

        sort_findings(proofs);
        *ret_proofs = take_ptr(proofs);
        return 0;
}
