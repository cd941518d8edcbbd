/*
 * The state file as somebody else wrote it: of another version, cut off, changed by a byte, with values
 * that cannot be, and with more than fits.
 */
#include "state-fixture.h"

#define A(acks) FILE_OF(NO_PAUSE, acks, "", "", "")
#define G(gone) FILE_OF(NO_PAUSE, "", gone, "", "")
#define F(fleets) FILE_OF(NO_PAUSE, "", "", fleets, "")
#define D(deletions) FILE_OF(NO_PAUSE, "", "", "", deletions)
#define ONE_MASS(masses)                                                                           \
        MASSED_FILE_OF(NO_PAUSE, "", "", NO_FAILURES, "", "", MASSES_OF(masses "\n"), "")
#define U(unselected)                                                                              \
        WHOLE_FILE_OF(NO_PAUSE, "", "", UNSELECTED_OF(unselected "\n"), NO_FAILURES, "", "",       \
                      MASSES_OF(""), "")
#define R(rules) RULED_FILE_OF(NO_PAUSE, "", "", NO_FAILURES, "", "", rules)
#define L(failures) RULED_FILE_OF(NO_PAUSE, "", "", "\"failures\":[\n" failures "],\n", "", "", "")
#define ONE_FAILURE(snapshot, subscription, since)                                                 \
        L("{\"snapshot\":" snapshot ",\"subscription\":" subscription ",\"since\":" since "}\n")
#define ONE_RULE(policy, rule, complete)                                                           \
        R("{\"policy\":" policy ",\"rule\":" rule ",\"complete\":" complete "}\n")
#define ACK(kind, policy, rule, allowance, at)                                                     \
        A("{\"kind\":" kind ",\"policy\":" policy ",\"rule\":" rule ",\"allowance\":" allowance    \
          ",\"at\":" at "}\n")
#define AT "\"2026-11-23T12:00:00Z\""
#define ONE_GONE(generation, first, since)                                                         \
        G("{\"generation\":" generation ",\"first\":" first ",\"since\":" since "}\n")
#define ONE_FLEET(key, days, sizes, missing, accepted)                                             \
        F("{\"key\":" key ",\"days\":[" days "],\"sizes\":[" sizes "],\"missing_from\":" missing   \
          ",\"accepted\":" accepted "}\n")
#define EIGHT "0,0,0,0,0,0,0,0"
#define ONE_DELETION(hour, policy, count) ONE_BORN(hour, policy, "0", count)
#define ONE_BORN(hour, policy, born, count)                                                        \
        D("{\"hour\":" hour ",\"policy\":" policy ",\"born\":" born ",\"count\":" count "}\n")

/* With the hash that belongs to it: what a stranger wrote is no better for it. */
static int load_sealed(const char *text, size_t len, struct state *ret_state) {
        _cleanup_(strbuf_deinit) struct strbuf sealed = {};

        seal(text, len, &sealed);
        return load_text(sealed.data, sealed.len, ret_state);
}

