/*
 * The operator: a tag that is wrong, a rule that is cut, a policy that is renamed, questions and
 * their answers, disks that are gone for good.
 */
#include "named.h"
#include "story.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void tag(struct tale *tale, const char *disk, const char *value) {
        tale_must(tale, service_set_tag(tale->rig->service, sim_true_utc(tale->rig->sim),
                                        rig_disk_id(disk), "backup", value));
}

/* Two disks of eight lose their tag by a slip: a quarter of the target is gone. */
static void begin_wrong_tag(struct tale *tale, struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;

        tale_begin(tale, rig);
        for (int i = 1; i <= 8; i++) {
                char name[16];

                snprintf(name, sizeof(name), "disk-%d", i);
                rig_add_disk(rig, name);
        }
        tale_daemon(tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);

        tale_hush(tale);
        tag(tale, "disk-7", "golf");
        tag(tale, "disk-8", "golf");
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(tale, tale_doubts(tale, DOUBT_TARGETS) && tale_said(tale, "(targets)") == 1,
                    "doubt targets was told %u times", tale_said(tale, "(targets)"));
        /* Until the next listing the two are taken as before. */
        created = rig->checks.creations - created;
        tale_expect(tale, created >= 4 * 6 && created <= 4 * 6 + 2, "%llu created in four hours",
                    (unsigned long long)created);
        tale_expect(tale, rig->checks.deletions == deleted, "deleted in doubt of the target");
        tale_expect(tale, tale_ours(tale, "disk-7") >= 6, "the disk without its tag lost some");
        tale_expect(tale, tale_ours(tale, "disk-1") == 10, "%zu of another in place of 10",
                    tale_ours(tale, "disk-1"));
}

void named_wrong_tag(struct rig *rig) {
        struct tale tale;

        begin_wrong_tag(&tale, rig);
        tag(&tale, "disk-7", "gold");
        rig_run(rig, SIGHT_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_TARGETS), "one of two back ended the doubt");
        tag(&tale, "disk-8", "gold");
        rig_run(rig, SIGHT_NS);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_TARGETS), "the fleet's return ends nothing");
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The operator says that it is meant: the rest goes on, and what lost its tag keeps its snapshots. */
void named_wrong_tag_acked(struct rig *rig) {
        struct tale tale;

        begin_wrong_tag(&tale, rig);
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_TARGETS)) == 1,
                    "doubt targets takes no ack");
        rig_run(rig, 20 * MINUTE_NS);
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        tale_settle(&tale);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_TARGETS), "the ack ended nothing");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6 && tale_ours(&tale, "disk-7") >= 6,
                    "%zu stay in place of 6, and %zu of what lost its tag",
                    tale_ours(&tale, "disk-1"), tale_ours(&tale, "disk-7"));
        tale_end(&tale);
}

/* Fewer than the file expects, from the first look on: deletions wait, creations do not. */
void named_expected(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        want.expect = 3;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_TARGETS) && tale_said(&tale, "(targets)") == 1,
                    "doubt targets was told %u times", tale_said(&tale, "(targets)"));
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 11 && rig->checks.deletions == 0,
                    "%zu are there in place of 11", tale_ours(&tale, "disk-1"));
        rig_add_disk(rig, "disk-3");
        tale_settle(&tale);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_TARGETS) && tale_ours(&tale, "disk-1") == 6,
                    "%zu stay when the third is there", tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* What the newest snapshot says of its rule. */
static bool newest_carries(const struct tale *tale, const char *rule) {
        size_t n = tale_ours(tale, "disk-1");
        const struct service_resource *r = n > 0 ? rig_ours(tale->rig, "disk-1", n - 1) : NULL;

        return r && strcmp(service_tag_get(r, "snapkeep-keep") ?: "", rule) == 0;
}

