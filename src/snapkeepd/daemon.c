#include "snapkeepd/daemon.h"

#include "engine/engine.h"
#include "runtime/curl.h"
#include "runtime/file.h"
#include "runtime/notify.h"
#include "snapkeep-config.h"
#include "snapkeepd/answers.h"
#include "snapkeepd/heartbeat.h"
#include "snapkeepd/manager.h"
#include "snapkeepd/meter.h"
#include "snapkeepd/metrics.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* All that comes around beside the engine's own work, in one wake-up: the watchdog, STATUS=, the bus's
 * properties, metrics. Chosen: what is shown in minutes is at most so old. A shorter watchdog has it
 * come around at half of its time. */
#define PULSE_NS (30 * NSEC_PER_SEC)
/* Chosen: clocks are slewed by less in a pulse, and a leap second is no step. */
#define CLOCK_STEP_NS (2 * NSEC_PER_SEC)

/* STATUS= until a reload succeeds. */
#define RELOAD_FAILED "RELOAD FAILED: the old policy stays in force, see the journal"

struct daemon {
        struct host *host;
        const struct daemon_options *options;
        struct policy_file *file;
        bool refused; /* what was to take its place at the last reload */
        struct engine *engine;
        struct manager *manager; /* NULL with once: one round takes no orders */
        struct meter *meter;     /* before the host's transport */
        struct meter_counts counts;
        struct transport *outside;   /* for the heartbeat, where azure.cloud.ca is Azure's alone */
        struct heartbeat *heartbeat; /* NULL where the policy has none */
        struct reactor_source *pulse;
        struct mono pulse_due;        /* when it was to come around */
        struct reactor_source *clock; /* hears of steps of the wall clock */
        struct mono clock_mono;       /* both clocks when they were read last */
        struct utc clock_utc;
        int64_t watchdog_ns; /* interval; 0 when nobody watches */
        int exit_status;
        bool settled;         /* the round is over; with once: it has been told */
        bool stuck;           /* the engine does not get on, and it was told */
        bool metrics_failing; /* and it was told */
};

/* ---- what is told ---- */

static struct answer_source daemon_source(const struct daemon *daemon) {
        return (struct answer_source){
                .engine = daemon->engine,
                .file = daemon->file,
                .refused = daemon->refused,
        };
}

static void daemon_write_metrics(struct daemon *daemon) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        struct answer_source source = daemon_source(daemon);
        const char *path = daemon->file->textfile;
        int r;

        if (!path)
                return;
        metrics_append(&source, &daemon->counts, &text);
        r = text.error ?: file_replace(path, text.data, text.len, 0644, /* sync= */ false);
        if (r < 0 && !daemon->metrics_failing)
                log_tell(daemon->host->log, LOG_LEVEL_WARNING, LOG_EVENT_METRICS_UNWRITABLE,
                         "the metrics cannot be written to %s: %s; backups go on, and it is tried "
                         "again",
                         path, strerrordesc_np(-r));
        else if (r == 0 && daemon->metrics_failing)
                log_tell(daemon->host->log, LOG_LEVEL_NOTICE, LOG_EVENT_METRICS_WRITABLE,
                         "the metrics can be written again");
        daemon->metrics_failing = r < 0;
}

/* Figures that nobody writes any more are not to look young. @next is the policy that takes over, or
 * NULL at the end. A round of its own (--once) has written none. */
static void daemon_remove_metrics(const struct daemon *daemon, const struct policy_file *next) {
        const char *path = daemon->file ? daemon->file->textfile : NULL;

        if (!path || daemon->options->once ||
            (next && next->textfile && strcmp(next->textfile, path) == 0))
                return;
        (void)unlink(path);
}

static void daemon_tell(struct daemon *daemon) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        if (daemon->refused)
                strbuf_append_str(&text, RELOAD_FAILED "; ");
        engine_summary(daemon->engine, &text);
        if (text.error == 0)
                notify_status("%s", strbuf_str(&text));
        if (daemon->manager)
                manager_look(daemon->manager);
        daemon_write_metrics(daemon);
}

/* Sent from the loop that does the work, and only while the engine gets on: what hangs sends nothing,
 * and is ended by the service manager. Where the pulse itself is as late as that, by @late_ns, the whole
 * machine stood still: on resume from suspend it may run before the engine, which then is to get its
 * chance. */
