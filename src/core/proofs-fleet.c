/*
 * What several policies come to together: on one disk, and in one subscription.
 */
#include "base/str.h"
#include "core/proofs-internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A disk that is selected by its id. */
struct pick {
        const struct resource_id *disk; /* borrowed from the target */
        size_t policy;
};

/* So many disks of a subscription under a policy. */
struct share {
        const char *subscription; /* borrowed */
        size_t policy;
        uint64_t disks;
};

/* The worst that was found for one disk, of those whose first policy is this. */
struct worst {
        uint64_t all;                   /* over all policies that may select it */
        uint64_t certain;               /* over those that do */
        size_t policies;                /* how many there are in all */
        const struct resource_id *disk; /* NULL: one of a match */
};

struct fleet {
        struct proofs *proofs;
        const struct policy_file *file;
        const struct proof_fleet *given;
        struct pick *picks; /* by disk, then policy; each pair once */
        size_t n_picks;
        struct share *shares; /* by subscription, then policy */
        size_t n_shares;
        struct worst *peak, *burst; /* [n_policies] */
        bool *may, *certain;        /* [n_policies]: scratch, the policies of one disk */
};

static void fleet_deinit(struct fleet *f) {
        free(f->picks);
        free(f->shares);
        free(f->peak);
        free(f->burst);
        free(f->may);
        free(f->certain);
}

static int pick_compare(const void *pa, const void *pb) {
        const struct pick *a = pa, *b = pb;
        int c = resource_id_compare(a->disk, b->disk);

        return c != 0 ? c : CMP(a->policy, b->policy);
}

static int share_compare(const void *pa, const void *pb) {
        const struct share *a = pa, *b = pb;
        int c = str_compare_nocase(a->subscription, b->subscription);

        return c != 0 ? c : CMP(a->policy, b->policy);
}

static int fleet_init(struct fleet *f) {
        size_t n = 0, n_policies = f->file->n_policies;

        for (size_t i = 0; i < f->file->n_targets; i++)
                n += f->file->targets[i].n_disks;

        f->picks = calloc(n + 1, sizeof(*f->picks));
        f->shares = calloc(n + f->file->n_targets + 1, sizeof(*f->shares));
        f->peak = calloc(n_policies + 1, sizeof(*f->peak));
        f->burst = calloc(n_policies + 1, sizeof(*f->burst));
        f->may = calloc(n_policies + 1, sizeof(*f->may));
        f->certain = calloc(n_policies + 1, sizeof(*f->certain));
        if (!f->picks || !f->shares || !f->peak || !f->burst || !f->may || !f->certain)
                return -ENOMEM;
        return 0;
}

/* Fills the picks, each pair of disk and policy once; says which policies have one twice. */
static int collect_picks(struct fleet *f) {
        uint64_t *twice = calloc(f->file->n_policies + 1, sizeof(*twice));
        size_t n = 0;
        int r = 0;

        if (!twice)
                return -ENOMEM;

        for (size_t i = 0; i < f->file->n_targets; i++)
                for (size_t j = 0; j < f->file->targets[i].n_disks; j++)
                        f->picks[n++] = (struct pick){&f->file->targets[i].disks[j],
                                                      f->file->targets[i].policy};
        if (n > 0)
                qsort(f->picks, n, sizeof(*f->picks), pick_compare);

        for (size_t i = 0; i < n; i++)
                if (f->n_picks > 0 && pick_compare(&f->picks[f->n_picks - 1], &f->picks[i]) == 0)
                        twice[f->picks[i].policy]++;
                else
                        f->picks[f->n_picks++] = f->picks[i];

        for (size_t i = 0; i < f->file->n_policies && r == 0; i++)
                if (twice[i] > 0)
                        r = proofs_add(f->proofs, PROOF_WARNING, i,
                                       "%" PRIu64 " disk%s selected more than once; %s counts "
                                       "once",
                                       twice[i], twice[i] == 1 ? " is" : "s are",
                                       twice[i] == 1 ? "it" : "each");
        free(twice);
        return r;
}

static void collect_shares(struct fleet *f) {
        for (size_t i = 0; i < f->n_picks; i++)
                f->shares[f->n_shares++] =
                        (struct share){f->picks[i].disk->subscription, f->picks[i].policy, 1};
        for (size_t i = 0; i < f->file->n_targets; i++)
                if (f->file->targets[i].subscription)
                        f->shares[f->n_shares++] = (struct share){f->file->targets[i].subscription,
                                                                  f->file->targets[i].policy,
                                                                  f->given->disks_per_match};
        for (size_t i = 0; i < f->n_shares; i++)
                f->proofs->policies[f->shares[i].policy].disks += f->shares[i].disks;
        if (f->n_shares > 0)
                qsort(f->shares, f->n_shares, sizeof(*f->shares), share_compare);
}