/* Ninety days of daily ones, by a rule that keeps ninety. */
static void begin_ninety(struct tale *tale, struct rig *rig, struct intent *want) {
        tale_begin(tale, rig);
        want->every_s = SEC_PER_DAY;
        want->last = 90;
        rig_add_disk(rig, "disk-1");
        tale_add_ours(tale, "disk-1", 90, SEC_PER_DAY, "last=90;pick=first;zone=UTC");
        tale_daemon(tale, want);
        rig_run(rig, 2 * DAY_NS + 20 * MINUTE_NS);
        tale_expect(tale, rig->checks.deletions == 3, "%llu deleted by the old rule",
                    (unsigned long long)rig->checks.deletions);
        tale_hush(tale);
}

void named_policy_cut(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t deleted;
        struct tale tale;

        begin_ninety(&tale, rig, &want);
        deleted = rig->checks.deletions;
        want.last = 3;
        tale_rewrite(&tale, 1, &want, NULL);
        rig_run(rig, 3 * DAY_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY) && tale_said(&tale, "(policy)") == 1,
                    "doubt policy was told %u times", tale_said(&tale, "(policy)"));
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted in doubt of the policy");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 93, "%zu are there in place of 93",
                    tale_ours(&tale, "disk-1"));
        tale_expect(&tale, newest_carries(&tale, "last=90;pick=first;zone=UTC"),
                    "the newest does not carry the accepted rule");

        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY), "a restart ends doubt policy");
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_POLICY)) == 1,
                    "doubt policy takes no ack");
        rig_run(rig, DAY_NS);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_POLICY), "the ack ended nothing");
        tale_expect(&tale, newest_carries(&tale, "last=3;pick=first;zone=UTC"),
                    "the newest does not carry the rule of the file");
        tale_expect(&tale, tale_doubts(&tale, DOUBT_MASS) && rig->checks.deletions == deleted,
                    "no doubt mass before ninety deletions");
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS)) == 1,
                    "doubt mass takes no ack");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 3, "%zu stay in place of 3",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The file is cut while listings show no snapshot, and the daemon starts anew in between: what it
 * remembers is all that speaks for the accepted rule. */
void named_policy_cut_unlisted(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t deleted;
        struct tale tale;

        begin_ninety(&tale, rig, &want);
        deleted = rig->checks.deletions;
        rig->checks.rights_cut = true;
        tale_must(&tale, service_set_rights(rig->service, SERVICE_SUBSCRIPTION, "rg-snapshots",
                                            SERVICE_RIGHTS_UNLISTED));
        rig_run(rig, DAY_NS);
        want.last = 3;
        tale_rewrite(&tale, 1, &want, NULL);
        rig_run(rig, DAY_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY), "nobody asks about the cut");
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, DAY_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY), "a restart ends doubt policy");
        tale_expect(&tale, newest_carries(&tale, "last=90;pick=first;zone=UTC"),
                    "the newest does not carry the accepted rule");

        tale_must(&tale, service_set_rights(rig->service, SERVICE_SUBSCRIPTION, "rg-snapshots",
                                            SERVICE_RIGHTS_INHERITED));
        rig_run(rig, DAY_NS);
        rig->checks.rights_cut = false;
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY) && rig->checks.deletions == deleted,
                    "the listing's return let %llu go",
                    (unsigned long long)(rig->checks.deletions - deleted));
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_POLICY));
        rig_run(rig, DAY_NS);
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 3, "%zu stay in place of 3",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

static void cut_in_steps(struct tale *tale, struct intent *want) {
        for (int step = 0; step < 20; step++) {
                want->last = MAX(want->last * 85 / 100, 3U);
                tale_rewrite(tale, 1, want, NULL);
                rig_run(tale->rig, HOUR_NS);
        }
        tale_expect(tale, want->last == 3, "twenty steps lead to %u", want->last);
}

/* Each step is too small for doubt policy, their sum within a day is not: the accepted rule is that
 * of the newest snapshot, not that of the last file. */