static void daemon_feed_watchdog(struct daemon *daemon, int64_t late_ns) {
        if (late_ns > ENGINE_GRACE_NS - PULSE_NS || engine_gets_on(daemon->engine)) {
                daemon->stuck = false;
                notify_watchdog();
                return;
        }
        if (!daemon->stuck)
                log_tell(daemon->host->log, LOG_LEVEL_ERR, LOG_EVENT_STUCK,
                         "the engine does not get on, and the watchdog is not fed any more");
        daemon->stuck = true;
}

static void daemon_pulse_due(enum reactor_reason reason, void *data) {
        struct daemon *daemon = data;
        struct mono now = clock_mono(loop_clock(daemon->host->loop));
        int64_t interval = PULSE_NS;

        if (daemon->watchdog_ns > 0) {
                daemon_feed_watchdog(daemon, now.ns - daemon->pulse_due.ns);
                interval = MIN(interval, daemon->watchdog_ns / 2);
        }
        daemon_tell(daemon);
        now = clock_mono(loop_clock(daemon->host->loop));
        daemon->pulse_due = mono_add_ns(now, interval);
        reactor_arm_mono(loop_reactor(daemon->host->loop), daemon->pulse, daemon->pulse_due);
}

/* A resume from suspend comes here too, and is no step: the other clock runs on in suspend. The engine goes
 * by Azure's time, and asks for it: a guest that its host had stopped has both clocks stand still, of which
 * only this one is set right. */
static void daemon_clock_stepped(enum reactor_reason reason, void *data) {
        struct daemon *daemon = data;
        struct mono mono = clock_mono(loop_clock(daemon->host->loop));
        struct utc utc = clock_utc(loop_clock(daemon->host->loop));
        int64_t step = (utc.ticks - daemon->clock_utc.ticks) * NSEC_PER_TICK -
                       (mono.ns - daemon->clock_mono.ns);

        if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS) {
                log_tell(daemon->host->log, LOG_LEVEL_NOTICE, LOG_EVENT_CLOCK_STEPPED,
                         "this machine's clock was set by %+lld s; slots go by Azure's time",
                         (long long)(step / NSEC_PER_SEC));
                if (daemon->engine)
                        engine_clock_stepped(daemon->engine);
        }
        daemon->clock_mono = mono;
        daemon->clock_utc = utc;
        reactor_arm_utc(loop_reactor(daemon->host->loop), daemon->clock, UTC_NEVER);
}

/* ---- rounds ---- */

/* Called for each request that goes out. */
static void daemon_busy(void *data) {
        struct daemon *daemon = data;

        if (!daemon->settled)
                return;
        daemon->settled = false;
        heartbeat_begin(daemon->heartbeat);
}

static void daemon_round_over(struct daemon *daemon) {
        struct answer_source source = daemon_source(daemon);
        enum health health = answer_health(&source);

        heartbeat_end(daemon->heartbeat,
                      engine_is_well(daemon->engine) && health != HEALTH_CRITICAL);
        daemon_tell(daemon);
}

static void daemon_settled(void *data) {
        struct daemon *daemon = data;
        const struct engine_counts *counts;

        if (daemon->settled)
                return;
        daemon->settled = true;
        if (!daemon->options->once) {
                daemon_round_over(daemon);
                return;
        }

        counts = engine_counts(daemon->engine);
        daemon->exit_status = engine_is_well(daemon->engine) && !engine_leaves_due(daemon->engine)
                                      ? EX_OK
                                      : EX_TEMPFAIL;
        log_tell(daemon->host->log,
                 daemon->exit_status == EX_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
                 LOG_EVENT_ROUND_OVER,
                 "one round is over: %llu created, %llu deleted, %llu creates and %llu deletions "
                 "failed, "
                 "%llu of %llu sweeps failed",
                 (unsigned long long)counts->created, (unsigned long long)counts->deleted,
                 (unsigned long long)counts->create_failures,
                 (unsigned long long)counts->delete_failures,
                 (unsigned long long)counts->sweep_failures, (unsigned long long)counts->sweeps);
        loop_stop(daemon->host->loop);
}

static void daemon_stop(int signum, void *data) {
        struct daemon *daemon = data;

        log_tell(daemon->host->log, LOG_LEVEL_NOTICE, LOG_EVENT_STOPPING,
                 "stopping on %s; what is under way in Azure is found again at the next start",
                 sigabbrev_np(signum));
        if (daemon->engine)
                engine_tell_unfinished(daemon->engine, "the daemon stops");
        notify_stopping("stopping");
        loop_stop(daemon->host->loop);
}

