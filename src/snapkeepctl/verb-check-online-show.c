#include "snapkeepctl/verb-check-online.h"

#include "base/json_writer.h"
#include "base/str.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/table.h"

#include <stdio.h>
#include <string.h>

static const char *const set_states[] = {
        [ONLINE_SET_UNKNOWN] = "unknown",     [ONLINE_SET_OK] = "ok",
        [ONLINE_SET_MISSING] = "missing",     [ONLINE_SET_FORBIDDEN] = "forbidden",
        [ONLINE_SET_FAILING] = "not-rotated",
};

static const char *const exist_words[] = {
        [ONLINE_UNKNOWN] = "unknown",
        [ONLINE_YES] = "yes",
        [ONLINE_NO] = "no",
};

static void append_rights(const struct online_group *group, struct strbuf *out) {
        unsigned n_asked = 0, n_known = 0, n_lacking = 0;

        if (online_group_exists(group) == ONLINE_NO) {
                strbuf_append_char(out, '-');
                return;
        }
        for (size_t i = 0; i < _ONLINE_WHO_N; i++) {
                n_asked += group->rights[i].asked;
                n_known += group->rights[i].known;
                n_lacking += (unsigned)__builtin_popcount(online_lacks(&group->rights[i]));
        }
        if (n_lacking > 0)
                strbuf_appendf(out, "lacks %u", n_lacking);
        else
                strbuf_append_str(out, n_asked > 0 && n_known == n_asked ? "all" : "unknown");
}

/* Who it is stands above, but for who the environment is. */
static void append_identity(const struct online *online, enum online_who who, const char *subject,
                            struct strbuf *out) {
        const struct online_identity *identity = &online->identities[who];

        if (!identity->identity)
                return;
        strbuf_appendf(out, "  %s %s", subject,
                       !identity->asked      ? "was not asked for a token"
                       : identity->has_token ? "has a token"
                                             : "has no token");
        if (identity->identity->kind == IDENTITY_ENVIRONMENT) {
                strbuf_append_str(out, ", as ");
                append_clean(out, strbuf_str(&identity->as), identity->as.len);
        }
        strbuf_append_char(out, '\n');
}

static void add_count(struct table *table, bool known, size_t n) {
        if (known)
                table_cell(table, "%zu", n);
        else
                table_cell(table, "unread");
}

static enum status show_subscriptions(const struct online *online, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "SUBSCRIPTION"},
                {.title = "DISKS", .right = true},
                {.title = "SELECTED", .right = true},
                {.title = "SNAPSHOTS", .right = true},
        };
        enum status status;
        struct table table;

        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (size_t i = 0; i < online->n_subscriptions; i++) {
                const struct online_subscription *s = &online->subscriptions[i];

                table_cell(&table, "%s", s->id);
                add_count(&table, s->read, s->n_disks);
                add_count(&table, s->read, s->n_selected);
                add_count(&table, s->read, s->n_snapshots);
        }
        strbuf_append_char(out, '\n');
        status = table_print(&table, out);
        table_deinit(&table);
        return status;
}

/* The rows of one policy: its targets, and together what they select, where several may select the same. */
static void add_policy(const struct online *online, size_t p, struct table *table) {
        const struct policy_file *file = online->file;
        size_t n = 0;

        for (size_t t = 0; t < file->n_targets; t++) {
                const struct target *target = &file->targets[t];

                if (target->policy != p)
                        continue;
                n++;
                table_cell(table, "%s", file->policies[p].name);
                table_cell(table, "[%zu]", t);
                if (target->expect > 0 || target->may_be_empty)
                        table_cell(table, ">=%u", target->expect);
                else
                        table_cell(table, "%s", "-");
                add_count(table, online_target_is_read(online, t), online->targets[t]);
        }
        if (n == 1)
                return;
        table_cell(table, "%s", file->policies[p].name);
        table_cell(table, "all");
        table_cell(table, "%s", "-");
        add_count(table, online_policy_is_read(online, p), online->policies[p]);
}

static enum status show_policies(const struct online *online, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "POLICY", .may_cut = true},
                {.title = "TARGET", .right = true},
                {.title = "EXPECT", .right = true},
                {.title = "SELECTS", .right = true},
        };
        enum status status;
        struct table table;

        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (size_t p = 0; p < online->file->n_policies; p++)
                add_policy(online, p, &table);
        strbuf_append_char(out, '\n');
        status = table_print(&table, out);
        table_deinit(&table);
        return status;
}

