/*
 * The state file, line by line:
 *
 *         {"version":2,
 *         "pause":null,
 *         "acks":[
 *         {"kind":"ask","policy":"gold","rule":null,"allowance":0,"at":"2026-11-23T02:15:00Z"}
 *         ],
 *         "gone":[
 *         ],
 *         "unselected":[
 *         ],
 *         "failures":[
 *         ],
 *         "fleets":[
 *         ],
 *         "deletions":[
 *         ],
 *         "masses":[
 *         ],
 *         "rules":[
 *         ],
 *         "sha256":"…"}
 *
 * The last line seals it: the SHA-256 of all before it, since a digit that has flipped on a disk is a digit too,
 * and may be the day on which a pause ends. Files of version 1 had none, and end with the last section.
 *
 * Reading is strict by one means: each record, once read, is written again and must give the bytes it
 * was read from. Unknown and missing members, another order, another form of a number or a time are
 * all found by that, and what is left to check of a value is its range. A section that files did not
 * have at first may be missing. Records are read one by one, so that a large file never becomes a tree.
 *
 * Instants are kept in whole seconds: nothing here is about less than an hour, and at the ceilings
 * the file would not fit its own otherwise.
 */
#include "engine/state-private.h"

#include "azure/json.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATE_VERSION 2
#define STATE_VERSION_SEALED 2 /* the first that has a seal */

static size_t section_n(const struct state_section *section, const struct state *state) {
        return *(const size_t *)((const char *)state + section->n);
}

static void section_open(const struct state_section *section, struct strbuf *out) {
        strbuf_appendf(out, "\"%s\":[\n", section->name);
}

/* What stands behind the last record of a section. */
static const char *section_end(size_t s, bool sealed) {
        return sealed || s + 1 < STATE_SECTIONS ? "],\n" : "]}\n";
}

#define SEAL_BEGIN "\"sha256\":\""
#define SEAL_END "\"}\n"
#define SEAL_SIZE (sizeof(SEAL_BEGIN SEAL_END) + 2 * SHA256_SIZE)

static int seal_format(const char *bytes, size_t len, char ret_seal[static SEAL_SIZE]) {
        uint8_t digest[SHA256_SIZE];
        char *end;
        int r;

        r = sha256_bytes(bytes, len, digest);
        if (r < 0)
                return r;
        end = stpcpy(ret_seal, SEAL_BEGIN);
        for (size_t i = 0; i < sizeof(digest); i++)
                end += sprintf(end, "%02x", digest[i]);
        strcpy(end, SEAL_END);
        return 0;
}

static void pause_write(const struct state *state, struct strbuf *out) {
        struct json_writer w = {.out = out};

        if (!state->paused && !state->paused_prune) {
                strbuf_append_str(out, "\"pause\":null,\n");
                return;
        }
        strbuf_append_str(out, "\"pause\":");
        json_open(&w, NULL, '{');
        json_write_bool(&w, "all", state->paused);
        json_write_bool(&w, "prune", state->paused_prune);
        state_write_time(&w, "until", state->paused_until);
        if (state->paused_lost)
                json_write_bool(&w, "lost", true);
        json_close(&w);
        strbuf_append_str(out, ",\n");
}

static void record_write(const struct state_section *section, const struct state *state, size_t i,
                         struct strbuf *out) {
        struct json_writer w = {.out = out};

        section->write(&w, state, i);
}

static int state_write(const struct state *state, struct strbuf *out) {
        char seal[SEAL_SIZE];
        int r;

        strbuf_appendf(out, "{\"version\":%d,\n", STATE_VERSION);
        pause_write(state, out);
        for (size_t s = 0; s < STATE_SECTIONS; s++) {
                size_t n = section_n(&state_sections[s], state);

                section_open(&state_sections[s], out);
                for (size_t i = 0; i < n; i++) {
                        record_write(&state_sections[s], state, i, out);
                        strbuf_append_str(out, i + 1 < n ? ",\n" : "\n");
                }
                strbuf_append_str(out, section_end(s, /* sealed= */ true));
        }
        if (out->error)
                return out->error;
        r = seal_format(out->data, out->len, seal);
        if (r < 0)
                return r;
        strbuf_append_str(out, seal);
        return out->error;
}

/* What is left of the file. */
struct rest {
        const char *at;
        size_t len;
};

static bool rest_skip(struct rest *rest, const char *text, size_t len) {
        if (rest->len < len || memcmp(rest->at, text, len) != 0)
                return false;
        rest->at += len;
        rest->len -= len;
        return true;
}

static bool rest_skip_str(struct rest *rest, const char *text) {
        return rest_skip(rest, text, strlen(text));
}

/* The length of the line, without its end; 0 when the file ends before it does. */
static size_t rest_line(const struct rest *rest) {
        const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;

        return end ? (size_t)(end - rest->at) : 0;
}

/* A newer version may have another shape altogether, but for its beginning: the pause, too, where that has not
 * changed. */
