/*
 * services: everything the engine reaches the world through. In life they are runtime's, in
 * simulation sim's; the engine cannot tell.
 */
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/reactor.h"
#include "base/secrets.h"
#include "base/store.h"
#include "base/transport.h"
#include "base/zones.h"

/* All borrowed, and alive as long as the engine is. */
struct services {
        struct clock *clock;
        struct reactor *reactor;
        struct transport *transport;
        struct random *random;
        struct secrets *secrets;
        struct store *store; /* NULL: nothing is remembered across restarts */
        struct log *log;
        struct zones *zones; /* NULL: none beside those of the policy file are to be had */
};
