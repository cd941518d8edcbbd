/*
 * Virtual machines: what their disks say of them, and reading. Nobody starts, stops or changes one
 * here but hands.
 */
#include "sim/service-private.h"

#include "base/array.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Chosen: above any world that is simulated. */
#define VMS_MAX 1000000

struct vm {
        struct group *group;
        char *name, *id, *region;
        struct guid vm_id;
        char *os_disk; /* id */
        char *data_disks[SERVICE_VM_DISKS_MAX];
        size_t n_data_disks;
};

static struct vm *vm_free(struct vm *vm) {
        if (!vm)
                return NULL;

        free(vm->name);
        free(vm->id);
        free(vm->region);
        free(vm->os_disk);
        for (size_t i = 0; i < vm->n_data_disks; i++)
                free(vm->data_disks[i]);
        free(vm);
        return NULL;
}
DEFINE_CLEANUP(struct vm *, vm_free)

void service_vms_free(struct service *service) {
        for (size_t i = 0; i < service->n_vms; i++)
                vm_free(service->vms[i]);
        free(service->vms);
}

static struct vm *vm_find(const struct service *service, const struct group *group,
                          const char *name) {
        for (size_t i = 0; i < service->n_vms; i++)
                if (service->vms[i]->group == group &&
                    str_equal_nocase(service->vms[i]->name, name))
                        return service->vms[i];
        return NULL;
}

/* The disk must be there and nobody else's. */
static int vm_attach(struct service *service, const struct vm *vm, const char *id,
                     char **ret_disk_id) {
        struct service_resource *disk = service_find_living(service, id);

        if (!disk || disk->kind != SERVICE_DISK)
                return SERVICE_E_MISSING;
        if (disk->managed_by)
                return SERVICE_E_EXISTS;
        service_resource_changed(disk);
        *ret_disk_id = strdup(disk->id);
        return *ret_disk_id ? service_set_string(&disk->managed_by, vm->id) : -ENOMEM;
}

/* What a VM that did not come about has attached. */
static void vm_detach(struct service *service, const struct vm *vm) {
        for (size_t i = 0; i <= vm->n_data_disks; i++) {
                const char *id = i < vm->n_data_disks ? vm->data_disks[i] : vm->os_disk;
                struct service_resource *disk = id ? service_find_living(service, id) : NULL;

                if (disk)
                        (void)service_set_string(&disk->managed_by, NULL); /* frees alone */
        }
}

static int vm_name(struct vm *vm, const struct service_vm_spec *spec) {
        _cleanup_(strbuf_deinit) struct strbuf id = {};

        strbuf_appendf(&id, "/subscriptions/%s/resourceGroups/%s", vm->group->subscription->id,
                       vm->group->name);
        strbuf_appendf(&id, "/providers/Microsoft.Compute/virtualMachines/%s", spec->name);
        vm->name = strdup(spec->name);
        vm->region = strdup(spec->region ?: vm->group->region);
        if (!vm->name || !vm->region)
                return -ENOMEM;
        return strbuf_take(&id, &vm->id);
}

int service_add_vm(struct service *service, const struct service_vm_spec *spec) {
        _cleanup_(vm_freep) struct vm *vm = NULL;
        struct group *group;
        int r;

        if (!service_name_is_valid(SERVICE_SNAPSHOT, spec->name) ||
            spec->n_data_disks > SERVICE_VM_DISKS_MAX ||
            (spec->region && !service_region_is_valid(spec->region)))
                return SERVICE_E_INVALID;
        group = service_find_group(service, spec->subscription, spec->group);
        if (!group)
                return SERVICE_E_MISSING;
        if (vm_find(service, group, spec->name))
                return SERVICE_E_EXISTS;
        r = array_grow(&service->vms, service->n_vms, &service->vms_capacity, sizeof(*service->vms),
                       VMS_MAX);
        if (r < 0)
                return -ENOMEM;

        vm = calloc(1, sizeof(*vm));
        if (!vm)
                return -ENOMEM;
        vm->group = group;
        vm->vm_id = service_draw_guid(service);
        r = vm_name(vm, spec);
        if (r == 0 && spec->os_disk)
                r = vm_attach(service, vm, spec->os_disk, &vm->os_disk);
        for (size_t i = 0; i < spec->n_data_disks && r == 0; i++) {
                r = vm_attach(service, vm, spec->data_disks[i], &vm->data_disks[i]);
                vm->n_data_disks += vm->data_disks[i] != NULL;
        }
        if (r != 0) {
                vm_detach(service, vm);
                return r;
        }
        service->vms[service->n_vms++] = take_ptr(vm);
        return 0;
}

/* Reading. */

