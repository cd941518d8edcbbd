/*
 * Errors: the classification of FACTS section 3, its odd shapes, waits, and texts without secrets.
 */
#include "azure/error.h"
#include "azure/json.h"
#include "azure/remedy.h"
#include "azure/text.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define E(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define HTML "<!DOCTYPE html><html><head><title>x</title></head></html>"

static struct utc now;

static struct http_reply *reply_new(int status, const char *body) {
        struct http_reply *reply = calloc(1, sizeof(*reply));

        assert_non_null(reply);
        reply->status = status;
        if (body) {
                reply->body = strdup(body);
                reply->body_len = strlen(body);
        }
        return reply;
}

static struct arm_error classify(int status, const char *body) {
        struct http_reply *reply = reply_new(status, body);
        struct arm_error error;

        arm_error_classify(reply, now, &error);
        http_reply_free(reply);
        return error;
}

static void test_classes(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                enum arm_class class;
                bool maybe_done;
                const char *code;
        } rows[] = {
                {__LINE__, 200, "{}", ARM_OK, false, ""},
                {__LINE__, 202, NULL, ARM_OK, false, ""},
                {__LINE__, 204, NULL, ARM_OK, false, ""},
                {__LINE__, 200, HTML, ARM_OK, false, ""}, /* its reader will say */

                {__LINE__, 401, E("InvalidAuthenticationToken"), ARM_AUTH, false,
                 "InvalidAuthenticationToken"},
                {__LINE__, 401, E("ExpiredAuthenticationToken"), ARM_AUTH, false,
                 "ExpiredAuthenticationToken"},
                {__LINE__, 401, NULL, ARM_AUTH, false, ""},
                {__LINE__, 401, HTML, ARM_AUTH, false, ""},
                {__LINE__, 403, E("AuthorizationFailed"), ARM_FORBIDDEN, false,
                 "AuthorizationFailed"},
                {__LINE__, 403, E("LinkedAuthorizationFailed"), ARM_FORBIDDEN, false,
                 "LinkedAuthorizationFailed"},
                {__LINE__, 403, E("RequestDisallowedByPolicy"), ARM_FORBIDDEN, false,
                 "RequestDisallowedByPolicy"},
                {__LINE__, 403, E("SomethingElse"), ARM_FORBIDDEN, false, "SomethingElse"},
                {__LINE__, 400, E("KeyVaultKeyNotEnabled"), ARM_FORBIDDEN, false,
                 "KeyVaultKeyNotEnabled"},
                {__LINE__, 403, E("KeyVaultAccessForbidden"), ARM_FORBIDDEN, false,
                 "KeyVaultAccessForbidden"},
                {__LINE__, 404, E("KeyVaultKeyNotFound"), ARM_FORBIDDEN, false,
                 "KeyVaultKeyNotFound"},
                {__LINE__, 409, E("keyvaultaccessforbidden"), ARM_FORBIDDEN, false,
                 "keyvaultaccessforbidden"},
                {__LINE__, 503, E("KeyVaultServiceUnavailable"), ARM_TRANSIENT, true,
                 "KeyVaultServiceUnavailable"},
                {__LINE__, 400, E("KeyVaul"), ARM_INVALID, false, "KeyVaul"},
                {__LINE__, 403, HTML, ARM_PROTOCOL, false, ""}, /* a firewall's page */

                {__LINE__, 404, E("ResourceNotFound"), ARM_NOT_FOUND, false, "ResourceNotFound"},
                /* They may be a source's, a provider's or a proxy's: proof of nothing. */
                {__LINE__, 404, E("DiskNotFound"), ARM_INVALID, false, "DiskNotFound"},
                {__LINE__, 404, E("NotFound"), ARM_INVALID, false, "NotFound"},
                {__LINE__, 404, E("ResourceGroupNotFound"), ARM_PARENT_NOT_FOUND, false,
                 "ResourceGroupNotFound"},
                {__LINE__, 404, E("SubscriptionNotFound"), ARM_PARENT_NOT_FOUND, false,
                 "SubscriptionNotFound"},
                {__LINE__, 404, E("ParentResourceNotFound"), ARM_PARENT_NOT_FOUND, false,
                 "ParentResourceNotFound"},
                {__LINE__, 404, E("InvalidResourceType"), ARM_INVALID, false,
                 "InvalidResourceType"},
                /* These prove nothing: whoever said it did not say what is missing. */
                {__LINE__, 404, NULL, ARM_PROTOCOL, false, ""},
                {__LINE__, 404, "{}", ARM_PROTOCOL, false, ""},
                {__LINE__, 404, HTML, ARM_PROTOCOL, false, ""},
                {__LINE__, 404, "{\"error\":{\"code\":\"ResourceNotFound\"", ARM_PROTOCOL, false,
                 ""},
                {__LINE__, 400, E("ResourceNotFound"), ARM_INVALID, false, "ResourceNotFound"},

                {__LINE__, 400, E("BadRequest"), ARM_INVALID, false, "BadRequest"},
                {__LINE__, 400, E("InvalidParameter"), ARM_INVALID, false, "InvalidParameter"},
                {__LINE__, 400, E("InvalidRequestContent"), ARM_INVALID, false,
                 "InvalidRequestContent"},
                {__LINE__, 400, E("LocationRequired"), ARM_INVALID, false, "LocationRequired"},
                {__LINE__, 400, E("NoRegisteredProviderFound"), ARM_INVALID, false,
                 "NoRegisteredProviderFound"},
                {__LINE__, 400, E("LinkedInvalidPropertyId"), ARM_INVALID, false,
                 "LinkedInvalidPropertyId"},
                {__LINE__, 400, E("Unheard"), ARM_INVALID, false, "Unheard"},
                {__LINE__, 400, HTML, ARM_PROTOCOL, false, ""},
                {__LINE__, 400, NULL, ARM_PROTOCOL, false, ""},
                {__LINE__, 409, E("MissingSubscriptionRegistration"), ARM_INVALID, false,
                 "MissingSubscriptionRegistration"},
                {__LINE__, 409, E("ScopeLocked"), ARM_LOCKED, false, "ScopeLocked"},
                {__LINE__, 409, E("Conflict"), ARM_CONFLICT, false, "Conflict"},
                {__LINE__, 409, E("AnotherOperationInProgress"), ARM_CONFLICT, false,
                 "AnotherOperationInProgress"},
                {__LINE__, 409, E("ResourceGroupBeingDeleted"), ARM_PRECONDITION, false,
                 "ResourceGroupBeingDeleted"},
                {__LINE__, 409, E("ConflictingUserInput"), ARM_INVALID, false,
                 "ConflictingUserInput"},
                {__LINE__, 409, E("Unheard"), ARM_CONFLICT, false, "Unheard"},
                {__LINE__, 409, NULL, ARM_CONFLICT, false, ""},
                {__LINE__, 409, HTML, ARM_PROTOCOL, false, ""},
                {__LINE__, 412, E("PreconditionFailed"), ARM_PRECONDITION, false,
                 "PreconditionFailed"},

                /* Ambiguous by itself; as 429 or with the detail it is throttling. */
                {__LINE__, 409, E("OperationNotAllowed"), ARM_PRECONDITION, false,
                 "OperationNotAllowed"},
                {__LINE__, 409,
                 "{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"Operation could not "
                 "be "
                 "completed as it results in exceeding approved quota.\"}}",
                 ARM_QUOTA, false, "OperationNotAllowed"},
                {__LINE__, 429,
                 "{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"The server rejected "
                 "the "
                 "request\",\"details\":[{\"code\":\"TooManyRequests\",\"target\":"
                 "\"HighCostGet3Min\",\"message\":\"{\\\"operationGroup\\\":"
                 "\\\"HighCostGet3Min\\\"}\"}"
                 "]}}",
                 ARM_THROTTLED, false, "OperationNotAllowed"},
                {__LINE__, 409,
                 "{\"code\":\"OperationNotAllowed\",\"message\":\"m\",\"details\":[{\"code\":"
                 "\"Other\"},"
                 "{\"code\":\"TooManyRequests\"}]}",
                 ARM_THROTTLED, false, "OperationNotAllowed"},
                {__LINE__, 409, E("SnapshotsLimitReached"), ARM_QUOTA, false,
                 "SnapshotsLimitReached"},
                {__LINE__, 400, E("QuotaExceeded"), ARM_QUOTA, false, "QuotaExceeded"},
                {__LINE__, 409, E("ResourceQuotaExceeded"), ARM_QUOTA, false,
                 "ResourceQuotaExceeded"},

                {__LINE__, 429, E("TooManyRequests"), ARM_THROTTLED, false, "TooManyRequests"},
                {__LINE__, 429, E("SubscriptionRequestsThrottled"), ARM_THROTTLED, false,
                 "SubscriptionRequestsThrottled"},
                {__LINE__, 429, E("ResourceRequestsThrottled"), ARM_THROTTLED, false,
                 "ResourceRequestsThrottled"},
                {__LINE__, 429, E("RetryableError"), ARM_THROTTLED, false, "RetryableError"},
                {__LINE__, 429, E("RetryableErrorDueToAnotherOperation"), ARM_THROTTLED, false,
                 "RetryableErrorDueToAnotherOperation"},
                {__LINE__, 409, E("RetryableErrorDueToAnotherOperation"), ARM_CONFLICT, false,
                 "RetryableErrorDueToAnotherOperation"},
                {__LINE__, 409, E("RetryableError"), ARM_TRANSIENT, false, "RetryableError"},
                {__LINE__, 429, NULL, ARM_THROTTLED, false, ""},
                {__LINE__, 429, HTML, ARM_THROTTLED, false, ""},
                {__LINE__, 503, E("TooManyRequests"), ARM_THROTTLED, true, "TooManyRequests"},

                {__LINE__, 408, NULL, ARM_TRANSIENT, true, ""},
                {__LINE__, 500, E("InternalServerError"), ARM_TRANSIENT, true,
                 "InternalServerError"},
                {__LINE__, 502, E("BadGatewayConnection"), ARM_TRANSIENT, true,
                 "BadGatewayConnection"},
                {__LINE__, 503, E("ServerTimeout"), ARM_TRANSIENT, true, "ServerTimeout"},
                {__LINE__, 503, E("ServiceUnavailable"), ARM_TRANSIENT, true, "ServiceUnavailable"},
                {__LINE__, 503, HTML, ARM_TRANSIENT, true, ""},
                {__LINE__, 503, NULL, ARM_TRANSIENT, true, ""},
                {__LINE__, 504, NULL, ARM_TRANSIENT, true, ""},

                /* None of ours to follow. */
                {__LINE__, 302, NULL, ARM_PROTOCOL, true, ""},
                {__LINE__, 600, NULL, ARM_PROTOCOL, true, ""},
                {__LINE__, 0, NULL, ARM_PROTOCOL, true, ""},

                /* Shapes seen in the wild. */
                {__LINE__, 409, "{\"code\":\"ScopeLocked\",\"message\":\"m\"}", ARM_LOCKED, false,
                 "ScopeLocked"},
                {__LINE__, 409, "{\"Code\":\"ScopeLocked\",\"Message\":\"m\"}", ARM_LOCKED, false,
                 "ScopeLocked"},
                {__LINE__, 409, "{\"error\":{\"Code\":\"ScopeLocked\",\"Message\":\"m\"}}",
                 ARM_LOCKED, false, "ScopeLocked"},
                {__LINE__, 409, E("scopelocked"), ARM_LOCKED, false, "scopelocked"},
                {__LINE__, 429, "{\"error\":{\"code\":\"429\",\"message\":\"m\"}}", ARM_THROTTLED,
                 false, "429"},
                {__LINE__, 429, "{\"error\":{\"code\":429,\"message\":\"m\"}}", ARM_THROTTLED,
                 false, "429"},
                {__LINE__, 404, "{\"error\":{\"code\":\"ResourceNotFound\"}}", ARM_NOT_FOUND, false,
                 "ResourceNotFound"}, /* recorded: no message */
                {__LINE__, 500,
                 "{\"error\":{\"code\":\"InternalServerError\",\"message\":\"m\",\"details\":"
                 "\"text\"}}",
                 ARM_TRANSIENT, true, "InternalServerError"}, /* recorded: details are a text */
                {__LINE__, 404, "{\"error\":null,\"code\":\"ResourceNotFound\"}", ARM_NOT_FOUND,
                 false, "ResourceNotFound"},
                {__LINE__, 404, "[{\"code\":\"ResourceNotFound\"}]", ARM_PROTOCOL, false, ""},
                {__LINE__, 404, "{\"error\":{\"code\":\"A\",\"code\":\"ResourceNotFound\"}}",
                 ARM_PROTOCOL, false, ""},
                {__LINE__, 404, "{\"error\":{\"code\":{}}}", ARM_PROTOCOL, false, ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct arm_error e = classify(rows[i].status, rows[i].body);

                if (e.class != rows[i].class || e.maybe_done != rows[i].maybe_done ||
                    e.status != rows[i].status || strcmp(e.code, rows[i].code) != 0)
                        fail_msg("row at line %d: %s, %d, %s", rows[i].line,
                                 arm_class_name(e.class), e.maybe_done, e.code);
        }
}