/* Whether there can be a name that both patterns match. Exact when one of them has no '*'; of two
 * with, their ends are compared, and what lies between is taken to agree. */
static bool globs_may_meet(const char *a, const char *b) {
        const char *star_a = strchr(a, '*'), *star_b = strchr(b, '*'), *end_a, *end_b;

        if (!star_a)
                return str_matches_glob_nocase(b, a);
        if (!star_b)
                return str_matches_glob_nocase(a, b);

        for (size_t i = 0; a + i < star_a && b + i < star_b; i++)
                if (ascii_lower(a[i]) != ascii_lower(b[i]))
                        return false;
        end_a = a + strlen(a);
        end_b = b + strlen(b);
        while (end_a[-1] != '*' && end_b[-1] != '*')
                if (ascii_lower(*--end_a) != ascii_lower(*--end_b))
                        return false;
        return true;
}

static bool target_may_have_group(const struct target *target, const char *group) {
        for (size_t i = 0; i < target->n_groups; i++)
                if (globs_may_meet(target->groups[i], group))
                        return true;
        return target->n_groups == 0;
}

/* Whether what @a wants rules out what @b wants. */
static bool tags_exclude(const struct target *a, const struct target *b) {
        for (size_t i = 0; i < a->tags.n; i++) {
                const struct policy_tag *tag = &a->tags.items[i];
                const char *wanted = policy_tags_get(&b->tags, tag->name);
                const char *refused = policy_tags_get(&b->except_tags, tag->name);

                if ((wanted && strcmp(wanted, tag->value) != 0) ||
                    (refused && strcmp(refused, tag->value) == 0))
                        return true;
        }
        return false;
}

static bool targets_may_meet(const struct target *a, const struct target *b) {
        if (!str_equal_nocase(a->subscription, b->subscription) || tags_exclude(a, b) ||
            tags_exclude(b, a))
                return false;
        for (size_t i = 0; i < a->n_groups; i++)
                if (target_may_have_group(b, a->groups[i]))
                        return true;
        return a->n_groups == 0;
}

static bool target_may_select(const struct target *target, const struct resource_id *disk) {
        return target->subscription && str_equal_nocase(target->subscription, disk->subscription) &&
               target_may_have_group(target, disk->group);
}

/* What is certain to pass the limit is worse than anything that may. */
static void worst_take(struct worst *worst, const struct worst *other, uint64_t limit) {
        bool certain = worst->certain > limit || other->certain > limit;

        if (certain ? other->certain > worst->certain : other->all > worst->all)
                *worst = *other;
}

/* Takes the disk whose policies the scratch names into account. */
static void weigh(struct fleet *f, const struct resource_id *disk) {
        struct worst peak = {.disk = disk}, burst = {.disk = disk};
        size_t first = SIZE_MAX;

        for (size_t i = 0; i < f->file->n_policies; i++) {
                const struct proof_policy *policy = &f->proofs->policies[i];

                if (!f->may[i] && !f->certain[i])
                        continue;

                first = MIN(first, i);
                burst.policies++;
                burst.all += policy->burst;
                burst.certain += f->certain[i] ? policy->burst : 0;
                if (policy->peak == PROOF_UNBOUNDED) /* has a finding of its own */
                        continue;
                peak.policies++;
                peak.all += policy->peak;
                peak.certain += f->certain[i] ? policy->peak : 0;
        }
        memset(f->may, 0, f->file->n_policies * sizeof(*f->may));
        memset(f->certain, 0, f->file->n_policies * sizeof(*f->certain));
        assert(first < f->file->n_policies); /* nobody weighs a disk that no policy selects */

        worst_take(&f->peak[first], &peak, PROOF_CHAIN_MAX);
        worst_take(&f->burst[first], &burst, PROOF_BURST_MAX);
}

/*
 * Every disk is selected by its id or by a match. For each id the policies are those that name it,
 * and those with a match that may have it; for each match those with a match that may meet it. What
 * any disk comes to is at most what the one of them comes to that it is selected by.
 */
static void weigh_disks(struct fleet *f) {
        const struct policy_file *file = f->file;

        for (size_t i = 0; i < file->n_policies; i++) {
                f->certain[i] = true;
                weigh(f, NULL);
        }
        for (size_t begin = 0, end; begin < f->n_picks; begin = end) {
                const struct resource_id *disk = f->picks[begin].disk;

                for (end = begin;
                     end < f->n_picks && resource_id_compare(f->picks[end].disk, disk) == 0; end++)
                        f->certain[f->picks[end].policy] = true;
                for (size_t i = 0; i < file->n_targets; i++)
                        if (target_may_select(&file->targets[i], disk))
                                f->may[file->targets[i].policy] = true;
                weigh(f, disk);
        }
        for (size_t i = 0; i < file->n_targets; i++) {
                if (!file->targets[i].subscription)
                        continue;

                f->certain[file->targets[i].policy] = true;
                for (size_t j = 0; j < file->n_targets; j++)
                        if (file->targets[j].subscription &&
                            targets_may_meet(&file->targets[i], &file->targets[j]))
                                f->may[file->targets[j].policy] = true;
                weigh(f, NULL);
        }
}