static void test_versions(void **unused) {
        static const struct {
                int line;
                const char *text;
                int r;
        } rows[] = {
                {__LINE__, empty_file, 0},
                {__LINE__, empty_written, 0},
                {__LINE__, "{\"version\":3,\n", STATE_E_NEWER},
                {__LINE__, "{\"version\":3}", STATE_E_NEWER},
                {__LINE__, "{\"version\":10,\"x\":1}", STATE_E_NEWER},
                {__LINE__, "{\"version\":9007199254740991 }", STATE_E_NEWER},
                {__LINE__, "{\"version\":9007199254740992}", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":0,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":03,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":-3,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":3", STATE_E_DAMAGED}, /* of how many digits? */
                {__LINE__, "{\"version\":1,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":2,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":1}\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":\"3\"}\n", STATE_E_DAMAGED},
                {__LINE__, " {\"version\":3}\n", STATE_E_DAMAGED},
                {__LINE__, "", STATE_E_DAMAGED},
                {__LINE__, "\n", STATE_E_DAMAGED},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct state state;
                int r = load_text(rows[i].text, strlen(rows[i].text), &state);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                assert_empty(&state);
        }
}

/* A section that this version has not is a later one's. */
static void test_unknown_sections(void **unused) {
        static const struct {
                int line;
                const char *before; /* in an empty file comes the section before this */
                const char *section;
                int r;
        } rows[] = {
                {__LINE__, "\"acks\":[", "\"more\":[\n],\n", STATE_E_NEWER},
                {__LINE__, "\"failures\":[", "\"more\":[\n{\"x\":1}\n],\n", STATE_E_NEWER},
                {__LINE__, "\"rules\":[", "\"more\":[\n],\n", STATE_E_NEWER},
                {__LINE__, "]}\n", "],\n\"more\":[\n", STATE_E_NEWER},
                {__LINE__, "\"acks\":[", "\"gone\":[\n],\n", STATE_E_DAMAGED},
                {__LINE__, "\"acks\":[", "\"more\":[],\n", STATE_E_DAMAGED},
                {__LINE__, "\"acks\":[", "\"\":[\n],\n", STATE_E_DAMAGED},
                {__LINE__, "\"acks\":[", "more\":[\n],\n", STATE_E_DAMAGED},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *at = strstr(empty_file, rows[i].before);
                char text[sizeof(empty_file) + 100];
                struct state state;
                int r;

                assert_non_null(at);
                snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - empty_file), empty_file,
                         rows[i].section, at);
                r = load_text(text, strlen(text), &state);
                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                assert_empty(&state);
                if (load_sealed(text, strlen(text), &state) != rows[i].r)
                        fail_msg("row at line %d, sealed", rows[i].line);
                assert_empty(&state);
        }
}

