/*
 * planner-internal: what the parts of one planner_run() share. The plan is what stays.
 */
#pragma once

#include "core/planner.h"
#include "core/series.h"

/* A target selects a disk for its policy. */
struct selection {
        uint32_t disk; /* index into the view's */
        uint32_t policy;
        uint32_t target;
};

struct planner {
        const struct policy_file *file;
        const struct world_view *view;
        const struct standing *standing; /* NULL: nothing stands */
        struct utc now;
        struct plan *plan;
        char **rules;  /* [n_policies]: the file's keep, as keep_append() writes it */
        bool *claimed; /* [n_snapshots]: in a series that was selected */
        struct selection *selections; /* sorted by disk, policy, target; each once */
        size_t n_selections, selections_capacity;
        struct series_scratch scratch;
        /* Of the disk at hand: */
        uint32_t found; /* kinds of findings that it counts in already, as bits */
        size_t creates; /* planned for it and not blocked */
        bool again;     /* planner_advance(): what was found stays found */
};

/* The keep rule that the newest of a series carries; where none is listed, the remembered one. */
struct accepted {
        const char *text;        /* borrowed; NULL: it cannot be read, which counts as "none" */
        bool carried;            /* a listed snapshot has it, and it is not the remembered one */
        bool differs;            /* from the file's; else the rest is not set */
        struct keep keep;        /* empty for "none", and where nobody knows its zone */
        const struct zone *zone; /* of its periods */
};

/* planner.c: what all actions and waits have in common. */
int planner_add_action(struct planner *p, enum action_kind kind, const char *generation,
                       struct action **ret_action);
void planner_wait_until(struct planner *p, struct utc when);
/* Room for what is the same for all series of a policy, and what it holds. */
int planner_prepare(struct planner *p);
void planner_deinit(struct planner *p);
/* Puts the actions in their order. */
void planner_sort(struct plan *plan);
/* The state of a series, with its doubts, and the rows' claims. *ret_again: some of its rows are
 * claimed by a series before it, which alone judges them. */
int planner_begin_series(struct planner *p, const struct series *s, struct series_state **ret_state,
                         bool *ret_again);

/* One more target that selects the series, whose state is the last one begun. */
int planner_add_selector(struct planner *p, struct series_state *state, size_t target);

/* planner-findings.c: counts one more of the kind; the first gives the subject. A disk counts once in
 * each kind. */
int planner_find(struct planner *p, enum finding_kind kind, const char *group, const char *name);
int planner_find_row(struct planner *p, enum finding_kind kind, const struct snapshot_row *row);
int planner_find_disk(struct planner *p, enum finding_kind kind, const struct disk_row *disk);
/* What carries our owner tag and belongs to no selected series, and ids that are not listed. */
int planner_find_rest(struct planner *p);

/* planner-create.c: slots of a selected series, and how late it is. */
int planner_create(struct planner *p, const struct series *s, int64_t jitter_s,
                   const struct accepted *accepted, struct series_state *state);

/* planner-prune.c: tallies and deletions of a series. */
void planner_accepted(const struct planner *p, const struct series *s,
                      struct accepted *ret_accepted);
int planner_tally(struct planner *p, const struct series *s, int64_t jitter_s,
                  const struct accepted *accepted, const struct series_state *state);
/* All of ours that the listing has of each policy. */
void planner_count_listed(struct planner *p);
int planner_prune(struct planner *p, const struct series *s, struct series_state *state);
/* Takes the reason, also on failure. */
int planner_delete(struct planner *p, const struct snapshot_row *row, struct strbuf *reason,
                   struct action **ret_action);

/* planner-gone.c: series of disks that are gone or no more selected, and those that an operator retires. */
int planner_gone(struct planner *p);
int planner_retired(struct planner *p);
/* What of ours belongs to listed disks that its policy selects no more; before any other series than theirs
 * is claimed. */
int planner_unselected(struct planner *p);