static enum status show_groups(const struct online *online, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "GROUP", .may_cut = true},
                {.title = "FOR"},
                {.title = "EXISTS"},
                {.title = "RIGHTS"},
                {.title = "SUBSCRIPTION", .may_cut = true, .drop = 1},
        };
        enum status status;
        struct table table;

        if (online->n_groups == 0)
                return STATUS_DONE;
        table_init(&table, columns, ARRAY_SIZE(columns) - (online->n_subscriptions == 1), "");
        for (size_t i = 0; i < online->n_groups; i++) {
                const struct online_group *group = online->groups[i];
                _cleanup_(strbuf_deinit) struct strbuf rights = {}, use = {};

                if (group->where & RIGHT_AT_SNAPSHOTS)
                        strbuf_append_str(&use, "snapshots");
                if (group->where & RIGHT_AT_DISKS)
                        strbuf_appendf(&use, "%s%u disk%s", use.len > 0 ? ", " : "", group->n_disks,
                                       group->n_disks == 1 ? "" : "s");
                append_rights(group, &rights);
                table_cell(&table, "%s", group->name);
                table_cell(&table, "%s", strbuf_str(&use));
                table_cell(&table, "%s", exist_words[online_group_exists(group)]);
                table_cell(&table, "%s", strbuf_str(&rights));
                if (online->n_subscriptions != 1)
                        table_cell(&table, "%s", online->subscriptions[group->subscription].id);
        }
        strbuf_append_char(out, '\n');
        status = table_print(&table, out);
        table_deinit(&table);
        return status;
}

static enum status show_sets(const struct online *online, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "ENCRYPTION SET", .may_cut = true},
                {.title = "DISKS", .right = true},
                {.title = "KEY"},
        };
        enum status status;
        struct table table;

        if (online->n_sets == 0)
                return STATUS_DONE;
        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (size_t i = 0; i < online->n_sets; i++) {
                const struct online_set *set = online->sets[i];

                if (set->id.name[0])
                        table_cell(&table, "%s/%s", set->id.group, set->id.name);
                else
                        table_cell(&table, "%s", set->text);
                table_cell(&table, "%u", set->n_disks);
                table_cell(&table, "%s", set_states[set->state]);
        }
        strbuf_append_char(out, '\n');
        status = table_print(&table, out);
        table_deinit(&table);
        return status;
}

enum status online_show(const struct online *online, struct strbuf *out) {
        bool two = online->file->two_identities;
        enum status status;

        strbuf_appendf(out, "\nOnline: %zu error%s, %zu warning%s\n", online->findings.n_errors,
                       online->findings.n_errors == 1 ? "" : "s", online->findings.n_warnings,
                       online->findings.n_warnings == 1 ? "" : "s");
        append_identity(online, ONLINE_CREATOR, two ? "what creates" : "the identity", out);
        append_identity(online, ONLINE_PRUNER, "what deletes", out);
        status = show_subscriptions(online, out);
        if (status == STATUS_DONE)
                status = show_policies(online, out);
        if (status == STATUS_DONE)
                status = show_groups(online, out);
        return status == STATUS_DONE ? show_sets(online, out) : status;
}

static void write_maybe_bool(struct json_writer *w, const char *name, bool known, bool value) {
        if (known)
                json_write_bool(w, name, value);
        else
                json_write_null(w, name);
}

static void write_identities(const struct online *online, struct json_writer *w) {
        static const char *const roles[] = {
                [ONLINE_CREATOR] = "create",
                [ONLINE_PRUNER] = "prune",
        };

        json_open(w, "identities", '[');
        for (size_t i = 0; i < _ONLINE_WHO_N; i++) {
                const struct online_identity *identity = &online->identities[i];

                if (!identity->identity)
                        continue;
                json_open(w, NULL, '{');
                json_write_string(w, "for", online->file->two_identities ? roles[i] : "all");
                json_write_string(w, "kind", identity_kind_name(identity->identity->kind));
                json_write_clean(w, "as", strbuf_str(&identity->as));
                write_maybe_bool(w, "token", identity->asked, identity->has_token);
                json_close(w);
        }
        json_close(w);
}

static void write_count(struct json_writer *w, const char *name, bool known, size_t n) {
        if (known)
                json_write_int(w, name, (int64_t)n);
        else
                json_write_null(w, name);
}

