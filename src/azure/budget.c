#include "azure/budget.h"

#include "base/array.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

/* Of a window; one more are counted, so that none is missed at its edge. */
#define SLOTS 60
/* Chosen: a fiftieth of a bucket, and at least as many as another daemon has under way (limits.parallel's
 * default), is never asked for, as others draw from it between a reply and our next request; but no more
 * than a quarter of it. */
#define RESERVE_PART 50
#define RESERVE_LEAST 16
#define RESERVE_MOST_PART 4
/* Chosen: the longest pause before a bucket is asked again that does not fill as it should. */
#define STALL_MOST 10
/* How long a bucket of ARM is taken for as large as it was seen: as Compute's shorter window. Chosen. */
#define ARM_PERIOD_NS (180 * NSEC_PER_SEC)
/* Chosen: more than any of ARM's buckets ever held; what says more is not believed beyond it. */
#define ARM_SIZE_MAX 1000000U

enum arm_kind {
        ARM_READS,
        ARM_WRITES,
        ARM_DELETES,
        _ARM_N,
};

/* FACTS section 9: bucket size, and refill a second. */
static const struct {
        const char *header;
        uint32_t size, refill;
        bool shared; /* by ranks */
} arm_table[_ARM_N] = {
        [ARM_READS] = {"x-ms-ratelimit-remaining-subscription-reads", 250, 25, true},
        [ARM_WRITES] = {"x-ms-ratelimit-remaining-subscription-writes", 200, 10, true},
        [ARM_DELETES] = {"x-ms-ratelimit-remaining-subscription-deletes", 200, 10, false},
};

/* FACTS section 9, "DiskRP buckets": highest remaining value seen, and the call itself. */
static const struct {
        enum arm_kind arm;
        const char *policy;
        uint32_t size[2];
        bool shared;
} kind_table[_BUDGET_KIND_N] = {
        [BUDGET_KIND_LIST] = {ARM_READS, "HighCostGet", {240, 1920}, false},
        [BUDGET_KIND_GET] = {ARM_READS, "LowCostGet", {15000, 120000}, true},
        [BUDGET_KIND_POLL] = {ARM_READS, "GetOperation", {50000, 400000}, true},
        [BUDGET_KIND_CREATE] = {ARM_WRITES, "HighCostSnapshotCreateHydrate", {1000, 8000}, true},
        [BUDGET_KIND_DELETE] = {ARM_DELETES, "DeleteDisks", {3000, 24000}, false},
        /* The tags resource is not Compute's. What stands behind it is said nowhere: chosen as much as
         * snapshots' writes have, in a bucket of its own. */
        [BUDGET_KIND_TAG] = {ARM_WRITES, "Tags", {1000, 8000}, true},
};

static const struct {
        const char *suffix;
        int64_t ns;
} window_table[2] = {
        {"3Min", 180 * NSEC_PER_SEC},
        {"30Min", 1800 * NSEC_PER_SEC},
};

/* Sixteenths of our share that a rank leaves for those before it. Chosen: enough that a create never
 * waits for reads that a long prune has used up. */
static const unsigned rank_floor[] = {
        [BUDGET_RANK_CREATE] = 0,
        [BUDGET_RANK_COPY] = 1,
        [BUDGET_RANK_POLL] = 2,
        [BUDGET_RANK_PRUNE] = 4,
};

struct window {
        uint32_t asked[SLOTS + 1]; /* by us, a ring by number of slot */
        int64_t newest;            /* number of the slot asked in last */
        uint32_t high,
                high_before; /* most it was seen to hold, in this period and the one before */
        struct mono period;  /* begin of this one */
        bool told;           /* a reply has said what is left */
        uint32_t left;       /* as of it */
        uint32_t since;      /* of our replies since Azure's window began */
        struct mono began;   /* it was heard to have begun; it ends no later than so long after */
};

struct compute {
        struct window windows[2];
        uint32_t pending;   /* taken and not answered */
        uint64_t answered;  /* since the start */
        struct mono next;   /* spacing */
        struct mono closed; /* by a 429 */
};

struct region {
        char *name;
        struct compute computes[_BUDGET_KIND_N];
};

