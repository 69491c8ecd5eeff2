import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { parseLane } from '../../src/contract/ids.js';
import { DIRECT } from '../../src/net/network.js';
import { githubSink } from '../../src/notify/github/github.js';
import { slackSink } from '../../src/notify/slack.js';
import { type GitHubServer, startGitHub } from '../../testbed/github-server.js';
import { alarmed, delivered, entered, foundLive, held, promoted, rejected } from '../support/events.js';

const REPOSITORY = 'acme/platform';
const [A, B] = [`4c1d56e${'0'.repeat(33)}`, `9e82b1d${'0'.repeat(33)}`];
const context = { lane: parseLane(''), namespace: 'prod', ui: undefined, repository: REPOSITORY };

const servers: GitHubServer[] = [];
afterEach(() => {
  for (const { unforeseen } of servers.splice(0)) expect(unforeseen).toEqual([]);
});

async function scene() {
  const github = await startGitHub({ repository: REPOSITORY, token: 'ghs_hush', commits: [A, B] });
  servers.push(github);
  onTestFinished(() => github.stop());
  const token = async () => 'ghs_hush';
  const access = { api: github.url, repository: REPOSITORY, token, network: DIRECT, pauseMs: 0 };
  return { github, sink: githubSink(access, { name: 'production', url: null }, context) };
}

/** An event of the release of the second build. */
const ofB = (event: DeliveredEvent): DeliveredEvent => ({
  ...event,
  id: event.id.replace('0f8fad5b', '1f8fad5b'),
  workflowId: 'canary-release-9e82b1d',
  sha: '9e82b1d',
});

describe('GitHub, told again after an outage,', () => {
  test.each([
    ['RED', ofB(rejected(5)), 'Canary still failing'],
    ['an alarm', alarmed(5), 'Alarm: move-split'],
    ['a hold', ofB(held(5)), 'Waits for a person'],
  ])('of a promotion before %s, keeps the issue open, and gets status and deployment', async (_what, trouble, said) => {
    const { github, sink } = await scene();
    await sink.deliver(rejected(1));
    await sink.deliver(trouble);
    await sink.deliver(promoted(4), null, [trouble]);
    expect(github.issues).toMatchObject([{ state: 'open' }]);
    expect(github.issues[0]?.comments.at(-1)?.body).toContain(said);
    expect(github.statuses.at(-1)).toMatchObject({ sha: A, state: 'success' });
    expect(github.deployments).toMatchObject([{ sha: A, statuses: [{ state: 'success' }] }]);
  });

  test('of a promotion that nothing bad followed, closes the issue', async () => {
    const { github, sink } = await scene();
    await sink.deliver(rejected(1));
    await sink.deliver(promoted(4), null, [ofB(entered(5, 'soaking'))]);
    expect(github.issues).toMatchObject([{ state: 'closed' }]);
  });

  test('of a promotion whose build was found live since, closes the issue, ends the deployment, and repeats no status', async () => {
    const { github, sink } = await scene();
    await sink.deliver(rejected(1));
    await sink.deliver(entered(3, 'promoting'));
    const found = { ...foundLive(6), id: ofB(foundLive(6)).id };
    await sink.deliver(found);
    await sink.deliver(promoted(4), null, [found]);
    expect(github.issues).toMatchObject([{ state: 'closed' }]);
    expect(github.deployments).toMatchObject([{ statuses: [{ state: 'in_progress' }, { state: 'success' }] }]);
    expect(github.statuses.map(({ state }) => state)).toEqual(['failure', 'pending', 'success']);
  });

  test.each([entered(5, 'soaking'), rejected(5)])(
    'of a promotion whose build was released again, leaves the status of that release',
    async (again) => {
      const { github, sink } = await scene();
      await sink.deliver(again);
      await sink.deliver(promoted(4), null, [again]);
      expect(github.statuses).toHaveLength(1);
    },
  );

  test('of RED before a promotion, opens no issue, and sets the status of that commit', async () => {
    const { github, sink } = await scene();
    await sink.deliver(ofB(promoted(5)));
    await sink.deliver(rejected(4), null, [ofB(promoted(5))]);
    expect(github.issues).toEqual([]);
    expect(github.statuses.at(-1)).toMatchObject({ sha: A, state: 'failure' });
  });

  test.each([ofB(promoted(5)), ofB(delivered(5, { type: 'rolled-back', outcome: 'rolled-back', why: '' }))])(
    'of a promotion before the last move of `:latest`, sets its status, and makes no deployment of it',
    async (move) => {
      const { github, sink } = await scene();
      await sink.deliver(promoted(4), null, [move]);
      expect(github.statuses).toMatchObject([{ sha: A, state: 'success' }]);
      expect(github.deployments).toEqual([]);
    },
  );
});

test('Slack is not told again of a promotion after which `:latest` moved again', () => {
  const slack = slackSink(() => '', 'info', DIRECT, context);
  expect(slack.takes(promoted(4), [ofB(promoted(5))])).toBe(false);
  expect(slack.takes(foundLive(4), [ofB(promoted(5))])).toBe(false);
  expect(slack.takes(promoted(4), [ofB(rejected(5)), foundLive(6)])).toBe(true);
  expect(slack.takes(rejected(4), [ofB(promoted(5))])).toBe(true);
});