void named_policy_cut_slowly(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        begin_ninety(&tale, rig, &want);
        cut_in_steps(&tale, &want);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY), "doubt policy did not see the sum");
        tale_expect(&tale, tale_ours(&tale, "disk-1") >= 72,
                    "%zu of 90 outlive the day of the steps", tale_ours(&tale, "disk-1"));
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(&tale, newest_carries(&tale, "last=90;pick=first;zone=UTC"),
                    "the newest does not carry the accepted rule");
        tale_end(&tale);
}

/* With a snapshot between any two steps each of them is accepted; doubt mass sees the sum. */
void named_policy_cut_hourly(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        want.last = 90;
        rig_add_disk(rig, "disk-1");
        tale_add_ours(&tale, "disk-1", 90, SEC_PER_HOUR, "last=90;pick=first;zone=UTC");
        rig_run(rig, 2 * DAY_NS);
        tale_daemon(&tale, &want);
        rig_run(rig, 20 * MINUTE_NS);
        cut_in_steps(&tale, &want);
        tale_expect(&tale, tale_begun(&tale, DOUBT_MASS) > 0, "doubt mass did not see the sum");
        /* Twenty were gained, and a fifth of what there was may go beside. */
        tale_expect(&tale, tale_ours(&tale, "disk-1") >= 70, "%zu of 111 outlive the steps",
                    tale_ours(&tale, "disk-1"));
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 3, "%zu stay in place of 3",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* Thirty may go, and the other disks gain as many in no time: doubt mass stands until an ack. */
void named_mass(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        want.last = 30;
        rig_add_disk(rig, "disk-1");
        tale_add_ours(&tale, "disk-1", 60, SEC_PER_HOUR, "last=30;pick=first;zone=UTC");
        rig_run(rig, 2 * DAY_NS);
        for (int i = 2; i <= 6; i++) {
                char name[16];

                snprintf(name, sizeof(name), "disk-%d", i);
                rig_add_disk(rig, name);
        }
        tale_daemon(&tale, &want);
        rig_run(rig, 12 * HOUR_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_MASS) && tale_said(&tale, "(mass)") == 1,
                    "doubt mass was told %u times", tale_said(&tale, "(mass)"));
        tale_expect(&tale, rig->checks.deletions == 0, "%llu deleted in doubt of the mass",
                    (unsigned long long)rig->checks.deletions);
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS)) == 1,
                    "doubt mass takes no ack");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 30, "%zu stay in place of 30",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The old name's series is the new one's: the slot of the hour is not taken twice. */
void named_renamed(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;
        uint64_t created;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);

        tale_hush(&tale);
        created = rig->checks.creations;
        want.policy = "platinum";
        want.formerly[0] = "gold";
        tale_rewrite(&tale, 1, &want, "gold");
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == created, "a filled slot was taken again");
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created + 3, "%llu created in three hours",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu of both names in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_expect(&tale, tale_said(&tale, "that no policy and target select") == 0,
                    "the old name's are unclaimed");
        tale_settle(&tale);
        tale_end(&tale);
}

/* Without formerly the old name's are nobody's: they stay, and are told. */
void named_renamed_bare(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);

        tale_hush(&tale);
        want.policy = "platinum";
        tale_rewrite(&tale, 1, &want, "gold");
        rig_run(rig, 24 * HOUR_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6 + 6, "%zu in place of 6 and 6",
                    tale_ours(&tale, "disk-1"));
        tale_expect(&tale, tale_said(&tale, "6 snapshots of ours that no policy") == 1,
                    "the unclaimed ones were told %u times",
                    tale_said(&tale, "6 snapshots of ours that no policy"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* One question, one answer, which outlives a restart. */
void named_ask(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        want.ask = true;
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.deletions == 0 && tale_ours(&tale, "disk-1") == 11,
                    "%zu are there in place of 11", tale_ours(&tale, "disk-1"));
        tale_expect(&tale, tale_said(&tale, "(ask)") == 1, "the question was told %u times",
                    tale_said(&tale, "(ask)"));
        tale_expect(&tale, rig_ack(&rig->nodes[0], BLOCK_ASK) == 1, "the question takes no answer");
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay after the answer",
                    tale_ours(&tale, "disk-1"));

        tale_hush(&tale);
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        tale_settle(&tale);
        tale_expect(&tale, tale_said(&tale, "(ask)") == 0, "it was asked again");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* Deletions, then everything; a restart does not forget; the end comes by itself and by word. */
/* What waits for its Retry-After when the pause begins waits on. */
void named_pause_while_throttled(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;
        uint64_t created;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 4 * HOUR_NS + 50 * MINUTE_NS);
        created = rig->checks.creations;
        tale_must(&tale, service_set_away(rig->service, SERVICE_SUBSCRIPTION, SERVICE_THROTTLED,
                                          /* retry_after_s= */ 300,
                                          utc_add_seconds(sim_true_utc(rig->sim), 13 * 60)));
        rig_run(rig, 12 * MINUTE_NS);
        rig_pause(&rig->nodes[0], /* all= */ true, 40 * MINUTE_NS);
        rig_run(rig, 35 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == created, "created in a pause of all");
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations > created, "nothing is created after the pause");
        tale_settle(&tale);
        tale_end(&tale);
}