/* A bucket of ARM. Our part of it is a bucket of its own, filled at our share of its pace. */
struct arm {
        uint32_t size; /* of the whole */
        uint32_t high,
                high_before; /* most it was seen to hold, in this period and the one before */
        struct mono period;  /* begin of this one */
        int64_t missing;     /* of ours, in billionths of a request */
        struct mono at;      /* as of */
        uint32_t pending;
        bool told;
        uint32_t left;
        struct mono told_at;
        unsigned stall; /* replies in a row that showed nothing above the reserve */
};

struct budget {
        unsigned share; /* permille; 0: nothing is held back */
        struct arm arms[_ARM_N];
        struct region *regions; /* [0] is the unknown one */
        size_t n_regions, capacity;
        struct mono closed;
};

int budget_new(unsigned share_permille, struct budget **ret_budget) {
        _cleanup_(budget_freep) struct budget *budget = calloc(1, sizeof(*budget));
        int r;

        if (!budget)
                return -ENOMEM;
        r = array_grow(&budget->regions, 0, &budget->capacity, sizeof(*budget->regions),
                       BUDGET_REGIONS_MAX);
        if (r < 0)
                return r;
        budget->regions[0] = (struct region){};
        budget->n_regions = 1;
        budget->share = share_permille;
        for (int i = 0; i < _ARM_N; i++)
                budget->arms[i].size = arm_table[i].size;
        *ret_budget = take_ptr(budget);
        return 0;
}

void budget_set_share(struct budget *budget, unsigned share_permille) {
        budget->share = share_permille;
}

struct budget *budget_free(struct budget *budget) {
        if (!budget)
                return NULL;
        for (size_t i = 0; i < budget->n_regions; i++)
                free(budget->regions[i].name);
        free(budget->regions);
        free(budget);
        return NULL;
}

/* ---- regions ---- */

static struct region *region_find(const struct budget *budget, const char *name) {
        if (!name || name[0] == '\0')
                return &budget->regions[0];
        for (size_t i = 1; i < budget->n_regions; i++)
                if (strcmp(budget->regions[i].name, name) == 0)
                        return &budget->regions[i];
        return budget->n_regions == BUDGET_REGIONS_MAX ? &budget->regions[0] : NULL;
}

static int region_get(struct budget *budget, const char *name, struct region **ret_region) {
        struct region *region = region_find(budget, name);
        char *copy;
        int r;

        if (region) {
                *ret_region = region;
                return 0;
        }
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        r = array_grow(&budget->regions, budget->n_regions, &budget->capacity,
                       sizeof(*budget->regions), BUDGET_REGIONS_MAX);
        if (r < 0) {
                free(copy);
                return r;
        }
        region = &budget->regions[budget->n_regions++];
        *region = (struct region){.name = copy};
        *ret_region = region;
        return 0;
}

/* ---- one window of Compute's ---- */

static int64_t slot_ns(int w) {
        return window_table[w].ns / SLOTS;
}

/* Asked in the slots that a window which ends now can reach into. */
static uint32_t window_asked(const struct window *window, int64_t now_slot) {
        uint32_t sum = 0;

        for (int64_t slot = now_slot - SLOTS; slot <= now_slot; slot++)
                if (slot >= 0 && slot <= window->newest && slot > window->newest - (SLOTS + 1))
                        sum += window->asked[slot % (SLOTS + 1)];
        return sum;
}

static void window_ask(struct window *window, int64_t now_slot) {
        for (int64_t slot = MAX(window->newest + 1, now_slot - SLOTS); slot <= now_slot; slot++)
                window->asked[slot % (SLOTS + 1)] = 0;
        window->newest = MAX(window->newest, now_slot);
        window->asked[now_slot % (SLOTS + 1)]++;
}

static uint32_t window_size(const struct window *window, enum budget_kind kind, int w) {
        uint32_t high = MAX(window->high, window->high_before);

        return high > 0 ? high : kind_table[kind].size[w];
}

static uint32_t reserve_of(uint32_t size) {
        return MIN(MAX(size / RESERVE_PART, RESERVE_LEAST), size / RESERVE_MOST_PART);
}

/* Ours of @size, less what the rank leaves for those before it. */
static uint32_t share_of(const struct budget *budget, uint32_t size, bool shared,
                         enum budget_rank rank) {
        uint64_t ours = (uint64_t)size * budget->share / 1000;

        if (shared)
                ours -= ours * rank_floor[rank] / 16;
        return (uint32_t)MAX(ours, 1U);
}

