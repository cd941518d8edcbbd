/*
 * Does each of wrapped.h's functions end the process that calls it? Each is called in a child.
 */
#include "wrapped.h"

#include "base/macros.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* By libc's symbol, whatever its arguments are: a call that the linker did not replace comes back,
 * or crashes in another way. */
#define DECLARE(name) void call_##name(void) __asm__(#name);
WRAPPED(DECLARE)
void call_localtime_r(void) __asm__("localtime_r");

static const struct {
        const char *name;
        void (*call)(void);
} functions[] = {
#define ROW(name) {#name, call_##name},
        WRAPPED(ROW){"localtime_r", call_localtime_r},
};

static bool bites(void (*call)(void)) {
        pid_t child = fork();
        int status;

        if (child == 0) {
                if (!freopen("/dev/null", "w", stderr))
                        _exit(1);
                call();
                _exit(0);
        }
        return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
               WTERMSIG(status) == SIGABRT;
}

int main(void) {
        bool all = true;

        printf("1..%zu\n", ARRAY_SIZE(functions));
        fflush(stdout);
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
                bool ok = bites(functions[i].call);

                printf("%sok %zu - %s\n", ok ? "" : "not ", i + 1, functions[i].name);
                fflush(stdout);
                all = all && ok;
        }
        return all ? 0 : 1;
}