/* Each value good, then wrong; then the shape. */
static void test_values(void **unused) {
        static const struct {
                int line;
                const char *text;
                bool good;
        } rows[] = {
                {__LINE__, full_file, true},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", AT), true},
                {__LINE__, ACK("\"asked\"", "\"gold\"", "\"last=3\"", "0", AT), true},
                {__LINE__, ACK("\"asked\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"asked\"", "\"gold\"", "\"last=3\"", "1", AT), false},
                {__LINE__, ACK("\"Ask\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"clock\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("null", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"" X64 "\"", "null", "0", AT), true},
                {__LINE__, ACK("\"ask\"", "\"" X64 "x\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"a-_.0\"", "null", "0", AT), true},
                {__LINE__, ACK("\"ask\"", "\"-a\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"a b\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"g\xc3\xa5ld\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "null", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "\"last=3\"", "0", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "\"last=3\"", "1", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"last=3\"", "0", AT), true},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"" X256 "\"", "0", AT), true},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"" X256 "x\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"a\\u0009\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"\xc3\xa5\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"\\u0061\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"last=3\"", "1", AT), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "1", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "9007199254740991", AT), true},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "9007199254740992", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "-1", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "1.5", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "1e2", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "\"1\"", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "null", AT), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "null"), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "5"), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"\""), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"2026-11-23T12:00:00.5Z\""),
                 false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"2026-11-23T12:00:00+00:00\""),
                 false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"2026-11-31T12:00:00Z\""),
                 false},
                {__LINE__, A(ACK_POLICY ",\n" ACK_ASK "\n"), true},
                {__LINE__, A(ACK_ASK ",\n" ACK_POLICY "\n"), false},
                {__LINE__, A(ACK_ASK ",\n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY ",\n"), false},
                {__LINE__, A(ACK_POLICY "\n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY ", \n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY ",\n\n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY "\r\n"), false},
                {__LINE__, A("\n"), false},
                {__LINE__, A("5\n"), false},
                {__LINE__, A("null\n"), false},
                {__LINE__, A("[]\n"), false},
                {__LINE__, A("{}\n"), false},

                {__LINE__, ONE_GONE("\"" GEN1 "\"", "null", "null"), true},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT), true},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":\"a/b/c\",\"seen\":" AT),
                 true},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":\"a/b/c\""), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":null,\"seen\":" AT), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":\"a\",\"seen\":\"x\""),
                 false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"seen\":" AT), false},
                {__LINE__, ONE_GONE("\"0217B3DB-61cb-4bf6-bbfb-e1bbddadf4d4\"", AT, AT), false},
                {__LINE__, ONE_GONE("\"0217b3db-61cb-4bf6-bbfb-e1bbddadf4d\"", AT, AT), false},
                {__LINE__, ONE_GONE("\"\"", AT, AT), false},
                {__LINE__, ONE_GONE("null", AT, AT), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", "\"x\"", "null"), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, "false"), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, "null,\"x\":1"), false},
                {__LINE__, G(GONE2 ",\n" GONE1 "\n"), false},
                {__LINE__, G(GONE1 ",\n" GONE1 "\n"), false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"first\":null}\n"), false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"since\":null,\"first\":null}\n"),
                 false},
                {__LINE__, G("{ \"generation\":\"" GEN1 "\",\"first\":null,\"since\":null}\n"),
                 false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"first\":null,\"since\":null} \n"),
                 false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"first\":null,\"first\":null}\n"),
                 false},

                {__LINE__, ONE_FAILURE("\"" GEN1 "\"", "\"" GEN2 "\"", AT), true},
                {__LINE__, ONE_FAILURE("\"" GEN1 "\"", "\"" GEN2 "\"", "null"), false},
                {__LINE__, ONE_FAILURE("\"" GEN1 "\"", "\"\"", AT), false},
                {__LINE__, ONE_FAILURE("\"x\"", "\"" GEN2 "\"", AT), false},
                {__LINE__, ONE_FAILURE("null", "\"" GEN2 "\"", AT), false},
                {__LINE__, L(FAILURE1 ",\n" FAILURE2 "\n"), true},
                {__LINE__, L(FAILURE2 ",\n" FAILURE1 "\n"), false},
                {__LINE__, L(FAILURE1 ",\n" FAILURE1 "\n"), false},
                {__LINE__, L("{\"snapshot\":\"" GEN1 "\",\"since\":" AT "}\n"), false},

                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "0", "null"), true},
                {__LINE__, ONE_FLEET("\"0123456789abcde\"", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"0123456789abcdef0\"", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"0123456789abcdeF\"", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("null", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "0,0,0,0,0,0,0", EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT ",0", EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "", EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, "0,0,0,0,0,0,0", "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT ",0", "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "2932896,0,0,0,0,0,0,0", EIGHT, "0", "null"),
                 true},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "2932897,0,0,0,0,0,0,0", EIGHT, "0", "null"),
                 false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "-1,0,0,0,0,0,0,0", EIGHT, "0", "null"), true},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "\"1\",0,0,0,0,0,0,0", EIGHT, "0", "null"),
                 false},
                {__LINE__,
                 ONE_FLEET("\"" KEY1 "\"", EIGHT, "4294967296,0,0,0,0,0,0,0", "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, "-1,0,0,0,0,0,0,0", "0", "null"),
                 false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "4294967295", "4294967295"),
                 true},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "4294967296", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "0", "4294967296"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "null", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "0", "false"), false},
                {__LINE__, F(FLEET2 ",\n" FLEET1 "\n"), false},
                {__LINE__, F(FLEET1 ",\n" FLEET1 "\n"), false},

                {__LINE__, ONE_DELETION("498732", "\"gold\"", "1"), true},
                {__LINE__, ONE_DELETION("-5", "\"gold\"", "1"), true},
                {__LINE__, ONE_DELETION("70389527", "\"gold\"", "1"), true},
                {__LINE__, ONE_DELETION("70389528", "\"gold\"", "1"), false},
                {__LINE__, ONE_DELETION("498732", "\"gold\"", "0"), false},
                {__LINE__, ONE_DELETION("498732", "\"gold\"", "-1"), false},
                {__LINE__, ONE_DELETION("498732", "\"gold\"", "9007199254740992"), false},
                {__LINE__, ONE_DELETION("498732", "\"go ld\"", "1"), false},
                {__LINE__, ONE_DELETION("\"498732\"", "\"gold\"", "1"), false},
                {__LINE__, ONE_BORN("5", "\"gold\"", "-5", "1"), true},
                {__LINE__, ONE_BORN("5", "\"gold\"", "70389527", "1"), true},
                {__LINE__, ONE_BORN("5", "\"gold\"", "70389528", "1"), false},
                {__LINE__, ONE_BORN("5", "\"gold\"", "null", "1"), false},
                {__LINE__, D(DELETIONS4 ",\n" DELETIONS3 "\n"), false},
                {__LINE__, D(DELETIONS2 ",\n" DELETIONS1 "\n"), false},
                {__LINE__, D(DELETIONS3 ",\n" DELETIONS2 "\n"), false},
                {__LINE__, D(DELETIONS2 ",\n" DELETIONS2 "\n"), false},

                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":false,\"prune\":false,\"until\":null},\n", "", "", "",
                         ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":1,\"prune\":false,\"until\":null},\n", "", "", "", ""),
                 false},
                {__LINE__, FILE_OF("\"pause\":{\"all\":true,\"until\":null},\n", "", "", "", ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":true,\"until\":5},\n", "", "", "", ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":true,\"until\":null}\n", "", "", "",
                         ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":true,\"until\":null,\"lost\":false},\n",
                         "", "", "", ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":false,\"until\":null,\"lost\":true},\n",
                         "", "", "", ""),
                 false},
                {__LINE__, FILE_OF("\"pause\":\n", "", "", "", ""), false},
                {__LINE__, FILE_OF("\"pause\":,\n", "", "", "", ""), false},
                {__LINE__, FILE_OF("", "", "", "", ""), false},
                {__LINE__, FILE_OF(NO_PAUSE, GONE, ACKS, "", ""), false},
                {__LINE__, FILE_OF(NO_PAUSE, "", "", "", "") "\n", false},
                {__LINE__, "\xef\xbb\xbf" FILE_OF(NO_PAUSE, "", "", "", ""), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "0"), true},
                {__LINE__, ONE_RULE("\"gold\"", "\"" X256 "\"", "9007199254740991"), true},
                {__LINE__, ONE_RULE("\"gold\"", "\"" X256 "x\"", "1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"\"", "1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "null", "1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "-1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "1.5"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "null"), false},
                {__LINE__, ONE_RULE("\"\"", "\"last=3\"", "1"), false},
                {__LINE__, ONE_RULE("null", "\"last=3\"", "1"), false},
                {__LINE__, R(RULE1 ",\n" RULE1 "\n"), false},
                {__LINE__, R(RULE2 ",\n" RULE1 "\n"), false},
                {__LINE__, U(UNSELECTED1), true},
                {__LINE__, U(UNSELECTED1 ",\n" UNSELECTED3), true},
                {__LINE__, U(UNSELECTED1 ",\n" UNSELECTED1), false},
                {__LINE__, U(UNSELECTED2 ",\n" UNSELECTED1), false},
                {__LINE__, U(UNSELECTED3 ",\n" UNSELECTED2), false},
                {__LINE__, U("{\"generation\":null,\"policy\":\"gold\"}"), false},
                {__LINE__, U("{\"generation\":\"gold\",\"policy\":\"gold\"}"), false},
                {__LINE__, U("{\"generation\":\"" GEN1 "\",\"policy\":\"a b\"}"), false},
                {__LINE__, U("{\"generation\":\"" GEN1 "\",\"policy\":null}"), false},
                /* masses */
                {__LINE__, ONE_MASS(MASS1), true},
                {__LINE__, ONE_MASS(MASS1 ",\n" MASS2), true},
                {__LINE__, ONE_MASS(MASS1 ",\n" MASS1), false},
                {__LINE__, ONE_MASS(MASS2 ",\n" MASS1), false},
                {__LINE__, ONE_MASS("{\"policy\":\"\"}"), false},
                {__LINE__, ONE_MASS("{\"policy\":null}"), false},
                {__LINE__, ONE_MASS("{\"policy\":\"a b\"}"), false},
                {__LINE__, ONE_MASS("{\"policy\":\"gold\",\"since\":1}"), false},
                {__LINE__, ONE_MASS("{}"), false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct state state;
                int r = load_text(rows[i].text, strlen(rows[i].text), &state);

                if (r != (rows[i].good ? 0 : STATE_E_DAMAGED))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (!rows[i].good)
                        assert_empty(&state);
                state_deinit(&state);
                if (!is_sealable(rows[i].text, strlen(rows[i].text)))
                        continue;
                if (load_sealed(rows[i].text, strlen(rows[i].text), &state) != r)
                        fail_msg("row at line %d, sealed", rows[i].line);
                state_deinit(&state);
        }
}

/* A file that anybody may have changed gives the state that would be written so, or none. */
static void check_whole(const char *bytes, size_t len) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        struct state state;
        int r = load_text(bytes, len, &state);

        if (r != 0) {
                assert_true(r == STATE_E_DAMAGED || r == STATE_E_NEWER);
                assert_forgotten(&state);
                return;
        }
        state.changed = true;
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_written(&m, bytes, len);
        state_deinit(&state);
}