static bool window_is_told(const struct window *window, int w, struct mono now) {
        return window->told && now.ns - window->began.ns < window_table[w].ns;
}

static struct mono window_when(const struct budget *budget, const struct compute *compute,
                               const struct budget_ask *ask, int w, struct mono now) {
        const struct window *window = &compute->windows[w];
        uint32_t size = window_size(window, ask->kind, w);
        uint32_t ours = share_of(budget, size, kind_table[ask->kind].shared, ask->rank);
        int64_t now_slot = now.ns / slot_ns(w);
        uint32_t asked = window_asked(window, now_slot);
        struct mono when = now;

        /* The oldest slots leave first. */
        for (int64_t slot = now_slot - SLOTS; asked >= ours && slot <= now_slot; slot++)
                if (slot >= 0 && slot <= window->newest && slot > window->newest - (SLOTS + 1)) {
                        asked -= window->asked[slot % (SLOTS + 1)];
                        when.ns = (slot + SLOTS + 1) * slot_ns(w);
                }

        if (window_is_told(window, w, now) &&
            window->left <= (uint64_t)compute->pending + reserve_of(size))
                when.ns = MAX(when.ns, mono_add_ns(window->began, window_table[w].ns).ns);
        return when;
}

/*
 * A reply says that @left is left. Replies overtake each other, and requests do: those that were under
 * way beside it, @beside, may stand on either side of it. A number that is higher by more than these is
 * of a window that has begun since.
 */
static void window_see(struct window *window, int w, uint32_t left, uint64_t beside,
                       struct mono now) {
        bool begins = !window_is_told(window, w, now) || left > window->left + beside;
        bool in_order = begins || left < window->left;

        if (now.ns - window->period.ns >= window_table[w].ns) {
                /* After a quiet time, too: the first replies may be of a window that others have
                 * emptied, which says nothing of what it holds. */
                window->high_before = window->high;
                window->high = 0;
                window->period = now;
        }
        if (begins) {
                window->told = true;
                window->began = now;
                window->since = 0;
        }
        window->since++;
        if (in_order) {
                window->left = left;
                window->high = MAX(window->high, left + window->since);
        }
}

/* ---- ARM's ---- */

static int64_t arm_missing(const struct budget *budget, const struct arm *arm, enum arm_kind kind,
                           struct mono now) {
        int64_t refill = (int64_t)arm->size * arm_table[kind].refill / arm_table[kind].size;
        int64_t elapsed_us = MIN(now.ns - arm->at.ns, 3600 * NSEC_PER_SEC) / 1000;

        /* Permille of requests a second: so many billionths in a microsecond. */
        return MAX(arm->missing - elapsed_us * refill * budget->share, 0);
}

static struct mono arm_when(const struct budget *budget, enum arm_kind kind, enum budget_rank rank,
                            struct mono now) {
        const struct arm *arm = &budget->arms[kind];
        int64_t refill = (int64_t)arm->size * arm_table[kind].refill / arm_table[kind].size;
        int64_t ours = share_of(budget, arm->size, arm_table[kind].shared, rank);
        int64_t excess = arm_missing(budget, arm, kind, now) - (ours - 1) * NSEC_PER_SEC;
        int64_t reserve = reserve_of(arm->size), filled, needed;
        struct mono when = now;

        if (excess > 0) {
                int64_t us = excess / (refill * budget->share) + 1;

                when = mono_add_ns(now, us * 1000);
        }
        if (!arm->told)
                return when;

        filled = MIN(now.ns - arm->told_at.ns, 60 * NSEC_PER_SEC) * refill / NSEC_PER_SEC;
        if (arm->stall > 0) {
                /* It may be one that does not fill so soon: asked again ever more rarely. */
                struct mono again =
                        mono_add_ns(arm->told_at, NSEC_PER_SEC << MIN(arm->stall - 1, STALL_MOST));

                when.ns = MAX(when.ns, again.ns);
        }
        needed = reserve + arm->pending + 1 - (arm->left + filled);
        if (needed > 0)
                when.ns = MAX(when.ns, now.ns + needed * NSEC_PER_SEC / refill);
        return when;
}

