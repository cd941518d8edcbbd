/*
 * What a reply means: its status and code, looked up in one table.
 */
#include "azure/error.h"

#include "azure/json.h"
#include "azure/replies.h"
#include "azure/text.h"
#include "azure/url.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *arm_class_name(enum arm_class class) {
        switch (class) {
        case ARM_OK:
                return "ok";
        case ARM_THROTTLED:
                return "throttled";
        case ARM_TRANSIENT:
                return "transient";
        case ARM_AUTH:
                return "auth";
        case ARM_FORBIDDEN:
                return "forbidden";
        case ARM_NOT_FOUND:
                return "not found";
        case ARM_PARENT_NOT_FOUND:
                return "parent not found";
        case ARM_CONFLICT:
                return "conflict";
        case ARM_LOCKED:
                return "locked";
        case ARM_PRECONDITION:
                return "precondition";
        case ARM_QUOTA:
                return "quota";
        case ARM_INVALID:
                return "invalid";
        case ARM_PROTOCOL:
                return "protocol";
        }
        return "?";
}

bool arm_class_passes(enum arm_class class) {
        return class == ARM_THROTTLED || class == ARM_TRANSIENT || class == ARM_CONFLICT ||
               class == ARM_PROTOCOL;
}

/*
 * FACTS section 3, "Classification". The first row that fits decides: status 0 fits every status,
 * code NULL every code. An operation's error has no status; for it the rows with a code count,
 * whatever their status.
 */
static const struct rule {
        int status;
        const char *code;
        enum arm_class class;
        bool begins; /* fits all codes that begin so */
} rules[] = {
        {429, NULL, ARM_THROTTLED}, /* OperationNotAllowed too: the details say TooManyRequests */
        {401, NULL, ARM_AUTH},
        {0, "TooManyRequests", ARM_THROTTLED},
        {0, "SubscriptionRequestsThrottled", ARM_THROTTLED},
        {0, "ResourceRequestsThrottled", ARM_THROTTLED},
        {0, "ScopeLocked", ARM_LOCKED},
        {0, "SnapshotsLimitReached", ARM_QUOTA},
        {0, "QuotaExceeded", ARM_QUOTA},
        {0, "ResourceQuotaExceeded", ARM_QUOTA},
        {0, "RetryableError", ARM_TRANSIENT},
        {0, "RetryableErrorDueToAnotherOperation", ARM_CONFLICT},
        {0, "AnotherOperationInProgress", ARM_CONFLICT},
        {0, "ResourceGroupBeingDeleted", ARM_PRECONDITION},
        {0, "ConflictingUserInput", ARM_INVALID},
        {0, "MissingSubscriptionRegistration", ARM_INVALID},
        {0, "AuthorizationFailed", ARM_FORBIDDEN},
        {0, "LinkedAuthorizationFailed", ARM_FORBIDDEN},
        {0, "RequestDisallowedByPolicy", ARM_FORBIDDEN},
        /* UNCONFIRMED: with which status. What Key Vault itself fails at (5xx) passes. */
        {400, "KeyVault", ARM_FORBIDDEN, true},
        {404, "KeyVault", ARM_FORBIDDEN, true},
        {409, "KeyVault", ARM_FORBIDDEN, true},
        {0, "InternalServerError", ARM_TRANSIENT},
        {0, "ServerTimeout", ARM_TRANSIENT},
        {0, "ServiceUnavailable", ARM_TRANSIENT},
        {0, "ResourceGroupNotFound", ARM_PARENT_NOT_FOUND},
        {0, "SubscriptionNotFound", ARM_PARENT_NOT_FOUND},
        {0, "ParentResourceNotFound", ARM_PARENT_NOT_FOUND},
        {0, "BadRequest", ARM_INVALID},
        {0, "InvalidParameter", ARM_INVALID},
        {0, "InvalidRequestContent", ARM_INVALID},
        {0, "LocationRequired", ARM_INVALID},
        {0, "NoRegisteredProviderFound", ARM_INVALID},
        {0, "LinkedInvalidPropertyId", ARM_INVALID},
        {404, "ResourceNotFound", ARM_NOT_FOUND}, /* no other: it proves that something is gone */
        {409, "OperationNotAllowed", ARM_PRECONDITION},
        {409, "Conflict", ARM_CONFLICT},
        {409, NULL, ARM_CONFLICT},
        {403, NULL, ARM_FORBIDDEN},
        {408, NULL, ARM_TRANSIENT},
        {412, NULL, ARM_PRECONDITION},
};