static void test_outcomes(void **state) {
        static const struct {
                int line;
                enum transport_outcome outcome;
                enum arm_class class;
                bool maybe_done;
        } rows[] = {
                {__LINE__, TRANSPORT_NOT_SENT, ARM_TRANSIENT, false},
                {__LINE__, TRANSPORT_LOST, ARM_TRANSIENT, true},
                {__LINE__, TRANSPORT_TIMEOUT, ARM_TRANSIENT, true},
                {__LINE__, TRANSPORT_TOO_LARGE, ARM_PROTOCOL, true},
                {__LINE__, TRANSPORT_BODY_REFUSED, ARM_PROTOCOL, true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply *reply = reply_new(0, NULL);
                struct strbuf s = {};
                struct arm_error e;
                char text[128];

                reply->outcome = rows[i].outcome;
                reply->detail = strdup("resolving\nfailed");
                arm_error_classify(reply, now, &e);
                if (e.class != rows[i].class || e.maybe_done != rows[i].maybe_done)
                        fail_msg("row at line %d", rows[i].line);
                assert_string_equal(e.code, transport_outcome_name(rows[i].outcome));
                arm_error_append(&e, &s);
                snprintf(text, sizeof(text), " (%s): resolving failed", e.code);
                assert_string_equal(strbuf_str(&s), text);
                strbuf_deinit(&s);
                http_reply_free(reply);
        }
}

static void test_token_errors(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                enum arm_class class;
                const char *code, *message;
        } rows[] = {
                {__LINE__, 401,
                 "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}",
                 ARM_FORBIDDEN, "invalid_client", "AADSTS7000222: expired"},
                {__LINE__, 400, "{\"error\":\"unauthorized_client\"}", ARM_FORBIDDEN,
                 "unauthorized_client", ""},
                {__LINE__, 400, "{\"error\":\"invalid_scope\"}", ARM_INVALID, "invalid_scope", ""},
                {__LINE__, 400, "{\"error\":\"bad_request_102\"}", ARM_INVALID, "bad_request_102",
                 ""},
                {__LINE__, 400,
                 "{\"error\":\"invalid_request\",\"error_description\":\"Identity not "
                 "found\"}",
                 ARM_INVALID, "invalid_request", "Identity not found"},
                {__LINE__, 404, "{\"error\":\"not_found\"}", ARM_TRANSIENT, "not_found", ""},
                {__LINE__, 404, HTML, ARM_TRANSIENT, "", "it is not JSON, or it is cut"},
                {__LINE__, 404, NULL, ARM_TRANSIENT, "", "the reply has no text"},
                {__LINE__, 410, NULL, ARM_TRANSIENT, "", "the reply has no text"},
                {__LINE__, 429, NULL, ARM_THROTTLED, "", "the reply has no text"},
                {__LINE__, 500, NULL, ARM_TRANSIENT, "", "the reply has no text"},
                {__LINE__, 503, "{\"error\":\"temporarily_unavailable\"}", ARM_TRANSIENT,
                 "temporarily_unavailable", ""},
                {__LINE__, 403, NULL, ARM_FORBIDDEN, "", "the reply has no text"},
                {__LINE__, 200, "{}", ARM_OK, "", ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply *reply = reply_new(rows[i].status, rows[i].body);
                struct arm_error e;

                token_error_classify(reply, now, &e);
                if (e.class != rows[i].class || strcmp(e.code, rows[i].code) != 0 ||
                    strcmp(e.message, rows[i].message) != 0)
                        fail_msg("row at line %d: %s, %s, %s", rows[i].line,
                                 arm_class_name(e.class), e.code, e.message);
                http_reply_free(reply);
        }
}

static void test_operation_errors(void **state) {
        static const struct {
                int line;
                const char *json;
                enum arm_class class;
                const char *code;
        } rows[] = {
                {__LINE__, "{\"code\":\"ResourceNotFound\",\"message\":\"m\"}", ARM_NOT_FOUND,
                 "ResourceNotFound"},
                {__LINE__, "{\"code\":\"SnapshotsLimitReached\"}", ARM_QUOTA,
                 "SnapshotsLimitReached"},
                {__LINE__, "{\"code\":\"OperationNotAllowed\"}", ARM_PRECONDITION,
                 "OperationNotAllowed"},
                {__LINE__, "{\"code\":\"OperationNotAllowed\",\"message\":\"the quota is met\"}",
                 ARM_QUOTA, "OperationNotAllowed"},
                {__LINE__, "{\"code\":\"Conflict\"}", ARM_CONFLICT, "Conflict"},
                {__LINE__, "{\"code\":\"InternalDiskManagementError\"}", ARM_TRANSIENT,
                 "InternalDiskManagementError"},
                {__LINE__, "{}", ARM_TRANSIENT, ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(json_freep) cJSON *json = NULL;
                struct arm_error e;
                size_t offset;

                assert_int_equal(json_parse(rows[i].json, strlen(rows[i].json), &json, &offset), 0);
                arm_error_from_json(json, &e);
                if (e.class != rows[i].class || strcmp(e.code, rows[i].code) != 0 ||
                    !e.maybe_done || e.status != 0)
                        fail_msg("row at line %d: %s", rows[i].line, arm_class_name(e.class));
        }

        struct arm_error none;

        arm_error_from_json(NULL, &none);
        assert_int_equal(none.class, ARM_TRANSIENT);
}

/* A Retry-After that is a date, in a reply that says what time its writer has, which is not ours. */
static void test_retry_after_by_its_date(void **state) {
        static const struct {
                int line;
                const char *dates[2]; /* NULL: none */
                int64_t seconds;
        } rows[] = {
                {__LINE__, {NULL, NULL}, 30},
                {__LINE__, {"Mon, 23 Nov 2026 10:00:00 GMT", NULL}, 30},
                {__LINE__, {"Mon, 23 Nov 2026 09:30:00 GMT", NULL}, 1830},
                {__LINE__, {"Mon, 23 Nov 2026 10:00:25 GMT", NULL}, 5},
                {__LINE__, {"Mon, 23 Nov 2026 11:00:00 GMT", NULL}, 1},
                /* none to believe */
                {__LINE__, {"yesterday", NULL}, 30},
                {__LINE__, {"Mon, 23 Nov 2026 09:30:00 GMT", "Mon, 23 Nov 2026 09:45:00 GMT"}, 30},
        };

        assert_int_equal(utc_parse("2026-11-23T10:00:00Z", 20, &now), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply *reply = reply_new(429, "{}");
                int64_t ns;

                for (size_t k = 0; k < 2 && rows[i].dates[k]; k++)
                        assert_int_equal(
                                http_headers_add_str(&reply->headers, "Date", rows[i].dates[k]), 0);
                assert_int_equal(http_headers_add_str(&reply->headers, "Retry-After",
                                                      "Mon, 23 Nov 2026 10:00:30 GMT"),
                                 0);
                ns = arm_retry_after_ns(reply, now);
                if (ns != rows[i].seconds * NSEC_PER_SEC)
                        fail_msg("row at line %d: %lld", rows[i].line, (long long)ns);
                /* Then nobody's else is asked for. */
                if (rows[i].dates[0] && !rows[i].dates[1] && rows[i].dates[0][0] == 'M' &&
                    arm_retry_after_ns(reply, UTC_NONE) != ns)
                        fail_msg("row at line %d: without a clock", rows[i].line);
                http_reply_free(reply);
        }
}

static void test_retry_after(void **state) {
        static const struct {
                int line;
                const char *header; /* NULL: none */
                const char *message;
                int64_t seconds; /* -1: none */
        } rows[] = {
                {__LINE__, NULL, "m", -1},
                {__LINE__, "17", "m", 17},
                {__LINE__, " 17 ", "m", 17},
                {__LINE__, "007", "m", 7},
                {__LINE__, "0", "m", 1},
                {__LINE__, "3600", "m", 3600},
                {__LINE__, "3601", "m", 3600},
                {__LINE__, "99999999999999999999999999", "m", 3600},
                {__LINE__, "-1", "m", -1},
                {__LINE__, "1.5", "m", -1},
                {__LINE__, "", "m", -1},
                {__LINE__, "soon", "m", -1},
                {__LINE__, "Mon, 23 Nov 2026 10:00:30 GMT", "m", 30},
                {__LINE__, "Mon, 23 Nov 2026 09:59:30 GMT", "m", 1},
                {__LINE__, "Tue, 24 Nov 2026 10:00:00 GMT", "m", 3600},
                {__LINE__, "Fri, 31 Dec 9999 23:59:59 GMT", "m", 3600},
                {__LINE__, "Mon, 24 Nov 2026 10:00:00 GMT", "m", -1}, /* a Tuesday */
                {__LINE__, NULL,
                 "Number of 'write' requests exceeded the limit of '1200' for time "
                 "interval '01:00:00'. Please try again after '17' seconds.",
                 17},
                {__LINE__, NULL, "Please try again after '5' minutes.", 300},
                {__LINE__, NULL, "Please try again after '0' seconds.", 0},
                {__LINE__, NULL, "Please try again after '99999999999999999999' seconds.", 3600},
                {__LINE__, NULL, "Please try again after '5' fortnights.", -1},
                {__LINE__, NULL, "Please try again after '' seconds.", -1},
                {__LINE__, NULL, "Please try again after '5", -1},
                {__LINE__, NULL, "Please try again after '-5' seconds.", -1},
                {__LINE__, "17", "Please try again after '5' seconds.", 17}, /* the header wins */
        };

        assert_int_equal(utc_parse("2026-11-23T10:00:00Z", 20, &now), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply *reply;
                struct arm_error e;
                char body[512];
                int64_t ns;

                snprintf(body, sizeof(body), "{\"error\":{\"code\":\"X\",\"message\":\"%s\"}}",
                         rows[i].message);
                reply = reply_new(429, body);
                if (rows[i].header)
                        assert_int_equal(http_headers_add_str(&reply->headers, "retry-after",
                                                              rows[i].header),
                                         0);
                arm_error_classify(reply, now, &e);
                ns = rows[i].seconds < 0 ? -1 : MAX(rows[i].seconds, 1) * NSEC_PER_SEC;
                if (e.retry_after_ns != ns)
                        fail_msg("row at line %d: %lld", rows[i].line, (long long)e.retry_after_ns);
                if (rows[i].header && arm_retry_after_ns(reply, now) != ns)
                        fail_msg("row at line %d: header", rows[i].line);
                http_reply_free(reply);
        }

        /* An accepted request says when to look again. */
        struct http_reply *accepted = reply_new(202, NULL);
        struct arm_error e;

        assert_int_equal(http_headers_add_str(&accepted->headers, "Retry-After", "2"), 0);
        arm_error_classify(accepted, now, &e);
        assert_int_equal(e.class, ARM_OK);
        assert_int_equal(e.retry_after_ns, 2 * NSEC_PER_SEC);
        http_reply_free(accepted);
}

static void test_cause(void **state) {
        static const struct {
                const char *value;
                enum arm_cause cause;
        } rows[] = {
                {NULL, ARM_CAUSE_UNKNOWN},
                {"gateway", ARM_CAUSE_GATEWAY},
                {"Service", ARM_CAUSE_SERVICE},
                {"other", ARM_CAUSE_UNKNOWN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply *reply = reply_new(404, E("ResourceNotFound"));
                struct arm_error e;

                if (rows[i].value)
                        assert_int_equal(http_headers_add_str(&reply->headers, "x-ms-failure-cause",
                                                              rows[i].value),
                                         0);
                arm_error_classify(reply, now, &e);
                assert_int_equal(e.cause, rows[i].cause);
                http_reply_free(reply);
        }
}

#define JWT "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl-_x"

static void test_sanitize(void **state) {
        static const struct {
                int line;
                const char *in, *out;
        } rows[] = {
                {__LINE__, "", ""},
                {__LINE__, "plain text", "plain text"},
                {__LINE__, "a\r\nb\tc\x1b[31m\x7f", "a  b c [31m "},
                {__LINE__, "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80",
                 "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80"},
                {__LINE__,
                 "a\xc2\x9b"
                 "b",
                 "a b"}, /* C1 */
                {__LINE__,
                 "a\xe2\x80\xae"
                 "b",
                 "a b"}, /* right to left override */
                {__LINE__,
                 "a\xe2\x81\xa6"
                 "b",
                 "a b"}, /* isolate */
                {__LINE__,
                 "a\xe2\x80\xa8"
                 "b",
                 "a b"}, /* line separator */
                {__LINE__,
                 "a\xff\xc3"
                 "b\xed\xa0\x80",
                 "a??b???"},
                {__LINE__, "see https://md-x.blob.core.windows.net/a/b?sv=2018&sr=b&sig=AbC%2F now",
                 "see https://md-x.blob.core.windows.net/a/b?... now"},
                {__LINE__, "<https://h/p?a=b>, \"https://h/q?c=d\"",
                 "<https://h/p?...>, \"https://h/q?...\""},
                {__LINE__, "/relative?sig=x", "/relative?..."},
                {__LINE__, "HTTPS://H/P?A=B", "HTTPS://H/P?..."},
                {__LINE__, "really? yes=no", "really? yes=no"},
                {__LINE__, "what?", "what?"},
                {__LINE__, "sr=b&sig=SECRET&x=1 end", "sr=b&sig=... end"},
                {__LINE__, "see https://aka.ms/ARMResourceNotFoundFix",
                 "see https://aka.ms/ARMResourceNotFoundFix"},
                {__LINE__, "token '" JWT "' is bad", "token '(token left out)' is bad"},
                {__LINE__, JWT, "(token left out)"},
                {__LINE__, "x" JWT, "x(token left out)"},
                {__LINE__, "eyJhbGci", "eyJhbGci"}, /* too short to be one */
                {__LINE__, "Authorization: Bearer AbCdEfGhIjKlMnOpQrSt.x end",
                 "Authorization: Bearer (token left out) end"},
                {__LINE__, "a bearer of news", "a bearer of news"},
        };
        char out[256];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                text_sanitize(rows[i].in, strlen(rows[i].in), out, sizeof(out));
                if (strcmp(out, rows[i].out) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, out);
        }
}

/* However short the room is: whole characters, nothing after what did not fit, and no secret. */
static void test_sanitize_cut(void **state) {
        static const char text[] = "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80 a?b=c " JWT " z";
        char whole[256], out[256];

        text_sanitize(text, strlen(text), whole, sizeof(whole));
        for (size_t size = 1; size <= sizeof(text); size++) {
                memset(out, '#', sizeof(out));
                text_sanitize(text, strlen(text), out, size);
                assert_true(strlen(out) < size);
                assert_memory_equal(out, whole, strlen(out));
                assert_true((whole[strlen(out)] & 0xc0) != 0x80);
                assert_int_equal(out[size], '#');
        }
}

static void test_texts(void **state) {
        struct http_reply *reply;
        struct strbuf s = {};
        struct arm_error e;
        char body[2048];

        e = classify(409, E("ScopeLocked"));
        arm_error_append(&e, &s);
        assert_string_equal(strbuf_str(&s), " (code ScopeLocked, status 409): m");
        strbuf_clear(&s);
        e = classify(503, NULL);
        arm_error_append(&e, &s);
        assert_string_equal(strbuf_str(&s), " (status 503): the reply has no text");
        strbuf_clear(&s);

        /* A code is a word, however it came. */
        e = classify(400, "{\"error\":{\"code\":\"a b\\n\xc3\xa5;c\"}}");
        assert_string_equal(e.code, "a_b____c");
        memset(body, 0, sizeof(body));
        snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%0100d\"}}", 0);
        e = classify(400, body);
        assert_int_equal(strlen(e.code), ARM_CODE_MAX);

        /* A long message is cut between characters. */
        strbuf_append_str(&s, "{\"error\":{\"code\":\"X\",\"message\":\"");
        for (int i = 0; i < 600; i++)
                strbuf_append_str(&s, "\xe2\x82\xac");
        strbuf_append_str(&s, "\"}}");
        e = classify(400, strbuf_str(&s));
        assert_int_equal(strlen(e.message), ARM_MESSAGE_MAX / 3 * 3);
        strbuf_deinit(&s);

        /* A page that is not JSON is named by its type, not repeated. */
        reply = reply_new(503, HTML);
        assert_int_equal(http_headers_add_str(&reply->headers, "Content-Type", "text/html"), 0);
        arm_error_classify(reply, now, &e);
        assert_string_equal(e.message,
                            "the reply is not JSON but text/html; is a proxy or a login page in "
                            "between?");
        http_reply_free(reply);
}

static void test_names(void **state) {
        for (enum arm_class a = ARM_OK; a <= ARM_PROTOCOL; a++)
                for (enum arm_class b = a + 1; b <= ARM_PROTOCOL; b++)
                        assert_string_not_equal(arm_class_name(a), arm_class_name(b));
}

/* What a person is told to do. */
/* Whose key an error is about. */
static void test_keys(void **state) {
        static const struct {
                int line;
                enum arm_class class;
                const char *code;
                bool blames;
        } rows[] = {
                {__LINE__, ARM_FORBIDDEN, "KeyVaultKeyNotEnabled", true},
                {__LINE__, ARM_FORBIDDEN, "keyVaultAccessForbidden", true},
                {__LINE__, ARM_FORBIDDEN, "KeyVaul", false},
                {__LINE__, ARM_FORBIDDEN, "LinkedAuthorizationFailed", false},
                /* what passes by itself is no alarm */
                {__LINE__, ARM_TRANSIENT, "KeyVaultServiceUnavailable", false},
                {__LINE__, ARM_THROTTLED, "KeyVaultThrottled", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct arm_error error = {.class = rows[i].class};

                strcpy(error.code, rows[i].code);
                if (arm_error_blames_key(&error) != rows[i].blames)
                        fail_msg("row at line %d", rows[i].line);
        }
}

static void test_remedies(void **state) {
#define MISSING(action, scope)                                                                     \
        "The client 'a' with object id 'b' does not have authorization to perform action '" action \
        "' over scope '" scope "' or the scope is invalid."
#define LINKED(action, scope)                                                                      \
        "The client 'a' has permission to perform action 'Microsoft.Compute/snapshots/write' on "  \
        "scope '/s/x'; however, it does not have permission to perform action '" action            \
        "' on the linked scope '" scope "'."
#define NEEDS(action, scope) "; the identity needs the right " action " on " scope
#define SPREADS "; an assignment takes minutes to spread"
        static const struct {
                int line;
                enum arm_class class;
                const char *code, *message, *remedy;
        } rows[] = {
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed",
                 MISSING("Microsoft.Compute/snapshots/write", "/s/x"),
                 NEEDS("Microsoft.Compute/snapshots/write",
                       "/s/x") ", which the role Disk Snapshot Contributor has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed",
                 MISSING("microsoft.compute/SNAPSHOTS/delete", "/s/x"),
                 NEEDS("microsoft.compute/SNAPSHOTS/delete",
                       "/s/x") ", which the role Disk Snapshot Contributor has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed",
                 MISSING("Microsoft.Compute/disks/read", "/s/x"),
                 NEEDS("Microsoft.Compute/disks/read",
                       "/s/x") ", which the role Disk Backup Reader has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "LinkedAuthorizationFailed",
                 LINKED("Microsoft.Compute/disks/beginGetAccess/action", "/d/y"),
                 NEEDS("Microsoft.Compute/disks/beginGetAccess/action",
                       "/d/y") ", which the role Disk Snapshot Contributor has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "LinkedAuthorizationFailed",
                 LINKED("Microsoft.Compute/diskEncryptionSets/read", "/e/z"),
                 NEEDS("Microsoft.Compute/diskEncryptionSets/read",
                       "/e/z") ", which the role Reader has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "LinkedAuthorizationFailed",
                 LINKED("Microsoft.Compute/diskAccesses/read", "/e/z"),
                 NEEDS("Microsoft.Compute/diskAccesses/read",
                       "/e/z") ", which the role Reader has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed",
                 MISSING("Microsoft.Resources/tags/write", "/s/x"),
                 NEEDS("Microsoft.Resources/tags/write",
                       "/s/x") ", which the role Tag Contributor has" SPREADS},
                /* a right that no role of the table has */
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed",
                 MISSING("Microsoft.Compute/disks/write", "/s/x"),
                 NEEDS("Microsoft.Compute/disks/write", "/s/x") SPREADS},
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed",
                 "may not perform action 'Microsoft.Compute/disks/read'",
                 "; the identity needs the right Microsoft.Compute/disks/read, which the role Disk "
                 "Backup Reader has" SPREADS},
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed", "no", ""},
                {__LINE__, ARM_FORBIDDEN, "AuthorizationFailed", "perform action 'cut off", ""},
                {__LINE__, ARM_FORBIDDEN, "RequestDisallowedByPolicy", "m",
                 "; an Azure Policy forbids it: exempt the snapshot group, or do as the policy "
                 "says"},
                {__LINE__, ARM_INVALID, "MissingSubscriptionRegistration", "m",
                 "; register the resource provider Microsoft.Compute with the subscription"},
                {__LINE__, ARM_PARENT_NOT_FOUND, "ResourceGroupNotFound", "m",
                 "; create the resource group, or name another; none is made by itself"},
                {__LINE__, ARM_LOCKED, "ScopeLocked", "m", "; it is done once the lock is removed"},
                {__LINE__, ARM_QUOTA, "SnapshotsLimitReached", "m",
                 "; the disk's chain is full: what the policy no longer keeps goes first"},
                {__LINE__, ARM_QUOTA, "QuotaExceeded", "m",
                 "; ask Azure for a higher quota, or keep fewer snapshots"},
                {__LINE__, ARM_FORBIDDEN, "KeyVaultKeyNotEnabled", "m",
                 "; the disk's encryption set cannot use its key: enable the key, and let the "
                 "set's identity get, wrap and unwrap it"},
                /* what passes by itself */
                {__LINE__, ARM_TRANSIENT, "InternalServerError", "m", ""},
                {__LINE__, ARM_THROTTLED, "TooManyRequests", "m", ""},
                {__LINE__, ARM_TRANSIENT, "KeyVaul", "m", ""},
                {__LINE__, ARM_TRANSIENT, "", "", ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct arm_error error = {.class = rows[i].class};
                struct strbuf out = {};

                strcpy(error.code, rows[i].code);
                strcpy(error.message, rows[i].message);
                arm_remedy_append(&error, &out);
                if (strcmp(strbuf_str(&out), rows[i].remedy) != 0)
                        fail_msg("line %d: %s", rows[i].line, strbuf_str(&out));
                strbuf_deinit(&out);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_classes),      cmocka_unit_test(test_outcomes),
                cmocka_unit_test(test_token_errors), cmocka_unit_test(test_operation_errors),
                cmocka_unit_test(test_retry_after),  cmocka_unit_test(test_retry_after_by_its_date),
                cmocka_unit_test(test_cause),        cmocka_unit_test(test_sanitize),
                cmocka_unit_test(test_sanitize_cut), cmocka_unit_test(test_texts),
                cmocka_unit_test(test_names),        cmocka_unit_test(test_keys),
                cmocka_unit_test(test_remedies),
        };

        return cmocka_run_group_tests_name("azure-error", tests, NULL, NULL);
}
