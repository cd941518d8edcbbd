#include "azure-sim/options.h"

#include "base/macros.h"
#include "base/str.h"
#include "base/time.h"
#include "sim/faults.h"
#include "snapkeep-config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help_text[] =
        "Usage: azure-sim --listen ADDRESS:PORT (--world FILE | --disks N) [OPTION...]\n"
        "\n"
        "Serves a simulated Azure over HTTP on loopback: managed disks, snapshots, their\n"
        "operations and tags, and the token endpoints of the identity service and of Entra.\n"
        "\n"
        "  --listen ADDRESS:PORT   loopback only; port 0, or 0 alone, takes a free one\n"
        "  --port-file FILE        the port is written there once the listener stands\n"
        "  --world FILE            what there is, as JSON\n"
        "  --disks N               N disks in group rg-app of one subscription, and rg-snapshots\n"
        "  --latency-ms N          every reply waits so long\n"
        "  --operation-ms N        a create or delete takes so long (1000)\n"
        "  --linger-ms N           a deleted snapshot is still found for so long (500)\n"
        "  --tagging-ms N          a change by the tags resource is an operation of so long; 0: "
        "200 (0)\n"
        "  --copy-ms N             background copy of Ultra and Premium SSD v2 snapshots (360000)\n"
        "  --page-size N           elements of a page of a listing (1000)\n"
        "  --empty-pages N         of 100 pages, N come after an empty one (0)\n"
        "  --listing-lag-ms N      listings show the world of so long ago (0)\n"
        "  --token-life S          seconds (3600)\n"
        "  --arc-key FILE          there is an Arc agent, whose challenge names this file\n"
        "  --seed N                of GUIDs and tokens (1)\n"
        "  --rates real|off|FACTOR answer 429 when a throttling bucket is empty that has Azure's "
        "size,\n"
        "                          or FACTOR times that (off)\n"
        "  --bare-202              the 202 of a PUT has no id, name and type, as was seen in 2021\n"
        "  --no-limits             no 500 snapshots a disk, no 7 in 5 minutes\n"
        "  --tls-listen ADDRESS:PORT --tls-port-file FILE --tls-cert FILE --tls-key FILE\n"
        "                          HTTPS beside or instead of HTTP\n"
        "  --record FILE           every request and reply but those of tokens, a line of JSON "
        "each\n"
        "  --faults FILE           which request meets which fault, as POST /sim/faults has it\n"
        "  --help, --version\n"
        "\n"
        "Entra knows tenant " SERVICE_TENANT ",\n"
        "client " SERVICE_CLIENT ", secret " SERVICE_SECRET " (with --disks).\n"
        "Of an assertion all is checked but its signature.\n"
        "\n"
        "Control, on the same port, without a token:\n"
        "  GET  /sim/stats                requests by kind and method, effects, \"held\"\n"
        "  GET  /sim/world                everything, in the form of --world\n"
        "  POST /sim/hold                 {\"request\": N, \"when\": \"before\"|\"after\"}: the "
        "N-th request\n"
        "                                 from here is held before or after its effect, "
        "unanswered,\n"
        "                                 until it is released or its client goes away\n"
        "  POST /sim/release              lets it go on, or takes the hold back\n"
        "  POST /sim/faults               {\"faults\": [{\"fault\", \"request\"?, \"method\"?, "
        "\"url\"?,\n"
        "                                 \"after\"?, \"every\"?, \"times\"?, \"retry_after\"?}]}: "
        "in place of\n"
        "                                 those before; requests by the kinds of /sim/stats, URLs "
        "by\n"
        "                                 pattern, faults by the names below\n"
        "  POST /sim/world/add            more of a world\n"
        "  POST /sim/world/recreate-disk  {\"id\"}: another disk under the name\n"
        "  POST /sim/world/move-disk      {\"id\", \"subscription\"?, \"group\"?, "
        "\"name\"?}\n"
        "  POST /sim/world/resize-disk    {\"id\", \"sizeGB\"}\n"
        "  POST /sim/world/end-upload     {\"id\"}: the data of a disk is there\n"
        "  POST /sim/world/key            {\"id\", \"key\": "
        "usable|disabled|forbidden|unreadable|gone}: of a\n"
        "                                 disk encryption set, the key or the set itself\n"
        "  POST /sim/world/delete         {\"id\"}: a disk or snapshot, at once\n"
        "  POST /sim/world/delete-group   {\"subscription\"?, \"group\"}: with all in it\n"
        "  POST /sim/world/lock, unlock   {\"id\"}: of a disk, snapshot, group or subscription\n"
        "  POST /sim/world/grant          {\"id\", \"seconds\"?}: opens a SAS of a snapshot\n"
        "  POST /sim/world/revoke         {\"id\"}\n"
        "  POST /sim/world/tag            {\"id\", \"name\", \"value\"}; without value: removes "
        "it\n"
        "  POST /sim/world/expire-tokens  {}\n"
        "  POST /sim/world/rights         {\"rights\": all|unlisted|read|none, \"group\"?}: what "
        "all "
        "clients\n"
        "                                 may; unlisted: listings leave it out\n"
        "  POST /sim/world/lag            {\"ms\"}: listings show the world of so long ago\n"
        "  POST /sim/world/away           {\"away\": here|500|503|throttled|unknown|disabled, "
        "\"seconds\"?,\n"
        "                                 \"retry_after\"?}: every request for the subscription\n"
        "  POST /sim/world/quota          {\"max\"}: snapshots of a region, 0 for no limit\n"
        "  The last four take \"subscription\"?, too.\n"
        "\n"
        "A world:\n"
        "  {\"groups\": [{\"subscription\", \"name\", \"location\"}],\n"
        "   \"clients\": [{\"tenant\", \"client\", \"secret\"?, \"thumbprint\"? (x5t#S256),\n"
        "     \"federated\"? (a token), \"expires\"?, \"role\"?}],\n"
        "   \"identities\": [{\"clientId\", \"objectId\"?, \"resourceId\"?, \"role\"?}],\n"
        "     a role: all, creator (never deletes), pruner (reads and deletes single\n"
        "     snapshots, and may ask what it may), none\n"
        "   \"disks\": [{\"id\", \"location\"?, \"sku\"?, \"sizeGB\"?, \"uniqueId\"?, "
        "\"timeCreated\"?, \"tags\"?,\n"
        "     \"diskEncryptionSetId\"?, \"maxShares\"?, \"uploading\"?}],\n"
        "   \"vms\": [{\"id\", \"location\"?, \"osDisk\"?, \"dataDisks\"?: [id, ...]}],\n"
        "   \"snapshots\": [{\"id\", \"sourceResourceId\", \"location\"?, \"sku\"?, \"sizeGB\"?, "
        "\"uniqueId\"?,\n"
        "     \"sourceUniqueId\"?, \"createOption\"?, \"incremental\"?, \"timeCreated\"?,\n"
        "     \"provisioningState\"?, \"completionPercent\"?, \"tags\"?}]}\n";

