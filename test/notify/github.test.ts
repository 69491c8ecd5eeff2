import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { parseLane } from '../../src/contract/ids.js';
import { DIRECT } from '../../src/net/network.js';
import { appToken } from '../../src/notify/github/app-token.js';
import { githubSink } from '../../src/notify/github/github.js';
import type { SinkError } from '../../src/notify/sink.js';
import { type GitHubServer, startGitHub } from '../../testbed/github-server.js';
import { alarmed, delivered, entered, foundLive, held, promoted, RUN, rejected } from '../support/events.js';

const REPOSITORY = 'acme/platform';
const TOKEN = 'ghs_hush';
const SHA = `4c1d56e${'0'.repeat(33)}`;
const TITLE = '🔴 Canary failing: staging SaaS smoke';
const UI = 'https://temporal.example.com';
const PAGE = `${UI}/namespaces/prod/workflows/canary-release-4c1d56e/${RUN}`;

const servers: GitHubServer[] = [];
afterEach(() => {
  for (const { unforeseen } of servers.splice(0)) expect(unforeseen).toEqual([]);
});

async function scene({ lane = '', pauseMs = 0, isApp = false } = {}) {
  const github = await startGitHub({ repository: REPOSITORY, token: TOKEN, commits: [SHA], isApp });
  servers.push(github);
  onTestFinished(() => github.stop());
  const app = () => appToken({ id: '7', key: () => KEY }, github.url, REPOSITORY, DIRECT);
  const sink = githubSink(
    { api: github.url, repository: REPOSITORY, token: isApp ? app() : async () => TOKEN, network: DIRECT, pauseMs },
    { name: 'production', url: 'https://acme.example' },
    { lane: parseLane(lane), namespace: 'prod', ui: UI, repository: REPOSITORY },
  );
  const deliver = async (...events: DeliveredEvent[]) => {
    for (const event of events) await sink.deliver(event);
  };
  const failure = (event: DeliveredEvent) =>
    sink.deliver(event).then(
      () => null,
      (error: unknown) => error,
    ) as Promise<SinkError | null>;
  return { github, sink, deliver, failure };
}
const KEY = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;

const rollback = (number: number, event: object) =>
  ({
    ...delivered(number, event as never),
    workflow: 'Rollback',
    workflowId: 'rollback-4c1d56e',
  }) as DeliveredEvent;
/** Events are judged by when they happened: these happen now. */
const now = (event: DeliveredEvent): DeliveredEvent => ({ ...event, at: new Date().toISOString() });

describe('GitHub, for a release', () => {
  test('gets the status of the commit: pending with the phase, then its end', async () => {
    const { github, deliver } = await scene();
    await deliver(entered(1, 'soaking'), promoted(2));
    expect(github.statuses).toEqual([
      { sha: SHA, state: 'pending', context: 'canary-release', description: 'soaking: for 6m', target_url: PAGE },
      {
        sha: SHA,
        state: 'success',
        context: 'canary-release',
        description: 'promoted: every check passed',
        target_url: PAGE,
      },
    ]);
  });

  test.each<[DeliveredEvent, string]>([
    [rejected(1), 'failure'],
    [delivered(1, { type: 'superseded', outcome: 'superseded', why: 'by 1234567' }), 'error'],
    [delivered(1, { type: 'ended', outcome: 'CanaryAborted', why: 'x'.repeat(400) }), 'error'],
  ])('gets a status for another end', async (event, state) => {
    const { github, deliver } = await scene();
    await deliver(event);
    expect(github.statuses.map((one) => one.state)).toEqual([state]);
  });

  test('gets a deployment with its statuses for the promotion, once, even if a worker dies after it wrote', async () => {
    const { github, deliver, failure } = await scene();
    github.loseAnswer = ({ method, path }) => method === 'POST' && path.includes('/deployments');
    expect(await failure(entered(1, 'promoting'))).toMatchObject({ isFinal: false });
    expect(await failure(entered(1, 'promoting'))).toMatchObject({ isFinal: false });
    github.loseAnswer = () => false;
    await deliver(entered(1, 'promoting'), promoted(2), promoted(2));
    expect(github.deployments).toMatchObject([
      { sha: SHA, task: 'deploy', environment: 'production', payload: { run: RUN } },
    ]);
    expect(github.deployments[0]?.statuses).toMatchObject([
      { state: 'in_progress', log_url: PAGE, environment_url: 'https://acme.example' },
      { state: 'success', description: 'every check passed', auto_inactive: true },
    ]);
  });

  test('gets a deployment for a rollback, and no status of the commit', async () => {
    const { github, deliver } = await scene();
    const back = { type: 'rolled-back', outcome: 'rolled-back', why: 'it burns' };
    await deliver(rollback(1, { type: 'phase-entered', phase: 'promoting', why: '' }), rollback(2, back));
    expect(github.deployments).toMatchObject([
      { task: 'rollback', statuses: [{ state: 'in_progress' }, { state: 'success' }] },
    ]);
    expect(github.statuses).toEqual([]);
  });

  test('gets no deployment for a release that moved nothing', async () => {
    const { github, deliver } = await scene();
    await deliver(entered(1, 'soaking'), rejected(2), foundLive(3));
    expect(github.deployments).toEqual([]);
  });

  test('ends the deployment of a rollback that found its build live', async () => {
    const { github, deliver } = await scene();
    const already = { type: 'rolled-back', outcome: 'already', why: 'it stood there', moved: false };
    await deliver(rollback(1, { type: 'phase-entered', phase: 'promoting', why: '' }), rollback(2, already));
    expect(github.deployments).toMatchObject([{ statuses: [{ state: 'in_progress' }, { state: 'success' }] }]);
  });
});

