import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { checkDriftId } from '../../src/contract/ids.js';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import type { Finding } from '../../src/doctor/finding.js';
import { scheduleDriftCheck } from '../../src/temporal/namespace.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { startTokenServer } from '../../testbed/token-server.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { READER, WRITER } from '../registry/support.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { Gate, TOKEN, useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

/** Settings of a production gate; nothing is released in this one. */
const USUAL = {
  CANARY_UNSAFE: 'false',
  CANARY_POLL: '5s',
  CANARY_BAKE: '10m',
  CANARY_SOAK: '6m',
  CANARY_UPDATE_CYCLE: '5m',
  CANARY_UPDATE_TIMEOUT: '10m',
  CANARY_SOAK_PROBE: '60s',
  CANARY_HOLD_TIMEOUT: '72h',
};
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
/** No server listens there. */
const NO_SERVER = '127.0.0.1:1';
const WRONG = 'a-wrong-password';
const SECRETS = [TOKEN, WRITER.password, READER.password, WRONG];
const sha = newSha();

const gate = useGate('doctor', () => ({ env: USUAL }));
beforeAll(async () => {
  await gate().begin(sha);
  gate().deploy({ sha });
  await scheduleDriftCheck(gate().client, gate().lane);
  await until('its worker polls, and has kept a copy of the ledger', async () => {
    const { code, out } = await doctor();
    return code === 0 && out.some((line) => line.endsWith('has a copy of the ledger'));
  });
});

/** Runs doctor in the environment of the gate's worker, with these changes. No finding contains a secret. */
async function doctor(env: Record<string, string> = {}, ...args: string[]) {
  const { code, out, err } = await canary(['doctor', ...args], { ...gate().env, ...env });
  for (const secret of SECRETS) expect([...out, ...err].join('\n')).not.toContain(secret);
  expect(err).toEqual([]);
  return { code, out };
}

/** Starts a registry behind a token server; the environment that leads to it with this user's password. */
async function guarded({ name, password }: { name: string; password: string }) {
  const [registry, tokens] = await Promise.all([startMemoryRegistry(), startTokenServer({ users: [WRITER, READER] })]);
  onTestFinished(() => Promise.all([registry.stop(), tokens.stop()]).then(() => undefined));
  tokens.behavior.opaque = true;
  registry.faults.add({ match: () => true, respond: (request, serve) => tokens.refuse(request) ?? serve() });
  const auth = Buffer.from(`${name}:${password}`).toString('base64');
  return {
    CANARY_IMAGES: `${registry.host}/platform`,
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }),
  };
}