static void print_help(void) {
        fputs(help_text, stdout);
        fputs("\nFaults:", stdout);
        for (size_t i = 0; fault_name(i); i++)
                printf("%s%s", i % 5 == 0 ? "\n  " : " ", fault_name(i));
        puts("");
}

static bool complain(const char *option, const char *value, const char *what) {
        fprintf(stderr, "azure-sim: --%s %s: %s\n", option, value, what);
        return false;
}

static bool read_number(const char *option, const char *value, uint64_t max, uint64_t *ret_number) {
        if (str_parse_u64(value, strlen(value), max, ret_number) == 0)
                return true;
        fprintf(stderr, "azure-sim: --%s %s: a number from 0 to %llu is expected\n", option, value,
                (unsigned long long)max);
        return false;
}

static bool read_rates(const char *option, const char *value, uint32_t *ret_rates) {
        uint64_t factor;

        if (strcmp(value, "off") == 0)
                factor = 0;
        else if (strcmp(value, "real") == 0)
                factor = 1;
        else if (str_parse_u64(value, strlen(value), 1000000, &factor) < 0 || factor == 0)
                return complain(option, value, "real, off or a factor from 1 is expected");
        *ret_rates = (uint32_t)factor;
        return true;
}

/* "127.0.0.1:0", "localhost:8080", "[::1]:8080", or a port alone. Nothing but loopback: whoever
 * reaches the port may read and change everything. */
