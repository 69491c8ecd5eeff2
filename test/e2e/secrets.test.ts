import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseLane, releaseId, taskQueue } from '../../src/contract/ids.js';
import { laneCommandSignal } from '../../src/contract/messages.js';
import { parseSha } from '../../src/contract/sha.js';
import { laneClient } from '../../src/temporal/lane-client.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { inEveryForm, secretsIn } from '../../testbed/echo.js';
import { startEchoTenant } from '../../testbed/echo-tenant.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startProcess } from '../../testbed/process.js';
import { type Answer, ociError, type RegistryRequest } from '../../testbed/registry-store.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { startTokenServer } from '../../testbed/token-server.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { canary } from '../support/canary-process.js';
import { keepRuns, pendingActivities, watchArguments } from '../support/evidence.js';
import { leakedRun } from '../support/leaked-run.js';
import { type Evidence, findSecret, withDecoded } from '../support/leaks.js';
import { firstRows } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

/** Said in public, in the campaign itself: what looks for secrets must find it. */
const PLANTED = 'planted/"+<reason>?';
const PLANTED_PLAIN = 'ada-who-says-so-in-public';
/** With what JSON, URLs and base64 write in another way. */
const secret = (name: string) => `${name.slice(0, 4)}/"+<>&%?=~${randomBytes(15).toString('base64url')}`;
const TOKENS = [secret('token-1'), secret('token-2')];
const PASSWORD = secret('registry-password');
const SETTINGS = {
  GITHUB_TOKEN: secret('github'),
};
/** In the address of a chat, and of a webhook. */
const SLACK = `T00/B00/${randomBytes(18).toString('hex')}`;
const HOOK = randomBytes(18).toString('hex');
const SIGNING = randomBytes(32).toString('base64');
const NOTIFY = `ghp_${randomBytes(18).toString('hex')}`;
const OF_SINKS = [SLACK, HOOK, SIGNING, NOTIFY];
/** Organization id as some databases generate it; it looks like a build. */
const ORG = '5eed0f5eed0f5eed0f5eed0f';
const HEADER = secret('header');
/** Of a proxy that nothing here goes through: everything is on this machine. */
const PROXY = secret('proxy');

const folder = mkdtempSync(join(tmpdir(), 'canary-secrets-'));
const fileOf = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, `${text}\n`);
  return path;
};

/** How secrets are given: as variables, with a password to the registry and encrypted payloads; or as files, with a token server before the registry. */
const WAYS = ['variables', 'files'] as const;
type Way = (typeof WAYS)[number];

const PAYLOAD_KEY = randomBytes(32).toString('base64');
const keyFile = fileOf('payload-keys', `key-1:${PAYLOAD_KEY}`);

let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: temporalAddress() });
});
afterAll(async () => {
  await connection.close();
  rmSync(folder, { recursive: true, force: true });
});
const clientOf = (way: Way) => {
  const keys = way === 'variables' ? parsePayloadKeys(`key-1:${PAYLOAD_KEY}`) : null;
  return new Client({ connection, dataConverter: { payloadCodecs: [payloadCodec(keys, 'throw')] } });
};