describe('canary doctor of a healthy gate', () => {
  test('prints a line for each check, with 0', async () => {
    const { code, out } = await doctor();
    const images = gate().repositories.map((name) => `${gate().host}/${name}`);
    expect(out).toEqual([
      'ok       settings  nothing unusual is configured',
      expect.stringMatching(
        /^ok {7}temporal {2}server \d+\.\d+\.\d+ answers; namespace default keeps ended runs for 24h$/,
      ),
      'ok       temporal  all search attributes are registered',
      expect.stringMatching(new RegExp(`^ok {7}workers {3}${process.pid}@.+#[0-9a-f]{8} polls$`)),
      'ok       lane      promotion is automatic',
      'ok       runs      no run is stuck or held',
      ...images.map((image) =>
        expect.stringMatching(
          `^ok       registry  ${image} can be read, and takes uploads \\(overwriting :latest was not tried\\); :latest is sha256:[0-9a-f]{64}$`,
        ),
      ),
      'ok       lane      :latest is where the last move left it',
      'ok       lane      the registry has a copy of the ledger',
      'ok       tenants   canary-1: liveness returns a subsystems map',
      'ok       tenants   canary-2: liveness returns a subsystems map',
      `ok       tenants   canary-1 reports build ${sha.slice(0, 7)}`,
      `ok       tenants   canary-2 reports build ${sha.slice(0, 7)}`,
      'nothing here would stop a release',
    ]);
    expect(code).toBe(0);
  });

  test('prints one object as JSON', async () => {
    const { code, out } = await doctor({}, '-o', 'json');
    const printed = JSON.parse(out.join('\n')) as { stops: boolean; findings: Finding[] };
    expect(printed.stops).toBe(false);
    expect(new Set(printed.findings.map(({ area }) => area))).toEqual(
      new Set(['settings', 'temporal', 'workers', 'lane', 'runs', 'registry', 'tenants']),
    );
    expect(code).toBe(0);
  });

  test('from a shell whose clock is two minutes ahead warns of it, and finds the worker', async () => {
    const { said, exit } = spawned(['doctor'], {
      ...gate().env,
      TEMPORAL_ADDRESS: temporalAddress(),
      NODE_OPTIONS: `--require ${join(repositoryRoot, 'test', 'support', 'skewed-clock.cjs')}`,
      TEST_SKEW_MS: '120000',
    });
    await exit;
    expect(said()).toMatch(/^WARNING {2}temporal {2}the clock of this shell is 1(19|20|21) s ahead of Temporal's, /m);
    expect(said()).toMatch(/^ok {7}workers {3}\d+@.+ polls$/m);
  });
});

describe('a problem that stops a release is printed first, with its fix and 1', () => {
  const both = (url: string) => ({ CANARY_TENANT_URLS: `${gate().tenants[0]?.url},${url}` });
  test.each<[string, () => Record<string, string> | Promise<Record<string, string>>, RegExp]>([
    [
      'Temporal is down',
      () => ({ TEMPORAL_ADDRESS: NO_SERVER }),
      /temporal {2}Temporal does not answer at .*: start it, or/,
    ],
    [
      'the namespace is missing',
      () => ({ TEMPORAL_NAMESPACE: 'nowhere' }),
      /temporal {2}there is no namespace nowhere \(fix: temporal operator namespace create/,
    ],
    [
      'no worker polls',
      () => ({ CANARY_LANE: 'doctor-no-worker' }),
      /workers {3}no worker polls doctor-no-worker-canary-release: .*\(fix: start one: canary worker\)/,
    ],
    ['there is no lane yet', () => ({ CANARY_LANE: 'doctor-no-worker' }), /lane {6}there is no lane yet: canary setup/],
    [
      'the registry is down',
      () => ({ CANARY_IMAGES: `${NO_SERVER}/a/platform` }),
      /registry {2}127\.0\.0\.1:1\/a\/platform cannot be read: .*ECONNREFUSED \(fix: connection refused: is 127\.0\.0\.1:1 running\?\)/,
    ],
    [
      'the registry credentials are read-only',
      () => guarded(READER),
      /registry {2}.*\/platform can be read, but not written: POST .* \(fix: these credentials may not write: get push access at .*\)/,
    ],
    [
      'the password of the registry is wrong',
      () => guarded({ ...WRITER, password: WRONG }),
      /registry {2}.*\/platform cannot be read: .* \(fix: the credentials for .* are wrong or expired: log in again\)/,
    ],
    [
      'a tenant is down',
      () => both(`http://${NO_SERVER}`),
      /tenants {3}canary-2: liveness returns a subsystems map: no, but .*ECONNREFUSED.* \(fix: check that it is up and that its admin token is valid/,
    ],
    [
      'a tenant that is down reports no build',
      () => both(`http://${NO_SERVER}`),
      /tenants {3}releases will be held: canary-2 reports no build \(\/health: ECONNREFUSED/,
    ],
    [
      'an admin token is wrong',
      () => ({ CANARY_ADMIN_TOKENS: `${TOKEN},${WRONG}` }),
      /tenants {3}canary-2: liveness returns a subsystems map: no, but .*401/,
    ],
    [
      'a setting is invalid',
      () => ({ CANARY_SOAK: 'long' }),
      /settings {2}CANARY_SOAK: invalid duration "long": .*\(fix: no worker starts with this/,
    ],
  ])('%s', async (_, environment, line) => {
    const { code, out } = await doctor(await environment());
    expect(out.filter((one) => line.test(one) && one.startsWith('STOPS    '))).toHaveLength(1);
    expect(out[0]).toMatch(/^STOPS/);
    expect(out.at(-1)).toMatch(/^a release would be stopped: \d+ problems? to fix$/);
    expect(code).toBe(1);
  });

  test('and does not prevent the other checks', async () => {
    const { out } = await doctor({ TEMPORAL_NAMESPACE: 'nowhere', CANARY_IMAGES: `${NO_SERVER}/a/platform` });
    expect(out).toContain('ok       tenants   canary-1: liveness returns a subsystems map');
    const wrong = await doctor({ CANARY_TENANT_URLS: 'nonsense' });
    expect(wrong.out.filter((line) => /^ok {7}registry/.test(line))).toHaveLength(2);
  });

  test.each([
    ['is refused', PERMISSION_DENIED, '7 PERMISSION_DENIED: not for you'],
    ['gets no answer', UNAVAILABLE, 'workers: no answer within 3s'],
  ])('a check that %s is reported, and so are the others', async (_, status, why) => {
    const proxy = await startTemporalProxy(temporalAddress(), (call) =>
      call === 'DescribeTaskQueue' ? status : undefined,
    );
    const { code, out } = await doctor({ TEMPORAL_ADDRESS: proxy.address });
    await proxy.stop();
    const fix = 'look at the server; do these credentials have the right to read its namespace?';
    expect(out.filter((line) => /^STOPS {4}workers/.test(line))).toEqual([expect.stringContaining(`(fix: ${fix})`)]);
    expect(out.join()).toContain(why);
    expect(out).toContain('ok       temporal  all search attributes are registered');
    expect(code).toBe(1);
  });

  test('no tenant reports a build', async () => {
    gate().deploy({ sha, misbehave: 'no-build' });
    onTestFinished(() => gate().deploy({ sha }));
    const { code, out } = await doctor();
    expect(out[0]).toMatch(
      /^STOPS {4}tenants {3}releases will be held: no tenant reports a build \(canary-1: \/health: no sha/,
    );
    expect(code).toBe(1);
  });
});

describe('a finding that stops no release is a note, with 0', () => {
  test('an image that has no :latest yet', async () => {
    const { code, out } = await doctor({ CANARY_IMAGES: `${gate().host}/doctor/new` });
    expect(out.join('\n')).toMatch(
      /^note {5}registry {2}.*\/doctor\/new has no :latest yet: the first promotion asks/m,
    );
    expect(code).toBe(0);
  });

  test('no fleet, and a worker with another configuration than this shell', async () => {
    const { code, out } = await doctor({ CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '', CANARY_SOAK: '7m' });
    expect(out[0]).toMatch(/^note {5}settings {2}no canary fleet: every promotion waits for a person \(fix: /);
    // A setting is one character of a hash: one value in 64, and the addresses are random, has that of the other, and is not named.
    expect(out[1]).toMatch(
      /^note {5}workers {3}.*@.* runs with another (CANARY_TENANT_URLS, )?CANARY_SOAK than this shell \(fix: /,
    );
    expect(code).toBe(0);
  });

  test('the Schedule that checks for drift is paused', async () => {
    const id = checkDriftId(gate().lane);
    await gate().client.schedule.getHandle(id).pause('too noisy');
    onTestFinished(() => gate().client.schedule.getHandle(id).unpause());
    const { code, out } = await doctor();
    expect(out[0]).toBe(
      `WARNING  lane      the Schedule ${id} is paused in Temporal (too noisy), so a :latest that others moved goes unnoticed (fix: temporal schedule toggle --schedule-id ${id} --unpause --reason …)`,
    );
    expect(code).toBe(0);
  });

  test('a trial write is refused while the lane is not paused, by what one connection reads', async () => {
    const calls: string[] = [];
    const proxy = await startTemporalProxy(temporalAddress(), (call) => void calls.push(call));
    onTestFinished(() => proxy.stop());
    const { code, out } = await doctor({ TEMPORAL_ADDRESS: proxy.address }, '--write-probe');
    // Each connection begins with one, and the check of the server asks too.
    expect(calls.filter((call) => call === 'GetSystemInfo')).toHaveLength(3);
    expect(out[0]).toMatch(
      /^STOPS {4}registry {2}overwriting .*:latest was not tried: the lane is not paused \(fix: canary pause/,
    );
    expect(code).toBe(1);
  });

  test('another token is no other configuration', async () => {
    const { out } = await doctor({ CANARY_ADMIN_TOKENS: `${TOKEN},${WRONG}` });
    expect(out.join('\n')).toMatch(/^ok {7}workers/m);
  });

  test('a lane that people hold and pause is a warning, with what lifts it', async () => {
    const ada = { by: 'ada', reason: 'looked at it' };
    await gate().laneClient.update(laneCommandUpdate('pause'), ada);
    const { report } = await awaitRunEnd(
      await gate().rollback({ sha, force: true, requestedBy: ada.by, reason: ada.reason }),
    );
    expect(report).toMatchObject({ outcome: 'already' });
    const { code, out } = await until('the lane answers', async () => {
      const result = await doctor();
      return result.out.some((line) => line.includes('the lane does not answer')) ? null : result;
    });
    await gate().laneClient.update(laneCommandUpdate('unhold'), ada);
    await gate().laneClient.update(laneCommandUpdate('resume'), ada);
    expect(out.slice(0, 2)).toEqual([
      expect.stringMatching(
        /^WARNING {2}lane {6}automatic promotion is on hold: after-rollback, by ada: .* \(fix: canary lane unhold --reason …: /,
      ),
      'WARNING  lane      paused until a person resumes, by ada: looked at it (fix: canary resume --reason …)',
    ]);
    expect(code).toBe(0);
  });

  test('a tenant in quarantine is no reason to stop, unless that leaves too few', async () => {
    gate().tenants[1]?.run({ sha, misbehave: 'no-build' });
    const who = { by: 'ada', reason: 'its disk is full', tenant: 'canary-2' };
    await gate().sendToLane('quarantine', { ...who, until: new Date(Date.now() + 3_600_000).toISOString() });
    onTestFinished(async () => {
      await gate().sendToLane('unquarantine', who);
      gate().deploy({ sha });
    });
    const { code, out } = await doctor();
    expect(out[0]).toMatch(/^WARNING {2}tenants {3}canary-2 reports no build \(\/health: no sha/);
    expect(out.join('\n')).toMatch(
      /^note {5}tenants {3}canary-2 is in quarantine until .*, by ada: its disk is full /m,
    );
    expect(code).toBe(0);
    const few = await doctor({ CANARY_MIN_TENANTS: '2' });
    expect(few.out[0]).toBe(
      'STOPS    tenants   releases will be held: 1 of at least 2 tenants can test a build (fix: canary tenants unquarantine canary-2 --reason …, or add a canary tenant, or lower CANARY_MIN_TENANTS)',
    );
    expect(few.code).toBe(1);
  });

  fullTest('a release that is held', async () => {
    const held = await Gate.open('doctor-held', { env: { CANARY_APPROVAL: 'required', CANARY_HOLD_TIMEOUT: '30s' } });
    const old = newSha();
    await held.begin(old);
    const green = await held.greenBuild();
    const handle = await held.release({ sha: green.sha });
    await until('it waits for approval', async () => (await held.phaseOf(green.sha)) === 'awaiting-approval');
    const { code, out } = await until('visibility lists it', async () => {
      const result = await doctor(held.env);
      return result.out.some((line) => line.includes(' is held')) ? result : null;
    });
    const id = `doctor-held-canary-release-${green.sha.slice(0, 7)}`;
    expect(out).toContain(`note     runs      ${id} is held: approval (fix: canary status ${green.sha})`);
    expect(code).toBe(0);
    expect((await canary(['abort', green.sha, '--reason', 'seen'], held.env)).code).toBe(0);
    await awaitRunEnd(handle);
    await held.close();
  });
});

test('two workers that are configured differently are a warning that names the setting', async () => {
  const one = await Gate.open('doctor-two', { tenants: 0 });
  await one.begin(newSha());
  const two = await Gate.open('doctor-two', {
    tenants: 0,
    env: { CANARY_SOAK: '200ms', CANARY_HTTP_ADDR: '127.0.0.1:0' },
  });
  const { code, out } = await until('both poll', async () => {
    const result = await doctor(one.env);
    return result.code === 0 &&
      result.out.filter((line) => / polls$|another CANARY_SOAK than this shell/.test(line)).length === 2
      ? result
      : null;
  });
  await Promise.all([one.close(), two.close()]);
  expect(out.find((line) => line.includes('workers   workers'))).toMatch(
    /^WARNING {2}workers {3}workers run with another CANARY_SOAK, and any of them may plan a release: .*#[0-9a-f]{8}, .*#[0-9a-f]{8} \(fix: /,
  );
  expect(code).toBe(0);
});

describe('canary doctor on a separate server', () => {
  let server: TemporalServer;
  beforeAll(async () => {
    server = await startTemporalServer({ problemsAfter: 1 });
  });
  afterAll(() => server.stop());

  test('search attributes that are missing stop a release', async () => {
    const { code, out } = await doctor({ TEMPORAL_ADDRESS: server.address });
    expect(out[0]).toMatch(
      /^STOPS {4}temporal {2}search attributes: CanarySha is not registered, .* \(fix: canary setup\)$/,
    );
    expect(code).toBe(1);
  });

  test('a run whose task fails again and again stops a release, and the command that revives it is printed', async () => {
    // The initial state of the lane does not matter here.
    const env = { TEMPORAL_ADDRESS: server.address, CANARY_IMAGES: '127.0.0.1:1/platform' };
    // It adopts nothing.
    expect((await canary(['setup'], env)).code).toBe(4);
    const stuck = await Gate.open('doctor-stuck', { temporal: server.address, tenants: 0 });
    const handle = await stuck.client.workflow.start('NoSuchWorkflow', {
      taskQueue: 'doctor-stuck-canary-release',
      workflowId: 'doctor-stuck-run',
    });
    const { code, out } = await until('its problem is reported', async () => {
      const result = await doctor({ ...stuck.env, TEMPORAL_ADDRESS: server.address });
      return result.out.some((line) => line.startsWith('STOPS    runs')) ? result : null;
    });
    expect(out.join('\n')).toMatch(
      /^STOPS {4}runs {6}doctor-stuck-run is stuck: its workflow task (?:fails again and again|has failed \d+ times) \(fix: temporal workflow reset --workflow-id doctor-stuck-run --type LastWorkflowTask --reapply-exclude Signal --reason stuck\)$/m,
    );
    expect(code).toBe(1);
    await handle.terminate('seen');
    await stuck.close();
  });
});
