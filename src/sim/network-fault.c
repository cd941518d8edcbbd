/*
 * What befalls a request: by the seed, forced, or spared; and what did.
 */
#include "base/array.h"
#include "sim/network-private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define FAULTS_KEPT_MAX 1000000
#define MILLION 1000000

const char *network_fault_name(enum network_fault fault) {
        static const char *const names[_NETWORK_FAULT_N] = {
                [NETWORK_NO_FAULT] = "none",
                [NETWORK_NOT_SENT] = "not-sent",
                [NETWORK_LOST_BEFORE] = "lost-before",
                [NETWORK_LOST_AFTER] = "lost-after",
                [NETWORK_TIMEOUT_BEFORE] = "timeout-before",
                [NETWORK_TIMEOUT_AFTER] = "timeout-after",
                [NETWORK_THROTTLED] = "throttled",
                [NETWORK_ERROR_500] = "error-500",
                [NETWORK_ERROR_500_AFTER] = "error-500-after",
                [NETWORK_ERROR_503] = "error-503",
                [NETWORK_UNAUTHORIZED] = "unauthorized",
                [NETWORK_CUT_BODY] = "cut-body",
                [NETWORK_ODD_BODY] = "odd-body",
                [NETWORK_SLOW] = "slow",
                [NETWORK_FAILED_CREATE] = "failed-create",
                [NETWORK_FAILED_DELETE] = "failed-delete",
                [NETWORK_STUCK_OPERATION] = "stuck-operation",
                [NETWORK_FORBIDDEN] = "forbidden",
                [NETWORK_NOT_FOUND_GROUP] = "not-found-group",
                [NETWORK_CONFLICT] = "conflict",
                [NETWORK_TIMEOUT_408] = "timeout-408",
                [NETWORK_ODD_DATE] = "odd-date",
                [NETWORK_FAILED_COPY] = "failed-copy",
        };

        return fault < _NETWORK_FAULT_N ? names[fault] : "?";
}

static bool kind_is_write(enum service_request_kind kind) {
        return kind == SERVICE_REQUEST_PUT_DISK || kind == SERVICE_REQUEST_PUT_SNAPSHOT ||
               kind == SERVICE_REQUEST_DELETE_DISK || kind == SERVICE_REQUEST_DELETE_SNAPSHOT;
}

static bool fault_fits(enum network_fault fault, const struct network_event *event) {
        if (fault == NETWORK_FAILED_CREATE)
                return event->kind == SERVICE_REQUEST_PUT_SNAPSHOT ||
                       event->kind == SERVICE_REQUEST_PUT_DISK;
        if (fault == NETWORK_FAILED_DELETE)
                return event->kind == SERVICE_REQUEST_DELETE_SNAPSHOT;
        if (fault == NETWORK_STUCK_OPERATION)
                return kind_is_write(event->kind);
        if (fault == NETWORK_FAILED_COPY)
                return event->kind == SERVICE_REQUEST_PUT_SNAPSHOT;
        if (fault == NETWORK_CONFLICT)
                return event->method != HTTP_GET && event->kind != SERVICE_REQUEST_TOKEN;
        if (fault == NETWORK_UNAUTHORIZED || fault == NETWORK_FORBIDDEN ||
            fault == NETWORK_NOT_FOUND_GROUP || fault == NETWORK_ODD_DATE)
                return event->kind != SERVICE_REQUEST_TOKEN;
        return true;
}

static bool is_spared(const struct network *network, const struct network_event *event) {
        for (size_t i = 0; i < network->n_spared; i++) {
                const struct spared *spared = &network->spared[i];

                if (spared->node == event->node && spared->request == event->request &&
                    spared->nth == event->nth)
                        return true;
        }
        return false;
}

enum network_fault network_decide(const struct transport_call *call) {
        const struct network *network = call->network;
        const struct network_event *event = &call->event;

        for (size_t i = 0; i < network->n_forced; i++)
                if (network->forced[i].number == event->number)
                        return network->forced[i].fault;
        if (!(network->kinds & (UINT32_C(1) << event->kind)))
                return NETWORK_NO_FAULT;

        for (unsigned fault = NETWORK_NO_FAULT + 1; fault < _NETWORK_FAULT_N; fault++)
                if (sim_mix(call->draw, fault) % MILLION < network->per_million[fault] &&
                    fault_fits((enum network_fault)fault, event))
                        return is_spared(network, event) ? NETWORK_NO_FAULT
                                                         : (enum network_fault)fault;
        return NETWORK_NO_FAULT;
}

void network_note_fault(struct network *network, const struct network_event *event) {
        if (array_grow(&network->faults, network->n_faults, &network->faults_capacity,
                       sizeof(*network->faults), FAULTS_KEPT_MAX) == 0)
                network->faults[network->n_faults++] = *event;
}

void network_set_fault(struct network *network, enum network_fault fault, uint32_t per_million) {
        network->per_million[fault] = per_million;
}

void network_stop_faults(struct network *network) {
        memset(network->per_million, 0, sizeof(network->per_million));
}

void network_set_fault_kinds(struct network *network, uint32_t kinds) {
        network->kinds = kinds;
}

int network_force(struct network *network, uint64_t number, enum network_fault fault) {
        int r;

        r = array_grow(&network->forced, network->n_forced, &network->forced_capacity,
                       sizeof(*network->forced), FAULTS_KEPT_MAX);
        if (r < 0)
                return -ENOMEM;

        network->forced[network->n_forced++] = (struct forced){number, fault};
        return 0;
}

int network_spare(struct network *network, unsigned node, uint64_t request, uint32_t nth) {
        int r;

        r = array_grow(&network->spared, network->n_spared, &network->spared_capacity,
                       sizeof(*network->spared), FAULTS_KEPT_MAX);
        if (r < 0)
                return -ENOMEM;

        network->spared[network->n_spared++] = (struct spared){node, request, nth};
        return 0;
}

size_t network_faults(const struct network *network) {
        return network->n_faults;
}

const struct network_event *network_fault_at(const struct network *network, size_t index) {
        assert(index < network->n_faults);
        return &network->faults[index];
}
