#include "snapkeepd/daemon.h"

#include "engine/engine.h"
#include "runtime/notify.h"
#include "snapkeep-config.h"
#include "snapkeepd/manager.h"

#include <signal.h>
#include <string.h>
#include <sysexits.h>

/* How often the sentence of "systemctl status" is made anew, at most. */
#define STATUS_NS (10 * NSEC_PER_SEC)

struct daemon {
        struct host *host;
        const struct daemon_options *options;
        struct policy_file *file;
        struct engine *engine;
        struct manager *manager;       /* NULL with once: one round takes no orders */
        struct reactor_source *status; /* STATUS= */
        struct reactor_source *watchdog;
        int64_t watchdog_ns; /* interval; 0 when nobody watches */
        int exit_status;
        bool settled; /* --once: the round is over */
};

static void daemon_tell_status(struct daemon *daemon) {
        struct strbuf text = {};

        engine_summary(daemon->engine, &text);
        if (text.error == 0)
                notify_status("%s", strbuf_str(&text));
        strbuf_deinit(&text);
}

static void daemon_status_due(enum reactor_reason reason, void *data) {
        struct daemon *daemon = data;
        struct mono now = clock_mono(loop_clock(daemon->host->loop));

        daemon_tell_status(daemon);
        if (daemon->manager)
                manager_look(daemon->manager);
        reactor_arm_mono(loop_reactor(daemon->host->loop), daemon->status,
                         mono_add_ns(now, STATUS_NS));
}

/* Sent from the loop that does the work: a loop that hangs sends nothing. */
static void daemon_watchdog_due(enum reactor_reason reason, void *data) {
        struct daemon *daemon = data;
        struct mono now = clock_mono(loop_clock(daemon->host->loop));

        notify_watchdog();
        reactor_arm_mono(loop_reactor(daemon->host->loop), daemon->watchdog,
                         mono_add_ns(now, daemon->watchdog_ns / 2));
}

static void daemon_settled(void *data) {
        struct daemon *daemon = data;
        const struct engine_counts *counts;

        if (!daemon->options->once || daemon->settled)
                return;
        daemon->settled = true;

        counts = engine_counts(daemon->engine);
        daemon->exit_status = engine_is_well(daemon->engine) ? EX_OK : EX_TEMPFAIL;
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

/* Begins to work by @file, which is taken over on success. Returns 0 or a negative errno. */
static int daemon_take_policy(struct daemon *daemon, struct policy_file *file) {
        struct services services;
        int r;

        daemon->engine = engine_free(daemon->engine);
        r = host_connect(daemon->host, file);
        if (r < 0)
                return r;
        services = host_services(daemon->host);
        r = engine_new(&services, file,
                       &(struct engine_options){
                               .version = SNAPKEEP_VERSION,
                               .settled = daemon_settled,
                               .data = daemon,
                       },
                       &daemon->engine);
        if (r < 0) {
                log_tell(daemon->host->log, LOG_LEVEL_ERR, LOG_EVENT_CANNOT_START,
                         "cannot start the engine: %s", strerrordesc_np(-r));
                return r;
        }

        policy_file_free(daemon->file);
        daemon->file = file;
        daemon_tell_pruning(daemon);
        if (daemon->manager)
                manager_serve(daemon->manager, daemon->engine, daemon->file);
        engine_start(daemon->engine);
        return 0;
}

/*
 * Reload: the new policy is read and checked first; a wrong one changes nothing. Then the engine is
 * made anew, since all it knows is in Azure: requests in flight are forgotten, the world is read.
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
                notify_ready("RELOAD FAILED: the old policy stays in force, see the journal");
                return 1;
        }
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
        r = r ?: reactor_source_new(reactor, daemon_status_due, daemon, &daemon->status);
        r = r ?: reactor_source_new(reactor, daemon_watchdog_due, daemon, &daemon->watchdog);
        if (r == 0 && !daemon->options->once)
                r = manager_new(daemon->host, daemon_reload, daemon, &daemon->manager);
        if (r < 0) {
                log_tell(daemon->host->log, LOG_LEVEL_ERR, LOG_EVENT_CANNOT_START,
                         "cannot start: %s", strerrordesc_np(-r));
                return r;
        }

        daemon->watchdog_ns = notify_watchdog_interval_ns();
        if (daemon->watchdog_ns > 0)
                reactor_schedule(reactor, daemon->watchdog);
        reactor_arm_mono(reactor, daemon->status,
                         mono_add_ns(clock_mono(loop_clock(daemon->host->loop)), NSEC_PER_SEC));
        return 0;
}

int daemon_run(struct host *host, const struct daemon_options *options) {
        struct daemon daemon = {.host = host, .options = options, .exit_status = EX_OK};
        struct reactor *reactor = loop_reactor(host->loop);
        struct policy_file *file;
        int r;

        r = host_load_policy(host, options->policy_path, &file, /* why= */ NULL);
        if (r != 0)
                return r < 0 ? EX_OSERR : EX_CONFIG;

        host_open_state(host);
        r = daemon_prepare(&daemon);
        if (r == 0)
                r = daemon_take_policy(&daemon, file);
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
        engine_free(daemon.engine);
        reactor_source_free(reactor, daemon.status);
        reactor_source_free(reactor, daemon.watchdog);
        policy_file_free(daemon.file);
        return daemon.exit_status;
}
