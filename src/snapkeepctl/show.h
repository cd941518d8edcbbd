/*
 * show: snapshots and disks of a view, in the words and members that several verbs use.
 */
#pragma once

#include "core/explain.h"
#include "core/planner.h"
#include "core/rows.h"
#include "snapkeepctl/ctl.h"

struct json_writer;
struct strbuf;

/* "complete", "underway", "failed", "leaving". */
const char *state_name(const struct snapshot_row *row);

/* A snapshot's own members: id, subscription, group, name, generation, region, slot, created, state,
 * percent, held. */
void show_row_members(struct json_writer *w, const struct world_view *view,
                      const struct snapshot_row *row);
/* "disk": its ARM id, or null for NULL. */
void show_disk_member(struct json_writer *w, const struct world_view *view,
                      const struct disk_row *disk);
/* "kept_by": […], "goes": instant or null. @reasons is explained_append()'s. */
void show_fate_members(struct json_writer *w, const struct explained *explained,
                       const struct strbuf *reasons);

/* A time that may be missing: "-". */
const char *maybe_time_text(struct utc time, bool in_utc, char *buffer);
