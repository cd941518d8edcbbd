/*
 * What the program says to others: lines on the console, the service manager; and its dice.
 */
#include "base/macros.h"
#include "base/time.h"
#include "runtime/entropy.h"
#include "runtime/journal.h"
#include "runtime/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the console ---- */

struct console {
        int reader, writer;
        struct log *log;
        char text[16384];
};

static void console_open(struct console *c, bool tty, bool no_color) {
        struct log_options options = {
                .identifier = "test", .most = LOG_LEVEL_INFO, .no_color = no_color};
        int fds[2];

        if (tty) {
                c->reader = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
                assert_true(c->reader >= 0);
                assert_int_equal(grantpt(c->reader) + unlockpt(c->reader), 0);
                c->writer = open(ptsname(c->reader), O_RDWR | O_NOCTTY | O_CLOEXEC);
                assert_true(c->writer >= 0);
        } else {
                assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
                c->reader = fds[0];
                c->writer = fds[1];
        }
        assert_int_equal(log_new_console(&options, c->writer, &c->log), 0);
}

/* What was written, from behind the time, which is checked and skipped. */
static const char *console_text(struct console *c) {
        ssize_t n = read(c->reader, c->text, sizeof(c->text) - 1);
        struct utc t;

        if (n <= 0)
                return "";
        c->text[n] = '\0';
        assert_true(n > 21);
        assert_int_equal(utc_parse(c->text, 20, &t), 0);
        assert_true(llabs(utc_seconds(t) - (int64_t)time(NULL)) <= 1);
        assert_int_equal(c->text[20], ' ');
        return c->text + 21;
}

static void console_close(struct console *c) {
        c->log = log_free(c->log);
        close(c->reader);
        close(c->writer);
}

static void test_console(void **state) {
        struct log_entry entry;
        struct console c;

        console_open(&c, false, false);
        log_say(c.log, LOG_LEVEL_WARNING, "disk %s is late", "db01");
        assert_string_equal(console_text(&c), "warning: disk db01 is late\n");

        log_begin(&entry, LOG_LEVEL_INFO);
        log_event(&entry, LOG_EVENT_SNAPSHOT_TAKEN);
        log_field(&entry, LOG_DISK, "s/g/db01");
        log_field(&entry, LOG_ARM_CODE, "Conflict");
        log_field(&entry, LOG_REASON, "two words");
        log_field(&entry, LOG_RULE, "");
        log_commit(c.log, &entry, "done");
        assert_string_equal(console_text(&c), "info: done  disk=s/g/db01 reason=\"two words\" "
                                              "rule=\"\" arm-code=Conflict\n");

        log_say(c.log, LOG_LEVEL_DEBUG, "not for this log");
        assert_string_equal(console_text(&c), "");

        /* Names come from elsewhere; they neither begin lines nor steer terminals. */
        log_begin(&entry, LOG_LEVEL_ERR);
        log_field(&entry, LOG_DISK,
                  "a\x1b[31m\xc2\x9b"
                  "b\n");
        log_commit(c.log, &entry, "x\r\ny\x7f\t\xc3\xa4\xc2");
        assert_string_equal(console_text(&c), "error: x? y? \xc3\xa4?  disk=\"a?[31m??b \"\n");

        /* The longest entry still is one line. */
        log_begin(&entry, LOG_LEVEL_INFO);
        log_fieldf(&entry, LOG_REASON, "%03000d", 7);
        log_commit(c.log, &entry, "%02000d", 7);
        console_text(&c);
        assert_true(strlen(c.text) > 4000);
        assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
        console_close(&c);
        assert_null(log_free(NULL));
}

/* ---- the journal ---- */

static char journalled[8192]; /* the fields, each with a line's end behind */

int sd_journal_sendv(const struct iovec *vec, int n);
int sd_journal_sendv(const struct iovec *vec, int n) {
        size_t len = 0;

        for (int i = 0; i < n; i++) {
                assert_true(len + vec[i].iov_len + 2 < sizeof(journalled));
                memcpy(journalled + len, vec[i].iov_base, vec[i].iov_len);
                len += vec[i].iov_len;
                journalled[len++] = '\n';
        }
        journalled[len] = '\0';
        return 0;
}

/* What is no text is shown by journalctl as so many bytes of a blob, and nobody reads it. */
static void test_journal(void **state) {
        struct log_options options = {.identifier = "test", .most = LOG_LEVEL_INFO};
        struct log_entry entry;
        char many[201] = "";
        struct log *log;

        assert_int_equal(log_new_journal(&options, &log), 0);
        log_begin(&entry, LOG_LEVEL_ERR);
        log_field(&entry, LOG_REASON, "a\x1b[31m\xe2\x80\xaeg\xc3\xa4p\xe6\xbc\xa2\nMESSAGE=b");
        log_field(&entry, LOG_RULE, "");
        log_commit(log, &entry, "held: %s", "x\a\n\xff\xed\xa0\x80y");
        assert_string_equal(journalled,
                            "MESSAGE=held: x? ????y\nPRIORITY=3\nSYSLOG_IDENTIFIER=test\n"
                            "SNAPKEEP_REASON=a?[31m???g\xc3\xa4p\xe6\xbc\xa2 MESSAGE=b\n"
                            "SNAPKEEP_RULE=\n");

        /* Cut in the middle of a character, it still is text. */
        for (size_t i = 0; i < 100; i++)
                strcat(many, "\xc3\xa4");
        log_begin(&entry, LOG_LEVEL_INFO);
        log_fieldf(&entry, LOG_REASON, "%04000d", 7);
        log_commit(log, &entry, "%s", many);
        assert_non_null(strstr(journalled, "...\nPRIORITY=6"));
        for (const char *p = journalled; *p; p++)
                if (*p == '\xc3')
                        assert_int_equal(p[1], '\xa4');
        assert_null(log_free(log));
}

