/*
 * snapkeepd: the daemon's command line.
 */
#include "snapkeep-config.h"
#include "snapkeepd/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <sysexits.h>

static const char usage[] =
        "Usage: snapkeepd --policy FILE [--once | --check]\n"
        "\n"
        "Takes incremental snapshots of Azure managed disks by a policy file, and\n"
        "deletes those that the policy no longer keeps.\n"
        "\n"
        "      --policy FILE  the policy\n"
        "      --once         do one round, all that is due now, and end\n"
        "      --check        read the policy, tell what is wrong with it, and end\n"
        "  -h, --help         show this\n"
        "      --version      show the version\n"
        "\n"
        "SIGHUP reads the policy again; a wrong one leaves the old one in force.\n"
        "\n"
        "Exit status: 0 done, 64 wrong usage, 71 the system refused something,\n"
        "75 --once could not do all that was due, 78 the policy cannot be used.\n";

static int check(struct host *host, const char *path) {
        struct policy_file *file;
        int r;

        r = host_load_policy(host, path, &file, /* why= */ NULL);
        if (r != 0)
                return r < 0 ? EX_OSERR : EX_CONFIG;

        printf("%s: %zu polic%s and %zu target%s, no errors\n", path, file->n_policies,
               file->n_policies == 1 ? "y" : "ies", file->n_targets,
               file->n_targets == 1 ? "" : "s");
        policy_file_free(file);
        return EX_OK;
}

int main(int argc, char **argv) {
        enum {
                OPT_POLICY = 256,
                OPT_ONCE,
                OPT_CHECK,
                OPT_VERSION
        };
        static const struct option options[] = {
                {"policy", required_argument, NULL, OPT_POLICY},
                {"once", no_argument, NULL, OPT_ONCE},
                {"check", no_argument, NULL, OPT_CHECK},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, OPT_VERSION},
                {},
        };
        struct daemon_options daemon_options = {};
        bool check_only = false;
        struct host host;
        int option, status;

        /* The loop is one thread; those that look names up for it need no heaps of their own. */
        mallopt(M_ARENA_MAX, 1);

        /* Complaints of getopt begin with it. */
        if (argc > 0)
                argv[0] = program_invocation_short_name;
        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (option) {
                case OPT_POLICY:
                        daemon_options.policy_path = optarg;
                        break;
                case OPT_ONCE:
                        daemon_options.once = true;
                        break;
                case OPT_CHECK:
                        check_only = true;
                        break;
                case OPT_VERSION:
                        printf("snapkeepd %s\n", SNAPKEEP_VERSION);
                        return EX_OK;
                case 'h':
                        fputs(usage, stdout);
                        return EX_OK;
                default:
                        fputs("Try \"snapkeepd --help\".\n", stderr);
                        return EX_USAGE;
                }

        if (optind < argc || !daemon_options.policy_path || (check_only && daemon_options.once)) {
                fputs(optind < argc ? "snapkeepd: takes no arguments, only options.\n"
                      : !daemon_options.policy_path
                              ? "snapkeepd: needs --policy FILE.\n"
                              : "snapkeepd: --once and --check exclude each other.\n",
                      stderr);
                fputs("Try \"snapkeepd --help\".\n", stderr);
                return EX_USAGE;
        }

        if (host_open("snapkeepd", &host) < 0)
                return EX_OSERR;
        status = check_only ? check(&host, daemon_options.policy_path)
                            : daemon_run(&host, &daemon_options);
        host_close(&host);
        return status;
}
