/*
 * snapkeepctl check: what is wrong with a policy, and what load it will make.
 */
#include "base/duration.h"
#include "base/json_writer.h"
#include "config/policy_reader.h"
#include "core/proofs.h"
#include "runtime/zoneinfo.h"
#include "snapkeepctl/load.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/table.h"
#include "snapkeepctl/verb-check-online.h"
#include "snapkeepd/host.h"

#include <string.h>

struct check {
        const char *path;
        struct utc now;
        struct diagnostics diagnostics;
        struct policy_file *file; /* NULL when it is not valid */
        struct proofs *proofs;    /* as well */
        struct load load;
        struct online *online; /* NULL when Azure was not asked, or no answer can be given of it */
};

static const char *const prune_names[] = {
        [PRUNE_OFF] = "off",
        [PRUNE_AUTO] = "auto",
        [PRUNE_ASK] = "ask",
};

static void check_deinit(struct check *check) {
        diagnostics_deinit(&check->diagnostics);
        policy_file_free(check->file);
        proofs_free(check->proofs);
}

static enum status read_policy(struct check *check) {
        struct zones *zones;
        int r;

        r = zoneinfo_new(NULL, &zones);
        if (r < 0)
                return say_errno("read the policy", r);
        r = policy_load(check->path, zones, check->now, &check->file, &check->diagnostics);
        zoneinfo_free(zones);
        if (r == 0)
                r = proofs_run(check->file, /* fleet= */ NULL, check->now, &check->proofs);
        if (r < 0)
                return say_errno("read the policy", r);
        if (check->file)
                load_make(check->file, check->proofs, check->now, &check->load);
        return check->file ? STATUS_DONE : STATUS_TROUBLE;
}

static void tell(const struct check *check) {
        say_diagnostics(&check->diagnostics);
        if (check->diagnostics.n_errors > 0)
                say("%s cannot be used: %zu error%s", check->path, check->diagnostics.n_errors,
                    check->diagnostics.n_errors == 1 ? "" : "s");
}

static size_t count_matches(const struct policy_file *file, size_t policy) {
        size_t n = 0;

        for (size_t i = 0; i < file->n_targets; i++)
                n += file->targets[i].policy == policy && file->targets[i].subscription;
        return n;
}

static void write_maybe_text(struct json_writer *w, const char *name, const char *value) {
        if (value)
                json_write_clean(w, name, value);
        else
                json_write_null(w, name);
}

static void write_diagnostics(struct json_writer *w, const struct diagnostics *diagnostics) {
        json_open(w, "diagnostics", '[');
        for (size_t i = 0; i < diagnostics->n; i++) {
                const struct diagnostic *one = &diagnostics->items[i];

                json_open(w, NULL, '{');
                json_write_string(w, "severity",
                                  one->severity == SEVERITY_ERROR ? "error" : "warning");
                json_write_int(w, "line", one->line);
                json_write_int(w, "column", one->column);
                write_maybe_text(w, "path", one->path);
                write_maybe_text(w, "message", one->message);
                write_maybe_text(w, "expected", one->expected);
                write_maybe_text(w, "near_miss", one->near_miss);
                json_close(w);
        }
        json_close(w);
        json_write_int(w, "diagnostics_left_out", (int64_t)diagnostics->n_left_out);
}

static void write_identity(struct json_writer *w, const char *name,
                           const struct policy_identity *identity) {
        json_open(w, name, '{');
        json_write_string(w, "kind", identity_kind_name(identity->kind));
        write_maybe_text(w, "client_id", identity->client_id);
        write_maybe_text(w, "object_id", identity->object_id);
        write_maybe_text(w, "resource_id", identity->resource_id);
        write_maybe_text(w, "tenant", identity->tenant);
        write_maybe_text(w, "credential", identity->credential);
        json_close(w);
}

/* One identity, or create and prune. */
static void write_azure(struct json_writer *w, const struct policy_file *file) {
        json_open(w, "azure", '{');
        write_maybe_text(w, "arm", file->cloud.arm);
        write_maybe_text(w, "login", file->cloud.login);
        write_identity(w, file->two_identities ? "create" : "identity", &file->identity);
        if (file->two_identities)
                write_identity(w, "prune", &file->pruner);
        json_close(w);
}