describe('the issue', () => {
  test('opens once, with the title and the labels of before, is commented on repeats, and closes on green', async () => {
    const { github, deliver } = await scene();
    await deliver(rejected(1), held(2), alarmed(3));
    expect(github.issues).toMatchObject([{ title: TITLE, labels: ['canary-staging', 'bug'], state: 'open' }]);
    const [issue] = github.issues;
    expect(issue?.body).toContain('**RED 4c1d56e: rejected by canary, :latest did not move**');
    expect(issue?.comments.map(({ body }) => body.split('\n')[0])).toEqual([
      `Waits for a person: approval. ${PAGE}`,
      `Alarm: move-split. ${PAGE}`,
    ]);
    expect(issue?.comments[0]?.body).toContain('`canary approve 4c1d56e --hold h1-abc123 --reason "…"`');
    const green = promoted(4);
    await deliver(green);
    expect(issue).toMatchObject({ state: 'closed' });
    expect(issue?.comments.at(-1)?.body).toMatch(new RegExp(`^Canary recovered at ${green.at}\\. Closing\\.`));
    await deliver(rejected(5));
    expect(github.issues.map(({ state }) => state)).toEqual(['closed', 'open']);
  });

  test.each<[string, DeliveredEvent, string, string]>([
    ['a hold', held(2), 'Waits for a person: approval.', 'Waits for a person: approval.'],
    ['RED', rejected(2), 'Canary failing.', 'Canary still failing.'],
    ['an alarm', alarmed(2), 'Alarm: move-split.', 'Alarm: move-split.'],
    [
      'a fault',
      delivered(2, { type: 'ended', outcome: 'RegistryDenied', why: '403' }),
      'Ended: RegistryDenied.',
      'Ended: RegistryDenied.',
    ],
  ])('for %s says first what it is about, for its title is of RED', async (_what, event, opened, commented) => {
    const { github, deliver } = await scene();
    await deliver(event, { ...event, id: `${RUN}-3` });
    const [issue] = github.issues;
    expect(issue?.body.split('\n')[0]).toBe(opened);
    expect(issue?.comments.map(({ body }) => body.split('\n')[0])).toEqual([`${commented} ${PAGE}`]);
  });

  test('repeats no comment and opens no second one if a worker dies after it wrote', async () => {
    const { github, deliver, failure } = await scene();
    for (const event of [rejected(1), held(2)].map(now)) {
      github.loseAnswer = ({ method, path }) => method === 'POST' && path.includes('/issues');
      expect(await failure(event)).toMatchObject({ isFinal: false });
      github.loseAnswer = () => false;
      await deliver(event);
    }
    expect(github.issues).toMatchObject([{ comments: [{}] }]);
    expect(github.issues).toHaveLength(1);
  });

  test('stays open when the live build is released again, which tests nothing', async () => {
    const { github, deliver } = await scene();
    await deliver(rejected(1), foundLive(2));
    expect(github.issues).toMatchObject([{ state: 'open', comments: [] }]);
    expect(github.statuses.map(({ state }) => state)).toEqual(['failure', 'success']);
  });

  test('of one gate of several is its own', async () => {
    const { github, deliver } = await scene({ lane: 'gates.payments' });
    await deliver(rejected(1));
    expect(github.issues).toMatchObject([{ title: `${TITLE} (payments)` }]);
    expect(github.statuses).toMatchObject([{ context: 'canary-release (payments)' }]);
  });

  test('mentions no one, contains no markup of a tenant, and no address of one', async () => {
    const { github, deliver } = await scene();
    await deliver({
      ...rejected(1),
      why: '@acme/all <img src=x> canary-1.internal.acme.com:8443 failed',
    } as DeliveredEvent);
    const text = `${github.issues[0]?.body} ${github.statuses[0]?.description}`;
    expect(text).not.toMatch(/internal/);
    expect(github.issues[0]?.body).not.toContain('@acme');
  });

  test('is not touched by what needs no person', async () => {
    const { github, deliver } = await scene();
    await deliver(entered(1, 'soaking'), delivered(2, { type: 'superseded', outcome: 'superseded', why: '' }));
    await deliver(delivered(3, { type: 'ended', outcome: 'CanaryAborted', why: 'by ada' }));
    expect(github.issues).toEqual([]);
  });
});

