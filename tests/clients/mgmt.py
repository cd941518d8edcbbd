#!/usr/bin/python3
"""mgmt: Debian's python3-azure at work, for clients.py: the walk of sdk.mjs in another language.

    mgmt.py COMMAND JSON        COMMAND is walk or list; JSON as for sdk.mjs

Prints JSON with the names that JavaScript's client uses.
"""
import json
import sys

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.mgmt.compute import ComputeManagementClient

command, given = sys.argv[1], json.loads(sys.argv[2])
QUICK = {'polling_interval': 0.1}


def credential():
    if 'secret' not in given:
        return ManagedIdentityCredential()
    # This version asks Microsoft whether it knows the authority, unless the tenant is "adfs".
    return ClientSecretCredential('adfs', given['client'], given['secret'], authority=given['login'])


client = ComputeManagementClient(credential(), given['subscription'], base_url=given['arm'],
                                 credential_scopes=[given['arm'] + '/.default'])


def plain(resource):
    data = resource.serialize(keep_readonly=True)
    return {**data.pop('properties', {}), **data}


def refusal(call):
    try:
        call()
    except HttpResponseError as error:
        return {'status': error.status_code, 'code': error.error.code}
    return {'status': 200, 'code': ''}


def snapshot_of(disk, tags):
    return {'location': disk.location, 'tags': tags, 'incremental': True,
            'creation_data': {'create_option': 'Copy', 'source_resource_id': disk.id}}


def walk():
    group, name, snapshots = given['group'], given['name'], client.snapshots
    disks = list(client.disks.list())
    disk = client.disks.get(given['disks'], disks[0].name)
    result = {'disks': [plain(one) for one in disks], 'shown': plain(disk)}

    def create(of, tags):
        return snapshots.begin_create_or_update(group, name, snapshot_of(of, tags), **QUICK).result()

    def delete():
        return snapshots.begin_delete(group, name, **QUICK).result()

    result['created'] = plain(create(disk, {'made': 'by the client'}))
    result['repeated'] = plain(create(disk, {'made': 'twice'}))
    result['listed'] = [plain(one) for one in snapshots.list()]
    result['inGroup'] = [plain(one) for one in snapshots.list_by_resource_group(group)]
    result['granted'] = snapshots.begin_grant_access(
        group, name, {'access': 'Read', 'duration_in_seconds': 300}, **QUICK).result().access_sas
    result['open'] = plain(snapshots.get(group, name))
    result['locked'] = refusal(delete)
    snapshots.begin_revoke_access(group, name, **QUICK).result()
    result['tagged'] = plain(snapshots.begin_update(
        group, name, {'tags': {'made': 'by the client', 'seen': 'yes'}}, **QUICK).result())
    result['wrong'] = refusal(lambda: create(disks[1], {}))
    result['missing'] = refusal(lambda: snapshots.get(group, 'no-such-snapshot'))
    delete()
    result['left'] = [plain(one) for one in snapshots.list_by_resource_group(group)]
    return result


COMMANDS = {'walk': walk, 'list': lambda: [plain(one) for one in client.snapshots.list()]}
json.dump(COMMANDS[command](), sys.stdout)