static bool read_address(const char *option, const char *value, struct listener_options *listener) {
        union address *address = &listener->address;
        const char *colon = strrchr(value, ':'), *port = colon ? colon + 1 : value;
        char host[64] = "127.0.0.1";
        uint64_t number;

        if (colon) {
                size_t len = (size_t)(colon - value);

                if (len >= sizeof(host))
                        return complain(option, value, "not an address");
                memcpy(host, value, len);
                host[len] = '\0';
        }
        if (strcmp(host, "localhost") == 0)
                strcpy(host, "127.0.0.1");
        if (str_parse_u64(port, strlen(port), 65535, &number) < 0)
                return complain(option, value, "a port from 0 to 65535 is expected");

        memset(address, 0, sizeof(*address));
        listener->text = value;
        if (strcmp(host, "[::1]") == 0) {
                address->in6.sin6_family = AF_INET6;
                address->in6.sin6_addr = in6addr_loopback;
                address->in6.sin6_port = htons((uint16_t)number);
                return true;
        }
        address->in.sin_family = AF_INET;
        address->in.sin_port = htons((uint16_t)number);
        if (inet_pton(AF_INET, host, &address->in.sin_addr) != 1)
                return complain(option, value, "not an address");
        if ((ntohl(address->in.sin_addr.s_addr) >> 24) != 127)
                return complain(option, value,
                                "not a loopback address; azure-sim has no "
                                "protection and listens on loopback only");
        return true;
}

enum option_code {
        OPT_HELP = 256,
        OPT_VERSION,
        OPT_LISTEN,
        OPT_PORT_FILE,
        OPT_WORLD,
        OPT_DISKS,
        OPT_LATENCY,
        OPT_OPERATION,
        OPT_LINGER,
        OPT_TAGGING,
        OPT_COPY,
        OPT_PAGE_SIZE,
        OPT_EMPTY_PAGES,
        OPT_LISTING_LAG,
        OPT_TOKEN_LIFE,
        OPT_SEED,
        OPT_RATES,
        OPT_BARE_202,
        OPT_NO_LIMITS,
        OPT_TLS_LISTEN,
        OPT_TLS_PORT_FILE,
        OPT_TLS_CERT,
        OPT_TLS_KEY,
        OPT_ARC_KEY,
        OPT_RECORD,
        OPT_FAULTS,
};

