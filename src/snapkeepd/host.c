#include "snapkeepd/host.h"

#include "config/policy_reader.h"
#include "core/proofs.h"
#include "engine/engine.h"
#include "runtime/credentials.h"
#include "runtime/curl.h"
#include "runtime/entropy.h"
#include "runtime/file.h"
#include "runtime/journal.h"
#include "runtime/statedir.h"
#include "runtime/zoneinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

int host_open(const char *identifier, struct host *ret_host) {
        const char *no_color = getenv("NO_COLOR");
        struct host host = {};
        int r;

        r = log_new_auto(
                &(struct log_options){
                        .identifier = identifier,
                        .most = LOG_LEVEL_INFO,
                        .journal_stream = getenv("JOURNAL_STREAM"),
                        .no_color = no_color && *no_color,
                },
                &host.log);
        if (r < 0) {
                fprintf(stderr, "%s: cannot start: %s\n", identifier, strerrordesc_np(-r));
                return r;
        }

        /* No token in a core dump, and no look into our memory through /proc for others of our user. */
        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                r = -errno;
        r = r ?: loop_new(&host.loop);
        r = r ?: entropy_open(&host.random);
        r = r ?: zoneinfo_new(NULL, &host.zones);
        r = r
                    ?: credentials_new(
                               &(struct credentials_options){
                                       .directory = getenv("CREDENTIALS_DIRECTORY"),
                               },
                               &host.secrets);
        if (r < 0) {
                log_tell(host.log, LOG_LEVEL_ERR, LOG_EVENT_CANNOT_START, "cannot start: %s",
                         strerrordesc_np(-r));
                host_close(&host);
                return r;
        }
        *ret_host = host;
        return 0;
}

void host_close(struct host *host) {
        curl_transport_free(host->transport);
        statedir_free(host->store);
        credentials_free(host->secrets);
        zoneinfo_free(host->zones);
        loop_free(host->loop);
        log_free(host->log);
        *host = (struct host){};
}

int host_open_state(struct host *host) {
        static const char forgotten[] =
                "pauses, acks and the freeze of gone disks are not remembered across restarts";
        const char *paths = getenv("STATE_DIRECTORY");
        _cleanup_(freep) char *path = NULL;
        int r;

        if (!paths || !*paths) {
                log_tell(host->log, LOG_LEVEL_NOTICE, LOG_EVENT_NO_STATE,
                         "there is no state directory ($STATE_DIRECTORY is not set): %s",
                         forgotten);
                return 0;
        }
        path = strndup(paths, strcspn(paths, ":"));
        r = path ? statedir_new(path, &host->store) : -ENOMEM;
        if (r == 0)
                return 0;
        log_tell(host->log, LOG_LEVEL_WARNING, LOG_EVENT_NO_STATE,
                 "the state directory %s cannot be used (%s): %s", path ?: paths,
                 r == -EBUSY ? "another daemon uses it" : strerrordesc_np(-r), forgotten);
        /* One that is not there holds nothing; what another holds may be a pause. */
        return r == -ENOENT ? 0 : statedir_new_closed(r, &host->store);
}

int host_connect(struct host *host, const struct policy_file *file) {
        int r;

        host->transport = curl_transport_free(host->transport);
        r = curl_transport_new(host->loop,
                               &(struct curl_options){
                                       .ca = file->cloud.ca,
                                       .parallel = file->parallel + ENGINE_APART_MAX,
                               },
                               &host->transport);
        if (r < 0)
                log_tell(host->log, LOG_LEVEL_ERR, LOG_EVENT_NO_CONNECTIONS,
                         "cannot prepare connections: %s", strerrordesc_np(-r));
        return r;
}

struct services host_services(const struct host *host) {
        return (struct services){
                .clock = loop_clock(host->loop),
                .reactor = loop_reactor(host->loop),
                .transport = host->transport,
                .random = host->random,
                .secrets = host->secrets,
                .store = host->store,
                .log = host->log,
                .zones = host->zones,
        };
}