describe('GitHub, when it refuses', () => {
  test.each<[string, { status: number; headers?: Record<string, string>; body?: unknown }, object]>([
    ['a secondary limit with a pause', { status: 403, headers: { 'retry-after': '7' } }, { retryAfterMs: 7_000 }],
    [
      'a secondary limit without one',
      { status: 403, body: { message: 'You have exceeded a secondary rate limit' } },
      { retryAfterMs: 60_000 },
    ],
    ['too many requests', { status: 429 }, { retryAfterMs: 60_000, isDenied: false }],
    [
      'a token that lacks a right',
      { status: 403, body: { message: 'Resource not accessible' } },
      { message: 'github: POST /statuses/… answered 403', isDenied: true },
    ],
    ['a server error', { status: 502 }, {}],
  ])('%s, is asked again', async (_what, answer, expected) => {
    const { github, failure } = await scene();
    github.refuse = ({ path }) => (path.includes('/statuses/') ? answer : undefined);
    expect(await failure(rejected(1))).toMatchObject({ isFinal: false, ...expected });
  });

  test.each<[string, string, DeliveredEvent, unknown]>([
    ['GET', '/issues', rejected(1), {}],
    ['GET', '/issues/N/comments', promoted(2), [null]],
    ['GET', '/deployments', entered(1, 'promoting'), 'a page'],
    ['POST', '/deployments', entered(1, 'promoting'), {}],
    ['GET', '/deployments/N/statuses', entered(1, 'promoting'), {}],
  ])('with a 2xx that is not its own, to %s %s, is asked again', async (method, path, event, body) => {
    const { github, deliver, failure } = await scene();
    if (path.includes('comments')) await deliver(rejected(1));
    const isAsked = (one: { method: string; path: string }) =>
      one.method === method && one.path.replace(/\?.*/, '').replace(/\d+/, 'N').endsWith(path);
    github.refuse = (request) => (isAsked(request) ? { status: 200, body } : undefined);
    const error = await failure(event);
    expect(error).toMatchObject({ name: 'SinkError', isFinal: false });
    expect(error?.message).toMatch(/^github: (GET|POST) \S+ answered no (list|deployment)$/);
  });

  test('by its primary limit, is asked again when that is over', async () => {
    const { github, failure } = await scene();
    const reset = String(Math.floor(Date.now() / 1000) + 120);
    github.refuse = () => ({ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset } });
    expect((await failure(rejected(1)))?.retryAfterMs).toBeGreaterThan(115_000);
  });

  test('a commit that it does not know, gives that event up', async () => {
    const { failure } = await scene();
    expect(await failure({ ...promoted(1), sha: 'deadbee' })).toMatchObject({ isFinal: true });
  });

  test.each<[string, DeliveredEvent, number, object]>([
    ['a commit that it does not know', { ...rejected(1), sha: 'deadbee' }, 422, { isFinal: true }],
    ['a token without the right for statuses', rejected(1), 403, { isFinal: false }],
  ])('%s, still tells the issue of RED, once', async (_what, event, status, expected) => {
    const { github, failure } = await scene();
    github.refuse = ({ path }) => (path.includes('/statuses/') ? { status } : undefined);
    for (let times = 0; times < 2; times += 1) expect(await failure(event)).toMatchObject(expected);
    expect(github.issues).toMatchObject([{ title: TITLE, comments: [] }]);
  });

  test('a right for deployments, is asked again for the deployment and repeats no status', async () => {
    const { github, deliver, failure } = await scene();
    github.refuse = ({ path }) => (path.includes('/deployments') ? { status: 403 } : undefined);
    for (let times = 0; times < 3; times += 1) expect(await failure(promoted(1))).toMatchObject({ isFinal: false });
    github.refuse = () => undefined;
    await deliver(promoted(1));
    expect(github.statuses).toHaveLength(1);
    expect(github.deployments).toMatchObject([{ statuses: [{ state: 'success' }] }]);
  });

  test.each([
    ['to read commits', '/commits/', 404],
    ['for deployments', '/deployments', 404],
    ['for statuses', '/statuses/', 403],
  ])('a right %s, tells that it is a right', async (_what, part, status) => {
    const { github, failure } = await scene();
    github.refuse = ({ path }) => (path.includes(part) ? { status } : undefined);
    expect(await failure(promoted(1))).toMatchObject({ isFinal: false, isDenied: true });
    github.refuse = ({ path }) => (path.includes(part) ? { status } : { status: 502 });
    expect(await failure(promoted(2))).toMatchObject({ isFinal: false, isDenied: false });
  });

  test.each([403, 404])('a right for the issue with %i, is asked again for an hour', async (status) => {
    const { github, failure } = await scene();
    github.refuse = ({ path }) => (/\/issues|\/statuses/.test(path) ? { status } : undefined);
    expect(await failure(rejected(1))).toMatchObject({ isFinal: false, isDenied: false });
  });

  test('a status for now, leaves what a person did to the issue meanwhile', async () => {
    const { github, deliver, failure } = await scene();
    const states = () => github.issues.map(({ state }) => state);
    /** Tells an event three times, the last time with success; a person acts after the first one. */
    const retried = async (event: DeliveredEvent, told: string[], person: () => void) => {
      github.refuse = ({ path }) => (path.includes('/statuses/') ? { status: 502 } : undefined);
      expect(await failure(event)).toMatchObject({ isFinal: false });
      expect(states()).toEqual(told);
      person();
      expect(await failure(event)).toMatchObject({ isFinal: false });
      github.refuse = () => undefined;
      await deliver(event);
    };
    const set = (state: 'open' | 'closed') => () => {
      for (const issue of github.issues) issue.state = state;
    };
    await retried(rejected(1), ['open'], set('closed'));
    expect(states()).toEqual(['closed']);
    set('open')();
    await retried(promoted(2), ['closed'], set('open'));
    expect(states()).toEqual(['open']);
  });

  test('the issue for good and the status for now, is asked again', async () => {
    const { github, failure } = await scene();
    github.refuse = ({ path }) => ({ status: path.includes('/issues') ? 410 : 502 });
    expect(await failure(rejected(1))).toMatchObject({ isFinal: false });
  });

  test('tells no token in an error', async () => {
    const { github, failure } = await scene();
    github.refuse = () => ({ status: 401, body: { message: `Bad credentials ${TOKEN}` } });
    expect(String((await failure(rejected(1)))?.stack)).not.toContain('hush');
  });
});