static void write_disk(struct strbuf *out, const struct service *service, const char *id) {
        const struct service_resource *disk = service_find(service, id);

        strbuf_append_str(out, "\"name\":");
        json_append_quoted(out, strrchr(id, '/') + 1);
        strbuf_append_str(out,
                          ",\"createOption\":\"Attach\",\"caching\":\"None\",\"managedDisk\":{");
        if (disk) {
                strbuf_append_str(out, "\"storageAccountType\":");
                json_append_quoted(out, disk->sku);
                strbuf_append_char(out, ',');
        }
        strbuf_append_str(out, "\"id\":");
        json_append_quoted(out, id);
        strbuf_append_char(out, '}');
        if (disk)
                strbuf_appendf(out, ",\"diskSizeGB\":%" PRIu32, disk->size_gib);
}

static void write_vm(struct strbuf *out, const struct service *service, const struct vm *vm) {
        char guid[GUID_TEXT_SIZE];

        strbuf_append_str(out, "{\"name\":");
        json_append_quoted(out, vm->name);
        strbuf_append_str(out, ",\"id\":");
        json_append_quoted(out, vm->id);
        strbuf_append_str(out, ",\"type\":\"Microsoft.Compute/virtualMachines\",\"location\":");
        json_append_quoted(out, vm->region);
        strbuf_appendf(out, ",\"properties\":{\"vmId\":\"%s\",", guid_format(&vm->vm_id, guid));
        strbuf_append_str(out, "\"hardwareProfile\":{\"vmSize\":\"Standard_D2s_v5\"},"
                               "\"provisioningState\":\"Succeeded\",\"storageProfile\":{");
        if (vm->os_disk) {
                strbuf_append_str(out, "\"osDisk\":{\"osType\":\"Linux\",");
                write_disk(out, service, vm->os_disk);
                strbuf_append_str(out, "},");
        }
        strbuf_append_str(out, "\"dataDisks\":[");
        for (size_t i = 0; i < vm->n_data_disks; i++) {
                strbuf_appendf(out, "%s{\"lun\":%zu,", i > 0 ? "," : "", i);
                write_disk(out, service, vm->data_disks[i]);
                strbuf_append_char(out, '}');
        }
        strbuf_append_str(out, "]}}}");
}

int service_vm_get(const struct service *service, const struct route *route,
                   const struct group *group, struct answer *answer) {
        const struct vm *vm = vm_find(service, group, route->name);

        if (!vm)
                return answer_error(answer, 404, "gateway", "ResourceNotFound",
                                    "The Resource 'Microsoft.Compute/virtualMachines/%s' under "
                                    "resource group '%s' was not found.",
                                    route->name, route->group);
        answer->status = 200;
        write_vm(&answer->body, service, vm);
        return 0;
}

/* One page: no test has more of them than a page holds. Groups without rights are left out. */
int service_vm_list(const struct service *service, const struct group *group,
                    struct answer *answer) {
        const char *comma = "";

        answer->status = 200;
        strbuf_append_str(&answer->body, "{\"value\":[");
        for (size_t i = 0; i < service->n_vms; i++) {
                const struct vm *vm = service->vms[i];
                enum service_rights rights = service_rights_in(answer->subscription, vm->group);

                if (vm->group->gone || vm->group->subscription != answer->subscription ||
                    (group && vm->group != group) || rights == SERVICE_RIGHTS_UNLISTED ||
                    rights == SERVICE_RIGHTS_NONE)
                        continue;
                strbuf_append_str(&answer->body, comma);
                write_vm(&answer->body, service, vm);
                comma = ",";
        }
        strbuf_append_str(&answer->body, "]}");
        return 0;
}

/* The world's form. */
void service_vms_dump(const struct service *service, struct strbuf *out) {
        const char *comma = "";

        for (size_t i = 0; i < service->n_vms; i++) {
                const struct vm *vm = service->vms[i];

                if (vm->group->gone)
                        continue;
                strbuf_appendf(out, "%s\n{\"id\":", comma);
                json_append_quoted(out, vm->id);
                strbuf_append_str(out, ",\"location\":");
                json_append_quoted(out, vm->region);
                if (vm->os_disk) {
                        strbuf_append_str(out, ",\"osDisk\":");
                        json_append_quoted(out, vm->os_disk);
                }
                strbuf_append_str(out, ",\"dataDisks\":[");
                for (size_t k = 0; k < vm->n_data_disks; k++) {
                        strbuf_append_str(out, k > 0 ? "," : "");
                        json_append_quoted(out, vm->data_disks[k]);
                }
                strbuf_append_str(out, "]}");
                comma = ",";
        }
}