#define OF_SIZE 512
static const char *describe_worst(const struct worst *worst, char buffer[static OF_SIZE]) {
        if (worst->policies < 2)
                return "";

        if (worst->disk)
                snprintf(buffer, OF_SIZE, ", summed over the %zu policies of disk %s/%s",
                         worst->policies, worst->disk->group, worst->disk->name);
        else
                snprintf(buffer, OF_SIZE,
                         ", summed over %zu policies that may select the same disk",
                         worst->policies);
        return buffer;
}

static int report_worst(struct fleet *f, size_t index) {
        const struct worst *peak = &f->peak[index], *burst = &f->burst[index];
        uint64_t all = peak->all + f->given->held, certain = peak->certain + f->given->held;
        char of[OF_SIZE];
        int r = 0;

        if (peak->policies > 0 && (certain > PROOF_CHAIN_MAX || all > PROOF_CHAIN_MAX))
                r = proofs_add(f->proofs, certain > PROOF_CHAIN_MAX ? PROOF_ERROR : PROOF_WARNING,
                               index,
                               "a chain can come to %" PRIu64 " snapshots%s; Azure allows %d of a "
                               "disk",
                               all, describe_worst(peak, of), PROOF_CHAIN_MAX);
        else if (peak->policies > 0 && all >= PROOF_CHAIN_WARN)
                r = proofs_add(f->proofs, PROOF_WARNING, index,
                               "a chain can come to %" PRIu64 " snapshots%s; of %d that Azure "
                               "allows, held and failed ones have the rest, and status warns from "
                               "%d on",
                               all, describe_worst(peak, of), PROOF_CHAIN_MAX, PROOF_CHAIN_WARN);
        if (r < 0)
                return r;

        if (burst->all > PROOF_BURST_MAX)
                r = proofs_add(f->proofs,
                               burst->certain > PROOF_BURST_MAX && !f->file->demo ? PROOF_ERROR
                                                                                  : PROOF_WARNING,
                               index,
                               "up to %" PRIu64 " snapshots of a disk in 5 minutes%s; Azure allows "
                               "%d",
                               burst->all, describe_worst(burst, of), PROOF_BURST_MAX);
        return r;
}

static int report_unbounded(struct fleet *f, size_t index) {
        const struct proof_policy *policy = &f->proofs->policies[index];
        const char *why = f->file->policies[index].prune == PRUNE_OFF ? "prune: off" : "no keep";

        if (policy->peak != PROOF_UNBOUNDED || policy->slots_per_day <= 0)
                return 0;
        return proofs_add(f->proofs, PROOF_WARNING, index,
                          "%s: nothing is ever deleted; at %.3g slots a day a chain is full, with "
                          "%d snapshots, after %.0f days",
                          why, policy->slots_per_day, PROOF_CHAIN_MAX,
                          (double)PROOF_CHAIN_MAX / policy->slots_per_day);
}

/* Snapshots beside their disk go with it when somebody deletes the group. */
static int report_groups(struct fleet *f, size_t index) {
        const char *group = f->file->policies[index].snapshot_group, *example = NULL;
        uint64_t n = 0;

        for (size_t i = 0; i < f->n_picks; i++)
                if (f->picks[i].policy == index &&
                    str_equal_nocase(f->picks[i].disk->group, group)) {
                        example = f->picks[i].disk->name;
                        n++;
                }
        if (n > 0)
                return proofs_add(f->proofs, PROOF_WARNING, index,
                                  "snapshot_group %s is the own group of %" PRIu64 " disks (%s): "
                                  "who deletes the group deletes disk and snapshots",
                                  group, n, example);

        for (size_t i = 0; i < f->file->n_targets; i++) {
                const struct target *target = &f->file->targets[i];

                for (size_t j = 0; target->policy == index && j < target->n_groups; j++)
                        if (str_equal_nocase(target->groups[j], group))
                                return proofs_add(f->proofs, PROOF_WARNING, index,
                                                  "snapshot_group %s is also a group of disks that "
                                                  "the policy selects: who deletes the group "
                                                  "deletes disk and snapshots",
                                                  group);
        }
        return 0;
}