static int read_version(struct rest *rest, uint64_t *ret_version) {
        uint64_t version;
        size_t digits = 0;

        if (!rest_skip_str(rest, "{\"version\":"))
                return STATE_E_DAMAGED;
        while (digits < rest->len && ascii_is_digit(rest->at[digits]))
                digits++;
        if (digits == rest->len || str_parse_u64(rest->at, digits, STATE_COUNT_MAX, &version) < 0)
                return STATE_E_DAMAGED;
        rest->at += digits;
        rest->len -= digits;
        if (version > STATE_VERSION) {
                (void)rest_skip_str(rest, ",\n");
                return STATE_E_NEWER;
        }
        *ret_version = version;
        return version > 0 && rest_skip_str(rest, ",\n") ? 0 : STATE_E_DAMAGED;
}

/* Takes the seal off the end of what is left of the file @whole. Returns 0, STATE_E_DAMAGED when the file is not
 * what was written, or -ENOMEM. */
static int break_seal(const struct rest *whole, struct rest *rest) {
        char seal[SEAL_SIZE];
        int r;

        if (rest->len < SEAL_SIZE - 1)
                return STATE_E_DAMAGED;
        r = seal_format(whole->at, whole->len - (SEAL_SIZE - 1), seal);
        if (r < 0)
                return r;
        rest->len -= SEAL_SIZE - 1;
        return memcmp(rest->at + rest->len, seal, SEAL_SIZE - 1) == 0 ? 0 : STATE_E_DAMAGED;
}

/* 0, STATE_E_DAMAGED or -ENOMEM. */
static int parse_line(const char *text, size_t len, struct cJSON **ret_json) {
        size_t offset;
        int r;

        r = json_parse(text, len, ret_json, &offset);
        return r > 0 ? STATE_E_DAMAGED : r;
}

static int skip_written(struct rest *rest, const struct strbuf *written) {
        if (written->error)
                return written->error;
        return rest_skip(rest, written->data, written->len) ? 0 : STATE_E_DAMAGED;
}

static int read_pause(struct rest *rest, struct strbuf *scratch, struct state *state) {
        static const char name[] = "\"pause\":";
        _cleanup_(json_freep) struct cJSON *json = NULL;
        size_t len = rest_line(rest);
        int r;

        if (rest_skip_str(rest, "\"pause\":null,\n"))
                return 0;
        if (len <= strlen(name))
                return STATE_E_DAMAGED;
        r = parse_line(rest->at + strlen(name), len - strlen(name) - 1, &json);
        if (r != 0)
                return r;
        if (!json_bool(json, "all", &state->paused) ||
            !json_bool(json, "prune", &state->paused_prune) ||
            !state_read_time(json, "until", UTC_NEVER, &state->paused_until))
                return STATE_E_DAMAGED;
        if (!json_bool(json, "lost", &state->paused_lost))
                state->paused_lost = false;
        if (state->paused_lost && !state->paused_prune)
                return STATE_E_DAMAGED;

        strbuf_clear(scratch);
        pause_write(state, scratch);
        return skip_written(rest, scratch);
}

static int read_record(const struct state_section *section, struct rest *rest,
                       struct strbuf *scratch, struct state *state) {
        _cleanup_(json_freep) struct cJSON *json = NULL;
        size_t len = rest_line(rest);
        int r;

        if (len > 0 && rest->at[len - 1] == ',')
                len--;
        r = parse_line(rest->at, len, &json);
        if (r != 0)
                return r;
        r = section->read(json, state);
        if (r != 0)
                return r == -E2BIG ? STATE_E_DAMAGED : r;

        strbuf_clear(scratch);
        record_write(section, state, section_n(section, state) - 1, scratch);
        return skip_written(rest, scratch);
}

static int read_section(size_t s, bool sealed, struct rest *rest, struct strbuf *scratch,
                        struct state *state) {
        const struct state_section *section = &state_sections[s];
        const char *end = section_end(s, sealed);
        bool more;

        strbuf_clear(scratch);
        section_open(section, scratch);
        if (scratch->error)
                return scratch->error;
        if (!rest_skip(rest, scratch->data, scratch->len))
                return section->later ? 0 : STATE_E_DAMAGED;
        if (rest_skip_str(rest, end))
                return 0;

        do {
                int r = read_record(section, rest, scratch, state);

                if (r != 0)
                        return r;
                more = rest_skip_str(rest, ",\n");
        } while (more);
        return rest_skip_str(rest, "\n") && rest_skip_str(rest, end) ? 0 : STATE_E_DAMAGED;
}