/* A state that nobody can read may have held a pause: deletions wait for a word, over further starts and the
 * ends of other pauses, and backups do not. */
void named_state_damaged(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);

        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        tale_expect(&tale, rig_damage_state(&rig->nodes[0], sim_mix(rig->seed, 1)),
                    "there was no state");
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "the state that was kept is damaged") == 1,
                    "it was told %u times", tale_said(&tale, "the state that was kept is damaged"));
        tale_expect(&tale, rig_doubts(&rig->nodes[0], BLOCK_PAUSED), "no pause is shown");
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, 1 * HOUR_NS);
        rig_pause(&rig->nodes[0], /* all= */ false, 20 * MINUTE_NS);
        rig_run(rig, 1 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "the state that was kept is damaged") == 1,
                    "it was told again, and had been written anew");
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted with a state unread");
        tale_expect(&tale, rig->checks.creations == created + 4, "%llu created meanwhile",
                    (unsigned long long)(rig->checks.creations - created));

        rig_unpause(&rig->nodes[0]);
        rig_run(rig, SIGHT_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay after the resume",
                    tale_ours(&tale, "disk-1"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* One that cannot be read at a start, and can be later: it is there, and the pause in it holds when it is put back, on
 * a daemon that went on without it. */
void named_state_unread(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;
        uint64_t deleted;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        rig_pause(&rig->nodes[0], /* all= */ false, 10 * DAY_NS);
        rig_run(rig, NSEC_PER_SEC);

        deleted = rig->checks.deletions;
        rig_unread_state(&rig->nodes[0], -EMFILE);
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale,
                    tale_said(&tale, "Too many open files; acks are forgotten, freezes begin anew, "
                                     "and deletions are paused until snapkeepctl resume; it is "
                                     "kept as state-unread-1") == 1,
                    "what became of it was not told");
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted with a state unread");
        rig_unpause(&rig->nodes[0]);
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, rig->checks.deletions > deleted, "a resume resumes nothing");

        deleted = rig->checks.deletions;
        rig_put_state_back(&rig->nodes[0]);
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, rig_doubts(&rig->nodes[0], BLOCK_PAUSED), "the pause in it is lost");
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted in the pause put back");
        rig_unpause(&rig->nodes[0]);
        rig_run(rig, SIGHT_NS);
        tale_settle(&tale);
        tale_end(&tale);
}

