import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DIRECT } from '../../src/net/network.js';
import { FleetError, FleetUnreadable } from '../../src/tenants/fleet.js';
import { removeFromFleetFile } from '../../src/tenants/rewrite-file.js';
import { FleetSilent, remoteFleet } from '../../src/tenants/sources/remote.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-copy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shortage = (code: string) => Object.assign(new Error(`${code}: too many open files`), { code });
const EU = JSON.stringify({ tenants: [{ name: 'eu', url: 'https://eu.example', token: { file: 'eu' } }] });
/** A source elsewhere, with what it loads and what its secrets are next. */
function elsewhere(isLocal = true) {
  const next = { load: (): string => EU, secret: (): string => 'hush-eu' };
  const options = { setting: 'CANARY_FLEET_URL', fixed: null, problems: [], secrets: ['/run/canary'], isLocal };
  const sources = { env: {}, readFile: () => next.secret(), network: DIRECT };
  return { next, fleet: remoteFleet({ ...options, load: async () => next.load() }, sources) };
}
const fail = (error: Error) => () => {
  throw error;
};

describe('the last good copy of a fleet', () => {
  test('outlives a read that this worker had no open files for', async () => {
    const { next, fleet } = elsewhere();
    await fleet.read();
    next.load = fail(shortage('EMFILE'));
    await expect(fleet.read()).rejects.toThrow('EMFILE');
    next.load = fail(new FleetSilent('status 503'));
    expect((await fleet.read()).copy?.why).toBe('CANARY_FLEET_URL: status 503');
  });

  test('outlives a secret that this worker had no open files for', async () => {
    const { next, fleet } = elsewhere();
    await fleet.read();
    next.load = fail(new FleetSilent('status 503'));
    next.secret = fail(shortage('EMFILE'));
    await expect(fleet.read()).rejects.toThrow(FleetUnreadable);
    next.secret = () => 'hush-eu';
    expect((await fleet.read()).tenants).toHaveLength(1);
  });

  test('does not outlive an answer that is no fleet', async () => {
    const { next, fleet } = elsewhere();
    await fleet.read();
    next.load = () => '{}';
    await expect(fleet.read()).rejects.toThrow(FleetError);
    next.load = fail(new FleetSilent('status 503'));
    await expect(fleet.read()).rejects.toThrow('there is no copy of the last day');
  });
});

test('a fleet of another machine cannot name a tenant on this one over plain http, a fleet of this machine can', async () => {
  const plain = () => EU.replace('https://eu.example', 'http://127.0.0.1:2375');
  const [there, here] = [elsewhere(false), elsewhere(true)];
  there.next.load = plain;
  here.next.load = plain;
  await expect(there.fleet.read()).rejects.toThrow(
    'CANARY_FLEET_URL: tenants[0] (eu): url is plain http to this machine: only a fleet of this machine may name it',
  );
  expect((await here.fleet.read()).tenants).toHaveLength(1);
});

test.skipIf(process.getuid?.() !== 0)(
  'a fleet file that root changes keeps its owner, and so does its old one',
  async () => {
    const file = join(folder, 'fleet.json');
    const tenants = ['eu', 'us'].map((name) => ({ name, url: `https://${name}.example`, token: { env: 'TOKEN' } }));
    writeFileSync(file, JSON.stringify({ tenants }), { mode: 0o640 });
    chownSync(file, 12_345, 23_456);
    const kept = await removeFromFleetFile(file, 'eu');
    for (const one of [file, kept]) {
      const { uid, gid, mode } = statSync(one);
      expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 12_345, gid: 23_456, mode: 0o640 });
    }
    expect(JSON.parse(readFileSync(file, 'utf8')).tenants).toHaveLength(1);
  },
);