/* RFC 6749 section 5.2, and the identity service's (FACTS section 8). */
static const struct rule token_rules[] = {
        {429, NULL, ARM_THROTTLED},
        {404, NULL, ARM_TRANSIENT}, /* the identity service is not ready */
        {408, NULL, ARM_TRANSIENT},
        {410, NULL, ARM_TRANSIENT}, /* it is being updated */
        {0, "temporarily_unavailable", ARM_TRANSIENT},
        {0, "invalid_client", ARM_FORBIDDEN}, /* a secret that is wrong, or has expired */
        {0, "unauthorized_client", ARM_FORBIDDEN},
        {0, "access_denied", ARM_FORBIDDEN},
        {401, NULL, ARM_FORBIDDEN},
        {403, NULL, ARM_FORBIDDEN},
};

/* What the body of a refusal says. Strings are borrowed from its JSON. */
struct said {
        const char *code;    /* or "" */
        const char *message; /* or "" */
        bool throttled;      /* a detail says so */
        char number[24];     /* a code that came as a number */
};

static bool code_fits(const struct rule *rule, const char *code) {
        if (!rule->code)
                return true;
        return rule->begins ? str_starts_with_nocase(code, rule->code)
                            : str_equal_nocase(rule->code, code);
}

static bool rule_fits(const struct rule *rule, int status, const char *code) {
        if (!code_fits(rule, code))
                return false;
        if (status == 0)
                return rule->code != NULL;
        return rule->status == 0 || rule->status == status;
}

static const struct rule *rule_find(const struct rule *table, size_t n, int status,
                                    const char *code) {
        for (size_t i = 0; i < n; i++)
                if (rule_fits(&table[i], status, code))
                        return &table[i];
        return NULL;
}

/* The member under its name, or with a capital letter, as some providers write it. */
static const char *either_string(const cJSON *json, const char *name, const char *capital) {
        return json_string(json, name) ?: json_string(json, capital) ?: "";
}

static void read_object(const cJSON *json, struct said *said) {
        const cJSON *details, *detail;
        int64_t number;

        said->code = either_string(json, "code", "Code");
        said->message = either_string(json, "message", "Message");
        if (said->code[0] == '\0' && json_integer(json, "code", &number)) {
                snprintf(said->number, sizeof(said->number), "%lld", (long long)number);
                said->code = said->number;
        }

        details = cJSON_GetObjectItemCaseSensitive(json, "details"); /* was seen as a string too */
        if (!cJSON_IsArray(details))
                return;
        for (detail = details->child; detail; detail = detail->next)
                if (str_equal_nocase(either_string(detail, "code", "Code"), "TooManyRequests"))
                        said->throttled = true;
}

/* The shapes of FACTS section 3: with and without the wrapper, and OAuth's. */
static void read_body(const cJSON *json, struct said *said) {
        const cJSON *error = json_object(json, "error") ?: json_object(json, "Error");
        const char *name = json_string(json, "error");

        if (error)
                read_object(error, said);
        else if (name) {
                said->code = name;
                said->message = json_string(json, "error_description") ?: "";
        } else
                read_object(json, said);
}

static int64_t clamp_wait(int64_t ns) {
        return MIN(MAX(ns, ARM_RETRY_AFTER_MIN_NS), ARM_RETRY_AFTER_MAX_NS);
}