/* What @disks created at once take, against what the rpo leaves after the longest interval. */
static int check_queue(struct fleet *f, size_t index, uint64_t disks) {
        const struct proof_policy *figures = &f->proofs->policies[index];
        const struct policy *policy = &f->file->policies[index];
        double minutes = (double)disks / f->proofs->creates_budget;

        if (policy->rpo_s <= 0 || figures->longest_s <= 0 || figures->longest_s >= policy->rpo_s ||
            minutes * 60 <= (double)(policy->rpo_s - figures->longest_s))
                return 0;
        return proofs_add(f->proofs, PROOF_ERROR, index,
                          "%" PRIu64 " disks of one subscription are due at once, and at %.0f "
                          "creations a minute the last waits %.0f minutes; the rpo leaves %.0f",
                          disks, f->proofs->creates_budget, minutes,
                          (double)(policy->rpo_s - figures->longest_s) / 60);
}

/* One subscription: the shares from @begin to @end. */
static int check_subscription(struct fleet *f, size_t begin, size_t end, int64_t *shortest_s) {
        double creates = 0;
        uint64_t rows = 0, disks = 0, requests;
        int r;

        for (size_t i = begin, next; i < end; i = next) {
                size_t index = f->shares[i].policy;
                const struct proof_policy *policy = &f->proofs->policies[index];
                uint64_t n = 0;

                for (next = i; next < end && f->shares[next].policy == index; next++)
                        n += f->shares[next].disks;
                creates += (double)n * policy->slots_per_day / (24 * 60);
                rows += n * MIN(policy->peak, (uint64_t)PROOF_CHAIN_MAX);
                disks += n;
                if (n > 0 && policy->shortest_s > 0)
                        *shortest_s = MIN(*shortest_s, policy->shortest_s);
                r = check_queue(f, index, n);
                if (r < 0)
                        return r;
        }
        requests = (rows + PROOF_PAGE_ROWS - 1) / PROOF_PAGE_ROWS +
                   (disks + PROOF_PAGE_ROWS - 1) / PROOF_PAGE_ROWS;

        f->proofs->creates_per_minute = MAX(f->proofs->creates_per_minute, creates);
        f->proofs->sweep_requests = MAX(f->proofs->sweep_requests, requests);
        if (creates <= f->proofs->creates_budget)
                return 0;
        return proofs_add(f->proofs, PROOF_ERROR, PROOF_NO_POLICY,
                          "%.1f creations a minute in subscription %s (%" PRIu64 " disks, counted "
                          "once a policy); the budget is %.1f",
                          creates, f->shares[begin].subscription, disks, f->proofs->creates_budget);
}

static int check_load(struct fleet *f) {
        double share = (double)f->file->api_share_permille / 1000;
        double lists_per_second = PROOF_LISTS_PER_30M * share / 1800;
        int64_t shortest_s = INT64_MAX;
        int r;

        f->proofs->creates_budget = PROOF_CREATES_PER_30M * share / 30;
        for (size_t begin = 0, end; begin < f->n_shares; begin = end) {
                end = begin + 1;
                while (end < f->n_shares &&
                       str_equal_nocase(f->shares[begin].subscription, f->shares[end].subscription))
                        end++;
                r = check_subscription(f, begin, end, &shortest_s);
                if (r < 0)
                        return r;
        }

        f->proofs->sweep_s = (int64_t)((double)f->proofs->sweep_requests / lists_per_second + 1);
        if (f->proofs->sweep_requests == 0)
                f->proofs->sweep_s = 0;
        if (f->proofs->sweep_s < shortest_s || f->proofs->sweep_s < SEC_PER_MINUTE)
                return 0;
        return proofs_add(f->proofs, PROOF_WARNING, PROOF_NO_POLICY,
                          "a sweep of the largest subscription takes about %" PRId64
                          " minutes (%" PRIu64
                          " pages at %.0f a minute), longer than the shortest interval of "
                          "%" PRId64 " minutes: what a round did is confirmed rounds later",
                          f->proofs->sweep_s / 60, f->proofs->sweep_requests, lists_per_second * 60,
                          shortest_s / 60);
}

static int check_all(struct fleet *f) {
        int r;

        r = fleet_init(f);
        if (r < 0)
                return r;

        r = collect_picks(f);
        if (r < 0)
                return r;

        collect_shares(f);
        weigh_disks(f);
        for (size_t i = 0; i < f->file->n_policies; i++) {
                r = report_worst(f, i);
                if (r == 0)
                        r = report_unbounded(f, i);
                if (r == 0)
                        r = report_groups(f, i);
                if (r < 0)
                        return r;
        }
        return check_load(f);
}

int proofs_check_fleet(struct proofs *proofs, const struct policy_file *file,
                       const struct proof_fleet *fleet) {
        struct fleet f = {.proofs = proofs, .file = file, .given = fleet};
        int r;

        r = check_all(&f);
        fleet_deinit(&f);
        return r;
}