void named_pause(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);

        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        rig_pause(&rig->nodes[0], /* all= */ false, 3 * HOUR_NS);
        rig_run(rig, NSEC_PER_SEC);
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, 3 * HOUR_NS - 10 * MINUTE_NS);
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted in a pause");
        tale_expect(&tale, rig->checks.creations == created + 3,
                    "%llu created in a pause of deletions",
                    (unsigned long long)(rig->checks.creations - created));
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, tale_said(&tale, "the pause is over") == 1, "its end was not told");
        rig_run(rig, SIGHT_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay after the pause",
                    tale_ours(&tale, "disk-1"));

        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        /* The slot that came meanwhile is taken when the pause ends by itself, between two slots. */
        rig_pause(&rig->nodes[0], /* all= */ true, HOUR_NS);
        rig_run(rig, HOUR_NS - MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == created, "created in a pause of all");
        rig_run(rig, ROUND_NS);
        tale_expect(&tale, rig->checks.creations == created + 1,
                    "%llu created after a pause of all",
                    (unsigned long long)(rig->checks.creations - created));

        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        rig_pause(&rig->nodes[0], /* all= */ true, 10 * DAY_NS);
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created && rig->checks.deletions == deleted,
                    "something happened in a pause of all");
        rig_unpause(&rig->nodes[0]);
        rig_run(rig, 5 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == created + 1, "%llu created when resumed",
                    (unsigned long long)(rig->checks.creations - created));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Twelve snapshots by min_age, the disk is deleted, and two days are a freeze. */
static void begin_gone(struct tale *tale, struct rig *rig, bool apply,
                       struct guid *ret_generation) {
        struct intent want = tale_hourly();

        tale_begin(tale, rig);
        want.last = 2;
        want.min_age_s = 12 * SEC_PER_HOUR;
        want.freeze_s = 2 * SEC_PER_DAY;
        want.gone_apply = apply;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        rig_add_disk(rig, "disk-3");
        rig_add_disk(rig, "disk-4");
        rig_add_disk(rig, "disk-5");
        *ret_generation = rig_disk(rig, "disk-1")->unique_id;
        tale_daemon(tale, &want);
        rig_run(rig, 14 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(tale, tale_count(tale, TALE_OWNER, ret_generation) == 12,
                    "%zu are there in place of 12", tale_count(tale, TALE_OWNER, ret_generation));

        tale_hush(tale);
        tale_must(tale,
                  service_delete(rig->service, sim_true_utc(rig->sim), rig_disk_id("disk-1")));
        rig_run(rig, 50 * MINUTE_NS);
        tale_expect(tale, tale_said(tale, "snapshots are frozen") == 0, "proven gone in an hour");
        rig_run(rig, 2 * DAY_NS);
        tale_expect(tale, tale_said(tale, "snapshots are frozen") == 1,
                    "the loss was told %u times", tale_said(tale, "snapshots are frozen"));
        tale_expect(tale, tale_count(tale, TALE_OWNER, ret_generation) == 12,
                    "%zu of 12 outlive the freeze", tale_count(tale, TALE_OWNER, ret_generation));
}

void named_gone_keep(struct rig *rig) {
        struct guid generation;
        struct tale tale;

        begin_gone(&tale, rig, /* apply= */ false, &generation);
        rig_run(rig, 40 * DAY_NS);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &generation) == 12,
                    "%zu of 12 are kept for good", tale_count(&tale, TALE_OWNER, &generation));
        tale_settle(&tale);
        tale_end(&tale);
}

void named_gone_apply(struct rig *rig) {
        struct guid generation;
        struct tale tale;

        begin_gone(&tale, rig, /* apply= */ true, &generation);
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &generation) == 3,
                    "%zu stay in place of min_keep", tale_count(&tale, TALE_OWNER, &generation));
        rig_run(rig, 10 * DAY_NS);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &generation) == 3,
                    "%zu stay in place of min_keep", tale_count(&tale, TALE_OWNER, &generation));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Of two a day each day keeps the first, at midnight of Stockholm. By the same counts of days in UTC it is the
 * other one that stays: the file's zone alone is changed, and half of all would go. */