/* "... Please try again after '17' seconds." Returns -1 when it is not there. */
static int64_t wait_in_message(const char *message) {
        static const char words[] = "try again after '";
        const char *at = strstr(message, words), *unit;
        uint64_t value = 0;

        if (!at)
                return -1;

        at += strlen(words);
        for (; ascii_is_digit(*at); at++)
                value = MIN(value * 10 + (uint64_t)(*at - '0'), UINT64_C(1000000));
        if (at[-1] == '\'' || !str_starts_with(at, "' "))
                return -1;
        unit = at + 2;
        if (str_starts_with(unit, "minute"))
                value *= 60;
        else if (!str_starts_with(unit, "second"))
                return -1;
        return clamp_wait((int64_t)value * NSEC_PER_SEC);
}

int64_t arm_retry_after_ns(const struct http_reply *reply, struct utc now) {
        const char *value = http_headers_get(&reply->headers, "Retry-After"), *end;
        int64_t seconds = 0;
        struct utc until;

        if (!value)
                return -1;
        while (*value == ' ' || *value == '\t')
                value++;

        for (end = value; ascii_is_digit(*end); end++)
                seconds = MIN(seconds * 10 + (*end - '0'), ARM_RETRY_AFTER_MAX_NS / NSEC_PER_SEC);
        if (end > value && end[strspn(end, " \t")] == '\0')
                return clamp_wait(seconds * NSEC_PER_SEC);

        /* Whoever wrote the one date wrote the other: how our clock stands to his does not matter. Too early,
         * and the wait begins anew. */
        (void)arm_reply_date(reply, &now);
        if (utc_parse_http_date(value, &until) < 0 || !utc_is_set(now))
                return -1;
        seconds = utc_seconds(until) - utc_seconds(now);
        return clamp_wait(MIN(seconds, ARM_RETRY_AFTER_MAX_NS / NSEC_PER_SEC) * NSEC_PER_SEC);
}

/* The class of a reply that no rule of a table fits. */
static enum arm_class class_of_status(int status, bool has_code) {
        if (status >= 500 && status <= 599)
                return ARM_TRANSIENT;
        if (status >= 400 && status <= 499 && has_code)
                return ARM_INVALID;
        return ARM_PROTOCOL;
}

static void classify(struct arm_error *error, const struct said *said, const struct rule *table,
                     size_t n) {
        const struct rule *rule = rule_find(table, n, error->status, said->code);

        if (said->throttled)
                error->class = ARM_THROTTLED;
        else if (rule)
                error->class = rule->class;
        else
                error->class = class_of_status(error->status, said->code[0] != '\0');

        /* "Operation could not be completed as it results in exceeding approved ... quota". */
        if (error->class == ARM_PRECONDITION && strstr(said->message, "quota"))
                error->class = ARM_QUOTA;
}

static void set_text(struct arm_error *error, const char *code, const char *message) {
        text_sanitize_code(code, error->code, sizeof(error->code));
        text_sanitize(message, strlen(message), error->message, sizeof(error->message));
}

/* No reply: the transport's outcome takes the place of the code. */
static void classify_outcome(const struct http_reply *reply, struct arm_error *error) {
        switch (reply->outcome) {
        case TRANSPORT_REPLY:
                return;
        case TRANSPORT_NOT_SENT:
                error->class = ARM_TRANSIENT;
                break;
        case TRANSPORT_LOST:
        case TRANSPORT_TIMEOUT:
                error->class = ARM_TRANSIENT;
                error->maybe_done = true;
                break;
        case TRANSPORT_TOO_LARGE:
        case TRANSPORT_BODY_REFUSED:
                error->class = ARM_PROTOCOL;
                error->maybe_done = true;
                break;
        }
        snprintf(error->code, sizeof(error->code), "%s", transport_outcome_name(reply->outcome));
        if (reply->detail)
                text_sanitize(reply->detail, strlen(reply->detail), error->message,
                              sizeof(error->message));
}