static void write_subscriptions(const struct online *online, struct json_writer *w) {
        json_open(w, "subscriptions", '[');
        for (size_t i = 0; i < online->n_subscriptions; i++) {
                const struct online_subscription *s = &online->subscriptions[i];

                json_open(w, NULL, '{');
                json_write_string(w, "id", s->id);
                json_write_bool(w, "read", s->read);
                write_count(w, "disks", s->read, s->n_disks);
                write_count(w, "selected", s->read, s->n_selected);
                write_count(w, "snapshots", s->read, s->n_snapshots);
                json_close(w);
        }
        json_close(w);
}

static void write_selections(const struct online *online, struct json_writer *w) {
        const struct policy_file *file = online->file;

        json_open(w, "policies", '[');
        for (size_t p = 0; p < file->n_policies; p++) {
                json_open(w, NULL, '{');
                json_write_string(w, "name", file->policies[p].name);
                write_count(w, "selected", online_policy_is_read(online, p), online->policies[p]);
                json_close(w);
        }
        json_close(w);
        json_open(w, "targets", '[');
        for (size_t t = 0; t < file->n_targets; t++) {
                json_open(w, NULL, '{');
                json_write_string(w, "policy", file->policies[file->targets[t].policy].name);
                write_count(w, "selected", online_target_is_read(online, t), online->targets[t]);
                write_count(w, "expect",
                            file->targets[t].expect > 0 || file->targets[t].may_be_empty,
                            file->targets[t].expect);
                json_close(w);
        }
        json_close(w);
}

/* What one identity lacks there; null where nobody could tell. */
static void write_lacks(struct json_writer *w, const char *name,
                        const struct online_rights *rights) {
        if (!rights->known) {
                json_write_null(w, name);
                return;
        }
        json_open(w, name, '[');
        for (int i = 0; i < _RIGHT_N; i++)
                if (online_lacks(rights) & RIGHT_BIT(i))
                        json_write_string(w, NULL, right_rows[i].action);
        json_close(w);
}

static void write_groups(const struct online *online, struct json_writer *w) {
        json_open(w, "groups", '[');
        for (size_t i = 0; i < online->n_groups; i++) {
                const struct online_group *group = online->groups[i];
                enum online_answer exists = online_group_exists(group);

                json_open(w, NULL, '{');
                json_write_string(w, "subscription", online->subscriptions[group->subscription].id);
                json_write_clean(w, "name", group->name);
                json_write_bool(w, "snapshots", group->where & RIGHT_AT_SNAPSHOTS);
                json_write_int(w, "disks", group->n_disks);
                write_maybe_bool(w, "exists", exists != ONLINE_UNKNOWN, exists == ONLINE_YES);
                write_lacks(w, "lacks", &group->rights[ONLINE_CREATOR]);
                if (online->file->two_identities)
                        write_lacks(w, "pruner_lacks", &group->rights[ONLINE_PRUNER]);
                json_close(w);
        }
        json_close(w);
}

void online_write(const struct online *online, struct json_writer *w) {
        json_open(w, "online", '{');
        json_write_int(w, "errors", (int64_t)online->findings.n_errors);
        json_write_int(w, "warnings", (int64_t)online->findings.n_warnings);
        json_open(w, "findings", '[');
        for (size_t i = 0; i < online->findings.n; i++) {
                const struct diagnostic *one = &online->findings.items[i];

                json_open(w, NULL, '{');
                json_write_string(w, "severity",
                                  one->severity == SEVERITY_ERROR ? "error" : "warning");
                json_write_clean(w, "where", one->path ?: "");
                json_write_clean(w, "message", one->message ?: "");
                json_close(w);
        }
        json_close(w);
        json_write_int(w, "findings_left_out", (int64_t)online->findings.n_left_out);
        write_identities(online, w);
        write_subscriptions(online, w);
        write_selections(online, w);
        write_groups(online, w);
        json_open(w, "encryption_sets", '[');
        for (size_t i = 0; i < online->n_sets; i++) {
                json_open(w, NULL, '{');
                json_write_clean(w, "id", online->sets[i]->text);
                json_write_int(w, "disks", online->sets[i]->n_disks);
                json_write_string(w, "state", set_states[online->sets[i]->state]);
                json_close(w);
        }
        json_close(w);
        json_close(w);
}