static void arm_see(struct arm *arm, enum arm_kind kind, uint32_t left, struct mono now) {
        if (now.ns - arm->period.ns >= ARM_PERIOD_NS) {
                arm->high_before = arm->high;
                arm->high = 0;
                arm->period = now;
        }
        arm->high = MAX(arm->high, MIN(left, ARM_SIZE_MAX - 1) + 1);
        /* One that holds more fills faster, too. A subscription that comes under another scheme holds less
         * from then on, never as much as the reserve of the larger one perhaps. */
        arm->size = MAX(arm_table[kind].size, MAX(arm->high, arm->high_before));
        arm->left = left;
        arm->told = true;
        arm->told_at = now;
        arm->stall = left > reserve_of(arm->size) ? 0 : arm->stall + 1;
}

/* ---- headers ---- */

static bool read_number(const char *text, const char **ret_end, uint32_t *ret_number) {
        uint64_t number = 0;
        const char *at = text;

        for (; ascii_is_digit(*at); at++)
                number = MIN(number * 10 + (uint64_t)(*at - '0'), UINT64_C(1000000000));
        if (at == text)
                return false;
        *ret_end = at;
        *ret_number = (uint32_t)number;
        return true;
}

/* "Microsoft.Compute/POLICY;LEFT" and more of them behind commas. Returns whether @policy is there. */
static bool read_resource(const char *value, const char *policy, const char *suffix,
                          uint32_t *ret_left) {
        static const char provider[] = "Microsoft.Compute/";

        while (*value) {
                const char *end = value + strcspn(value, ","), *at = value;
                uint32_t left;

                while (*at == ' ' || *at == '\t')
                        at++;
                value = *end == ',' ? end + 1 : end;
                if (!str_starts_with_nocase(at, provider))
                        continue;
                at += strlen(provider);
                if (!str_starts_with_nocase(at, policy))
                        continue;
                at += strlen(policy);
                if (!str_starts_with_nocase(at, suffix) || at[strlen(suffix)] != ';')
                        continue;
                at += strlen(suffix) + 1;
                if (read_number(at, &at, &left) && (at == end || *at == ' ')) {
                        *ret_left = left;
                        return true;
                }
        }
        return false;
}

/* Returns whether they show the bucket of one of its windows empty. */
static bool see_compute(struct compute *compute, const struct budget_ask *ask,
                        const struct http_headers *headers, struct mono now) {
        uint64_t beside = compute->pending + compute->answered - ask->ticket;
        bool empty = false;

        for (int w = 0; w < 2; w++) {
                uint32_t size = window_size(&compute->windows[w], ask->kind, w);

                for (size_t i = 0; i < headers->n; i++) {
                        const struct http_header *header = &headers->items[i];
                        uint32_t left;

                        if (str_equal_nocase(header->name, "x-ms-ratelimit-remaining-resource") &&
                            read_resource(header->value, kind_table[ask->kind].policy,
                                          window_table[w].suffix, &left)) {
                                window_see(&compute->windows[w], w, left, beside, now);
                                empty |= left == 0;
                        }
                }
                /* What was spaced by less than there is need not wait for so long. */
                if (window_size(&compute->windows[w], ask->kind, w) > size)
                        compute->next.ns = 0;
        }
        return empty;
}

/* ---- the whole ---- */

/* A request whose region nobody knows may be of any: what closes one closes the other. */
struct mono budget_closed_until(const struct budget *budget, const struct budget_ask *ask) {
        const struct region *region = ask ? region_find(budget, ask->region) : NULL;
        struct mono until = budget->closed;

        for (size_t i = 0; ask && i < budget->n_regions; i++)
                if (i == 0 || region == &budget->regions[0] || region == &budget->regions[i])
                        until.ns = MAX(until.ns, budget->regions[i].computes[ask->kind].closed.ns);
        return until;
}

struct mono budget_when(const struct budget *budget, const struct budget_ask *ask,
                        struct mono now) {
        const struct region *region = region_find(budget, ask->region);
        struct mono when = {MAX(now.ns, budget_closed_until(budget, ask).ns)};

        if (budget->share == 0)
                return when;
        when.ns = MAX(when.ns, arm_when(budget, kind_table[ask->kind].arm, ask->rank, now).ns);
        if (region) {
                const struct compute *compute = &region->computes[ask->kind];

                when.ns = MAX(when.ns, compute->next.ns);
                for (int w = 0; w < 2; w++)
                        when.ns = MAX(when.ns, window_when(budget, compute, ask, w, now).ns);
        }
        return when;
}