static void describe_problem(const struct http_reply *reply, int problem, const char *member,
                             char *text, size_t size) {
        const char *type = http_headers_get(&reply->headers, "Content-Type");

        if (problem == -E2BIG)
                snprintf(text, size, "the reply holds more than there is room for");
        else if (problem < 0)
                snprintf(text, size, "the reply could not be read: %s", strerrordesc_np(-problem));
        else if (problem == REPLY_E_MEMBER)
                snprintf(text, size, "the member %s is missing or wrong", member);
        else if (problem == JSON_E_SYNTAX && type &&
                 !str_starts_with_nocase(type, "application/json"))
                snprintf(text, size,
                         "the reply is not JSON but %s; is a proxy or a login page in between?",
                         type);
        else
                snprintf(text, size, "%s", json_problem(problem));
}

/* A refusal whose body is no JSON says nothing but its status, and that may be a proxy's. */
static void classify_unread(const struct http_reply *reply, int problem, bool may_be_proxy,
                            struct arm_error *error) {
        char text[ARM_MESSAGE_MAX + 1];

        if (reply->status >= 300 && reply->status <= 399)
                snprintf(text, sizeof(text),
                         "the reply leads to another place, where no request of ours goes; is a "
                         "proxy or a login page in between?");
        else if (reply->body_len == 0)
                snprintf(text, sizeof(text), "the reply has no text");
        else
                describe_problem(reply, problem, /* member= */ NULL, text, sizeof(text));
        set_text(error, "", text);

        /* What is throttled or broken stays so whoever says it; what is forbidden or missing does
         * not. */
        if (may_be_proxy && reply->body_len > 0 && problem > 0 && error->status < 500 &&
            error->status != 401 && error->status != 408 && error->status != 429)
                error->class = ARM_PROTOCOL;
}

/* A status that leaves open whether a write had its effect (FACTS section 1, "Idempotency"). */
static bool status_is_unclear(int status) {
        return status == 408 || status >= 500 || status < 200 || (status >= 300 && status < 400);
}

static enum arm_cause failure_cause(const struct http_reply *reply) {
        const char *cause = http_headers_get(&reply->headers, "x-ms-failure-cause");

        if (cause && str_equal_nocase(cause, "gateway"))
                return ARM_CAUSE_GATEWAY;
        if (cause && str_equal_nocase(cause, "service"))
                return ARM_CAUSE_SERVICE;
        return ARM_CAUSE_UNKNOWN;
}

static void classify_with(const struct http_reply *reply, struct utc now, const struct rule *table,
                          size_t n, struct arm_error *ret_error) {
        struct arm_error error = {.status = reply->status, .retry_after_ns = -1};
        _cleanup_(json_freep) cJSON *json = NULL;
        struct said said = {.code = "", .message = ""};
        size_t offset;
        int r;

        error.retry_after_ns = arm_retry_after_ns(reply, now);
        error.cause = failure_cause(reply);
        if (reply->outcome != TRANSPORT_REPLY) {
                classify_outcome(reply, &error);
                *ret_error = error;
                return;
        }
        if (reply->status >= 200 && reply->status <= 299) {
                error.class = ARM_OK;
                *ret_error = error;
                return;
        }

        r = json_parse(reply->body ? reply->body : "", reply->body ? reply->body_len : 0, &json,
                       &offset);
        if (r == 0)
                read_body(json, &said);
        classify(&error, &said, table, n);
        error.maybe_done = status_is_unclear(error.status);
        if (r == 0) {
                set_text(&error, said.code, said.message);
                if (error.retry_after_ns < 0)
                        error.retry_after_ns = wait_in_message(said.message);
        } else
                classify_unread(reply, r, /* may_be_proxy= */ table == rules, &error);
        *ret_error = error;
}

