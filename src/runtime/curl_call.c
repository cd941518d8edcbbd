#include "runtime/curl_call.h"

#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- making ---- */

/* A line end in what becomes a line of the request would start another one. */
static bool is_line(const char *text) {
        for (; *text; text++)
                if ((unsigned char)*text < ' ' && *text != '\t')
                        return false;
        return true;
}

static bool request_is_sound(const struct http_request *request) {
        const char *p;

        if (!request->url)
                return false;
        if (!str_starts_with_nocase(request->url, "http://") &&
            !str_starts_with_nocase(request->url, "https://"))
                return false;
        for (p = request->url; *p; p++)
                if ((unsigned char)*p <= ' ' || *p == 0x7f)
                        return false;

        for (size_t i = 0; i < request->headers.n; i++) {
                const struct http_header *header = &request->headers.items[i];

                if (header->name[0] == '\0' || strpbrk(header->name, ":; \t") ||
                    !is_line(header->name) || !is_line(header->value))
                        return false;
        }
        return request->body || request->body_len == 0;
}

int call_new(struct http_request *request, transport_done_fn done, void *data,
             struct transport_call **ret_call) {
        struct transport_call *call;

        if (!request_is_sound(request))
                return -EINVAL;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        call->reply = calloc(1, sizeof(*call->reply));
        if (!call->reply) {
                free(call);
                return -ENOMEM;
        }

        call->request = request;
        call->done = done;
        call->data = data;
        call->body.max = request->body_max;
        *ret_call = call;
        return 0;
}

struct transport_call *call_free(struct transport_call *call) {
        if (!call)
                return NULL;
        assert(!call->easy);

        http_request_free(call->request);
        http_reply_free(call->reply);
        head_deinit(&call->head);
        memory_wipe(call->body.data, call->body.len);
        strbuf_deinit(&call->body);
        free(call);
        return NULL;
}

/* ---- what libcurl calls; these note and return ---- */

static void call_touch(struct transport_call *call) {
        call->active = curl_transport_now(call->transport);
}

/* When it is to be written at the latest. */
static struct mono call_latest(const struct transport_call *call) {
        int64_t within = call->request->send_within_ns;

        return within > 0 ? mono_add_ns(call->given, within) : MONO_NEVER;
}

/* Right before the request is written: name, connection, tunnel and TLS are behind us. */
static int on_prereq(void *data, char *peer, char *local, int peer_port, int local_port) {
        struct transport_call *call = data;

        if (!call->sent && curl_transport_now(call->transport).ns >= call_latest(call).ns) {
                call->failure = CALL_FAILURE_LATE;
                return CURL_PREREQFUNC_ABORT;
        }
        if (call->sent && call->request->method != HTTP_GET) {
                call->failure = CALL_FAILURE_REPEATED;
                return CURL_PREREQFUNC_ABORT;
        }
        if (call->sent) { /* nothing came the first time, or libcurl would not send again */
                head_restart(&call->head);
                call->error[0] = '\0'; /* it keeps the first sentence of a transfer */
        }
        call->sent = true;
        call_touch(call);
        /* The time for silence may be up before that for the connection was. */
        curl_transport_expect(call->transport, call_deadline(call));
        return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t n, void *data) {
        struct transport_call *call = data;
        int r;

        call_touch(call);
        r = head_line(&call->head, line, n);
        if (r == 0)
                return n;
        call->failure = r < 0 ? CALL_FAILURE_MEMORY : CALL_FAILURE_HEADERS_TOO_LARGE;
        return 0;
}

static bool call_has_sink(const struct transport_call *call) {
        return call->request->sink && head_status(&call->head) == 200;
}

static size_t call_body_max(const struct transport_call *call) {
        const struct http_request *request = call->request;

        if (request->sink && !call_has_sink(call))
                return MIN(request->body_max, CALL_ERROR_BODY_MAX);
        return request->body_max;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data) {
        struct transport_call *call = data;

        call_touch(call);
        if (n > call_body_max(call) - call->body_seen) {
                call->failure = CALL_FAILURE_BODY_TOO_LARGE;
                return 0;
        }
        call->body_seen += n;

        if (call_has_sink(call)) {
                if (call->request->sink(bytes, n, call->request->sink_data) == 0)
                        return n;
                call->failure = CALL_FAILURE_SINK;
                return 0;
        }
        strbuf_append(&call->body, bytes, n);
        if (!call->body.error)
                return n;
        call->failure = CALL_FAILURE_MEMORY;
        return 0;
}

