/*
 * Identities: two of them, and one that is refused.
 */
#include "named.h"

/*
 * Two identities, each with its own rights alone. The one that deletes loses its role for a day: what
 * the other does goes on as if nothing were, and the deletions come when it has it again.
 */
void named_pruner_refused(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted, tokens;
        struct tale tale;

        tale_begin(&tale, rig);
        want.two_identities = true;
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 20 * HOUR_NS + 20 * MINUTE_NS);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        tokens = service_counts(rig->service).by_kind[SERVICE_REQUEST_TOKEN];
        tale_expect(&tale, created == 21 && deleted == 15, "%llu created and %llu deleted in a day",
                    (unsigned long long)created, (unsigned long long)deleted);
        /* A token of an hour serves one round: each creates, and from the seventh on each deletes. */
        tale_expect(&tale, tokens == created + deleted, "%llu tokens in 21 rounds",
                    (unsigned long long)tokens);
        tale_expect(&tale, tale_said(&tale, "could not") == 0, "one did what is the other's");

        tale_must(&tale, service_set_role(rig->service, RIG_PRUNER, SERVICE_ROLE_NONE));
        rig_run(rig, 24 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created + 24, "%llu created in 24 hours",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted without a role");
        tale_expect(&tale, tale_said(&tale, "could not be deleted") > 0,
                    "a refused deletion was not told");
        tale_expect(&tale, tale_said(&tale, "cannot be read") == 0,
                    "the creator's listings failed for the pruner");

        tale_must(&tale, service_set_role(rig->service, RIG_PRUNER, SERVICE_ROLE_PRUNER));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The same by Entra, that knows the pruner no more, while tokens run out again and again. */
void named_pruner_unknown(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted, tokens;
        struct tale tale;

        tale_begin(&tale, rig);
        want.two_identities = true;
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        tokens = service_counts(rig->service).by_kind[SERVICE_REQUEST_TOKEN];

        tale_must(&tale, service_forget_client(rig->service, SERVICE_TENANT, RIG_PRUNER));
        for (int i = 0; i < 12; i++) {
                rig_run(rig, HOUR_NS);
                service_expire_tokens(rig->service);
        }
        tale_expect(&tale, rig->checks.creations == created + 12, "%llu created in 12 hours",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted without a token");
        tale_expect(&tale, tale_said(&tale, "nothing can be deleted") == 1,
                    "it was told %u times that the pruner gets no token",
                    tale_said(&tale, "nothing can be deleted"));
        tale_expect(&tale, tale_said(&tale, "nothing can be read") == 0, "the creator has a token");
        /* A refused login is asked for again at most four times an hour. */
        tokens = service_counts(rig->service).by_kind[SERVICE_REQUEST_TOKEN] - tokens;
        tale_expect(&tale, tokens <= 12 * (4 + 3), "%llu requests for tokens in 12 hours",
                    (unsigned long long)tokens);
        tale_end(&tale);
}