test('two requests that write are a pause apart, as GitHub asks', async () => {
  const { github, deliver } = await scene({ pauseMs: 150 });
  await deliver(rejected(1), promoted(2));
  const writes = github.requests.filter(({ method }) => method !== 'GET').map(({ at }) => at);
  expect(writes.length).toBeGreaterThan(4);
  // One of them may arrive late, on a busy machine.
  expect((writes.at(-1) ?? 0) - (writes[0] ?? 0)).toBeGreaterThanOrEqual((writes.length - 2) * 150);
});

test('an app asks for a token of its installation once an hour', async () => {
  const { github, deliver } = await scene({ isApp: true });
  await deliver(rejected(1), promoted(2));
  expect(github.requests.filter(({ path }) => path.startsWith('/app/'))).toHaveLength(1);
  expect(github.statuses).toHaveLength(2);
});

test.each([401, 403])('after a %i, an app asks for another token', async (status) => {
  const { github, deliver, failure } = await scene({ isApp: true });
  await deliver(rejected(1));
  github.refuse = ({ path }) => (path.includes('/statuses/') ? { status } : undefined);
  expect(await failure(promoted(2))).toMatchObject({ isFinal: false });
  github.refuse = () => undefined;
  await deliver(promoted(2));
  expect(github.requests.filter(({ path }) => path.endsWith('/access_tokens'))).toHaveLength(2);
  expect(github.statuses).toHaveLength(2);
});