static int on_progress(void *data, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
        struct transport_call *call = data;

        if (down + up != call->moved) {
                call->moved = down + up;
                call_touch(call);
        }
        return 0;
}

/* ---- options ---- */

/* A field for the list; libcurl writes one without a value only when it ends in ';'. */
static int fields_add(struct curl_slist **fields, const char *name, const char *value) {
        struct strbuf line = {};
        struct curl_slist *more = NULL;

        strbuf_append_str(&line, name);
        strbuf_append_str(&line, value[0] ? ": " : ";");
        strbuf_append_str(&line, value);
        if (!line.error)
                more = curl_slist_append(*fields, strbuf_str(&line));
        memory_wipe(line.data, line.len);
        strbuf_deinit(&line);
        if (!more)
                return -ENOMEM;
        *fields = more;
        return 0;
}

static int call_add_fields(struct transport_call *call) {
        const struct http_request *request = call->request;
        struct curl_slist *more;
        int r;

        for (size_t i = 0; i < request->headers.n; i++) {
                r = fields_add(&call->fields, request->headers.items[i].name,
                               request->headers.items[i].value);
                if (r < 0)
                        return r;
        }

        /* A field without value and colon behind takes libcurl's own away: it would wait a second
         * for "100 Continue", and call every body a form. */
        more = curl_slist_append(call->fields, "Expect:");
        if (!more)
                return -ENOMEM;
        call->fields = more;
        if (!http_headers_get(&request->headers, "Content-Type")) {
                more = curl_slist_append(call->fields, "Content-Type:");
                if (!more)
                        return -ENOMEM;
                call->fields = more;
        }
        return 0;
}

static void fields_free(struct curl_slist *fields) {
        for (struct curl_slist *f = fields; f; f = f->next)
                memory_wipe(f->data, strlen(f->data));
        curl_slist_free_all(fields);
}

static int64_t timeout_or_most(int64_t ns) {
        return ns <= 0 || ns > CALL_TIMEOUT_MAX_NS ? CALL_TIMEOUT_MAX_NS : ns;
}

#define SET(option, value)                                                                         \
        do {                                                                                       \
                if (code == CURLE_OK)                                                              \
                        code = curl_easy_setopt(easy, (option), (value));                          \
        } while (0)

static CURLcode set_request(CURL *easy, struct transport_call *call) {
        const struct http_request *request = call->request;
        bool has_body = request->body_len > 0 || request->method == HTTP_PUT ||
                        request->method == HTTP_POST || request->method == HTTP_PATCH;
        CURLcode code = CURLE_OK;

        SET(CURLOPT_URL, request->url);
        SET(CURLOPT_HTTPHEADER, call->fields);
        if (has_body) { /* also an empty one, so that Content-Length: 0 is sent */
                SET(CURLOPT_POST, 1L);
                SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
                SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
        }
        if (request->method != (has_body ? HTTP_POST : HTTP_GET))
                SET(CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
        /* Plain http stays on this machine: a proxy would carry tokens over a wire. */
        if (request->direct || strncasecmp(request->url, "http://", 7) == 0)
                SET(CURLOPT_NOPROXY, "*");

        /* libcurl shares this time out among the addresses of a name; the deadline itself is ours,
         * and comes first. */
        SET(CURLOPT_CONNECTTIMEOUT_MS,
            (long)(timeout_or_most(request->connect_timeout_ns) / NSEC_PER_MSEC + 1000));
        return code;
}

static CURLcode set_rules(CURL *easy, const struct transport_call *call,
                          const struct call_options *options) {
        CURLcode code = CURLE_OK;

        SET(CURLOPT_PROTOCOLS_STR, "http,https");
        SET(CURLOPT_FOLLOWLOCATION, 0L);
        SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
        SET(CURLOPT_PATH_AS_IS, 1L);
        SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        /* Waits for a connection under way that may turn out to carry more than one request. */
        SET(CURLOPT_PIPEWAIT, str_starts_with_nocase(call->request->url, "https:") ? 1L : 0L);
        if (options->fresh)
                SET(CURLOPT_FRESH_CONNECT, 1L);
        /* gzip alone: a window of 32 KiB. zstd's may have 128 MiB. */
        SET(CURLOPT_ACCEPT_ENCODING, "gzip");
        SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        /* The least there is, and several times what we send: 64 KiB, the default, would be allocated and
         * wiped for each request. */
        SET(CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
        SET(CURLOPT_TCP_KEEPALIVE, 1L);
        SET(CURLOPT_NOSIGNAL, 1L);
        /* A name that is being looked up does not hold up a stop: its thread is left to itself. */
        SET(CURLOPT_QUICK_EXIT, 1L);

        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        /* With a CApath, libcurl would load the store for each connection anew. */
        SET(CURLOPT_CAPATH, (char *)NULL);
        if (options->ca)
                SET(CURLOPT_CAINFO, options->ca);
        return code;
}

static CURLcode set_callbacks(CURL *easy, struct transport_call *call) {
        CURLcode code = CURLE_OK;

        SET(CURLOPT_PRIVATE, call);
        SET(CURLOPT_ERRORBUFFER, call->error);
        SET(CURLOPT_PREREQFUNCTION, on_prereq);
        SET(CURLOPT_PREREQDATA, call);
        SET(CURLOPT_HEADERFUNCTION, on_header);
        SET(CURLOPT_HEADERDATA, call);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, call);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, call);
        SET(CURLOPT_NOPROGRESS, 0L);
        return code;
}

