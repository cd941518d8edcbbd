/*
 * What the planner finds on its way: counted by kind, with one example each.
 */
#include "core/planner-internal.h"

#include "base/array.h"
#include "core/targets.h"

#include <string.h>

/* Whether one of the kind was found before, which counts on then. */
static bool found_before(struct planner *p, enum finding_kind kind) {
        struct plan *plan = p->plan;

        for (size_t i = 0; i < plan->n_findings; i++)
                if (plan->findings[i].kind == kind) {
                        plan->findings[i].count++;
                        return true;
                }
        return false;
}

int planner_find(struct planner *p, enum finding_kind kind, const char *group, const char *name) {
        struct plan *plan = p->plan;
        struct strbuf subject = {};
        struct finding *finding;
        int r;

        if (p->again || found_before(p, kind))
                return 0;

        r = array_grow(&plan->findings, plan->n_findings, &plan->findings_capacity,
                       sizeof(*plan->findings), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;

        finding = &plan->findings[plan->n_findings];
        *finding = (struct finding){.kind = kind, .count = 1};
        strbuf_appendf(&subject, "%s/%s/%s", p->view->subscription, group, name);
        r = strbuf_take(&subject, &finding->subject);
        if (r < 0)
                return r;

        plan->n_findings++;
        return 0;
}

int planner_find_row(struct planner *p, enum finding_kind kind, const struct snapshot_row *row) {
        char name[SNAPSHOT_NAME_SIZE];

        /* Only the first needs a name, and there may be as many as snapshots. */
        if (p->again || found_before(p, kind))
                return 0;
        return planner_find(p, kind, view_str(p->view, row->group),
                            snapshot_row_name(p->view, row, name));
}

int planner_find_disk(struct planner *p, enum finding_kind kind, const struct disk_row *disk) {
        if (p->found & 1U << kind)
                return 0;
        p->found |= 1U << kind;
        return planner_find(p, kind, view_str(p->view, disk->group), view_str(p->view, disk->name));
}

static int find_strays(struct planner *p) {
        for (size_t i = 0; i < p->view->n_snapshots; i++) {
                const struct snapshot_row *row = &p->view->snapshots[i];
                int r;

                if (!(row->flags & ROW_CLAIMS) || p->claimed[i])
                        continue;
                r = planner_find_row(
                        p, snapshot_row_is_ours(row) ? FINDING_UNCLAIMED : FINDING_MISTAKEN, row);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int find_missing(struct planner *p) {
        for (size_t t = 0; t < p->file->n_targets; t++) {
                const struct target *target = &p->file->targets[t];

                for (size_t i = 0; i < target->n_disks; i++) {
                        const struct resource_id *id = &target->disks[i];
                        int r;

                        if (strcmp(id->subscription, p->view->subscription) != 0 ||
                            view_find_disk(p->view, id->group, id->name))
                                continue;
                        r = planner_find(p, FINDING_DISK_MISSING, id->group, id->name);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int planner_find_rest(struct planner *p) {
        return find_strays(p) ?: find_missing(p);
}

void finding_append(const struct finding *finding, struct strbuf *out) {
        const char *many = finding->count == 1 ? "" : "s";

        strbuf_appendf(out, "%zu ", finding->count);
        switch (finding->kind) {
        case FINDING_MISTAKEN:
                strbuf_appendf(
                        out,
                        "snapshot%s with our owner tag but not our name, source, group or time, "
                        "left alone",
                        many);
                break;
        case FINDING_UNCLAIMED:
                strbuf_appendf(out, "snapshot%s of ours that no policy and target select, kept",
                               many);
                break;
        case FINDING_FUTURE:
                strbuf_appendf(
                        out,
                        "snapshot%s of ours dated in the future, ignored for due slots and kept",
                        many);
                break;
        case FINDING_DISK_MISSING:
                strbuf_appendf(out, "disk%s named by a target and not listed by Azure", many);
                break;
        case FINDING_NO_ATTEMPT:
                strbuf_appendf(out, "disk%s whose due slot has all its names taken", many);
                break;
        case FINDING_NO_GENERATION:
                strbuf_appendf(out, "disk%s listed without a uniqueId", many);
                break;
        case FINDING_NO_SNAPSHOT:
                strbuf_appendf(out, "disk%s being uploaded, which cannot be snapshotted yet", many);
                break;
        case FINDING_MOVED:
                strbuf_appendf(out, "disk%s under another id than the newest snapshot's tag has",
                               many);
                break;
        case FINDING_GONE:
                strbuf_appendf(out, "snapshot%s of disks that are gone, kept", many);
                break;
        case FINDING_DEFERRED:
                strbuf_appendf(out, "disk%s whose slot waits for pending snapshots", many);
                break;
        }
        strbuf_appendf(out, ": %s%s", finding->subject,
                       finding->count == 1   ? ""
                       : finding->count == 2 ? " and another"
                                             : " and others");
}

const char *finding_name(enum finding_kind kind) {
        switch (kind) {
        case FINDING_MISTAKEN:
                return "mistaken";
        case FINDING_UNCLAIMED:
                return "unclaimed";
        case FINDING_FUTURE:
                return "future";
        case FINDING_DISK_MISSING:
                return "disk-missing";
        case FINDING_NO_ATTEMPT:
                return "no-attempt";
        case FINDING_NO_GENERATION:
                return "no-generation";
        case FINDING_NO_SNAPSHOT:
                return "no-snapshot";
        case FINDING_MOVED:
                return "moved";
        case FINDING_GONE:
                return "gone";
        case FINDING_DEFERRED:
                return "deferred";
        }
        return "?";
}