/* Nothing of a file that was written has changed unseen, be it a digit of a date. */
static void test_seal(void **unused) {
        static const char others[] = "\0\n\",019:]}\\aZ \x80\xff";
        _cleanup_(strbuf_deinit) struct strbuf file = {}, text = {};
        struct state state;

        seal(full_file, strlen(full_file), &file);
        assert_int_equal(load_text(file.data, file.len, &state), 0);
        assert_int_equal(state.n_fleets, 2);
        state_deinit(&state);
        strbuf_append(&text, file.data, file.len);
        for (size_t at = 0; at < file.len; at++) {
                char is = file.data[at];

                for (unsigned i = 0; i < 8 + sizeof(others) - 1; i++) {
                        int r;

                        text.data[at] = i < 8 ? (char)(is ^ 1 << i) : others[i - 8];
                        if (text.data[at] == is)
                                continue;
                        r = load_text(text.data, text.len, &state);
                        if (r != STATE_E_DAMAGED && r != STATE_E_NEWER)
                                fail_msg("byte %zu as %#x: %d", at, (unsigned char)text.data[at],
                                         r);
                        /* Another version makes it newer, and the name of another section does not. */
                        assert_true(r == STATE_E_DAMAGED || at <= strlen("{\"version\":2"));
                        assert_forgotten(&state);
                }
                text.data[at] = is;
                if (load_text(file.data, at, &state) != STATE_E_DAMAGED)
                        fail_msg("cut at %zu", at);
                assert_forgotten(&state);
        }
        strbuf_append_str(&file, "\n");
        assert_int_equal(load_text(file.data, file.len, &state), STATE_E_DAMAGED);
        assert_forgotten(&state);
}