int call_prepare(struct transport_call *call, const struct call_options *options) {
        CURLcode code;
        int r;

        assert(!call->easy && !call->fields);
        r = call_add_fields(call);
        if (r < 0) {
                call_release(call);
                return r;
        }

        code = CURLE_OUT_OF_MEMORY;
        call->easy = curl_easy_init();
        if (call->easy)
                code = set_callbacks(call->easy, call);
        if (code == CURLE_OK)
                code = set_rules(call->easy, call, options);
        if (code == CURLE_OK)
                code = set_request(call->easy, call);
        if (code == CURLE_OK)
                return 0;

        call_release(call);
        /* Options of a supported libcurl are refused for memory and for nothing else. */
        return -ENOMEM;
}

void call_release(struct transport_call *call) {
        curl_off_t resolved = 0;

        if (call->easy)
                curl_easy_getinfo(call->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
        call->named = resolved > 0;

        curl_easy_cleanup(call->easy); /* copes with NULL */
        call->easy = NULL;
        fields_free(call->fields);
        call->fields = NULL;
}

/* ---- time ---- */

struct mono call_deadline(const struct transport_call *call) {
        const struct http_request *request = call->request;
        struct mono total = mono_add_ns(call->begun, timeout_or_most(request->total_timeout_ns)),
                    part;

        if (call->sent)
                part = mono_add_ns(call->active, timeout_or_most(request->silence_timeout_ns));
        else
                part.ns = MIN(
                        mono_add_ns(call->begun, timeout_or_most(request->connect_timeout_ns)).ns,
                        call_latest(call).ns);
        return part.ns < total.ns ? part : total;
}

enum call_failure call_overdue(const struct transport_call *call, struct mono now) {
        int64_t total = timeout_or_most(call->request->total_timeout_ns);

        if (now.ns < call_deadline(call).ns)
                return CALL_FAILURE_NONE;
        if (now.ns >= mono_add_ns(call->begun, total).ns)
                return CALL_FAILURE_TOTAL_TIMEOUT;
        if (!call->sent && now.ns >= call_latest(call).ns)
                return CALL_FAILURE_LATE;
        return call->sent ? CALL_FAILURE_SILENCE_TIMEOUT : CALL_FAILURE_CONNECT_TIMEOUT;
}

/* ---- the end ---- */

static enum transport_outcome call_outcome(const struct transport_call *call, CURLcode code) {
        switch (call->failure) {
        case CALL_FAILURE_NONE:
                break;
        case CALL_FAILURE_LATE:
        case CALL_FAILURE_CONNECT_TIMEOUT:
                return TRANSPORT_NOT_SENT;
        case CALL_FAILURE_SILENCE_TIMEOUT:
        case CALL_FAILURE_TOTAL_TIMEOUT:
                return call->sent ? TRANSPORT_TIMEOUT : TRANSPORT_NOT_SENT;
        case CALL_FAILURE_HEADERS_TOO_LARGE:
        case CALL_FAILURE_BODY_TOO_LARGE:
                return TRANSPORT_TOO_LARGE;
        case CALL_FAILURE_SINK:
                return TRANSPORT_BODY_REFUSED;
        case CALL_FAILURE_REPEATED:
                return TRANSPORT_LOST;
        case CALL_FAILURE_MEMORY:
                return call->sent ? TRANSPORT_LOST : TRANSPORT_NOT_SENT;
        }

        if (code == CURLE_OK && head_status(&call->head) != 0)
                return TRANSPORT_REPLY;
        if (!call->sent)
                return TRANSPORT_NOT_SENT;
        /* What libcurl 7.88 says of one line above 100 KiB, which it never shows us. Memory that is
         * really used up looks the same; the effect is unknown either way. */
        if (code == CURLE_OUT_OF_MEMORY)
                return TRANSPORT_TOO_LARGE;
        return code == CURLE_OPERATION_TIMEDOUT ? TRANSPORT_TIMEOUT : TRANSPORT_LOST;
}

static void detail_seconds(struct strbuf *s, const char *what, int64_t ns) {
        ns = timeout_or_most(ns);
        strbuf_appendf(s, "%s %lld.%lld s", what, (long long)(ns / NSEC_PER_SEC),
                       (long long)(ns % NSEC_PER_SEC / (100 * NSEC_PER_MSEC)));
}

/*
 * libcurl's sentence. Those about a proxy can quote the whole of its URL, password included: of
 * anything that looks like a URL only scheme and host are left.
 */
static void detail_clean(struct strbuf *s, const char *text) {
        while (*text) {
                const char *mark = strstr(text, "://"), *end, *at;

                if (!mark) {
                        strbuf_append_str(s, text);
                        break;
                }
                mark += 3;
                strbuf_append(s, text, (size_t)(mark - text));
                end = mark + strcspn(mark, " \t'\"");
                at = memrchr(mark, '@', (size_t)(end - mark));
                mark = at ? at + 1 : mark;
                strbuf_append(s, mark, MIN(strcspn(mark, "/?#"), (size_t)(end - mark)));
                text = end;
        }
        for (size_t i = 0; i < s->len; i++)
                if ((unsigned char)s->data[i] < ' ' || s->data[i] == 0x7f)
                        s->data[i] = ' ';
}

static void call_describe(struct transport_call *call, CURLcode code, struct strbuf *s) {
        const struct http_request *request = call->request;

        switch (call->failure) {
        case CALL_FAILURE_NONE:
                if (call->reply->outcome == TRANSPORT_TOO_LARGE)
                        strbuf_append_str(s, "a header line above 100 KiB");
                else
                        detail_clean(s, call->error[0] ? call->error : curl_easy_strerror(code));
                break;
        case CALL_FAILURE_LATE:
                detail_seconds(s, "not its turn within", request->send_within_ns);
                break;
        case CALL_FAILURE_CONNECT_TIMEOUT:
                detail_seconds(s, call->named ? "no connection within" : "no address within",
                               request->connect_timeout_ns);
                break;
        case CALL_FAILURE_SILENCE_TIMEOUT:
                detail_seconds(s, "nothing moved for", request->silence_timeout_ns);
                break;
        case CALL_FAILURE_TOTAL_TIMEOUT:
                detail_seconds(s, "not done within", request->total_timeout_ns);
                break;
        case CALL_FAILURE_HEADERS_TOO_LARGE:
                strbuf_appendf(s, "more than %d headers or %d bytes of them", HTTP_HEADERS_MAX,
                               HTTP_HEADER_BYTES_MAX);
                break;
        case CALL_FAILURE_BODY_TOO_LARGE:
                strbuf_appendf(s, "body above %zu bytes", call_body_max(call));
                break;
        case CALL_FAILURE_SINK:
                strbuf_append_str(s, "body was refused");
                break;
        case CALL_FAILURE_REPEATED:
                strbuf_append_str(s, "kept connection was closed before a reply came");
                break;
        case CALL_FAILURE_MEMORY:
                strbuf_append_str(s, "out of memory");
                break;
        }
}

void call_conclude(struct transport_call *call, CURLcode code) {
        struct http_reply *reply = call->reply;
        struct strbuf detail = {.max = 1024};

        reply->outcome = call_outcome(call, code);
        reply->status = head_status(&call->head);
        if (reply->status != 0) {
                reply->headers = call->head.headers;
                call->head.headers = (struct http_headers){};
        }

        if (reply->outcome == TRANSPORT_REPLY) {
                reply->body_len = call->body.len;
                if (call->body.data)
                        (void)strbuf_take(&call->body, &reply->body);
                return;
        }

        memory_wipe(call->body.data, call->body.len);
        strbuf_deinit(&call->body);
        call_describe(call, code, &detail);
        /* Without memory for it the outcome still stands. */
        (void)strbuf_take(&detail, &reply->detail);
}