describe.each(firstRows(1, WAYS))('a whole campaign with its secrets in %s', (way) => {
  const evidence: Evidence = new Map();
  let campaign: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    campaign = await run(way, evidence);
  }, 300_000);
  const found = (kind: string) => {
    const part: Evidence = new Map([...evidence].filter(([where]) => where.startsWith(kind)));
    expect(part.size).toBeGreaterThan(0);
    return campaign.secrets.flatMap((one) => findSecret(part, one));
  };
  /** Any eight characters of a secret, however they are written, in what people read. */
  const foundRuns = (kind: string) => {
    const texts = [...evidence].filter(([where]) => where.startsWith(kind)).map(([, text]) => text);
    const shown = [...new Set(texts.join('\n').split('\n'))].join('\n');
    const leaked = leakedRun(shown, ...campaign.secrets);
    return leaked === null ? [] : [leaked];
  };

  test('ends as it should: promoted, red, aborted, rolled back, denied', () => {
    expect(campaign.codes).toEqual({ green: 0, red: 1, smoke: 1, abort: 0, held: 1, rollback: 0, denied: 4 });
  });

  test('leaves none in a history, a memo, a search attribute or a heartbeat', () => {
    expect([...found('history'), ...found('decrypted history'), ...found('under way')]).toEqual([]);
  });

  test('leaves none in what worker and commands print, reports among it', () => {
    expect([...found('output'), ...foundRuns('told')]).toEqual([]);
  });

  test('leaves none in the metrics, and none on the pages of the Temporal UI', () => {
    expect([...found('metrics'), ...foundRuns('metrics'), ...found('page'), ...foundRuns('page')]).toEqual([]);
  });

  test.skipIf(way !== 'variables')(
    'leaves no tenant, host, name or reason in a history, because payloads are encrypted',
    () => {
      const stored: Evidence = new Map([...evidence].filter(([where]) => where.startsWith('history')));
      const read: Evidence = new Map([...evidence].filter(([where]) => where.startsWith('decrypted')));
      for (const told of ['canary-1', 'canary-2', campaign.registry, PLANTED, PLANTED_PLAIN]) {
        expect(findSecret(stored, told)).toEqual([]);
        expect(findSecret(read, told)).not.toEqual([]);
      }
    },
  );

  test.skipIf(process.platform !== 'linux')('leaves none in the arguments of a process', () => {
    expect(found('arguments')).toEqual([]);
  });

  test('is searched by a search that finds planted texts, and repeats what it was sent', () => {
    const places = (planted: string) => findSecret(evidence, planted).map((place) => place.replace(/ .*:/, ':'));
    expect(places(PLANTED)).toEqual(expect.arrayContaining(['decrypted: JSON', 'output: plain']));
    expect(places(PLANTED_PLAIN)).toEqual(expect.arrayContaining(['decrypted: plain', 'page: plain']));
    if (way === 'files') {
      expect(places(PLANTED_PLAIN)).toContain('history: plain');
      expect(places(PLANTED_PLAIN).filter((place) => place.startsWith('history: base64,'))).not.toEqual([]);
    }
    if (process.platform === 'linux') expect(places(PLANTED)).toContain('arguments: plain');
    const all = [...evidence.values()].join('\n');
    expect(all).toContain('[secret]');
    // Its own, and with files the tokens that the token server handed out.
    expect(campaign.secrets.length).toBeGreaterThan(way === 'files' ? 6 : 4);
  });
});

test.each([
  ['plain', PLANTED],
  ['JSON', JSON.stringify({ PLANTED })],
  ['URL', encodeURIComponent(PLANTED)],
  ['hex', Buffer.from(PLANTED).toString('hex')],
  ['base64, 0 before', Buffer.from(`${PLANTED}.`).toString('base64')],
  ['base64, 1 before', Buffer.from(`:${PLANTED}`).toString('base64')],
  ['base64url, 2 before', Buffer.from(`a:${PLANTED}`).toString('base64url')],
])('what looks for secrets finds one as %s', (form, text) => {
  expect(findSecret(new Map([['here', text]]), PLANTED)).toContain(`here: ${form}`);
  expect(findSecret(new Map([['here', text.slice(3, -3)]]), PLANTED)).toEqual([]);
});