/* Whether a section stands there that this version has not. */
static bool is_unknown_section(struct rest rest) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
        const char *name;
        size_t len = 0;

        (void)rest_skip_str(&rest, "],\n"); /* behind the last that it has */
        if (!rest_skip_str(&rest, "\""))
                return false;
        name = rest.at;
        while (len < rest.len && name[len] != '\0' && strchr(letters, name[len]))
                len++;
        for (size_t s = 0; s < STATE_SECTIONS; s++)
                if (strlen(state_sections[s].name) == len &&
                    memcmp(state_sections[s].name, name, len) == 0)
                        return false;
        return len > 0 && rest_skip(&rest, name, len) && rest_skip_str(&rest, "\":[\n");
}

static int read_sections(bool sealed, struct rest *rest, struct strbuf *scratch,
                         struct state *state) {
        int r = 0;

        for (size_t s = 0; s < STATE_SECTIONS && r == 0; s++)
                r = read_section(s, sealed, rest, scratch, state);
        if (r == 0 && rest->len > 0)
                r = STATE_E_DAMAGED;
        return r == STATE_E_DAMAGED && is_unknown_section(*rest) ? STATE_E_NEWER : r;
}

static void forget_pause(struct state *state) {
        state->paused = state->paused_prune = state->paused_lost = false;
        state->paused_until = (struct utc){};
}

/* The pause is read of a newer version too, and of a file that is not what was written: it stands at the beginning,
 * and is what costs most to forget. */
static int state_read(const struct rest *whole, struct state *state) {
        _cleanup_(strbuf_deinit) struct strbuf scratch = {};
        struct rest rest = *whole;
        uint64_t version = 0;
        bool sealed;
        int r, pause;

        r = read_version(&rest, &version);
        if (r == STATE_E_DAMAGED)
                return r;
        pause = read_pause(&rest, &scratch, state);
        if (pause != 0)
                forget_pause(state);
        if (r == 0 || pause < 0)
                r = pause;
        sealed = version >= STATE_VERSION_SEALED;
        if (r == 0 && sealed)
                r = break_seal(whole, &rest);
        return r ?: read_sections(sealed, &rest, &scratch, state);
}

/* All but the pause. */
static void forget_rest(struct state *state) {
        struct state kept = {
                .paused = state->paused,
                .paused_prune = state->paused_prune,
                .paused_lost = state->paused_lost,
                .paused_until = state->paused_until,
        };

        state_deinit(state);
        *state = kept;
}

static const char *unread_name(unsigned n, char name[static STATE_UNREAD_NAME_SIZE]) {
        snprintf(name, STATE_UNREAD_NAME_SIZE, STATE_UNREAD_FILE "%u", n);
        return name;
}

/* One that was set aside before another could be written, and then the daemon ended: of what it held nobody has said
 * anything yet. Returns 0, STATE_E_ASIDE or -ENOMEM. */
static int look_aside(struct store *store) {
        char name[STATE_UNREAD_NAME_SIZE];

        for (unsigned n = 1; n <= STATE_UNREAD_MAX; n++) {
                _cleanup_(freep) char *bytes = NULL;
                size_t len;
                int r = store_read(store, unread_name(n, name), &bytes, &len);

                if (r != -ENOENT)
                        return r == -ENOMEM ? r : STATE_E_ASIDE;
        }
        return 0;
}

int state_load(struct store *store, struct state *ret_state) {
        _cleanup_(freep) char *bytes = NULL;
        size_t len;
        int r;

        *ret_state = (struct state){};
        if (!store)
                return 0;
        r = store_read(store, STATE_FILE, &bytes, &len);
        if (r == -ENOENT)
                return look_aside(store);
        if (r == 0)
                r = state_read(&(struct rest){bytes, len}, ret_state);
        if (r < 0)
                state_deinit(ret_state);
        else if (r != 0)
                forget_rest(ret_state);
        ret_state->changed = false; /* it is what the file says */
        ret_state->unread = r != 0;
        return r;
}

int state_set_aside(struct state *state, struct store *store,
                    char ret_name[static STATE_UNREAD_NAME_SIZE]) {
        char name[STATE_UNREAD_NAME_SIZE];
        int r = -EEXIST;

        ret_name[0] = '\0';
        if (!state->unread)
                return 0;
        for (unsigned n = 1; n <= STATE_UNREAD_MAX && r == -EEXIST; n++)
                r = store_rename(store, STATE_FILE, unread_name(n, name));
        if (r < 0 && r != -ENOENT) /* which somebody else took away */
                return r;
        if (r == 0)
                stpcpy(ret_name, name);
        state->unread = false;
        return 0;
}

int state_save(struct state *state, struct store *store) {
        _cleanup_(strbuf_deinit) struct strbuf text = {.max = STORE_FILE_MAX};
        char aside[STATE_UNREAD_NAME_SIZE];
        int r = 0;

        if (!state->changed)
                return 0;
        if (store) {
                r = state_write(state, &text);
                if (r == 0)
                        r = state_set_aside(state, store, aside);
                if (r < 0)
                        return r;
                r = store_write(store, STATE_FILE, text.data, text.len);
        }
        if (r == 0)
                state->changed = state->pause_unsaved = false;
        return r;
}