void named_policy_zone(struct rig *rig) {
        static const char rule[] = "daily=60;pick=first;zone=" RIG_ZONE;
        struct intent want = tale_hourly();
        int64_t now_s, midnight_s;
        struct tale tale;

        tale_begin(&tale, rig);
        now_s = utc_seconds(sim_true_utc(rig->sim));
        midnight_s = now_s / SEC_PER_DAY * SEC_PER_DAY;
        want.every_s = SEC_PER_DAY;
        want.last = 0;
        want.daily = 60;
        rig_add_disk(rig, "disk-1");
        for (int64_t i = 20; i > 0; i--) {
                rig_add_ours(rig, "disk-1", TALE_OWNER, "gold", rule,
                             midnight_s - i * SEC_PER_DAY + 11 * SEC_PER_HOUR);
                rig_add_ours(rig, "disk-1", TALE_OWNER, "gold", rule,
                             midnight_s - i * SEC_PER_DAY + 23 * SEC_PER_HOUR);
        }
        tale_hush(&tale);
        tale_daemon(&tale, &want);
        rig_run(rig, DAY_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY) && tale_said(&tale, "(policy)") == 1,
                    "doubt policy was told %u times", tale_said(&tale, "(policy)"));
        tale_expect(&tale, rig->checks.deletions == 0, "deleted in doubt of the policy");
        tale_expect(&tale, newest_carries(&tale, rule),
                    "the newest does not carry the accepted rule");
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_POLICY)) == 1,
                    "doubt policy takes no ack");
        rig_run(rig, DAY_NS);
        tale_expect(&tale, newest_carries(&tale, "daily=60;pick=first;zone=UTC"),
                    "the newest does not carry the rule of the file");
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        tale_settle(&tale);
        tale_expect(&tale, rig->checks.deletions == 20, "%llu deleted by the new rule",
                    (unsigned long long)rig->checks.deletions);
        tale_end(&tale);
}

/* One a day, of which each zone keeps as many: what goes is what would have gone, and nobody is asked. */
void named_policy_zone_alike(struct rig *rig) {
        struct intent want = tale_hourly();
        int64_t midnight_s;
        struct tale tale;

        tale_begin(&tale, rig);
        midnight_s = utc_seconds(sim_true_utc(rig->sim)) / SEC_PER_DAY * SEC_PER_DAY;
        want.every_s = SEC_PER_DAY;
        want.last = 0;
        want.daily = 20;
        rig_add_disk(rig, "disk-1");
        for (int64_t i = 24; i > 0; i--)
                rig_add_ours(rig, "disk-1", TALE_OWNER, "gold",
                             "daily=20;pick=first;zone=" RIG_ZONE, midnight_s - i * SEC_PER_DAY);
        tale_daemon(&tale, &want);
        rig_run(rig, 3 * DAY_NS);
        tale_settle(&tale);
        tale_expect(&tale, rig->checks.deletions == 8, "%llu deleted by either rule",
                    (unsigned long long)rig->checks.deletions);
        tale_end(&tale);
}

/* The same, and the zone of the accepted rule is not installed when the daemon starts: nobody can tell what
 * that keeps, so it keeps all. The doubt ends when the zone is there again. */
void named_policy_zone_lost(struct rig *rig) {
        static const char rule[] = "daily=20;pick=first;zone=" RIG_ZONE;
        struct intent want = tale_hourly();
        int64_t midnight_s;
        struct tale tale;

        tale_begin(&tale, rig);
        midnight_s = utc_seconds(sim_true_utc(rig->sim)) / SEC_PER_DAY * SEC_PER_DAY;
        want.every_s = SEC_PER_DAY;
        want.last = 0;
        want.daily = 20;
        rig_add_disk(rig, "disk-1");
        for (int64_t i = 24; i > 0; i--)
                rig_add_ours(rig, "disk-1", TALE_OWNER, "gold", rule, midnight_s - i * SEC_PER_DAY);
        rig_lose_zone(rig);
        tale_daemon(&tale, &want);
        rig_run(rig, 2 * DAY_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_POLICY), "no doubt about a rule unknown");
        tale_expect(&tale, rig->checks.deletions == 0, "deleted, and nobody knows what is kept");
        tale_expect(&tale, newest_carries(&tale, rule),
                    "the newest does not carry the accepted rule");
        rig_restore_zone(rig);
        rig_run(rig, DAY_NS);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_POLICY), "the doubt goes on");
        tale_settle(&tale);
        tale_expect(&tale, rig->checks.deletions == 8, "%llu deleted by either rule",
                    (unsigned long long)rig->checks.deletions);
        tale_end(&tale);
}