/** Goes through the campaign with a worker and a command line in processes of their own. */
async function run(way: Way, evidence: Evidence) {
  const client = clientOf(way);
  const lane = parseLane(`secrets-${way}`);
  const queue = taskQueue(lane);
  const tenants = await Promise.all(TOKENS.map(startEchoTenant));
  const registry = await startMemoryRegistry();
  const sinks = await startSinkServer();
  // They repeat what they were asked with, and take nothing.
  sinks.answer = ({ headers, path }) => ({
    status: 400,
    headers: { 'x-reason': path },
    body: inEveryForm([...OF_SINKS, ...secretsIn(headers)]),
  });
  const tokens = await startTokenServer({ users: [{ name: 'canary', password: PASSWORD, push: true }] });
  tokens.behavior.opaque = true;
  const [old, green, red, held, denied] = [newSha(), newSha(), newSha(), newSha(), newSha()];
  for (const sha of [old, green, red, held, denied]) await publish(registry, sha);
  for (const repository of NAMES) await retag({ registry: registry.host, repository, from: tagOf(old), to: 'latest' });
  const latest = NAMES.map(async (name) => ({
    repository: `${registry.host}/${name}`,
    digest: await tagDigest(registry.host, name, 'latest'),
  }));
  // The lane knows of no :latest yet, and promotes nothing over one.
  const adopted = { by: 'ada', reason: 'the first day', sha: old, images: await Promise.all(latest) };
  await laneClient(client, lane).signal(laneCommandSignal('adopt'), adopted);
  guard(registry, way === 'files' ? tokens.refuse : refuseByPassword, tagOf(denied));

  const env = {
    TEMPORAL_ADDRESS: temporalAddress(),
    CANARY_LANE: lane,
    CANARY_IMAGES: NAMES.map((name) => `${registry.host}/${name}`).join(),
    CANARY_UNSAFE: 'true',
    CANARY_SOAK: '1s',
    CANARY_SOAK_PROBE: '200ms',
    CANARY_UPDATE_CYCLE: '0',
    CANARY_POLL: '100ms',
    CANARY_HTTP_ADDR: '127.0.0.1:0',
    ...(way === 'variables' && { CANARY_PAYLOAD_KEY_FILE: keyFile }),
    DOCKER_CONFIG: dockerConfig(way, registry.host),
    HTTPS_PROXY: `http://gate:${encodeURIComponent(PROXY)}@proxy.example:3128`,
    ...settings(
      way,
      tenants.map(({ url }) => url),
      sinks.url,
    ),
  };
  const logFile = join(folder, `${way}.log`);
  const worker = await startProcess(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), 'worker'], {
    env: { PATH: process.env.PATH, ...env },
    logFile,
    ready: (output) => output.includes('worker.started'),
    timeoutMs: 20_000,
  });
  const unwatch = watchArguments(evidence, worker.pid);

  const start = (...args: string[]) => {
    const command = canary(args, env);
    const stop = watchArguments(evidence, command.child.pid as number);
    const ended = command.exit.then((code) => {
      stop();
      evidence.set(`told by ${args.join(' ')}`, command.said());
      evidence.set(`output of ${args.join(' ')}`, withDecoded(command.said()));
      return code;
    });
    return { ...command, ended };
  };
  const release = (sha: string) => start('release', sha, '--wait');
  const deploy = (sha: string, mood?: 'red' | 'refusing') => {
    for (const tenant of tenants) tenant.run({ sha, ...(mood && { mood }) });
  };
  const codes: Record<string, number> = {};
  try {
    const waiting = release(green);
    // While no tenant reports it: what the activity that waits tells with its beats.
    const waitingId = releaseId(lane, parseSha(green));
    await until(
      'a heartbeat names the tenants',
      async () => {
        const beats = await pendingActivities(client, waitingId);
        evidence.set('under way', beats);
        return beats.includes('"tenant":"canary-2"');
      },
      60_000,
    );
    deploy(green);
    codes.green = await waiting.ended;

    deploy(red, 'red');
    codes.smoke = await start('smoke', '-o', 'json').ended;
    await start('smoke', '--junit', '/dev/stdout').ended;
    codes.red = await release(red).ended;

    deploy(held, 'refusing');
    const untested = release(held);
    await until('it is held', () => untested.said().includes('canary-unstable'), 60_000);
    await start('status', held).ended;
    codes.abort = await start('abort', held, '--reason', PLANTED, '--by', PLANTED_PLAIN).ended;
    codes.held = await untested.ended;

    codes.rollback = await start('rollback', old, '--reason', 'slow').ended;
    codes.denied = await release(denied).ended;
    for (const args of [
      ['status'],
      ['history'],
      ['report', red],
      ['report', held, '-o', 'json'],
      ['postmortem', old],
      ['doctor'],
    ])
      await start(...args).ended;
    const { address } = JSON.parse(/^.*http\.listening.*$/m.exec(readFileSync(logFile, 'utf8'))?.[0] ?? '{}');
    evidence.set('metrics of the worker', await (await fetch(`http://${address}/metrics`)).text());
    await keepRuns(evidence, client, queue);
  } finally {
    unwatch();
    await worker.stop();
    await Promise.all([...tenants.map((tenant) => tenant.stop()), tokens.stop(), registry.stop(), sinks.stop()]);
  }
  evidence.set('output of the worker', withDecoded(readFileSync(logFile, 'utf8')));
  // Tokens that were handed out on the way are secrets, too.
  const shown = registry.requests.flatMap(({ headers }) => secretsIn(headers));
  expect(new Set(sinks.requests.map(({ path }) => path.split(/[/?]/)[1]))).toEqual(
    new Set(['hook', 'repos', 'services']),
  );
  const own = [
    ...TOKENS,
    PASSWORD,
    PROXY,
    ...OF_SINKS,
    ...Object.values(SETTINGS),
    ...(way === 'files' ? [ORG, HEADER] : []),
  ];
  return { codes, registry: registry.host, secrets: [...new Set([...own, ...shown, PAYLOAD_KEY])] };
}

