#include "snapkeepd/heartbeat.h"

#include "base/str.h"
#include "config/url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Chosen: such services answer within a second; a round may be told late, not never. */
#define CONNECT_TIMEOUT_NS (5 * NSEC_PER_SEC)
#define TOTAL_TIMEOUT_NS (10 * NSEC_PER_SEC)
#define REPLY_MAX 4096
/* Chosen: healthchecks.io's have 60 bytes. */
#define URL_MAX 2000

struct heartbeat {
        const struct host *host;
        struct transport *transport;
        const struct policy_heartbeat *config;
        struct transport_call *call; /* under way, or NULL */
        unsigned waiting;            /* enum heartbeat_event bits: to be called next */
        bool end_first; /* the end that waits is of the round before the start that does */
        bool failing;   /* and told so */
};

static void heartbeat_tell(struct heartbeat *heartbeat, const char *problem, const char *detail) {
        struct log *log = heartbeat->host->log;

        if (!problem && heartbeat->failing)
                log_tell(log, LOG_LEVEL_NOTICE, LOG_EVENT_HEARTBEAT_AGAIN,
                         "the heartbeat is heard again");
        else if (problem && !heartbeat->failing)
                log_tell(log, LOG_LEVEL_WARNING, LOG_EVENT_HEARTBEAT_FAILED,
                         "the heartbeat could not be sent: %s%s%s; backups go on, and the next "
                         "round "
                         "tries again",
                         problem, detail ? ": " : "", detail ?: "");
        heartbeat->failing = problem != NULL;
}

/* https, or to this machine; its path is the service's. Returns what is wrong with it, or NULL. */
static const char *url_is_usable(const char *url) {
        const char *host = strstr(url, "://");
        char *base;
        int e;

        if (strlen(url) > URL_MAX)
                return "the URL of its credential is too long";
        for (const char *p = url; *p; p++)
                if (*p <= ' ' || *p >= 0x7f)
                        return "the URL of its credential holds a blank, a line break or the like";
        if (strchr(url, '#'))
                return "the URL of its credential holds a fragment (#), which is never sent";
        base = strndup(url,
                       host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : strlen(url));
        if (!base)
                return "out of memory";
        e = url_check_base(base, /* imds= */ false);
        str_wipe_free(base);
        return e == 0 ? NULL : "the credential does not hold an https URL";
}

/* @suffix goes to the end of the path. Behind a query it would be a part of that, and a service that takes
 * "?status=up" from the URL would be told so by a call that is to say the opposite. */
static void append_call(const char *url, const char *suffix, struct strbuf *out) {
        size_t path = strcspn(url, "?"), end = path;

        while (end > 0 && url[end - 1] == '/')
                end--;
        strbuf_append(out, url, end);
        strbuf_appendf(out, "%s%s", suffix, url + path);
}

/* The URL with @suffix, from the credential as it is today. Returns what is wrong, or NULL. */
static const char *make_url(struct heartbeat *heartbeat, const char *suffix, char **ret_url) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        const char *problem;
        char *url;
        size_t len;

        if (secrets_read(heartbeat->host->secrets, SECRETS_CREDENTIAL,
                         heartbeat->config->credential, &url) < 0)
                return "its credential cannot be read; give it by LoadCredential= in the unit";
        len = strlen(url);
        while (len > 0 && url[len - 1] == '\n')
                url[--len] = '\0';
        problem = url_is_usable(url);
        if (!problem) {
                append_call(url, suffix, &text);
                if (strbuf_take(&text, ret_url) < 0)
                        problem = "out of memory";
        }
        str_wipe_free(url);
        return problem;
}

static void heartbeat_send_next(struct heartbeat *heartbeat);

static void heartbeat_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct heartbeat *heartbeat = data;
        char text[40];

        heartbeat->call = NULL;
        if (reply->outcome != TRANSPORT_REPLY)
                heartbeat_tell(heartbeat, transport_outcome_name(reply->outcome), reply->detail);
        else if (reply->status < 200 || reply->status > 299) {
                snprintf(text, sizeof(text), "status %d", reply->status);
                heartbeat_tell(heartbeat, text, NULL);
        } else
                heartbeat_tell(heartbeat, NULL, NULL);
        http_reply_free(reply);
        heartbeat_send_next(heartbeat);
}

static const char *heartbeat_send(struct heartbeat *heartbeat, const char *suffix) {
        _cleanup_(http_request_freep) struct http_request *request = http_request_new(HTTP_GET);
        const char *problem;
        int r;

        if (!request)
                return "out of memory";
        problem = make_url(heartbeat, suffix, &request->url);
        if (problem)
                return problem;
        request->body_max = REPLY_MAX;
        request->connect_timeout_ns = CONNECT_TIMEOUT_NS;
        request->silence_timeout_ns = TOTAL_TIMEOUT_NS;
        request->total_timeout_ns = TOTAL_TIMEOUT_NS;
        r = transport_send(heartbeat->transport, request, heartbeat_done, heartbeat,
                           &heartbeat->call);
        if (r < 0)
                return strerrordesc_np(-r) ?: "cannot be sent";
        request = NULL; /* consumed */
        return NULL;
}

/* What failed to go out is not kept: the next round has its own. */
static void heartbeat_send_next(struct heartbeat *heartbeat) {
        static const struct {
                enum heartbeat_event event;
                const char *suffix;
        } calls[] = {{HEARTBEAT_START, "/start"},
                     {HEARTBEAT_OK, ""},
                     {HEARTBEAT_FAIL, "/fail"},
                     {HEARTBEAT_START, "/start"}};

        for (size_t i = heartbeat->end_first; i < ARRAY_SIZE(calls) && !heartbeat->call; i++) {
                const char *problem;

                if (!(heartbeat->waiting & calls[i].event))
                        continue;
                heartbeat->end_first = false;
                heartbeat->waiting &= ~(unsigned)calls[i].event;
                problem = heartbeat_send(heartbeat, calls[i].suffix);
                if (problem)
                        heartbeat_tell(heartbeat, problem, NULL);
        }
}

struct heartbeat *heartbeat_new(const struct host *host, struct transport *transport,
                                const struct policy_heartbeat *config) {
        struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

        if (heartbeat) {
                heartbeat->host = host;
                heartbeat->transport = transport;
                heartbeat->config = config;
        }
        return heartbeat;
}

struct heartbeat *heartbeat_free(struct heartbeat *heartbeat) {
        if (!heartbeat)
                return NULL;
        if (heartbeat->call)
                transport_cancel(heartbeat->transport, heartbeat->call);
        free(heartbeat);
        return NULL;
}

void heartbeat_begin(struct heartbeat *heartbeat) {
        if (!heartbeat)
                return;
        if (heartbeat->waiting & (HEARTBEAT_OK | HEARTBEAT_FAIL))
                heartbeat->end_first = true;
        heartbeat->waiting |= heartbeat->config->events & HEARTBEAT_START;
        heartbeat_send_next(heartbeat);
}

void heartbeat_end(struct heartbeat *heartbeat, bool well) {
        if (!heartbeat)
                return;
        heartbeat->waiting &= ~(unsigned)(HEARTBEAT_OK | HEARTBEAT_FAIL);
        heartbeat->end_first = false;
        heartbeat->waiting |= heartbeat->config->events & (well ? HEARTBEAT_OK : HEARTBEAT_FAIL);
        heartbeat_send_next(heartbeat);
}