/* Which policies delete nothing, said once a policy is taken. */
static void daemon_tell_pruning(struct daemon *daemon) {
        for (size_t i = 0; i < daemon->file->n_policies; i++) {
                const struct policy *policy = &daemon->file->policies[i];
                struct log_entry entry;

                if (policy->prune != PRUNE_OFF || !policy->has_keep)
                        continue;
                log_begin(&entry, LOG_LEVEL_NOTICE);
                log_event(&entry, LOG_EVENT_PRUNE_OFF);
                log_field(&entry, LOG_POLICY, policy->name);
                log_commit(daemon->host->log, &entry,
                           "policy %s deletes nothing: safety.prune is off", policy->name);
        }
}

/* Ends what uses the connections, and the connections. */
static void daemon_disconnect(struct daemon *daemon) {
        daemon->heartbeat = heartbeat_free(daemon->heartbeat);
        daemon->engine = engine_free(daemon->engine);
        daemon->meter = meter_free(daemon->meter);
        daemon->outside = curl_transport_free(daemon->outside);
}

/* The connections that @file asks for. The authorities of azure.cloud.ca are trusted for Azure alone.
 * Returns 0 or a negative errno. */
static int daemon_connect(struct daemon *daemon, const struct policy_file *file) {
        struct host *host = daemon->host;
        int r;

        r = host_connect(host, file);
        if (r < 0)
                return r;
        daemon->meter = meter_new(host->transport, loop_clock(host->loop), &daemon->counts,
                                  daemon_busy, daemon);
        if (!daemon->meter)
                return -ENOMEM;
        if (!file->heartbeat.credential || daemon->options->once)
                return 0;
        if (file->cloud.ca) {
                r = curl_transport_new(host->loop, NULL, &daemon->outside);
                if (r < 0)
                        return r;
        }
        daemon->heartbeat =
                heartbeat_new(host, daemon->outside ?: host->transport, &file->heartbeat);
        return daemon->heartbeat ? 0 : -ENOMEM;
}

/* Begins to work by @file, which is taken over on success. Returns 0 or a negative errno. */
static int daemon_take_policy(struct daemon *daemon, struct policy_file *file) {
        _cleanup_(engine_estate_freep) struct engine_estate *estate = NULL;
        struct services services;
        int r;

        if (daemon->engine)
                estate = engine_leave(daemon->engine);
        daemon_disconnect(daemon);
        r = daemon_connect(daemon, file);
        if (r < 0)
                return r;
        services = host_services(daemon->host);
        services.transport = meter_transport(daemon->meter);
        r = engine_new(&services, file,
                       &(struct engine_options){
                               .version = SNAPKEEP_VERSION,
                               .settled = daemon_settled,
                               .data = daemon,
                               .estate = estate,
                       },
                       &daemon->engine);
        if (r < 0) {
                log_tell(daemon->host->log, LOG_LEVEL_ERR, LOG_EVENT_CANNOT_START,
                         "cannot start the engine: %s", strerrordesc_np(-r));
                return r;
        }

        daemon_remove_metrics(daemon, file);
        policy_file_free(daemon->file);
        daemon->file = file;
        daemon->settled = daemon->stuck = false;
        heartbeat_begin(daemon->heartbeat);
        daemon_tell_pruning(daemon);
        if (daemon->manager)
                manager_serve(daemon->manager, daemon->engine, daemon->file);
        engine_start(daemon->engine);
        return 0;
}

/* Whoever looks later is to see it too: with this file the next start would fail. What is wrong with it may
 * quote what nobody else is to read, and is told in the log and to who asked for the reload. */
static void daemon_refuse(struct daemon *daemon, bool refused) {
        daemon->refused = refused;
        if (daemon->manager)
                manager_refuse(daemon->manager, refused);
}

/*
 * Reload: the new policy is read and checked first; a wrong one changes nothing. Then the engine is
 * made anew, since nearly all it knows is in Azure: requests in flight are forgotten, the world is read.
 * A pause or an ack that could not be written, for want of room or of a directory, holds on all the same.
 *
 * Returns 0, or 1 with the reason in @why (which may be NULL) when the old policy stays in force, or a
 * negative errno, and then the daemon ends.
 */