void arm_error_classify(const struct http_reply *reply, struct utc now,
                        struct arm_error *ret_error) {
        classify_with(reply, now, rules, ARRAY_SIZE(rules), ret_error);
}

void token_error_classify(const struct http_reply *reply, struct utc now,
                          struct arm_error *ret_error) {
        classify_with(reply, now, token_rules, ARRAY_SIZE(token_rules), ret_error);
}

void arm_error_from_json(const struct cJSON *json, struct arm_error *ret_error) {
        struct arm_error error = {.retry_after_ns = -1, .maybe_done = true};
        struct said said = {.code = "", .message = ""};
        const struct rule *rule;

        read_body(json, &said);
        rule = rule_find(rules, ARRAY_SIZE(rules), 0, said.code);
        error.class = said.throttled ? ARM_THROTTLED : rule ? rule->class : ARM_TRANSIENT;
        if (error.class == ARM_PRECONDITION && strstr(said.message, "quota"))
                error.class = ARM_QUOTA;
        set_text(&error, said.code, said.message);
        error.retry_after_ns = wait_in_message(said.message);
        *ret_error = error;
}

void arm_error_unreadable(const struct http_reply *reply, const char *code, int problem,
                          const char *member, struct arm_error *ret_error) {
        struct arm_error error = {
                .class = ARM_PROTOCOL,
                .status = reply->status,
                .retry_after_ns = -1,
        };
        char text[ARM_MESSAGE_MAX + 1];

        describe_problem(reply, problem, member, text, sizeof(text));
        set_text(&error, code, text);
        *ret_error = error;
}

/* Chosen: a text that was cut shows the beginning; no word of a message is as long by chance. */
#define WITHHOLD_LEN 16

void arm_error_withhold(struct arm_error *error, const char *secret) {
        char begin[WITHHOLD_LEN + 1], in_url[3 * WITHHOLD_LEN + 1], in_code[WITHHOLD_LEN + 1];

        if (!secret || secret[0] == '\0' || (error->message[0] == '\0' && error->code[0] == '\0'))
                return;
        snprintf(begin, sizeof(begin), "%s", secret);
        in_url[url_encode(begin, in_url)] = '\0';
        text_sanitize_code(begin, in_code, sizeof(in_code));

        if (strstr(error->message, begin) || strstr(error->message, in_url) ||
            (in_code[0] != '\0' && strstr(error->code, in_code)))
                set_text(error, "Withheld", "the reply repeats a secret, and is not told");
        memory_wipe(begin, sizeof(begin));
        memory_wipe(in_url, sizeof(in_url));
        memory_wipe(in_code, sizeof(in_code));
}

/* UNCONFIRMED: no recording has this refusal. What all Azure's sku errors have in common is the name of
 * the sku, or the code that other resource types get. */
bool arm_error_refuses_zones(const struct arm_error *error) {
        if (error->class != ARM_INVALID && error->class != ARM_PRECONDITION &&
            error->class != ARM_CONFLICT)
                return false;
        return str_equal_nocase(error->code, "SkuNotAvailable") ||
               strstr(error->message, "Standard_ZRS");
}

bool arm_error_blames_key(const struct arm_error *error) {
        return error->class == ARM_FORBIDDEN && str_starts_with_nocase(error->code, "KeyVault");
}

void arm_error_append(const struct arm_error *error, struct strbuf *out) {
        strbuf_append_str(out, " (");
        if (error->code[0] != '\0' && error->status != 0)
                strbuf_appendf(out, "code %s, status %d", error->code, error->status);
        else if (error->code[0] != '\0')
                strbuf_append_str(out, error->code);
        else if (error->status != 0)
                strbuf_appendf(out, "status %d", error->status);
        else
                strbuf_append_str(out, "no code");
        strbuf_append_char(out, ')');
        if (error->message[0] != '\0')
                strbuf_appendf(out, ": %s", error->message);
}
