/*
 * What the program keeps and reads as files: the state directory, zones, credentials, whole files.
 */
#include "base/macros.h"
#include "base/str.h"
#include "runtime/credentials.h"
#include "runtime/file.h"
#include "runtime/statedir.h"
#include "runtime/zoneinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* All of it happens in a fresh directory, which is also the current one. */
static char root[] = "/tmp/test-runtime-files.XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int setup(void **state) {
        memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
        return mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int teardown(void **state) {
        return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *bytes, size_t len) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, len), (ssize_t)len);
        close(fd);
}

static void put_str(const char *path, const char *text) {
        put(path, text, strlen(text));
}

/* A file of @size bytes of which none is stored. */
static void put_hole(const char *path, off_t size) {
        put_str(path, "");
        assert_int_equal(truncate(path, size), 0);
}

static void put_filled(const char *path, char c, size_t size) {
        char *bytes = malloc(size);

        assert_non_null(bytes);
        memset(bytes, c, size);
        put(path, bytes, size);
        free(bytes);
}

static void check_mode(const char *path, unsigned mode) {
        struct stat st;

        assert_int_equal(lstat(path, &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | mode);
}

static void test_file(void **state) {
        static const struct {
                int line;
                const char *path;
                int r;
                const char *text;
        } rows[] = {
                {__LINE__, "plain", 0, "1234567890"},
                {__LINE__, "empty", 0, ""},
                {__LINE__, "link", 0, "1234567890"},
                {__LINE__, "missing", FILE_E_MISSING, NULL},
                {__LINE__, "no/such", FILE_E_MISSING, NULL},
                {__LINE__, "plain/x", FILE_E_MISSING, NULL},
                {__LINE__, "dangling", FILE_E_MISSING, NULL},
                {__LINE__, "", FILE_E_MISSING, NULL},
                {__LINE__, "directory", FILE_E_NOT_REGULAR, NULL},
                {__LINE__, "fifo", FILE_E_NOT_REGULAR, NULL}, /* and it does not wait */
                {__LINE__, "/dev/null", FILE_E_NOT_REGULAR, NULL},
                {__LINE__, "eleven", FILE_E_TOO_LARGE, NULL},
                {__LINE__, "circle", -ELOOP, NULL},
        };

        put_str("plain", "1234567890");
        put_str("empty", "");
        put_str("eleven", "12345678901");
        assert_int_equal(symlink("plain", "link"), 0);
        assert_int_equal(symlink("nothing", "dangling"), 0);
        assert_int_equal(symlink("circle", "circle"), 0);
        assert_int_equal(mkdir("directory", 0700), 0);
        assert_int_equal(mkfifo("fifo", 0600), 0);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char *bytes = NULL;
                size_t len = 77;
                int r = file_read(rows[i].path, 10, &bytes, &len);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d (%s)", rows[i].line, r, file_error_text(r));
                if (r == 0 && (!bytes || !rows[i].text || strcmp(bytes, rows[i].text) != 0 ||
                               len != strlen(rows[i].text)))
                        fail_msg("row at line %d: %s", rows[i].line, bytes);
                if (r != 0 && (bytes || len != 77))
                        fail_msg("row at line %d: something was returned", rows[i].line);
                free(bytes);
        }

        assert_string_equal(file_error_text(FILE_E_MISSING), "does not exist");
        assert_string_equal(file_error_text(-EACCES), "Permission denied");
        assert_string_equal(file_error_text(-99999), "unknown error");
}

