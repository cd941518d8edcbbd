#!/usr/bin/env python3
"""generated: replies made from Microsoft's schema through our decoders: nothing lost, nothing crashes.

    generated.py DECODE SOURCE        as TAP

Every optional member of a disk and of a snapshot is seen alone, left out alone, with all others and
with chance's choice of them; values are of the schema's types, enumerations and formats. What DECODE
saw is compared with what was written. The specification is looked for as openapi.py does.
"""
import datetime
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'integration'))

from rig import SUBSCRIPTION, Skip, Tap  # noqa: E402

VERSION = '2024-03-02'
KINDS = {'snapshots': ('snapshot.json', 'Snapshot'), 'disks': ('disk.json', 'Disk')}
PAGES, ROWS = 60, 25
tap = Tap()


class Schema:
    """Makes values of the specification's definitions. @chance is a random.Random."""

    def __init__(self, specification):
        self.folder = os.path.join(specification, 'Microsoft.Compute/DiskRP/stable', VERSION)
        self.files = {}

    def follow(self, file, reference):
        path, _, pointer = reference.partition('#')
        file = os.path.normpath(os.path.join(os.path.dirname(file), path)) if path else file
        if file not in self.files:
            with open(file) as text:
                self.files[file] = json.load(text)
        found = self.files[file]
        for name in pointer.strip('/').split('/'):
            found = found[name]
        return file, found

    def members(self, file, schema):
        """{name: (file, schema)} and the required names, with those of allOf."""
        members, required = {}, set(schema.get('required', []))
        for part in schema.get('allOf', []):
            inherited = self.members(*self.follow(file, part['$ref']))
            members.update(inherited[0])
            required |= inherited[1]
        members.update({name: (file, part) for name, part in schema.get('properties', {}).items()})
        return members, required

    def paths(self, file, schema, prefix=()):
        """Every optional member, by its way from the top."""
        if '$ref' in schema:
            return self.paths(*self.follow(file, schema['$ref']), prefix)
        found = []
        members, required = self.members(file, schema)
        for name, (where, part) in members.items():
            if name not in required:
                found.append(prefix + (name,))
            if len(prefix) < 3:
                found += self.paths(where, part, prefix + (name,))
        return found

    def make(self, file, schema, wanted, chance, prefix=()):
        if '$ref' in schema:
            return self.make(*self.follow(file, schema['$ref']), wanted, chance, prefix)
        kind = schema.get('type')
        if 'enum' in schema:
            return chance.choice(schema['enum'])
        if kind == 'string':
            return text_of(schema, prefix, chance)
        if kind in ('integer', 'number'):
            return number_of(schema, prefix, chance)
        if kind == 'boolean':
            return chance.random() < 0.5
        if kind == 'array':
            return [self.make(file, schema['items'], wanted, chance, prefix)
                    for _ in range(chance.randrange(3))]
        if 'additionalProperties' in schema:
            return {f'{prefix[-1]}-{i}': chance.choice(ODD_TEXTS) for i in range(chance.randrange(4))}
        members, required = self.members(file, schema)
        names = list(members)
        chance.shuffle(names)  # no order of members is promised
        return {name: self.make(*members[name], wanted, chance, prefix + (name,))
                for name in names if name in required or wanted(prefix + (name,))}


ODD_TEXTS = ['', 'plain', 'a "quoted" one', 'back\\slash', 'å ∑ 𝄞', '</script>', '\t\n', '\u007f', 'x' * 256]


def guid(chance):
    bits = f'{chance.getrandbits(128):032x}'
    return f'{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}'


def text_of(schema, prefix, chance):
    name = prefix[-1]
    if schema.get('format') == 'date-time':
        when = datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=chance.randrange(10 ** 9))
        fraction = chance.choice(['', f'.{chance.randrange(1, 10 ** 7):07}', '.5'])
        return when.strftime('%Y-%m-%dT%H:%M:%S') + fraction + chance.choice(['Z', '+00:00', '+02:00'])
    if name.lower().endswith('uniqueid'):
        return guid(chance)
    if name == 'location':
        return chance.choice(['westeurope', 'eastus2', 'East US 2'])
    if name == 'provisioningState':
        return chance.choice(['Succeeded', 'Failed', 'Canceled', 'Deleting', 'Updating', 'Creating'])
    return chance.choice(ODD_TEXTS)


def number_of(schema, prefix, chance):
    if prefix[-1] == 'completionPercent':
        return chance.choice([0, 0.0, 1.5, 50, 99.9, 100, 100.0])
    whole = chance.choice([0, 1, 512, 65536, 2 ** 31 - 1])
    return float(whole) if schema['type'] == 'number' else whole


# -------------------------------------------------------------------- what the decoders should have seen