static void tell(struct host *host, const struct diagnostics *diagnostics) {
        for (size_t i = 0; i < diagnostics->n; i++) {
                const struct diagnostic *diagnostic = &diagnostics->items[i];
                struct strbuf text = {};

                diagnostic_format(diagnostic, diagnostics->file_name, &text);
                log_tell(host->log,
                         diagnostic->severity == SEVERITY_ERROR ? LOG_LEVEL_ERR : LOG_LEVEL_WARNING,
                         LOG_EVENT_POLICY_FAULT, "%s", strbuf_str(&text));
                strbuf_deinit(&text);
        }
        if (diagnostics->n_left_out > 0)
                log_tell(host->log, LOG_LEVEL_ERR, LOG_EVENT_POLICY_FAULT,
                         "%s: %zu more errors and warnings", diagnostics->file_name,
                         diagnostics->n_left_out);
}

/* What can be known to go wrong from the file alone, as further diagnostics of it. */
static int prove(const struct policy_file *file, struct utc now, struct diagnostics *diagnostics) {
        _cleanup_(proofs_freep) struct proofs *proofs = NULL;
        int r;

        r = proofs_run(file, /* fleet= */ NULL, now, &proofs);
        if (r < 0)
                return r;

        for (size_t i = 0; i < proofs->n_findings; i++) {
                const struct proof_finding *finding = &proofs->findings[i];
                struct strbuf path = {};

                if (finding->policy != PROOF_NO_POLICY)
                        strbuf_appendf(&path, "policies.%s", file->policies[finding->policy].name);
                diagnostics_add(diagnostics,
                                finding->severity == PROOF_ERROR ? SEVERITY_ERROR
                                                                 : SEVERITY_WARNING,
                                /* line= */ 0, /* column= */ 0, strbuf_str(&path), finding->text,
                                /* expected= */ NULL, /* near_miss= */ NULL);
                strbuf_deinit(&path);
        }
        return proofs_failed(proofs) ? CONFIG_E_INVALID : 0;
}

int policy_load(const char *path, struct zones *zones, struct utc now,
                struct policy_file **ret_file, struct diagnostics *diagnostics) {
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(freep) char *bytes = NULL;
        size_t len;
        int r;

        r = file_read(path, CONFIG_FILE_MAX + 1, &bytes, &len);
        if (r != 0) {
                if (r == -ENOMEM)
                        return r;
                diagnostics->file_name = strdup(path);
                diagnostics_add(
                        diagnostics, SEVERITY_ERROR, /* line= */ 0, /* column= */ 0, "",
                        r == FILE_E_TOO_LARGE ? "is larger than 1 MiB, which no policy is"
                                              : file_error_text(r),
                        /* Root, who has checked it, may read what the daemon may not. */
                        r == -EACCES
                                ? "a file, and folders above it, that the user who reads it may "
                                  "read: of the unit that is snapkeep"
                                : NULL,
                        /* near_miss= */ NULL);
                return diagnostics->file_name ? CONFIG_E_INVALID : -ENOMEM;
        }

        r = config_load(bytes, len, path, zones, &file, diagnostics);
        r = r ?: prove(file, now, diagnostics);
        if (r != 0)
                return r;
        *ret_file = take_ptr(file);
        return 0;
}

static void append_first_error(const struct diagnostics *diagnostics, struct strbuf *why) {
        for (size_t i = 0; i < diagnostics->n; i++)
                if (diagnostics->items[i].severity == SEVERITY_ERROR) {
                        diagnostic_format(&diagnostics->items[i], diagnostics->file_name, why);
                        return;
                }
}

int host_load_policy(struct host *host, const char *path, struct policy_file **ret_file,
                     struct strbuf *why) {
        struct diagnostics diagnostics = {};
        int r;

        r = policy_load(path, host->zones, clock_utc(loop_clock(host->loop)), ret_file,
                        &diagnostics);
        tell(host, &diagnostics);
        if (why)
                append_first_error(&diagnostics, why);
        diagnostics_deinit(&diagnostics);
        if (r < 0)
                log_tell(host->log, LOG_LEVEL_ERR, LOG_EVENT_POLICY_FAULT, "%s: error: %s", path,
                         strerrordesc_np(-r));
        return r;
}