const NAMES = ['platform', 'platform-tenant'];
const tagOf = (sha: string) => `staging-${sha.slice(0, 7)}`;

async function publish({ host }: MemoryRegistry, sha: string): Promise<void> {
  for (const repository of NAMES) await pushBuild({ registry: host, repository, tag: tagOf(sha), sha });
}

/** From now on the registry asks who one is, repeats in every answer what it was sent, and denies one tag. */
function guard(
  registry: MemoryRegistry,
  refuse: (request: RegistryRequest) => Answer | undefined,
  deniedTag: string,
): void {
  registry.faults.add({
    match: () => true,
    respond: (request, serve) => {
      const said = inEveryForm(secretsIn(request.headers));
      const denied = request.path.endsWith(`/${deniedTag}`) ? ociError(403, 'DENIED', said) : undefined;
      const refused = refuse(request) ?? denied;
      const answer = refused ?? serve();
      const warning = `299 - "${said.replaceAll(/["\\]/g, '\\$&')}"`;
      return { ...answer, headers: { ...answer.headers, warning } };
    },
  });
}

function refuseByPassword({ headers }: RegistryRequest): Answer | undefined {
  if (headers.authorization === `Basic ${AUTH}`) return undefined;
  return ociError(401, 'UNAUTHORIZED', inEveryForm(secretsIn(headers)), {
    'www-authenticate': 'Basic realm="registry"',
  });
}

const AUTH = Buffer.from(`canary:${PASSWORD}`).toString('base64');

function dockerConfig(way: Way, host: string): string {
  const directory = join(folder, `docker-${way}`);
  mkdirSync(directory);
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ auths: { [host]: { auth: AUTH } } }));
  return directory;
}

/** The fleet and all secrets of a worker. */
function settings(way: Way, urls: string[], sinks: string): Record<string, string> {
  const secrets = {
    ...SETTINGS,
    CANARY_SLACK_WEBHOOK: `${sinks}/services/${SLACK}`,
    CANARY_WEBHOOK_URL: `${sinks}/hook?token=${HOOK}`,
    CANARY_WEBHOOK_SECRET: `whsec_${SIGNING}`,
    CANARY_GITHUB_TOKEN: NOTIFY,
  };
  const github = { CANARY_GITHUB_REPO: 'acme/app', GITHUB_API_URL: sinks };
  if (way === 'variables')
    return { CANARY_TENANT_URLS: urls.join(), CANARY_ADMIN_TOKENS: TOKENS.join(), ...secrets, ...github };
  const headers = { 'X-Molecule-Org-Id': { file: fileOf('org', ORG) }, 'X-Edge': { env: 'EDGE_SECRET' } };
  const fleet = {
    tenants: [
      { name: 'canary-1', url: urls[0], token: { env: 'TOKEN_1' }, headers },
      { name: 'canary-2', url: urls[1], token: { file: fileOf('token-2', TOKENS[1] ?? '') }, headers },
    ],
  };
  const files = Object.entries(secrets).map(([name, value]) => [`${name}_FILE`, fileOf(name, value)]);
  return {
    CANARY_FLEET_FILE: fileOf('fleet.json', JSON.stringify(fleet)),
    TOKEN_1: TOKENS[0] ?? '',
    EDGE_SECRET: HEADER,
    ...github,
    ...Object.fromEntries(files),
  };
}
