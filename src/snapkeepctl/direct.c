#include "snapkeepctl/direct.h"

#include "config/policy_reader.h"
#include "snapkeep-config.h"
#include "snapkeepctl/output.h"

#include <stdio.h>
#include <string.h>

/* The engine logs its findings as well; the verbs show them with their answer. */
static bool is_finding(const struct direct *direct, const char *message) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        for (size_t i = 0; direct->engine && i < engine_n_subscriptions(direct->engine); i++) {
                const struct plan *plan = engine_plan(direct->engine, i);

                for (size_t j = 0; plan && j < plan->n_findings; j++) {
                        strbuf_clear(&text);
                        finding_append(&plan->findings[j], &text);
                        if (strcmp(strbuf_str(&text), message) == 0)
                                return true;
                }
        }
        return false;
}

const char *direct_split(const char *message, size_t *ret_what) {
        static const char trying[] = ", will go on trying", spared[] = ", nothing is deleted in it";
        const char *at = strstr(message, trying), *first = strstr(message, spared);

        *ret_what = 0;
        if (!at)
                return message;
        *ret_what = (size_t)((first && first < at ? first : at) - message);
        return at + strlen(trying);
}

static void direct_log(struct log *log, const struct log_entry *entry) {
        struct direct *direct = container_of(log, struct direct, log);
        const char *operation = entry->fields[LOG_OPERATION], *reason = entry->fields[LOG_REASON];
        const char *why;
        size_t what;

        if (is_finding(direct, entry->message))
                return;
        if (operation && strcmp(operation, "token") == 0)
                direct->no_token = true;
        else if (reason && !direct->problem[0])
                snprintf(direct->problem, sizeof(direct->problem), "%s", reason);
        why = direct_split(entry->message, &what);
        say("%.*s%s", (int)what, entry->message, why);
}

static const struct log_ops log_ops = {
        .write = direct_log,
};

static enum status load_policy(const char *path, struct direct *direct) {
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        int r;

        r = policy_load(path, direct->host.zones, clock_utc(loop_clock(direct->host.loop)),
                        &direct->file, &diagnostics);
        if (r < 0)
                return say_errno("read the policy", r);
        if (r == 0)
                return STATUS_DONE; /* warnings are for those who check */

        say_diagnostics(&diagnostics);
        say("the policy cannot be used. --policy FILE names another one, and \"snapkeepctl check\" "
            "reads "
            "it alone.");
        return STATUS_TROUBLE;
}

static void settled(void *data) {
        struct direct *direct = data;

        loop_stop(direct->host.loop);
}

enum status direct_run(struct direct *direct) {
        int r = loop_run(direct->host.loop);

        if (r < 0)
                return say_errno("run the engine", r);
        direct->now = clock_utc(loop_clock(direct->host.loop));
        return STATUS_DONE;
}

enum status direct_look(struct direct *direct, const struct log_ops *ops) {
        struct services services;
        int r;

        r = host_connect(&direct->host, direct->file);
        if (r < 0)
                return STATUS_TROUBLE; /* said by the host */

        direct->log = (struct log){.ops = ops, .most = LOG_LEVEL_WARNING};
        services = host_services(&direct->host);
        services.log = &direct->log;
        r = engine_new(&services, direct->file,
                       &(struct engine_options){
                               .version = SNAPKEEP_VERSION,
                               .look_only = true,
                               .settled = settled,
                               .data = direct,
                       },
                       &direct->engine);
        if (r < 0)
                return say_errno("start the engine", r);

        engine_start(direct->engine);
        return direct_run(direct);
}

enum status direct_open(const struct request *request, struct direct *direct) {
        enum status status;

        *direct = (struct direct){};
        if (!request->direct) {
                say("%s needs --direct, which asks Azure from this process.", request->verb->name);
                return STATUS_USAGE;
        }
        if (host_open("snapkeepctl", &direct->host) < 0)
                return STATUS_TROUBLE;
        status = load_policy(request->policy ?: POLICY_DEFAULT_PATH, direct);
        return status == STATUS_DONE ? direct_look(direct, &log_ops) : status;
}

void direct_close(struct direct *direct) {
        engine_free(direct->engine);
        policy_file_free(direct->file);
        if (direct->host.loop)
                host_close(&direct->host);
}

void direct_append_remedy(const struct policy_cloud *cloud, const struct policy_identity *tokenless,
                          const char *problem, struct strbuf *out) {
        if (tokenless)
                strbuf_appendf(
                        out,
                        "check azure.identity of the policy, and that what gives its tokens can be "
                        "reached from here (%s)",
                        tokenless->kind == IDENTITY_MANAGED ? cloud->imds
                        : tokenless->kind == IDENTITY_ARC   ? "the Arc agent"
                                                                : cloud->login ?: cloud->arm);
        else if (strcmp(problem, "forbidden") == 0)
                strbuf_append_str(out, "the identity needs the right to read disks and snapshots "
                                       "there, as the role Reader of the subscription gives it");
        else if (strcmp(problem, "auth") == 0)
                strbuf_append_str(out, "Azure refuses the identity: check azure.identity and "
                                       "azure.cloud of the policy");
        else if (strcmp(problem, "throttled") == 0)
                strbuf_append_str(out, "Azure asks to be let alone for a while: try again later");
        else if (strstr(problem, "not found"))
                strbuf_append_str(out, "check the subscription ids of the policy's targets");
        else
                strbuf_appendf(out, "check that %s can be reached from here, and try again",
                               cloud->arm);
}

static void say_remedy(const struct direct *direct) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        direct_append_remedy(&direct->file->cloud,
                             direct->no_token ? &direct->file->identity : NULL, direct->problem,
                             &text);
        say("%s", strbuf_str(&text));
}

size_t direct_n_unread(const struct direct *direct) {
        size_t n = 0;

        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++)
                n += !engine_plan(direct->engine, i);
        return n;
}

bool direct_is_blind(const struct direct *direct) {
        size_t n = direct_n_unread(direct);

        return n > 0 && n == engine_n_subscriptions(direct->engine);
}

enum status direct_end(const struct direct *direct) {
        size_t n = engine_n_subscriptions(direct->engine), n_unread = direct_n_unread(direct);

        if (n_unread == 0)
                return STATUS_DONE;

        say("%zu of %zu subscription%s could not be read and %s not in the answer", n_unread, n,
            n == 1 ? "" : "s", n_unread == 1 ? "is" : "are");
        say_remedy(direct);
        return STATUS_TROUBLE;
}