static void write_policy(struct json_writer *w, const struct check *check, size_t i) {
        const struct policy *policy = &check->file->policies[i];
        const struct proof_policy *figures = &check->proofs->policies[i];
        _cleanup_(strbuf_deinit) struct strbuf keep = {};

        keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, &keep);
        json_open(w, NULL, '{');
        json_write_string(w, "name", policy->name);
        json_write_int(w, "disks", (int64_t)figures->disks);
        json_write_int(w, "matches", (int64_t)count_matches(check->file, i));
        json_write_decimal(w, "slots_per_day", figures->slots_per_day);
        json_write_int(w, "shortest_s", figures->shortest_s);
        json_write_int(w, "longest_s", figures->longest_s);
        if (figures->peak == PROOF_UNBOUNDED)
                json_write_null(w, "peak");
        else
                json_write_int(w, "peak", (int64_t)figures->peak);
        json_write_int(w, "burst", (int64_t)figures->burst);
        json_write_string(w, "keep", strbuf_str(&keep));
        json_write_string(w, "prune", prune_names[policy->prune]);
        json_close(w);
}

static void write_load(struct json_writer *w, const struct check *check) {
        json_open(w, "load", '{');
        json_write_decimal(w, "creates_per_minute", check->proofs->creates_per_minute);
        json_write_decimal(w, "creates_budget_per_minute", check->proofs->creates_budget);
        json_write_int(w, "sweep_requests", (int64_t)check->proofs->sweep_requests);
        json_write_int(w, "sweep_s", check->proofs->sweep_s);
        json_open(w, "hours", '[');
        for (size_t i = 0; i < LOAD_HOURS; i++) {
                json_open(w, NULL, '{');
                json_write_utc(w, "from", load_hour(&check->load, i));
                json_write_int(w, "creates", (int64_t)check->load.creates[i]);
                json_close(w);
        }
        json_close(w);
        json_close(w);
}

static enum status print_json(const struct check *check) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct json_writer w;

        json_begin(&w, &out);
        json_write_clean(&w, "file", check->path);
        json_write_bool(&w, "valid", check->file != NULL);
        json_write_int(&w, "errors", (int64_t)check->diagnostics.n_errors);
        json_write_int(&w, "warnings", (int64_t)check->diagnostics.n_warnings);
        write_diagnostics(&w, &check->diagnostics);
        json_open(&w, "policies", '[');
        for (size_t i = 0; check->file && i < check->file->n_policies; i++)
                write_policy(&w, check, i);
        json_close(&w);
        if (check->file)
                write_load(&w, check);
        else
                json_write_null(&w, "load");
        if (check->file)
                write_azure(&w, check->file);
        else
                json_write_null(&w, "azure");
        if (check->online)
                online_write(check->online, &w);
        json_end(&w);
        return write_out(&out);
}

static const struct column columns[] = {
        {.title = "POLICY", .may_cut = true},  {.title = "DISKS"},
        {.title = "SLOTS/DAY", .right = true}, {.title = "PEAK", .right = true},
        {.title = "KEEP", .may_cut = true},
};

/* Where it goes, and as whom. */
static void append_azure(const struct policy_file *file, struct strbuf *out) {
        const struct policy_cloud *cloud = &file->cloud;

        strbuf_appendf(out, "%s, tokens %s%s\n", cloud->arm,
                       cloud->login ? "from " : "from where it says itself", cloud->login ?: "");
        strbuf_append_str(out, file->two_identities ? "  creates as  " : "  as  ");
        policy_identity_append(&file->identity, out);
        if (file->two_identities) {
                strbuf_append_str(out, "\n  deletes as  ");
                policy_identity_append(&file->pruner, out);
        }
        strbuf_append_str(out, "\n\n");
}

static void add_policy(struct table *table, const struct check *check, size_t i) {
        const struct policy *policy = &check->file->policies[i];
        const struct proof_policy *figures = &check->proofs->policies[i];
        _cleanup_(strbuf_deinit) struct strbuf keep = {}, disks = {};
        size_t matches = count_matches(check->file, i);

        if (figures->disks > 0 || matches == 0)
                strbuf_appendf(&disks, "%llu by id", (unsigned long long)figures->disks);
        if (matches > 0)
                strbuf_appendf(&disks, "%s%zu match%s", disks.len > 0 ? ", " : "", matches,
                               matches == 1 ? "" : "es");
        if (!policy->has_keep)
                strbuf_append_str(&keep, "all: there is no keep");
        else {
                if (policy->prune == PRUNE_OFF)
                        strbuf_append_str(&keep, "all: prune is off; else ");
                keep_append(&policy->keep, policy->zone_name, &keep);
        }

        table_cell(table, "%s", policy->name);
        table_cell(table, "%s", strbuf_str(&disks));
        table_cell(table, "%.4g", figures->slots_per_day);
        if (figures->peak == PROOF_UNBOUNDED)
                table_cell(table, "no end");
        else
                table_cell(table, "%llu", (unsigned long long)figures->peak);
        table_cell(table, "%s", strbuf_str(&keep));
}

