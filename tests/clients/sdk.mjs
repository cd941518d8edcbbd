// sdk: Microsoft's JavaScript client at work, for tests and benchmarks.
//
//     node sdk.mjs MODULES COMMAND [JSON]
//
// MODULES is the folder with package.json's node_modules. JSON has what all commands need: {"arm",
// "login", "tenant", "client", "secret", "subscription"}; without a secret the managed identity of
// AZURE_POD_IDENTITY_AUTHORITY_HOST is used. COMMAND is "walk", "list" or "cycle"; the result is JSON on standard
// output.
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, command, text] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'package.json'));
const { ComputeManagementClient } = require('@azure/arm-compute');
const { ClientSecretCredential, ManagedIdentityCredential } = require('@azure/identity');

const given = JSON.parse(text);
const scope = `${given.arm}/.default`;

function credential() {
  if (!given.secret) return new ManagedIdentityCredential();
  return new ClientSecretCredential(given.tenant, given.client, given.secret, {
    authorityHost: given.login, disableInstanceDiscovery: true,
  });
}

const client = new ComputeManagementClient(credential(), given.subscription, {
  endpoint: given.arm, credentialScopes: [scope],
});

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

// What a call is refused with.
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.statusCode, code: error.code };
  }
  return { status: 200, code: '' };
}

const snapshotOf = (disk, tags) => ({
  location: disk.location, tags, incremental: true,
  creationData: { createOption: 'Copy', sourceResourceId: disk.id },
});

// Everything an operator does with the client, once.
async function walk() {
  const { group, disks, name } = given;
  const quick = { updateIntervalInMs: 50 };
  const result = { disks: await all(client.disks.list()) };
  const disk = await client.disks.get(disks, result.disks[0].name);

  result.shown = disk;
  result.created = await client.snapshots
    .createOrUpdate(group, name, snapshotOf(disk, { made: 'by the client' }), quick);
  result.repeated = await client.snapshots
    .createOrUpdate(group, name, snapshotOf(disk, { made: 'twice' }), quick);
  result.listed = await all(client.snapshots.list());
  result.inGroup = await all(client.snapshots.listByResourceGroup(group));
  result.granted = (await client.snapshots
    .grantAccess(group, name, { access: 'Read', durationInSeconds: 300 }, quick)).accessSAS;
  result.open = await client.snapshots.get(group, name);
  result.locked = await refusal(() => client.snapshots.delete(group, name, quick));
  await client.snapshots.revokeAccess(group, name, quick);
  result.tagged = await client.snapshots
    .update(group, name, { tags: { made: 'by the client', seen: 'yes' } }, quick);
  result.wrong = await refusal(() => client.snapshots.createOrUpdate(
    group, name, snapshotOf(result.disks[1], {}), quick));
  result.missing = await refusal(() => client.snapshots.get(group, 'no-such-snapshot'));
  await client.snapshots.delete(group, name, quick);
  result.left = await all(client.snapshots.listByResourceGroup(group));
  return result;
}

// One snapshot of every disk, and away with those of the disk that are older than its last `keep`; `parallel` disks
// at a time.
async function round(name) {
  const disks = await all(client.disks.list());
  const older = await all(client.snapshots.listByResourceGroup(given.group));
  const quick = { updateIntervalInMs: 10 };
  const one = async (disk) => {
    await client.snapshots
      .createOrUpdate(given.group, `${disk.name}-${name}`, snapshotOf(disk, {}), quick);
    const its = older.filter((s) => s.creationData.sourceUniqueId === disk.uniqueId)
      .sort((a, b) => b.timeCreated - a.timeCreated);
    for (const snapshot of its.slice(given.keep - 1))
      await client.snapshots.delete(given.group, snapshot.name, quick);
  };
  const worker = async () => {
    for (let disk = disks.pop(); disk; disk = disks.pop()) await one(disk);
  };
  await Promise.all(Array.from({ length: given.parallel }, worker));
  return (await all(client.snapshots.listByResourceGroup(given.group))).length;
}

// A round for each of `names`, and what it cost: seconds, and the peak in MiB so far.
async function cycle() {
  const costs = [];
  for (const name of given.names) {
    const before = process.cpuUsage();
    const begin = performance.now();
    await round(name);
    const { user, system } = process.cpuUsage(before);
    costs.push({ cpu: (user + system) / 1e6, wall: (performance.now() - begin) / 1e3,
      memory: process.resourceUsage().maxRSS / 1024 });
  }
  return costs;
}

async function main() {
  const commands = { walk, cycle, list: () => all(client.snapshots.list()) };
  if (!(command in commands)) throw new Error(`no command ${command}`);
  console.log(JSON.stringify(await commands[command]()));
}

await main();