static int daemon_reload(struct strbuf *why, void *data) {
        struct daemon *daemon = data;
        struct policy_file *file;
        int r;

        notify_reloading();
        if (host_load_policy(daemon->host, daemon->options->policy_path, &file, why) != 0) {
                log_tell(daemon->host->log, LOG_LEVEL_ERR, LOG_EVENT_RELOAD_FAILED,
                         "the policy was not reloaded, the old one stays in force");
                daemon_refuse(daemon, true);
                notify_ready(RELOAD_FAILED);
                return 1;
        }
        daemon_refuse(daemon, false);
        r = daemon_take_policy(daemon, file);
        if (r < 0) {
                policy_file_free(file);
                if (daemon->manager)
                        manager_serve(daemon->manager, NULL, NULL);
                daemon->exit_status = EX_OSERR;
                loop_stop(daemon->host->loop);
                return r;
        }
        log_tell(daemon->host->log, LOG_LEVEL_NOTICE, LOG_EVENT_POLICY_RELOADED,
                 "the policy was reloaded");
        notify_ready("policy reloaded");
        return 0;
}

static void daemon_hangup(int signum, void *data) {
        (void)daemon_reload(/* why= */ NULL, data);
}

static int daemon_prepare(struct daemon *daemon) {
        struct reactor *reactor = loop_reactor(daemon->host->loop);
        int r;

        r = loop_on_signal(daemon->host->loop, SIGTERM, daemon_stop, daemon);
        r = r ?: loop_on_signal(daemon->host->loop, SIGINT, daemon_stop, daemon);
        r = r ?: loop_on_signal(daemon->host->loop, SIGHUP, daemon_hangup, daemon);
        r = r ?: reactor_source_new(reactor, daemon_pulse_due, daemon, &daemon->pulse);
        r = r ?: reactor_source_new(reactor, daemon_clock_stepped, daemon, &daemon->clock);
        if (r == 0 && !daemon->options->once)
                r = manager_new(daemon->host, daemon_reload, daemon, &daemon->manager);
        if (r < 0) {
                log_tell(daemon->host->log, LOG_LEVEL_ERR, LOG_EVENT_CANNOT_START,
                         "cannot start: %s", strerrordesc_np(-r));
                return r;
        }

        if (!daemon->options->once) {
                daemon->watchdog_ns = notify_watchdog_interval_ns();
                reactor_schedule(reactor, daemon->pulse);
                daemon->pulse_due = clock_mono(loop_clock(daemon->host->loop));
                daemon->clock_mono = clock_mono(loop_clock(daemon->host->loop));
                daemon->clock_utc = clock_utc(loop_clock(daemon->host->loop));
                reactor_arm_utc(reactor, daemon->clock, UTC_NEVER);
        }
        return 0;
}

int daemon_run(struct host *host, const struct daemon_options *options) {
        /* A round that is stopped before it is over is not done. */
        struct daemon daemon = {.host = host,
                                .options = options,
                                .exit_status = options->once ? EX_TEMPFAIL : EX_OK};
        struct reactor *reactor = loop_reactor(host->loop);
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct policy_file *file;
        int r;

        r = host_load_policy(host, options->policy_path, &file, &why);
        if (r != 0) {
                notify_status("cannot start: %s", strbuf_str(&why));
                return r < 0 ? EX_OSERR : EX_CONFIG;
        }

        r = host_open_state(host);
        r = r ?: daemon_prepare(&daemon);
        r = r ?: daemon_take_policy(&daemon, file);
        if (r < 0) {
                policy_file_free(file);
                daemon.exit_status = EX_OSERR;
        } else {
                log_tell(host->log, LOG_LEVEL_NOTICE, LOG_EVENT_STARTED,
                         "snapkeepd %s works by %s for owner %s", SNAPKEEP_VERSION,
                         options->policy_path, daemon.file->owner);
                notify_ready("reading Azure");
                r = loop_run(host->loop);
                if (r < 0)
                        daemon.exit_status = EX_OSERR;
        }

        manager_free(daemon.manager);
        daemon_disconnect(&daemon);
        daemon_remove_metrics(&daemon, /* next= */ NULL);
        reactor_source_free(reactor, daemon.pulse);
        reactor_source_free(reactor, daemon.clock);
        policy_file_free(daemon.file);
        return daemon.exit_status;
}
