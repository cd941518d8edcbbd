/*
 * What a cycle costs: requests by kind, of a fleet of ordinary disks that has a slot an hour and prunes
 * one snapshot for each that it makes, on a day when nothing goes wrong.
 */
#include "named.h"
#include "story.h"

#include <stdio.h>

/* K of the formula: snapshots that stay of each disk. */
#define CHAIN 5
#define SLOTS UINT64_C(24)

static struct service_counts less(const struct service_counts *after,
                                  const struct service_counts *before) {
        struct service_counts counts = {.requests = after->requests - before->requests};

        for (int kind = 0; kind < _SERVICE_REQUEST_KIND_N; kind++)
                counts.by_kind[kind] = after->by_kind[kind] - before->by_kind[kind];
        for (int i = 0; i < 2; i++) {
                counts.created[i] = after->created[i] - before->created[i];
                counts.deleted[i] = after->deleted[i] - before->deleted[i];
        }
        return counts;
}

void requests_run(struct rig *rig, unsigned disks, struct requests *ret_requests) {
        struct intent want = tale_hourly();
        struct service_counts before, after;
        struct strbuf policy = {};

        want.last = CHAIN;
        want.min_keep = 1;
        for (unsigned i = 1; i <= disks; i++) {
                char name[32];

                snprintf(name, sizeof(name), "disk-%05u", i);
                rig_add_disk(rig, name);
        }
        checks_intend(&rig->checks, &want, NULL, sim_true_utc(rig->sim));
        story_policy(&want, 1, &policy);
        rig_add_node(rig, strbuf_str(&policy));
        strbuf_deinit(&policy);

        rig_run(rig, DAY_NS + 30 * MINUTE_NS);
        before = service_counts(rig->service);
        rig_run(rig, DAY_NS);
        after = service_counts(rig->service);
        *ret_requests = (struct requests){
                .disks = disks,
                .chain = CHAIN,
                .page = service_options(rig->service)->page_size,
                .counts = less(&after, &before),
        };
}

double requests_per_cycle(const struct requests *requests) {
        return (double)requests->counts.requests /
               (double)requests->counts.created[SERVICE_SNAPSHOT];
}

void requests_print(const struct requests *requests) {
        const struct service_counts *counts = &requests->counts;

        printf("%5u disks, K %u, P %zu: %.3f requests a cycle (the target: %.3f);", requests->disks,
               requests->chain, requests->page, requests_per_cycle(requests),
               3.03 + (requests->chain + 1) / (double)requests->page);
        for (int kind = 0; kind < _SERVICE_REQUEST_KIND_N; kind++)
                if (counts->by_kind[kind] > 0)
                        printf(" %s %llu",
                               service_request_kind_name((enum service_request_kind)kind),
                               (unsigned long long)counts->by_kind[kind]);
        printf("\n");
}

static uint64_t pages(uint64_t rows, uint64_t page) {
        return (rows + page - 1) / page;
}

/* What the day must come to: one PUT, one re-read and one DELETE a cycle; a token, a listing of disks and
 * one of snapshots a slot, each of as many pages as its rows fill. */
static void expect_requests(struct rig *rig, unsigned disks) {
        struct requests requests;
        struct tale tale;
        uint64_t cycles = (uint64_t)disks * SLOTS;
        uint64_t rows = (uint64_t)disks * (CHAIN + 1);
        const uint64_t *by_kind = requests.counts.by_kind;

        requests_run(rig, disks, &requests);
        tale_begin(&tale, rig);
        tale_expect(&tale,
                    requests.counts.created[SERVICE_SNAPSHOT] == cycles &&
                            requests.counts.deleted[SERVICE_SNAPSHOT] == cycles,
                    "%llu created and %llu deleted in a day of %u disks",
                    (unsigned long long)requests.counts.created[SERVICE_SNAPSHOT],
                    (unsigned long long)requests.counts.deleted[SERVICE_SNAPSHOT], disks);
        tale_expect(&tale,
                    by_kind[SERVICE_REQUEST_PUT_SNAPSHOT] == cycles &&
                            by_kind[SERVICE_REQUEST_GET_SNAPSHOT] == cycles &&
                            by_kind[SERVICE_REQUEST_DELETE_SNAPSHOT] == cycles,
                    "%llu PUTs, %llu GETs, %llu DELETEs of %llu cycles",
                    (unsigned long long)by_kind[SERVICE_REQUEST_PUT_SNAPSHOT],
                    (unsigned long long)by_kind[SERVICE_REQUEST_GET_SNAPSHOT],
                    (unsigned long long)by_kind[SERVICE_REQUEST_DELETE_SNAPSHOT],
                    (unsigned long long)cycles);
        tale_expect(&tale,
                    by_kind[SERVICE_REQUEST_TOKEN] == SLOTS &&
                            by_kind[SERVICE_REQUEST_LIST_DISKS] ==
                                    SLOTS * pages(disks, requests.page) &&
                            by_kind[SERVICE_REQUEST_LIST_SNAPSHOTS] ==
                                    SLOTS * pages(rows, requests.page),
                    "%llu tokens, %llu and %llu pages of %u disks in %llu slots",
                    (unsigned long long)by_kind[SERVICE_REQUEST_TOKEN],
                    (unsigned long long)by_kind[SERVICE_REQUEST_LIST_DISKS],
                    (unsigned long long)by_kind[SERVICE_REQUEST_LIST_SNAPSHOTS], disks,
                    (unsigned long long)SLOTS);
        tale_expect(&tale,
                    requests.counts.requests == 3 * cycles + by_kind[SERVICE_REQUEST_TOKEN] +
                                                        by_kind[SERVICE_REQUEST_LIST_DISKS] +
                                                        by_kind[SERVICE_REQUEST_LIST_SNAPSHOTS],
                    "%llu requests in all: something else was asked",
                    (unsigned long long)requests.counts.requests);
        tale_end(&tale);
}

void named_requests_of_one(struct rig *rig) {
        expect_requests(rig, 1);
}

void named_requests_of_ten(struct rig *rig) {
        expect_requests(rig, 10);
}

/* The first fleet that is large enough for DESIGN's target (section 10): 3.03 + (K + 1)/P. */
void named_requests_of_a_hundred(struct rig *rig) {
        expect_requests(rig, 100);
}

/* Full pages are what the term (K + 1)/P is about. */
void named_requests_of_pages(struct rig *rig) {
        service_options(rig->service)->page_size = 20;
        expect_requests(rig, 60);
}