/* Without a size known before: /proc says 0, a pipe says nothing. */
static void test_stream(void **state) {
        static char large[20000];
        char *bytes;
        size_t len;
        int fds[2];

        assert_int_equal(file_read("/proc/self/status", 65536, &bytes, &len), 0);
        assert_true(len > 100 && str_starts_with(bytes, "Name:"));
        free(bytes);
        assert_int_equal(file_read("/proc/self/status", 100, &bytes, &len), FILE_E_TOO_LARGE);

        memset(large, 'x', sizeof(large));
        for (size_t max = sizeof(large) - 1; max <= sizeof(large); max++) {
                int r;

                assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
                assert_int_equal(write(fds[1], large, sizeof(large)), sizeof(large));
                close(fds[1]);
                r = file_read_stream(fds[0], max, &bytes, &len);
                close(fds[0]);
                assert_int_equal(r, max < sizeof(large) ? FILE_E_TOO_LARGE : 0);
                if (r != 0)
                        continue;
                assert_int_equal(len, sizeof(large));
                assert_memory_equal(bytes, large, len);
                assert_int_equal(bytes[len], '\0');
                free(bytes);
        }
        assert_int_equal(file_read_stream(-1, 10, &bytes, &len), -EBADF);
}

static void test_replace(void **state) {
        char *bytes;
        size_t len;

        put_str("victim", "old");
        assert_int_equal(symlink("victim", "out"), 0);
        put_str("out.new", "left over");
        assert_int_equal(file_replace("out", "a\0b", 3, 0644, /* sync= */ true), 0);
        check_mode("out", 0644); /* the link is gone */
        assert_int_equal(file_read("out", 10, &bytes, &len), 0);
        assert_int_equal(len, 3);
        assert_memory_equal(bytes, "a\0b", 4);
        free(bytes);
        assert_int_equal(file_read("victim", 10, &bytes, &len), 0);
        assert_string_equal(bytes, "old");
        free(bytes);
        assert_int_equal(access("out.new", F_OK), -1);

        assert_int_equal(mkdir("taken", 0700), 0);
        assert_true(file_replace("taken", "x", 1, 0644, /* sync= */ false) < 0);
        assert_int_equal(access("taken.new", F_OK), -1);
        assert_int_equal(file_replace("no/such", "x", 1, 0644, /* sync= */ false), -ENOENT);
}

static void test_store_names(void **state) {
        static const struct {
                int line;
                const char *name;
                bool valid;
        } rows[] = {
                {__LINE__, "pauses", true},     {__LINE__, "acks.json", true},
                {__LINE__, "A-1.b-", true},     {__LINE__, "a..b", true},
                {__LINE__, "", false},          {__LINE__, ".", false},
                {__LINE__, "..", false},        {__LINE__, ".hidden", false},
                {__LINE__, "a/b", false},       {__LINE__, "/etc/passwd", false},
                {__LINE__, "a_b", false},       {__LINE__, "a b", false},
                {__LINE__, "a\nb", false},      {__LINE__, "../x", false},
                {__LINE__, "a\xc3\xa4", false},
        };
        _cleanup_(statedir_freep) struct store *store = NULL;
        char long_name[STATEDIR_NAME_MAX + 2], *bytes;
        size_t len;

        assert_int_equal(statedir_new(root, &store), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int w = store_write(store, rows[i].name, "x", 1);
                int r = store_read(store, rows[i].name, &bytes, &len);
                int d = store_remove(store, rows[i].name);

                if (w != (rows[i].valid ? 0 : -EINVAL) || r != w || d != w)
                        fail_msg("row at line %d: %d, %d, %d", rows[i].line, w, r, d);
                if (r == 0)
                        free(bytes);
        }

        memset(long_name, 'n', sizeof(long_name));
        long_name[STATEDIR_NAME_MAX + 1] = '\0';
        assert_int_equal(store_write(store, long_name, "x", 1), -EINVAL);
        long_name[STATEDIR_NAME_MAX] = '\0';
        assert_int_equal(store_write(store, long_name, "x", 1), 0);
}