static void test_cut(void **unused) {
        for (size_t len = 0; len < strlen(full_file); len++) {
                struct state state;

                if (load_text(full_file, len, &state) != STATE_E_DAMAGED)
                        fail_msg("cut at %zu", len);
                assert_forgotten(&state);
        }
}

static void test_bytes(void **unused) {
        static const char others[] = "\0\n\",09:]}\\aZ \x80\xff";
        char text[sizeof(full_file) + 1];

        for (size_t at = 0; at < strlen(full_file); at++) {
                size_t len = strlen(full_file);

                for (unsigned i = 0; i < 8 + sizeof(others) - 1; i++) {
                        memcpy(text, full_file, sizeof(full_file));
                        text[at] = i < 8 ? (char)(text[at] ^ 1 << i) : others[i - 8];
                        check_whole(text, len);
                }
                /* One left out, one twice. */
                memcpy(text, full_file, at);
                memcpy(text + at, full_file + at + 1, len - at - 1);
                check_whole(text, len - 1);
                memcpy(text, full_file, at + 1);
                memcpy(text + at + 1, full_file + at, len - at);
                check_whole(text, len + 1);
        }
}

/* Lines left out, twice, and changed with the next. */
static void test_lines(void **unused) {
        const char *end = full_file + strlen(full_file);
        unsigned n = 0;

        for (const char *line = full_file; line < end; n++) {
                const char *next = strchr(line, '\n') + 1,
                           *after = next < end ? strchr(next, '\n') + 1 : end;
                struct strbuf s = {};

                strbuf_append(&s, full_file, (size_t)(line - full_file));
                strbuf_append(&s, next, (size_t)(end - next));
                check_whole(s.data, s.len);
                strbuf_clear(&s);
                strbuf_append(&s, full_file, (size_t)(next - full_file));
                strbuf_append(&s, line, (size_t)(end - line));
                check_whole(s.data, s.len);
                strbuf_clear(&s);
                strbuf_append(&s, full_file, (size_t)(line - full_file));
                strbuf_append(&s, next, (size_t)(after - next));
                strbuf_append(&s, line, (size_t)(next - line));
                strbuf_append(&s, after, (size_t)(end - after));
                check_whole(s.data, s.len);
                strbuf_deinit(&s);
                line = next;
        }
        assert_int_equal(n, 38);
}