/* From half of our share on: the window's own pace, by chance up to half shorter. */
static void compute_space(const struct budget *budget, struct compute *compute,
                          const struct budget_ask *ask, uint32_t chance, struct mono now) {
        for (int w = 0; w < 2; w++) {
                const struct window *window = &compute->windows[w];
                uint32_t size = window_size(window, ask->kind, w);
                uint32_t ours = share_of(budget, size, /* shared= */ false, ask->rank);
                int64_t gap_ns = window_table[w].ns / ours;

                if (window_asked(window, now.ns / slot_ns(w)) <= ours / 2)
                        continue;
                gap_ns -= (int64_t)((uint64_t)(gap_ns / 2) * (chance >> 16) >> 16);
                compute->next.ns = MAX(compute->next.ns, mono_add_ns(now, gap_ns).ns);
        }
}

int budget_take(struct budget *budget, struct budget_ask *ask, uint32_t chance, struct mono now) {
        enum arm_kind kind = kind_table[ask->kind].arm;
        struct arm *arm = &budget->arms[kind];
        struct compute *compute;
        struct region *region;
        int r;

        r = region_get(budget, ask->region, &region);
        if (r < 0)
                return r;

        compute = &region->computes[ask->kind];
        ask->ticket = compute->answered;
        compute->pending++;
        arm->pending++;
        for (int w = 0; w < 2; w++)
                window_ask(&compute->windows[w], now.ns / slot_ns(w));
        if (budget->share > 0) {
                arm->missing = arm_missing(budget, arm, kind, now) + NSEC_PER_SEC;
                arm->at = now;
                compute_space(budget, compute, ask, chance, now);
        }
        return 0;
}

/* It is under way no longer. Returns its bucket, or NULL when it was never taken. */
static struct compute *settle(struct budget *budget, const struct budget_ask *ask) {
        struct region *region = region_find(budget, ask->region);
        struct compute *compute;

        if (!region)
                return NULL;
        compute = &region->computes[ask->kind];
        compute->pending--;
        compute->answered++;
        budget->arms[kind_table[ask->kind].arm].pending--;
        return compute;
}

/* Nobody knows whether it was counted: it is taken for that. */
void budget_drop(struct budget *budget, const struct budget_ask *ask) {
        struct arm *arm = &budget->arms[kind_table[ask->kind].arm];
        struct compute *compute = settle(budget, ask);

        if (!compute)
                return;
        arm->left -= arm->left > 0;
        for (int w = 0; w < 2; w++)
                compute->windows[w].left -= compute->windows[w].left > 0;
}

/* The same. */
static bool see_headers(struct budget *budget, struct compute *compute,
                        const struct budget_ask *ask, const struct http_headers *headers,
                        struct mono now) {
        enum arm_kind arm = kind_table[ask->kind].arm;
        const char *left = http_headers_get(headers, arm_table[arm].header);
        uint32_t number;

        if (left && read_number(left, &left, &number) && *left == '\0')
                arm_see(&budget->arms[arm], arm, number, now);
        return see_compute(compute, ask, headers, now);
}

void budget_see(struct budget *budget, const struct budget_ask *ask, const struct http_reply *reply,
                const struct arm_error *error, struct mono now) {
        struct compute *compute;
        struct mono until;
        bool empty;

        if (reply->outcome != TRANSPORT_REPLY) {
                budget_drop(budget, ask);
                return;
        }
        compute = settle(budget, ask);
        if (!compute)
                return;
        empty = see_headers(budget, compute, ask, &reply->headers, now);
        if (error->class != ARM_THROTTLED)
                return;

        until = mono_add_ns(now,
                            error->retry_after_ns > 0 ? error->retry_after_ns : BUDGET_CLOSED_NS);
        if (error->cause == ARM_CAUSE_SERVICE && empty)
                compute->closed.ns = MAX(compute->closed.ns, until.ns);
        else
                budget->closed.ns = MAX(budget->closed.ns, until.ns);
}

uint32_t budget_believed(const struct budget *budget, const struct budget_ask *ask, int window) {
        const struct region *region = region_find(budget, ask->region);

        return region ? window_size(&region->computes[ask->kind].windows[window], ask->kind, window)
                      : kind_table[ask->kind].size[window];
}