static void test_store(void **state) {
        _cleanup_(statedir_freep) struct store *store = NULL;
        char *bytes = NULL;
        size_t len = 0;

        /* One that could not be opened has nothing, and takes nothing. */
        assert_int_equal(statedir_new_closed(-EACCES, &store), 0);
        assert_int_equal(store_read(store, "state", &bytes, &len), -EACCES);
        assert_int_equal(store_write(store, "state", "x", 1), -EACCES);
        assert_int_equal(store_remove(store, "state"), -EACCES);
        assert_int_equal(store_rename(store, "state", "other"), -EACCES);
        assert_int_equal(store_read(store, ".", &bytes, &len), -EINVAL);
        store = statedir_free(store);

        assert_int_equal(statedir_new("missing", &store), -ENOENT);
        put_str("file", "");
        assert_int_equal(statedir_new("file", &store), -ENOTDIR);
        assert_int_equal(mkdir("private", 0700), 0);
        assert_int_equal(symlink("private", "state"), 0); /* as under DynamicUser= */
        assert_int_equal(statedir_new("state", &store), 0);

        assert_int_equal(store_read(store, "acks", &bytes, &len), -ENOENT);
        assert_int_equal(store_remove(store, "acks"), 0);
        assert_int_equal(store_write(store, "acks", "one\0two", 7), 0);
        check_mode("private/acks", 0600);
        assert_int_equal(store_read(store, "acks", &bytes, &len), 0);
        assert_int_equal(len, 7);
        assert_memory_equal(bytes, "one\0two", 8);
        free(bytes);

        /* What a crash before the rename left behind is neither read nor in the way. */
        put_str("private/.acks.new", "torn");
        assert_int_equal(store_read(store, "acks", &bytes, &len), 0);
        assert_int_equal(len, 7);
        free(bytes);
        assert_int_equal(store_write(store, "acks", "", 0), 0);
        assert_int_equal(store_read(store, "acks", &bytes, &len), 0);
        assert_int_equal(len, 0);
        free(bytes);
        assert_int_equal(access("private/.acks.new", F_OK), -1);

        /* A write that fails leaves the old: here its temporary's place is taken for good. */
        assert_int_equal(store_write(store, "acks", "old", 3), 0);
        assert_int_equal(mkdir("private/.acks.new", 0700), 0);
        assert_true(store_write(store, "acks", "new", 3) < 0);
        assert_int_equal(store_read(store, "acks", &bytes, &len), 0);
        assert_string_equal(bytes, "old");
        free(bytes);
        assert_int_equal(rmdir("private/.acks.new"), 0);

        /* Another name, which takes nobody's place. */
        assert_int_equal(store_write(store, "kept", "kept", 4), 0);
        assert_int_equal(store_rename(store, "acks", "kept"), -EEXIST);
        assert_int_equal(store_rename(store, "acks", "../acks"), -EINVAL);
        assert_int_equal(store_rename(store, ".acks.new", "acks"), -EINVAL);
        assert_int_equal(store_rename(store, "none", "acks-1"), -ENOENT);
        assert_int_equal(store_rename(store, "acks", "acks-1"), 0);
        assert_int_equal(store_read(store, "acks", &bytes, &len), -ENOENT);
        assert_int_equal(store_read(store, "acks-1", &bytes, &len), 0);
        assert_string_equal(bytes, "old");
        free(bytes);
        assert_int_equal(store_read(store, "kept", &bytes, &len), 0);
        assert_string_equal(bytes, "kept");
        free(bytes);

        assert_int_equal(store_remove(store, "acks-1"), 0);
        assert_int_equal(store_read(store, "acks-1", &bytes, &len), -ENOENT);
}

/* Two daemons would write over each other's pauses, each the whole of what it remembers. */
static void test_store_of_another(void **state) {
        _cleanup_(statedir_freep) struct store *store = NULL, *other = NULL;

        assert_int_equal(mkdir("shared", 0700), 0);
        assert_int_equal(statedir_new("shared", &store), 0);
        assert_int_equal(statedir_new("shared", &other), -EBUSY);
        assert_null(other);
        assert_int_equal(store_write(store, "state", "x", 1), 0);
        store = statedir_free(store);
        assert_int_equal(statedir_new("shared", &other), 0);
}

