/*
 * Linked in place of libc's clocks, randomness, environment, files and locale (--wrap): whoever calls
 * one ends the process with its name. The simulation linked with this shows that nothing in it, nor
 * in the config, core, azure and engine code it runs, takes anything from the machine (DESIGN section
 * 9, "Deterministic means").
 *
 * clock() is libc's: the runner says with it how long its run took, and nothing else. What shared
 * libraries call by themselves is not seen here; they get no say in a trace.
 */
#include "wrapped.h"

#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Noreturn static void bite(const char *name) {
        fprintf(stderr, "%s() was called: a simulation takes nothing from the machine\n", name);
        abort();
}

/* The arguments do not matter, since nobody comes back. */
#define BITE(name)                                                                                 \
        void __wrap_##name(void);                                                                  \
        void __wrap_##name(void) {                                                                 \
                bite(#name);                                                                       \
        }
WRAPPED(BITE)

/* The checks work out civil time by glibc's hand, in a zone that they have set by its rule; the
 * machine's own is what nobody may ask for. */
char *__real_getenv(const char *name);
struct tm *__real_localtime_r(const time_t *t, struct tm *ret_tm);
struct tm *__wrap_localtime_r(const time_t *t, struct tm *ret_tm);

struct tm *__wrap_localtime_r(const time_t *t, struct tm *ret_tm) {
        const char *zone = __real_getenv("TZ");

        if (!zone || (strcmp(zone, RIG_ZONE_POSIX) != 0 && strcmp(zone, "UTC0") != 0))
                bite("localtime_r");
        return __real_localtime_r(t, ret_tm);
}
