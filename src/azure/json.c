/*
 * cJSON behind the scan: what arrives here was judged before, so that a parse that fails is out of
 * memory and nothing else.
 */
#include "azure/json.h"

#include "azure/scan.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <string.h>

const char *json_problem(int e) {
        switch (e) {
        case JSON_E_SYNTAX:
                return "it is not JSON, or it is cut";
        case JSON_E_UTF8:
                return "the JSON is not UTF-8";
        case JSON_E_NUL:
                return "the JSON holds a NUL character";
        case JSON_E_DEPTH:
                return "the JSON is nested too deep";
        case JSON_E_SIZE:
                return "the JSON, or a part of it, is too large";
        case JSON_E_DUPLICATE:
                return "the JSON has a key twice in one object";
        case JSON_E_SHAPE:
                return "the JSON has not the members it must have";
        default:
                return "the JSON is unreadable";
        }
}

int json_scan(const char *bytes, size_t len, size_t *reterr_offset) {
        enum scan_event event;
        struct scan scan;
        size_t pos = 0;
        int r;

        if (len > JSON_DOCUMENT_MAX) {
                *reterr_offset = JSON_DOCUMENT_MAX;
                return JSON_E_SIZE;
        }

        scan_init(&scan, /* watch= */ -1);
        r = scan_run(&scan, bytes, len, &pos, &event);
        if (r == 0)
                r = scan_finish(&scan);
        scan_deinit(&scan);

        if (r != 0)
                *reterr_offset = pos;
        return r;
}

int json_parse(const char *bytes, size_t len, cJSON **ret_json, size_t *reterr_offset) {
        static const char mark[] = "\xef\xbb\xbf"; /* byte order mark */
        cJSON *json;
        int r;

        r = json_scan(bytes, len, reterr_offset);
        if (r != 0)
                return r;

        /* cJSON skips the mark only where enough follows it. */
        if (len > strlen(mark) && memcmp(bytes, mark, strlen(mark)) == 0) {
                bytes += strlen(mark);
                len -= strlen(mark);
        }
        json = cJSON_ParseWithLength(bytes, len);
        if (!json) {
                *reterr_offset = 0;
                return -ENOMEM;
        }
        *ret_json = json;
        return 0;
}

int json_parse_object(const char *bytes, size_t len, cJSON **ret_json) {
        _cleanup_(json_freep) cJSON *json = NULL;
        size_t offset;
        int r;

        r = json_parse(bytes, len, &json, &offset);
        if (r != 0)
                return r;
        if (!cJSON_IsObject(json))
                return JSON_E_SHAPE;
        *ret_json = take_ptr(json);
        return 0;
}

cJSON *json_parse_scanned(const char *bytes, size_t len) {
        return cJSON_ParseWithLength(bytes, len);
}

void json_freep(cJSON **json) {
        cJSON_Delete(*json);
        *json = NULL;
}

bool json_is_absent(const cJSON *json, const char *name) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);

        return !member || cJSON_IsNull(member);
}

const cJSON *json_object(const cJSON *json, const char *name) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);

        return cJSON_IsObject(member) ? member : NULL;
}

const cJSON *json_array(const cJSON *json, const char *name) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);

        return cJSON_IsArray(member) ? member : NULL;
}

const cJSON *json_first(const cJSON *json) {
        return json ? json->child : NULL;
}

const cJSON *json_next(const cJSON *value) {
        return value->next;
}

const char *json_string(const cJSON *json, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

bool json_bool(const cJSON *json, const char *name, bool *ret_value) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);

        if (!cJSON_IsBool(member))
                return false;
        *ret_value = cJSON_IsTrue(member);
        return true;
}

bool json_integer(const cJSON *json, const char *name, int64_t *ret_value) {
        return json_integer_of(cJSON_GetObjectItemCaseSensitive(json, name), ret_value);
}

bool json_integer_of(const cJSON *member, int64_t *ret_value) {
        const double limit = 9007199254740992.0; /* 2^53 */

        if (cJSON_IsString(member)) {
                const char *digits = member->valuestring;
                uint64_t value;

                if (str_parse_u64(digits, strlen(digits), (UINT64_C(1) << 53) - 1, &value) < 0)
                        return false;
                *ret_value = (int64_t)value;
                return true;
        }
        if (!cJSON_IsNumber(member) || !(fabs(member->valuedouble) < limit) ||
            (double)(int64_t)member->valuedouble != member->valuedouble)
                return false;
        *ret_value = (int64_t)member->valuedouble;
        return true;
}

bool json_percent(const cJSON *json, const char *name, unsigned *ret_value) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);

        if (!cJSON_IsNumber(member) || !(member->valuedouble >= 0 && member->valuedouble <= 100))
                return false;
        *ret_value = (unsigned)member->valuedouble;
        return true;
}

/* Recurses as deep as the scan allows, JSON_DEPTH_MAX. */
static void wipe(cJSON *item) {
        for (; item; item = item->next) {
                if (item->valuestring)
                        memory_wipe(item->valuestring, strlen(item->valuestring));
                wipe(item->child);
        }
}

void json_wipe_free(cJSON *json) {
        wipe(json);
        cJSON_Delete(json);
}
