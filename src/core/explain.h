/*
 * explain: why each snapshot is there and until when, for those who ask (DESIGN section 1, promise 6).
 *
 * An explainer is one policy file and one view at one moment, with what many questions share worked
 * out once. It decides nothing: what is ours is said by series.h, what stays by retention.h, and the
 * planner alone deletes. It is pure, and borrows file and view for its life.
 */
#pragma once

#include "base/macros.h"
#include "core/planner.h"
#include "core/policy.h"
#include "core/retention.h"
#include "core/rows.h"

/* Deaths after it are "never": 100 years. Chosen: what no one alive will see is no date. */
#define EXPLAIN_HORIZON_S (INT64_C(36525) * SEC_PER_DAY)

struct explainer;

int explainer_new(const struct policy_file *file, const struct world_view *view, struct utc now,
                  struct explainer **ret_explainer);
/*
 * What the planner goes by beside the view: since when snapshots have failed and disks are gone; the rest of
 * it is not looked at. The arrays are borrowed. Other failures are taken to have been seen at @now, and no
 * other disk to be gone, as all are without a call of this.
 */
void explainer_know(struct explainer *explainer, const struct standing *standing);
struct explainer *explainer_free(struct explainer *explainer);
DEFINE_CLEANUP(struct explainer *, explainer_free)

/* One snapshot of ours in its series. */
struct explained {
        const struct snapshot_row *row;
        /* What rules and floors say; with prune off as well, where it is for information alone. */
        struct verdict verdict;
        /* The first instant from now on at which the planner would delete it, should all slots to come
         * be filled; UTC_NEVER when it stays for good or beyond the horizon. */
        struct utc death;
};

/* A series, valid until the explainer answers for the next one. */
struct explained_series {
        size_t policy;
        const struct disk_row *disk; /* NULL: it is gone */
        struct utc frozen_until;     /* of a gone disk: nothing goes before; else UTC_NONE */
        bool prune_off; /* safety.prune is off: whatever the verdicts, nothing is deleted */
        const struct explained *items; /* by slot, the oldest first */
        size_t n;
};

/* Explains the series of @disk, which has a generation, under a policy that selects it. Returns 0 or
 * -ENOMEM. */
int explainer_series(struct explainer *explainer, size_t policy, const struct disk_row *disk,
                     struct explained_series *ret_series);

/* The reasons for people: "daily 3/30, last 1/6"; "prune is off, superseded"; "disk gone, frozen until
 * 2026-12-01T00:00:00Z, superseded"; for one that goes by its failure "failed, goes 7 days after it was first
 * seen so". */
void explained_append(const struct explainer *explainer, const struct explained_series *series,
                      const struct explained *explained, struct strbuf *out);

enum explain_kind {
        EXPLAIN_OURS, /* in a series that policy and target select, or whose rule runs on though
                              its disk is gone */
        EXPLAIN_UNCLAIMED, /* ours, and nothing selects its series: kept */
        EXPLAIN_MISTAKEN,  /* our owner tag, and yet not ours: never touched */
        EXPLAIN_STRANGER,  /* somebody else's: never touched */
};

/* "ours", "unclaimed", "mistaken", "stranger". */
const char *explain_kind_name(enum explain_kind kind);

/* Bits: why a row is in no series. Each that holds is there. */
enum {
        EXPLAIN_NO_OWNER = 1 << 0,    /* stranger: it does not carry our owner tag */
        EXPLAIN_BAD_TAGS = 1 << 1,    /* mistaken: a tag of ours is missing or malformed, or another
                                          source's */
        EXPLAIN_OTHER_NAME = 1 << 2,  /* mistaken: the name is not the one that its tags give, and
                                        nobody adopted it */
        EXPLAIN_FULL = 1 << 3,        /* mistaken: not incremental */
        EXPLAIN_NO_POLICY = 1 << 4,   /* unclaimed: no policy has that name, or formerly had */
        EXPLAIN_OTHER_GROUP = 1 << 5, /* unclaimed: not in the policy's snapshot_group */
        EXPLAIN_NO_DISK = 1 << 6,     /* unclaimed: no disk of its generation is listed */
        EXPLAIN_OTHER_REGION = 1 << 7, /* unclaimed: the disk is in another region */
        EXPLAIN_NO_TARGET = 1 << 8,    /* unclaimed: no target of the policy selects the disk */
        EXPLAIN_TOO_OLD = 1 << 9, /* mistaken: taken before the slot that its tags give, and nobody
                                          adopted it */
        EXPLAIN_UNPROVEN = 1 << 10, /* unclaimed as yet: when its disk is known to be gone the rule
                                            runs on over it */
};

#define EXPLAIN_NONE SIZE_MAX

struct explained_row {
        enum explain_kind kind;
        unsigned why;                /* EXPLAIN_*; 0 for ours */
        size_t policy;               /* that of its tag, or EXPLAIN_NONE */
        const struct disk_row *disk; /* of its generation, or NULL */
        struct utc frozen_until; /* ours, and the disk is gone: explained_series; else UTC_NONE */
};

/* What any row of the view is. */
void explainer_row(const struct explainer *explainer, const struct snapshot_row *row,
                   struct explained_row *ret_row);
/* The series of a row that explainer_row() found to be ours, and which is no backup. Returns 0 or -ENOMEM. */
int explainer_series_of(struct explainer *explainer, const struct explained_row *what,
                        const struct snapshot_row *row, struct explained_series *ret_series);

/* Of an extra backup (ROW_BACKUP) that explainer_row() found to be ours, and which is no member of its
 * series: appends the reasons ("backup until 2026-12-01T00:00:00Z, held"), and says when the planner would
 * delete it, should the series stay as it is; or UTC_NEVER. The series last asked for stays valid. Returns
 * 0 or -ENOMEM. */
int explainer_backup(struct explainer *explainer, const struct explained_row *what,
                     const struct snapshot_row *row, struct strbuf *out, struct utc *ret_death);

/* Says it as the rest of "it is not ours: …", parts joined by "; and ". Nothing for ours. */
void explained_row_append(const struct explainer *explainer, const struct snapshot_row *row,
                          const struct explained_row *explained, struct strbuf *out);