static void test_color(void **state) {
        struct log_entry entry;
        struct console c;

        for (int no_color = 0; no_color < 2; no_color++) {
                console_open(&c, true, no_color);
                log_begin(&entry, LOG_LEVEL_INFO);
                log_field(&entry, LOG_ATTEMPT, "2");
                log_commit(c.log, &entry, "again");
                assert_string_equal(console_text(&c),
                                    no_color ? "info: again  attempt=2\r\n"
                                             : "info: again  \x1b[2mattempt=2\x1b[0m\r\n");
                console_close(&c);
        }
}

static void test_stream(void **state) {
        struct console c;
        struct stat st;
        char good[64], text[80];
        static const char *const bad[] = {
                "", ":", "1", "1:", ":1", "x:y", "1:2:3", "-1:2", "99999999999999999999:1"};

        console_open(&c, false, false);
        assert_int_equal(fstat(c.writer, &st), 0);
        (void)snprintf(good, sizeof(good), "%llu:%llu", (unsigned long long)st.st_dev,
                       (unsigned long long)st.st_ino);
        assert_true(journal_is_stream(c.writer, good));
        assert_false(journal_is_stream(c.writer, NULL));
        (void)snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
                       (unsigned long long)st.st_ino + 1);
        assert_false(journal_is_stream(c.writer, text));
        (void)snprintf(text, sizeof(text), "%s ", good);
        assert_false(journal_is_stream(c.writer, text));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(journal_is_stream(c.writer, bad[i]));
        assert_false(journal_is_stream(-1, good));
        console_close(&c);
}

/* ---- the service manager ---- */

static void test_notify(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const socklen_t len = sizeof(sa_family_t) + 5; /* an abstract name the kernel chooses */
        socklen_t size = sizeof(address);
        char name[64], text[512], expected[64];
        struct timespec before, after;
        long long usec;
        int fd, n;

        unsetenv("NOTIFY_SOCKET");
        assert_int_equal(notify_ready("x"), 0); /* nobody listens: no error */
        assert_int_equal(notify_watchdog(), 0);

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        assert_true(size > len);
        (void)snprintf(name, sizeof(name), "@%.*s", (int)(size - sizeof(sa_family_t) - 1),
                       address.sun_path + 1);
        setenv("NOTIFY_SOCKET", name, 1);

#define EXPECT(call, message)                                                                      \
        do {                                                                                       \
                assert_int_equal((call), 0);                                                       \
                n = (int)recv(fd, text, sizeof(text) - 1, 0);                                      \
                assert_true(n > 0);                                                                \
                text[n] = '\0';                                                                    \
                assert_string_equal(text, (message));                                              \
        } while (0)

        EXPECT(notify_ready(NULL), "READY=1");
        EXPECT(notify_ready("watching 3 disks"), "READY=1\nSTATUS=watching 3 disks");
        EXPECT(notify_stopping("bye"), "STOPPING=1\nSTATUS=bye");
        EXPECT(notify_watchdog(), "WATCHDOG=1");
        EXPECT(notify_status("disk %s late", "a\nREADY=1"), "STATUS=disk a READY=1 late");
        EXPECT(notify_stopping("a\nMAINPID=1"), "STOPPING=1\nSTATUS=a MAINPID=1");

        clock_gettime(CLOCK_MONOTONIC, &before);
        assert_int_equal(notify_reloading(), 0);
        clock_gettime(CLOCK_MONOTONIC, &after);
        n = (int)recv(fd, text, sizeof(text) - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
        assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld%n", &usec, &n), 1);
        assert_int_equal(text[n], '\0');
        assert_true(usec >= before.tv_sec * 1000000LL + before.tv_nsec / 1000);
        assert_true(usec <= after.tv_sec * 1000000LL + after.tv_nsec / 1000);

        close(fd);
        assert_true(notify_watchdog() < 0); /* the manager went away */

        unsetenv("WATCHDOG_USEC");
        assert_int_equal(notify_watchdog_interval_ns(), 0);
        setenv("WATCHDOG_USEC", "2500000", 1);
        assert_int_equal(notify_watchdog_interval_ns(), INT64_C(2500000000));
        (void)snprintf(expected, sizeof(expected), "%d", (int)getpid() + 1);
        setenv("WATCHDOG_PID", expected, 1); /* meant for another process */
        assert_int_equal(notify_watchdog_interval_ns(), 0);
        unsetenv("WATCHDOG_PID");
        setenv("WATCHDOG_USEC", "18446744073709551614", 1);
        assert_int_equal(notify_watchdog_interval_ns(), 0);
        unsetenv("WATCHDOG_USEC");
        unsetenv("NOTIFY_SOCKET");
}

static void test_entropy(void **state) {
        uint64_t ones = 0, zeros = 0, previous = 0, value;
        struct random *random;

        assert_int_equal(entropy_open(&random), 0);
        for (int i = 0; i < 100; i++) {
                value = random_u64(random, RANDOM_REQUEST_ID);
                assert_true(value != previous); /* once in 2^64 */
                previous = value;
                ones |= value;
                zeros |= ~value;
        }
        assert_true(ones == UINT64_MAX && zeros == UINT64_MAX);
        assert_true(random_below(random, RANDOM_BACKOFF, 10) < 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_journal), cmocka_unit_test(test_console),
                cmocka_unit_test(test_color),   cmocka_unit_test(test_stream),
                cmocka_unit_test(test_notify),  cmocka_unit_test(test_entropy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