static const struct option long_options[] = {
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {"listen", required_argument, NULL, OPT_LISTEN},
        {"port-file", required_argument, NULL, OPT_PORT_FILE},
        {"world", required_argument, NULL, OPT_WORLD},
        {"disks", required_argument, NULL, OPT_DISKS},
        {"latency-ms", required_argument, NULL, OPT_LATENCY},
        {"operation-ms", required_argument, NULL, OPT_OPERATION},
        {"linger-ms", required_argument, NULL, OPT_LINGER},
        {"tagging-ms", required_argument, NULL, OPT_TAGGING},
        {"copy-ms", required_argument, NULL, OPT_COPY},
        {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
        {"empty-pages", required_argument, NULL, OPT_EMPTY_PAGES},
        {"listing-lag-ms", required_argument, NULL, OPT_LISTING_LAG},
        {"token-life", required_argument, NULL, OPT_TOKEN_LIFE},
        {"seed", required_argument, NULL, OPT_SEED},
        {"rates", required_argument, NULL, OPT_RATES},
        {"bare-202", no_argument, NULL, OPT_BARE_202},
        {"no-limits", no_argument, NULL, OPT_NO_LIMITS},
        {"tls-listen", required_argument, NULL, OPT_TLS_LISTEN},
        {"tls-port-file", required_argument, NULL, OPT_TLS_PORT_FILE},
        {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
        {"tls-key", required_argument, NULL, OPT_TLS_KEY},
        {"arc-key", required_argument, NULL, OPT_ARC_KEY},
        {"record", required_argument, NULL, OPT_RECORD},
        {"faults", required_argument, NULL, OPT_FAULTS},
        {},
};

/* The options that are numbers. Returns false after complaining. */
static bool apply_number(enum option_code code, const char *name, const char *value,
                         struct options *options) {
        const uint64_t ms_max = UINT64_C(86400000);
        uint64_t max, number;

        max = code == OPT_SEED ? UINT64_MAX : code == OPT_DISKS ? 1000000 : ms_max;
        if (!read_number(name, value, max, &number))
                return false;

        if (code == OPT_DISKS)
                options->disks = number;
        else if (code == OPT_LATENCY)
                options->latency_ns = (int64_t)number * NSEC_PER_MSEC;
        else if (code == OPT_OPERATION)
                options->service.operation_ns = (int64_t)number * NSEC_PER_MSEC;
        else if (code == OPT_LINGER)
                options->service.linger_ns = (int64_t)number * NSEC_PER_MSEC;
        else if (code == OPT_TAGGING)
                options->service.tagging_ns = (int64_t)number * NSEC_PER_MSEC;
        else if (code == OPT_COPY)
                options->service.copy_ns = (int64_t)number * NSEC_PER_MSEC;
        else if (code == OPT_PAGE_SIZE)
                options->service.page_size = number;
        else if (code == OPT_EMPTY_PAGES)
                options->service.empty_pages = (uint32_t)number;
        else if (code == OPT_LISTING_LAG)
                options->service.listing_lag_ns = (int64_t)number * NSEC_PER_MSEC;
        else if (code == OPT_TOKEN_LIFE)
                options->service.token_life_s = (int64_t)number;
        else
                options->service.seed = number;
        return true;
}

static bool apply(enum option_code code, const char *name, char *value, struct options *options,
                  bool *has_disks) {
        switch (code) {
        case OPT_LISTEN:
                return read_address(name, value, &options->http);
        case OPT_TLS_LISTEN:
                return read_address(name, value, &options->https);
        case OPT_PORT_FILE:
                options->http.port_file = value;
                return true;
        case OPT_TLS_PORT_FILE:
                options->https.port_file = value;
                return true;
        case OPT_TLS_CERT:
                options->tls_cert = value;
                return true;
        case OPT_TLS_KEY:
                options->tls_key = value;
                return true;
        case OPT_FAULTS:
                options->faults = value;
                return true;
        case OPT_RECORD:
                options->record = value;
                return true;
        case OPT_ARC_KEY:
                options->arc_key = value;
                return true;
        case OPT_WORLD:
                options->world = value;
                return true;
        case OPT_RATES:
                return read_rates(name, value, &options->service.rates);
        case OPT_BARE_202:
                options->service.bare_accepted = true;
                return true;
        case OPT_NO_LIMITS:
                options->service.no_limits = true;
                return true;
        case OPT_DISKS:
                *has_disks = true;
                return apply_number(code, name, value, options);
        case OPT_LATENCY:
        case OPT_OPERATION:
        case OPT_LINGER:
        case OPT_TAGGING:
        case OPT_COPY:
        case OPT_PAGE_SIZE:
        case OPT_EMPTY_PAGES:
        case OPT_LISTING_LAG:
        case OPT_TOKEN_LIFE:
        case OPT_SEED:
                return apply_number(code, name, value, options);
        case OPT_HELP:
        case OPT_VERSION:
                break;
        }
        return true;
}

static enum options_verdict check(const struct options *options, bool has_disks) {
        const char *what = NULL;

        if (!options->http.text && !options->https.text)
                what = "--listen or --tls-listen is needed";
        else if (options->https.text && (!options->tls_cert || !options->tls_key))
                what = "--tls-listen needs --tls-cert and --tls-key";
        else if ((options->world != NULL) == has_disks)
                what = "one of --world and --disks is needed";
        else if (options->service.page_size == 0)
                what = "--page-size must be at least 1";
        if (!what)
                return OPTIONS_RUN;
        fprintf(stderr, "azure-sim: %s\n", what);
        return OPTIONS_WRONG;
}

enum options_verdict options_read(int argc, char **argv, struct options *ret_options) {
        struct options options = {.service = service_options_default()};
        bool has_disks = false;
        int index = 0;

        /* Complaints of getopt begin with it. */
        if (argc > 0)
                argv[0] = program_invocation_short_name;
        for (;;) {
                int code = getopt_long(argc, argv, "", long_options, &index);

                if (code < 0)
                        break;
                if (code == '?')
                        return OPTIONS_WRONG;
                if (code == OPT_HELP) {
                        print_help();
                        return OPTIONS_DONE;
                }
                if (code == OPT_VERSION) {
                        puts("azure-sim " SNAPKEEP_VERSION);
                        return OPTIONS_DONE;
                }
                if (!apply((enum option_code)code, long_options[index].name, optarg, &options,
                           &has_disks))
                        return OPTIONS_WRONG;
        }
        if (optind < argc) {
                fprintf(stderr, "azure-sim: argument %s is not expected\n", argv[optind]);
                return OPTIONS_WRONG;
        }
        *ret_options = options;
        return check(ret_options, has_disks);
}
