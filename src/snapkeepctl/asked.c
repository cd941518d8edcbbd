#include "snapkeepctl/asked.h"

#include "azure/world.h"
#include "snapkeepctl/output.h"
#include "snapkeepd/answers.h"

#include <errno.h>

enum status asked_open(const struct request *request, struct asked *asked) {
        *asked = (struct asked){.is_direct = request->direct, .in_utc = request->utc};
        if (request->direct)
                return direct_open(request, &asked->direct);
        if (request->policy) {
                say("%s: --policy goes with --direct; the daemon has a policy of its own",
                    request->verb->name);
                return STATUS_USAGE;
        }
        return remote_open(&asked->remote);
}

void asked_close(struct asked *asked) {
        if (asked->is_direct)
                direct_close(&asked->direct);
        else
                remote_close(&asked->remote);
}

static enum status say_chains(int r, const char *disk) {
        switch (r) {
        case ENGINE_E_INVALID:
                say("chain: a disk is given as NAME, GROUP/NAME or its whole ARM id");
                return STATUS_USAGE;
        case ENGINE_E_AMBIGUOUS:
                say("chain: more than %d disks are called %s; give GROUP/NAME or the whole ARM id",
                    ANSWER_CHAINS_MAX, disk);
                return STATUS_USAGE;
        case ENGINE_E_UNKNOWN:
                say("no disk %s is in the subscriptions that the policy names", disk);
                return STATUS_TROUBLE;
        case ENGINE_E_NOT_READ:
                say("no disk %s is in what could be read", disk);
                return STATUS_TROUBLE;
        }
        return say_errno("explain the snapshots", r);
}

static enum status direct_json(const struct direct *direct, enum manager_method method,
                               const union bus_value *in, struct cJSON **ret_json) {
        struct answer_source source = {.engine = direct->engine, .file = direct->file};
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        int r = 0;

        switch ((int)method) {
        case MANAGER_STATUS:
                answer_status(&source, &out);
                break;
        case MANAGER_LIST_SERIES:
                answer_series(&source, in[0].number, in[1].number, &out);
                break;
        case MANAGER_PLAN:
                r = answer_plan(&source, in[0].number, in[1].number, &out);
                break;
        case MANAGER_LIST_SNAPSHOTS:
                r = answer_snapshots(&source, in[0].number, in[1].number, &out);
                break;
        default:
                r = answer_chains(&source, in[0].string, in[1].number, in[2].number, &out);
                break;
        }
        if (r > 0)
                return say_chains(r, in[0].string);
        r = r ?: out.error;
        if (r < 0)
                return say_errno("explain the snapshots", r);
        return json_read(strbuf_str(&out), "what was worked out", ret_json);
}

enum status asked_json(struct asked *asked, enum manager_method method, const union bus_value *in,
                       struct cJSON **ret_json) {
        return asked->is_direct ? direct_json(&asked->direct, method, in, ret_json)
                                : remote_json(&asked->remote, method, in, ret_json);
}

struct list_pages {
        struct asked *asked;
        enum manager_method method;
};

static enum status list_page(size_t offset, struct cJSON **ret_page, void *data) {
        struct list_pages *pages = data;
        const union bus_value in[] = {{.number = offset}, {.number = 0}};

        return asked_json(pages->asked, pages->method, in, ret_page);
}

enum status asked_list(struct asked *asked, enum manager_method method, const char *list,
                       struct cJSON **ret_json) {
        return pages_read(list, list_page, &(struct list_pages){.asked = asked, .method = method},
                          ret_json);
}

/* Returns how many subscriptions were not read. */
static size_t count_unread(const struct cJSON *answer, size_t *ret_n) {
        const struct cJSON *subscription = json_first(json_array(answer, "subscriptions"));
        size_t n = 0, n_unread = 0;

        for (; subscription; subscription = json_next(subscription)) {
                n++;
                n_unread += json_is_absent(subscription, "read");
        }
        *ret_n = n;
        return n_unread;
}

/* Whether one was not read and has not failed either: deletions wait for it. */
static bool is_awaited(const struct cJSON *answer) {
        const struct cJSON *subscription = json_first(json_array(answer, "subscriptions"));
        bool failing, awaited = false;

        for (; subscription; subscription = json_next(subscription))
                awaited |= json_is_absent(subscription, "read") &&
                           json_bool(subscription, "failing", &failing) && !failing;
        return awaited;
}

bool asked_is_blind(const struct cJSON *answer) {
        size_t n, n_unread = count_unread(answer, &n);

        return n > 0 && n_unread == n;
}

/* A list without what cannot be decoded looks as whole as any other, and an old one as young. */
static enum status say_gaps(const struct asked *asked, const struct cJSON *subscription) {
        long long n_disks = json_number(subscription, "unread_disks");
        long long n_snapshots = json_number(subscription, "unread_snapshots");
        const char *id = json_text(subscription, "id");
        /* In this process the log has told it. */
        const char *more = asked->is_direct ? "" : "; \"snapkeepctl status\" tells more";
        bool is_old = json_bool(subscription, "failing", &is_old) && is_old;
        char read[TIME_TEXT_SIZE];

        if (is_old)
                say("subscription %s cannot be read, and what is shown of it is of %s%s", id,
                    json_time_text(subscription, "read", asked->in_utc, read), more);
        if (n_disks + n_snapshots > 0)
                say("%lld disk%s and %lld snapshot%s%s in the listing of subscription %s cannot be "
                    "read and are not in the answer%s",
                    n_disks, n_disks == 1 ? "" : "s", n_snapshots, n_snapshots == 1 ? "" : "s",
                    n_disks + n_snapshots >= WORLD_UNREAD_MAX ? " or more" : "", id, more);
        return is_old || n_disks + n_snapshots > 0 ? STATUS_TROUBLE : STATUS_DONE;
}

enum status asked_end(const struct asked *asked, const struct cJSON *answer) {
        const struct cJSON *subscription = json_first(json_array(answer, "subscriptions"));
        size_t n, n_unread = count_unread(answer, &n);
        enum status status = STATUS_DONE;

        for (; subscription; subscription = json_next(subscription))
                if (!json_is_absent(subscription, "read") &&
                    say_gaps(asked, subscription) != STATUS_DONE)
                        status = STATUS_TROUBLE;
        if (asked->is_direct) {
                enum status unread = direct_end(&asked->direct);

                return MAX(status, unread);
        }
        if (n_unread == 0)
                return status;
        say("%zu of %zu subscription%s %s not read yet and %s not in the answer%s", n_unread, n,
            n == 1 ? "" : "s", n_unread == 1 ? "was" : "were", n_unread == 1 ? "is" : "are",
            n_unread == n || !is_awaited(answer)
                    ? ""
                    : "; before it was, or has failed, nothing is deleted of any other");
        return STATUS_TROUBLE;
}