/* A disk loses its tag, and is deleted later, over a restart. Its snapshots were no policy's when it was there,
 * and stay, though others of its group go by the rule; what gets its tag back in time is the policy's. */
void named_gone_untagged(struct rig *rig) {
        struct intent want = tale_hourly();
        struct guid kept, pruned;
        struct tale tale;
        size_t before;

        tale_begin(&tale, rig);
        want.last = 2;
        want.min_age_s = 12 * SEC_PER_HOUR;
        want.freeze_s = 2 * SEC_PER_DAY;
        want.gone_apply = true;
        for (int i = 1; i <= 9; i++) {
                char name[16];

                snprintf(name, sizeof(name), "disk-%d", i);
                rig_add_disk(rig, name);
        }
        kept = rig_disk(rig, "disk-1")->unique_id;
        pruned = rig_disk(rig, "disk-2")->unique_id;
        tale_daemon(&tale, &want);
        rig_run(rig, 14 * HOUR_NS + 20 * MINUTE_NS);
        tag(&tale, "disk-1", "none");
        tag(&tale, "disk-2", "none");
        rig_run(rig, SIGHT_NS);
        tag(&tale, "disk-2", "gold");
        rig_run(rig, SIGHT_NS);
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, HOUR_NS);
        before = tale_count(&tale, TALE_OWNER, &kept);
        tale_expect(&tale, before >= 12, "%zu are there in place of 12", before);

        tale_hush(&tale);
        tale_must(&tale,
                  service_delete(rig->service, sim_true_utc(rig->sim), rig_disk_id("disk-1")));
        tale_must(&tale,
                  service_delete(rig->service, sim_true_utc(rig->sim), rig_disk_id("disk-2")));
        rig_run(rig, 4 * DAY_NS);
        tale_expect(&tale, tale_said(&tale, "snapshots are frozen") == 2,
                    "the losses were told %u times", tale_said(&tale, "snapshots are frozen"));
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &kept) == before,
                    "%zu of %zu are left of a disk that no target selected",
                    tale_count(&tale, TALE_OWNER, &kept), before);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &pruned) == 3,
                    "%zu stay in place of min_keep", tale_count(&tale, TALE_OWNER, &pruned));
        tale_settle(&tale);
        tale_end(&tale);
}