static enum status print_text(const struct check *check, bool in_utc) {
        const struct proofs *proofs = check->proofs;
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status;
        struct table table;

        append_clean(&out, check->path, strlen(check->path));
        strbuf_appendf(&out, ": valid, %zu polic%s, %zu target%s, %zu warning%s\n\n",
                       check->file->n_policies, check->file->n_policies == 1 ? "y" : "ies",
                       check->file->n_targets, check->file->n_targets == 1 ? "" : "s",
                       check->diagnostics.n_warnings,
                       check->diagnostics.n_warnings == 1 ? "" : "s");

        append_azure(check->file, &out);
        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (size_t i = 0; i < check->file->n_policies; i++)
                add_policy(&table, check, i);
        status = table_print(&table, &out);
        table_deinit(&table);
        if (status != STATUS_DONE)
                return status;

        strbuf_append_str(
                &out,
                "\nThe peak is the most snapshots that one disk has of the policy; Azure allows "
                "500 in all.\nOf the subscription with the most to do, without what matches "
                "find:\n");
        strbuf_appendf(&out, "  creations  %.4g a minute on average, %.4g are ours to use\n",
                       proofs->creates_per_minute, proofs->creates_budget);
        strbuf_appendf(&out, "  a sweep    %llu listing request%s, about ",
                       (unsigned long long)proofs->sweep_requests,
                       proofs->sweep_requests == 1 ? "" : "s");
        duration_append(proofs->sweep_s, &out);
        strbuf_append_str(&out, "\n\n");
        load_chart(&check->load, in_utc, &out);
        status = check->online ? online_show(check->online, &out) : STATUS_DONE;
        return status == STATUS_DONE ? write_out(&out) : status;
}

static enum status print(const struct check *check, const struct request *request) {
        return request->json ? print_json(check) : print_text(check, request->utc);
}

/* The policy is valid: the same answer with what Azure says of it. */
static enum status run_online(struct check *check, const struct request *request) {
        struct online online;
        enum status status = online_open(check->file, check->path, &online), written;

        if (status == STATUS_DONE) {
                say_diagnostics(&online.findings);
                check->online = &online;
        }
        written = print(check, request);
        if (status == STATUS_DONE && online.findings.n_errors > 0)
                status = STATUS_TROUBLE;
        check->online = NULL;
        online_close(&online);
        return status != STATUS_DONE ? status : written;
}

static enum status run(const struct request *request) {
        _cleanup_(check_deinit) struct check check = {};
        enum status status, written = STATUS_DONE;

        if (request->policy && request->argument) {
                say("check takes one policy, and --policy and %s are two", request->argument);
                return STATUS_USAGE;
        }
        check.path = request->argument ?: request->policy ?: POLICY_DEFAULT_PATH;
        check.now = clock_now();

        status = read_policy(&check);
        tell(&check);
        if (check.diagnostics.n_errors > 0 && !request->argument && !request->policy)
                say("that is the default; \"snapkeepctl check FILE\" reads another one");
        if (status == STATUS_DONE && request->online)
                return run_online(&check, request);
        /* Without memory there is neither a policy nor a complaint, and no answer. */
        if (status == STATUS_DONE || (request->json && check.diagnostics.n_errors > 0))
                written = print(&check, request);
        return status != STATUS_DONE ? status : written;
}

const struct verb verb_check = {
        .name = "check",
        .usage = "[--online] [FILE | --policy FILE]",
        .summary = "check a policy, and show the load that it makes",
        .help = "Reads the policy and says all that is wrong with it on standard error, with\n"
                "line, column and key: what cannot be understood; and with the key alone what\n"
                "cannot work, such as an rpo that the schedule does not keep or a chain that\n"
                "grows beyond Azure's 500. Without errors it prints for each policy the\n"
                "disks, slots and the peak of a chain, and the creations of the coming 24\n"
                "hours. Azure is not asked: a match counts as one disk there.\n"
                "\n"
                "With --online Azure is asked too, by GETs alone, from this process and as\n"
                "the policy's identity: whether there is a token, whether each subscription\n"
                "can be read and what the targets select in it, whether the groups of the\n"
                "snapshots are there, which rights are lacking, and how the disks' encryption\n"
                "sets stand. Each finding says where, what, and how to mend it.\n"
                "\n"
                "The exit status is 0 for a policy that can be used, with warnings or\n"
                "without; with --online it is 1 when an error was found there, an Azure that\n"
                "cannot be read included.\n",
        .options = OPTION_POLICY | OPTION_ONLINE,
        .argument = "FILE",
        .run = run,
};