static void test_store_strangers(void **state) {
        _cleanup_(statedir_freep) struct store *store = NULL;
        char *bytes = NULL;
        size_t len;

        assert_int_equal(statedir_new(root, &store), 0);
        put_str("secret", "theirs");
        assert_int_equal(symlink("secret", "link"), 0);
        assert_int_equal(symlink("secret", ".other.new"), 0);
        assert_int_equal(mkdir("directory", 0700), 0);
        assert_int_equal(mkfifo("fifo", 0600), 0);
        put_hole("most", STORE_FILE_MAX);
        put_hole("more", STORE_FILE_MAX + 1);

        assert_int_equal(store_read(store, "link", &bytes, &len), -ELOOP);
        assert_int_equal(store_read(store, "directory", &bytes, &len), -EISDIR);
        assert_int_equal(store_read(store, "fifo", &bytes, &len), -EBADF);
        assert_int_equal(store_read(store, "more", &bytes, &len), -E2BIG);
        assert_null(bytes);
        assert_int_equal(store_read(store, "most", &bytes, &len), 0);
        assert_int_equal(len, STORE_FILE_MAX);
        free(bytes);
        assert_int_equal(store_write(store, "more", "", STORE_FILE_MAX + 1), -E2BIG);

        /* What cannot be read has a name all the same. */
        assert_int_equal(store_rename(store, "directory", "directory-1"), 0);
        assert_int_equal(store_rename(store, "fifo", "link"), -EEXIST);
        assert_int_equal(store_rename(store, "link", "link-1"), 0);
        assert_int_equal(store_read(store, "link-1", &bytes, &len), -ELOOP);
        assert_int_equal(symlink("missing", "dangling"), 0);
        assert_int_equal(store_rename(store, "fifo", "dangling"), -EEXIST);
        assert_int_equal(store_rename(store, "link-1", "link"), 0);

        /* Writing goes over links, never through them. */
        assert_int_equal(store_write(store, "link", "ours", 4), 0);
        assert_int_equal(store_write(store, "other", "ours", 4), 0);
        check_mode("link", 0600);
        assert_int_equal(file_read("secret", 100, &bytes, &len), 0);
        assert_string_equal(bytes, "theirs");
        free(bytes);
}

static void test_zones(void **state) {
        static const struct {
                int line;
                const char *name;
                int r;
        } rows[] = {
                {__LINE__, "UTC", 0},
                {__LINE__, "Europe/Stockholm", 0},
                {__LINE__, "America/Argentina/Buenos_Aires", 0},
                {__LINE__, "Etc/GMT+5", 0},
                {__LINE__, "Alias", 0},
                {__LINE__, "Europe", -ENOENT},
                {__LINE__, "Europe/Atlantis", -ENOENT},
                {__LINE__, "UTC/x", -ENOENT},
                {__LINE__, "Large", -E2BIG},
                {__LINE__, "", -EINVAL},
                {__LINE__, "/UTC", -EINVAL},
                {__LINE__, "UTC/", -EINVAL},
                {__LINE__, "Europe//Stockholm", -EINVAL},
                {__LINE__, ".", -EINVAL},
                {__LINE__, "..", -EINVAL},
                {__LINE__, "../secret", -EINVAL},
                {__LINE__, "Europe/../../secret", -EINVAL},
                {__LINE__, "Europe/./Stockholm", -EINVAL},
                {__LINE__, "zone.tab", -EINVAL},
                {__LINE__, "Europe Stockholm", -EINVAL},
                {__LINE__, "UTC\n", -EINVAL},
        };
        static const char *const directories[] = {"zi", "zi/Europe", "zi/America", "zi/Etc",
                                                  "zi/America/Argentina"};
        _cleanup_(zoneinfo_freep) struct zones *zones = NULL;
        char long_name[ZONEINFO_NAME_MAX + 2], *bytes;
        size_t len;

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
                assert_int_equal(mkdir(directories[i], 0700), 0);
        put_str("secret", "not a zone");
        put_str("zi/zone.tab", "not a zone");
        put_str("zi/UTC", "TZif");
        put_str("zi/Europe/Stockholm", "TZif");
        put_str("zi/America/Argentina/Buenos_Aires", "TZif");
        put_str("zi/Etc/GMT+5", "TZif");
        put_hole("zi/Large", ZONES_FILE_MAX + 1);
        assert_int_equal(symlink("Europe/Stockholm", "zi/Alias"), 0);

        assert_int_equal(zoneinfo_new("zi", &zones), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int r = zones_read(zones, rows[i].name, &bytes, &len);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0)
                        continue;
                assert_string_equal(bytes, "TZif");
                assert_int_equal(len, 4);
                free(bytes);
        }
        memset(long_name, 'n', sizeof(long_name));
        long_name[ZONEINFO_NAME_MAX + 1] = '\0';
        assert_int_equal(zones_read(zones, long_name, &bytes, &len), -EINVAL);
        long_name[ZONEINFO_NAME_MAX] = '\0';
        assert_int_equal(zones_read(zones, long_name, &bytes, &len), -ENOENT);

        zones = zoneinfo_free(zones);
        assert_int_equal(zoneinfo_new("missing", &zones), 0);
        assert_int_equal(zones_read(zones, "UTC", &bytes, &len), -ENOENT);
}