static void nth_gone(unsigned n, char generation[GUID_TEXT_SIZE]) {
        snprintf(generation, GUID_TEXT_SIZE, "0217b3db-61cb-4bf6-bbfb-%012u", n);
}

static void nth_policy(unsigned n, char policy[POLICY_NAME_MAX + 1]) {
        snprintf(policy, POLICY_NAME_MAX + 1, "policy-%057u", n);
}

/* All ceilings at once, with the longest values, fit into the file; one more of each does not go. */
static void test_ceilings(void **unused) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        _cleanup_(state_deinit) struct state state = {}, again = {};
        const struct utc noon = utc_from_seconds(NOON);
        char generation[GUID_TEXT_SIZE], policy[POLICY_NAME_MAX + 1], key[17];
        struct state_fleet *fleet;
        struct state_gone *gone;

        for (unsigned i = 0; i <= STATE_GONE_MAX; i++) {
                nth_gone(i, generation);
                assert_int_equal(state_gone_get(&state, generation, &gone),
                                 i < STATE_GONE_MAX ? 0 : -E2BIG);
                gone->first = gone->since = noon;
        }
        for (unsigned i = 0; i <= STATE_UNSELECTED_MAX; i++) {
                nth_gone(i, generation);
                nth_policy(7, policy);
                assert_int_equal(state_unselected_note(&state, generation, policy),
                                 i < STATE_UNSELECTED_MAX ? 0 : -E2BIG);
        }
        for (unsigned i = 0; i <= STATE_FAILURES_MAX; i++) {
                nth_gone(i, generation);
                assert_int_equal(note_failure(&state, generation, noon),
                                 i < STATE_FAILURES_MAX ? 0 : -E2BIG);
        }
        for (unsigned i = 0; i <= STATE_FLEETS_MAX; i++) {
                snprintf(key, sizeof(key), "%016u", i);
                assert_int_equal(state_fleet_get(&state, key, &fleet),
                                 i < STATE_FLEETS_MAX ? 0 : -E2BIG);
                for (unsigned d = 0; d < ARRAY_SIZE(fleet->fleet.day); d++) {
                        fleet->fleet.day[d] = 20780;
                        fleet->fleet.size[d] = UINT32_MAX;
                }
                fleet->fleet.missing_from = fleet->fleet.accepted = UINT32_MAX;
                fleet->fleet.has_accepted = true;
        }
        for (unsigned i = 0; i <= STATE_ACKS_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_ack(&state, DOUBT_POLICY, policy, X256, 0, noon),
                                 i < STATE_ACKS_MAX ? 0 : -E2BIG);
        }
        nth_policy(7, policy); /* there is a place for one that is there */
        assert_int_equal(state_ack(&state, DOUBT_POLICY, policy, X256, 0, noon), 0);
        for (unsigned i = 0; i <= STATE_DELETIONS_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_count_deletions(&state, policy, LONG_AGO, UINT64_MAX, noon),
                                 i < STATE_DELETIONS_MAX ? 0 : -E2BIG);
        }
        assert_int_equal(state_count_deletions(&state, "policy", LONG_AGO, 0, noon), 0);
        for (unsigned i = 0; i <= STATE_RULES_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_rule_set(&state, policy, X256, i),
                                 i < STATE_RULES_MAX ? 0 : -E2BIG);
        }

        for (unsigned i = 0; i <= STATE_MASSES_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_mass_note(&state, policy),
                                 i < STATE_MASSES_MAX ? 0 : -E2BIG);
        }

        state.changed = true;
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_int_equal(state_load(&m.store, &again), 0);
        assert_int_equal(again.n_gone, STATE_GONE_MAX);
        assert_int_equal(again.n_unselected, STATE_UNSELECTED_MAX);
        assert_int_equal(again.n_failures, STATE_FAILURES_MAX);
        assert_int_equal(again.n_fleets, STATE_FLEETS_MAX);
        assert_int_equal(again.n_acks, STATE_ACKS_MAX);
        assert_int_equal(again.n_deletions, STATE_DELETIONS_MAX);
        assert_int_equal(again.n_rules, STATE_RULES_MAX);
        assert_int_equal(again.n_masses, STATE_MASSES_MAX);
        assert_memory_equal(again.gone, state.gone, STATE_GONE_MAX * sizeof(*state.gone));
        state_deinit(&again);

        /* One line more than may be, of each kind: in a file without a hash, which would tell it first. */
        m.bytes[strlen("{\"version\":")] = '1';
        strcpy(strstr(m.bytes, ",\n\"sha256\":"), "}\n");
        for (unsigned i = 0; i < 8; i++) {
                static const char *const sections[] = {"\"acks\":[\n",       "\"gone\":[\n",
                                                       "\"unselected\":[\n", "\"failures\":[\n",
                                                       "\"fleets\":[\n",     "\"deletions\":[\n",
                                                       "\"masses\":[\n",     "\"rules\":[\n"};
                static const char *const lines[] = {
                        "{\"kind\":\"ask\",\"policy\":\"a\",\"rule\":null,\"allowance\":0,"
                        "\"at\":" AT "},\n",
                        "{\"generation\":\"00000000-0000-0000-0000-000000000000\",\"first\":null,"
                        "\"since\":null},\n",
                        "{\"generation\":\"00000000-0000-0000-0000-000000000000\","
                        "\"policy\":\"a\"},\n",
                        "{\"snapshot\":\"00000000-0000-0000-0000-000000000000\","
                        "\"subscription\":\"" GEN2 "\",\"since\":" AT "},\n",
                        NULL,
                        "{\"hour\":0,\"policy\":\"a\",\"born\":0,\"count\":1},\n",
                        "{\"policy\":\"a\"},\n",
                        "{\"policy\":\"a\",\"rule\":\"none\",\"complete\":1},\n",
                };
                const char *at = strstr(m.bytes, sections[i]) + strlen(sections[i]);
                struct strbuf s = {};
                struct state none;

                if (!lines[i])
                        continue; /* the first key is the lowest there is: below */
                strbuf_append(&s, m.bytes, (size_t)(at - m.bytes));
                strbuf_append_str(&s, lines[i]);
                strbuf_append_str(&s, at);
                assert_int_equal(load_text(s.data, s.len, &none), STATE_E_DAMAGED);
                assert_empty(&none);
                strbuf_deinit(&s);
        }
        char *last = strstr(m.bytes, "\"deletions\":[\n") - strlen("}\n],\n");
        struct strbuf s = {};
        struct state none;

        strbuf_append(&s, m.bytes, (size_t)(last + 1 - m.bytes));
        strbuf_append_str(&s, ",\n{\"key\":\"ffffffffffffffff\",\"days\":[" EIGHT
                              "],\"sizes\":[" EIGHT "],\"missing_from\":0,\"accepted\":null}");
        strbuf_append_str(&s, last + 1);
        assert_int_equal(load_text(s.data, s.len, &none), STATE_E_DAMAGED);
        strbuf_deinit(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_versions), cmocka_unit_test(test_unknown_sections),
                cmocka_unit_test(test_values),   cmocka_unit_test(test_seal),
                cmocka_unit_test(test_cut),      cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_lines),    cmocka_unit_test(test_ceilings),
        };

        return cmocka_run_group_tests_name("state-file", tests, NULL, NULL);
}