/* To its end, below every floor, but for what is held; and never a disk that is selected. */
void named_retire(struct rig *rig) {
        struct guid generation, other;
        struct tale tale;
        const struct service_resource *held = NULL;
        uint64_t serial = 0;

        begin_gone(&tale, rig, /* apply= */ false, &generation);
        other = rig_disk(rig, "disk-2")->unique_id;
        for (size_t i = 0; i < service_resources(rig->service) && !held; i++) {
                const struct service_resource *r = service_resource_at(rig->service, i);

                if (r->kind == SERVICE_SNAPSHOT && !utc_is_set(r->deleted_at) &&
                    guid_compare(&r->source_unique_id, &generation) == 0)
                        held = r;
        }
        if (held) {
                serial = held->serial;
                tale_must(&tale, service_set_tag(rig->service, sim_true_utc(rig->sim), held->id,
                                                 "snapkeep-hold", "audit"));
        }
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, !rig_retire(&rig->nodes[0], &other), "a selected disk is retired");
        tale_expect(&tale, rig_retire(&rig->nodes[0], &generation), "a gone disk is not retired");
        rig_run(rig, HOUR_NS);
        tale_expect(&tale,
                    tale_count(&tale, TALE_OWNER, &generation) == 1 && tale_lives(&tale, serial),
                    "%zu are left in place of the held one",
                    tale_count(&tale, TALE_OWNER, &generation));
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &other) >= 12, "another disk's went too");
        tale_expect(&tale, tale_said(&tale, "is deleted (retired by the operator") == 11,
                    "%u deletions name the operator",
                    tale_said(&tale, "is deleted (retired by the operator"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Those of the disk with that policy tag. */
static size_t count_under(const struct tale *tale, const char *disk, const char *policy) {
        const struct service_resource *source = rig_disk(tale->rig, disk);
        struct service *service = tale->rig->service;
        size_t n = 0;

        for (size_t i = 0; i < service_resources(service); i++) {
                const struct service_resource *r = service_resource_at(service, i);

                n += r->kind == SERVICE_SNAPSHOT && !utc_is_set(r->deleted_at) &&
                     guid_compare(&r->source_unique_id, &source->unique_id) == 0 &&
                     strcmp(service_tag_get(r, "snapkeep-policy") ?: "", policy) == 0;
        }
        return n;
}

/* A disk goes from one policy to another: what the first has left goes at the operator's word while both are
 * in the file, and when the first is there no more; never what the second has, nor another disk's. */
void named_retire_unclaimed(struct rig *rig) {
        struct intent wants[2] = {tale_hourly(), tale_hourly()};
        struct strbuf file = {};
        struct tale_pick held;
        struct tale tale;

        tale_begin(&tale, rig);
        wants[1].policy = wants[1].selects = "silver";
        for (int i = 1; i <= 6; i++) {
                char name[16];

                snprintf(name, sizeof(name), "disk-%d", i);
                rig_add_disk(rig, name);
        }
        tale_daemon(&tale, &wants[0]);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        story_policy(wants, ARRAY_SIZE(wants), &file);
        wants[1].nodes = 1;
        checks_intend(&rig->checks, &wants[1], NULL, sim_true_utc(rig->sim));
        rig_reload(&rig->nodes[0], strbuf_str(&file));
        strbuf_deinit(&file);
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, !rig_retire(&rig->nodes[0], &rig_disk(rig, "disk-1")->unique_id),
                    "a disk of which nothing is unclaimed is retired");

        held = tale_pick(&tale, "disk-1", 2);
        tale_must(&tale, service_set_tag(rig->service, sim_true_utc(rig->sim), held.id,
                                         "snapkeep-hold", "audit"));
        tag(&tale, "disk-1", "silver");
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale, count_under(&tale, "disk-1", "gold") >= 6, "some went without a word");
        tale_expect(&tale, rig_retire(&rig->nodes[0], &rig_disk(rig, "disk-1")->unique_id),
                    "what a policy has left is not retired");
        rig_run(rig, HOUR_NS);
        tale_expect(&tale,
                    count_under(&tale, "disk-1", "gold") == 1 && tale_lives(&tale, held.serial),
                    "%zu are left in place of the held one", count_under(&tale, "disk-1", "gold"));
        tale_expect(&tale, count_under(&tale, "disk-1", "silver") == 4,
                    "%zu of the policy that selects the disk in place of 4",
                    count_under(&tale, "disk-1", "silver"));
        tale_expect(&tale, count_under(&tale, "disk-2", "gold") == 6, "another disk's went too");

        /* The first policy is given up, and this disk is the second's. */
        tag(&tale, "disk-2", "silver");
        tale_rewrite(&tale, 1, &wants[1], "gold");
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale, rig_retire(&rig->nodes[0], &rig_disk(rig, "disk-2")->unique_id),
                    "what a policy has left that is given up is not retired");
        rig_run(rig, HOUR_NS);
        tale_expect(&tale,
                    count_under(&tale, "disk-2", "gold") == 0 &&
                            count_under(&tale, "disk-2", "silver") == 5,
                    "%zu are left, and %zu of the policy that selects the disk in place of 5",
                    count_under(&tale, "disk-2", "gold"), count_under(&tale, "disk-2", "silver"));
        tale_expect(&tale, count_under(&tale, "disk-3", "gold") == 6, "another disk's went too");
        tale_settle(&tale);
        tale_end(&tale);
}