static void test_credentials(void **state) {
        char path[PATH_MAX + 8];
        const struct {
                int line;
                enum secrets_kind kind;
                const char *name;
                int r;
                const char *text;
        } rows[] = {
                {__LINE__, SECRETS_CREDENTIAL, "secret", 0, "hunter2"},
                {__LINE__, SECRETS_CREDENTIAL, "with-newline", 0, "hunter2"},
                {__LINE__, SECRETS_CREDENTIAL, "two-newlines", 0, "hunter2\n"},
                {__LINE__, SECRETS_CREDENTIAL, "only-newline", 0, ""},
                {__LINE__, SECRETS_CREDENTIAL, "empty.txt", 0, ""},
                {__LINE__, SECRETS_CREDENTIAL, "missing_one", -ENOENT, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "nul", -EINVAL, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "large", -E2BIG, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "too-large", -E2BIG, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "directory", -EBADF, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "", -EINVAL, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "..", -EINVAL, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "../plain", -EINVAL, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "a/b", -EINVAL, NULL},
                {__LINE__, SECRETS_CREDENTIAL, ".hidden", -EINVAL, NULL},
                {__LINE__, SECRETS_CREDENTIAL, "a:b", -EINVAL, NULL},
                {__LINE__, SECRETS_VARIABLE, "AZURE_CLIENT_ID", 0, "of the environment"},
                {__LINE__, SECRETS_VARIABLE, "AZURE_EMPTY", -ENOENT, NULL},
                {__LINE__, SECRETS_VARIABLE, "AZURE_NONE", -ENOENT, NULL},
                {__LINE__, SECRETS_FILE, path, 0, "by a link"},
                {__LINE__, SECRETS_FILE, "plain", -EINVAL, NULL},
                {__LINE__, SECRETS_FILE, "/nowhere/token", -ENOENT, NULL},
                {__LINE__, SECRETS_FILE, "/dev/null", -EBADF, NULL},
                {__LINE__, SECRETS_FILE, "/", -EBADF, NULL},
                {__LINE__, SECRETS_ARC_KEY, "good.key", 0, "arc-key"},
                {__LINE__, SECRETS_ARC_KEY, "full.key", 0, NULL},
                {__LINE__, SECRETS_ARC_KEY, "none.key", -ENOENT, NULL},
                {__LINE__, SECRETS_ARC_KEY, "fat.key", -E2BIG, NULL},
                {__LINE__, SECRETS_ARC_KEY, "link.key", -ELOOP, NULL},
                {__LINE__, SECRETS_ARC_KEY, "folder.key", -EBADF, NULL},
                {__LINE__, SECRETS_ARC_KEY, "good.txt", -EINVAL, NULL},
                {__LINE__, SECRETS_ARC_KEY, "../plain.key", -EINVAL, NULL},
                {__LINE__, SECRETS_ARC_KEY, "folder.key/in.key", -EINVAL, NULL},
                {__LINE__, SECRETS_ARC_KEY, ".key", -EINVAL, NULL},
                {__LINE__, SECRETS_ARC_KEY, "..key", -EINVAL, NULL},
                {__LINE__, SECRETS_ARC_KEY, "", -EINVAL, NULL},
        };
        _cleanup_(credentials_freep) struct secrets *secrets = NULL;
        char *text;
        size_t len;

        put_str("plain", "outside");
        put_str("plain.key", "outside");
        assert_int_equal(mkdir("creds", 0700), 0);
        put_str("creds/secret", "hunter2");
        put_str("creds/with-newline", "hunter2\n");
        put_str("creds/two-newlines", "hunter2\n\n");
        put_str("creds/only-newline", "\n");
        put_str("creds/empty.txt", "");
        put_str("creds/.hidden", "x");
        put("creds/nul", "a\0b", 3);
        put_hole("creds/large", SECRETS_MAX + 1);
        put_hole("creds/too-large", FILE_CREDENTIAL_MAX + 1);
        assert_int_equal(mkdir("creds/directory", 0700), 0);

        /* As Kubernetes lays a token out. */
        assert_int_equal(mkdir("..data", 0700), 0);
        put_str("..data/token", "by a link");
        assert_int_equal(symlink("..data/token", "token"), 0);
        assert_non_null(realpath(".", path));
        strcat(path, "/token");
        assert_int_equal(setenv("AZURE_CLIENT_ID", "of the environment", 1), 0);
        assert_int_equal(setenv("AZURE_EMPTY", "", 1), 0);

        assert_int_equal(mkdir("arc", 0700), 0);
        assert_int_equal(mkdir("arc/folder.key", 0700), 0);
        put_str("arc/good.key", "arc-key");
        put_str("arc/good.txt", "x");
        put_str("arc/.key", "x");
        put_str("arc/folder.key/in.key", "x");
        put_filled("arc/full.key", 'k', SECRETS_ARC_MAX);
        put_filled("arc/fat.key", 'k', SECRETS_ARC_MAX + 1);
        assert_int_equal(symlink("good.key", "arc/link.key"), 0);

        assert_int_equal(credentials_new(&(struct credentials_options){"creds", "arc"}, &secrets),
                         0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int r = secrets_read(secrets, rows[i].kind, rows[i].name, &text);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0)
                        continue;
                if (rows[i].text)
                        assert_string_equal(text, rows[i].text);
                str_wipe_free(text);
        }
        secrets = credentials_free(secrets);

        /* As they are, for a certificate in DER. */
        assert_int_equal(file_read_credential("creds", "nul", &text, &len), 0);
        assert_int_equal(len, 3);
        free(text);
        assert_int_equal(file_read_credential("nowhere", "nul", &text, &len), -ENOENT);

        /* Started outside systemd, on no Arc machine. */
        assert_int_equal(credentials_new(&(struct credentials_options){NULL, "nowhere"}, &secrets),
                         0);
        assert_int_equal(secrets_read(secrets, SECRETS_CREDENTIAL, "secret", &text), -ENOENT);
        assert_int_equal(secrets_read(secrets, SECRETS_ARC_KEY, "good.key", &text), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
                cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
                cmocka_unit_test_setup_teardown(test_store_names, setup, teardown),
                cmocka_unit_test_setup_teardown(test_store, setup, teardown),
                cmocka_unit_test_setup_teardown(test_store_of_another, setup, teardown),
                cmocka_unit_test_setup_teardown(test_store_strangers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_zones, setup, teardown),
                cmocka_unit_test_setup_teardown(test_credentials, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