def instant(text):
    """In the form that we print: UTC, seven decimals."""
    head, fraction, zone = text[:19], text[19:].rstrip('Z'), datetime.timedelta()
    if '+' in fraction:
        fraction, _, offset = fraction.partition('+')
        zone = datetime.timedelta(hours=int(offset[:2]))
    when = datetime.datetime.fromisoformat(head) - zone
    return when.isoformat() + '.' + fraction.lstrip('.').ljust(7, '0')


def seen_instant(text):
    return None if text is None else text.rstrip('Z').partition('.')[0] + '.' + (
        text.rstrip('Z').partition('.')[2].ljust(7, '0'))


def expected(kind, row):
    if 'properties' not in row:
        return {'refused': 'properties'}  # the schema allows it, and it would say nothing
    properties = row['properties']
    creation = properties.get('creationData', {})
    state = properties.get('provisioningState', 'Succeeded')
    time = properties.get('timeCreated')
    found = {'id': row['id'], 'location': row['location'], 'tags': row.get('tags'),
             'diskState': properties.get('diskState', ''), 'uniqueId': properties.get('uniqueId'),
             'timeCreated': time and instant(time),
             'provisioningState': state if state in ('Succeeded', 'Failed', 'Canceled', 'Deleting')
             else 'Running'}
    if kind == 'disks':
        return {**found, 'sku': row.get('sku', {}).get('name', '')}
    return {**found, 'createOption': creation.get('createOption', ''),
            'sourceUniqueId': creation.get('sourceUniqueId'),
            'incremental': properties.get('incremental', False),
            'completionPercent': int(properties.get('completionPercent', -1)),
            'copyCompletionError': 'copyCompletionError' in properties,
            'logicalSectorSize': 'logicalSectorSize' in creation}


class Generator:
    def __init__(self, specification, kind):
        self.schema, self.kind = Schema(specification), kind
        file, name = KINDS[kind]
        self.file = os.path.join(self.schema.folder, file)
        self.top = self.schema.follow(self.file, f'#/definitions/{name}')[1]

    def row(self, wanted, chance, number):
        row = self.schema.make(self.file, self.top, wanted, chance)
        # What no element of a listing lacks, and the one text whose form the schema leaves open.
        name = f'row-{number}'
        row.update(id=f'/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-x/providers/Microsoft.Compute/'
                   f'{self.kind}/{name}', name=name, type=f'Microsoft.Compute/{self.kind}')
        return row

    def rows(self, chance):
        """Each optional member alone, and each left out, then by chance."""
        paths = sorted(set(self.schema.paths(self.file, self.top)))
        below = lambda path, other: path == other[:len(path)]  # noqa: E731
        choices = [lambda path: True, lambda path: False]
        choices += [lambda path, one=one: below(path, one) for one in paths]
        choices += [lambda path, one=one: path != one for one in paths]
        for number, wanted in enumerate(choices):
            yield self.row(wanted, chance, number)
        for number in range(len(choices), PAGES * ROWS):
            share = chance.random()
            yield self.row(lambda path: chance.random() < share, chance, number)


def specification(source):
    folder = os.environ.get('SNAPKEEP_OPENAPI') or os.path.join(source, '..', 'shared/azure/openapi')
    if not os.path.isdir(folder):
        raise Skip(f'no specification at {folder}: set SNAPKEEP_OPENAPI')
    return os.path.abspath(folder)


def through(decode, kind, source):
    generator = Generator(specification(source), kind)
    rows = list(generator.rows(random.Random(42)))
    pages = [json.dumps({'value': rows[i:i + ROWS]}, ensure_ascii=i % 2 == 0)
             for i in range(0, len(rows), ROWS)]
    run = subprocess.run([decode], input='\n'.join(pages) + '\n', capture_output=True, text=True,
                         timeout=300, check=False)
    if run.returncode != 0:
        raise AssertionError(f'decode: {run.returncode} {run.stderr[-2000:]}')
    found = [json.loads(line) for line in run.stdout.splitlines()]
    if len(found) != len(rows):
        raise AssertionError(f'{len(found)} of {len(rows)} elements')
    for row, seen in zip(rows, found):
        wanted = expected(kind, row)
        if 'timeCreated' in seen:
            seen['timeCreated'] = seen_instant(seen['timeCreated'])
        if seen != wanted:
            raise AssertionError(f'{seen}\n# in place of {wanted}\n# of {json.dumps(row)}')
    print(f'# {len(rows)} {kind} in {len(pages)} pages')


@tap
def snapshots(folder, decode, source):
    """snapshots of every shape that the schema allows: what was written is what is seen"""
    through(decode, 'snapshots', source)


@tap
def disks(folder, decode, source):
    """disks of every shape that the schema allows: what was written is what is seen"""
    through(decode, 'disks', source)


if __name__ == '__main__':
    sys.exit(tap.main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))
