import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { deliverEventsId } from '../../src/contract/ids.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { canary } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { startVictim } from '../support/victim.js';

const [chat, hook] = [await startSinkServer(), await startSinkServer()];
const folder = mkdtempSync(join(tmpdir(), 'canary-notifications-'));
afterAll(async () => {
  await Promise.all([chat.stop(), hook.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const HUSH = 'hush-hush-T000-B000';
const gate = useGate('notifications', () => ({
  isIdle: true,
  env: {
    CANARY_SLACK_WEBHOOK: `${chat.url}/services/${HUSH}`,
    CANARY_WEBHOOK_URL: `${hook.url}/events?token=${HUSH}`,
    CANARY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    CANARY_HOLD_TIMEOUT: '30s',
  },
}));

/** First lines of what a chat shows. */
const texts = ({ taken }: SinkServer) => taken.map(({ body }) => JSON.parse(body).text as string);
/** Events that the webhook received, an id once, as a receiver keeps them. */
function received() {
  const events = hook.taken.map(({ body }) => JSON.parse(body) as { id: string; type: string; subject: string });
  return events.filter(({ id }, index) => events.findIndex((one) => one.id === id) === index);
}

fullTest(
  'RED, held, reminded, approved, promoted, rolled back: each is told once and in order, while a worker is killed and a sink is down',
  async () => {
    const old = newSha();
    const worker = await startVictim(gate(), folder, { command: ['bin/canary.js', 'worker'] });
    await gate().begin(old);

    chat.answer = () => ({ status: 503 });
    const red = newSha();
    await gate().publish(red);
    gate().deploy({ sha: red, misbehave: 'memory-search' });
    expect(await awaitRunEnd(await gate().release({ sha: red }))).toMatchObject({
      report: { outcome: 'CanaryRejected' },
    });
    await until('the chat was tried twice', () => chat.requests.length >= 2);
    await worker.kill();
    chat.answer = () => ({ status: 200, body: 'ok' });
    await gate().startWorker();
    await until('the chat knows of RED', () => texts(chat).length > 0, 60_000);

    const { sha } = await gate().greenBuild();
    const release = await gate().release({ sha, approval: 'required' });
    const hold = await heldFor(gate(), release, 'approval');
    await until('it is reminded', () => texts(chat).some((text) => text.includes('STILL HELD')), 30_000);
    await say(release, 'approve', { ...ada, hold: hold.id });
    expect(await awaitRunEnd(release)).toMatchObject({ report: { outcome: 'promoted' } });
    expect(await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }))).toMatchObject({
      report: { outcome: 'rolled-back' },
    });
    await until('the chat knows of the rollback', () => texts(chat).some((text) => text.includes('ROLLED BACK')));

    const short = (build: string) => build.slice(0, 7);
    expect(texts(chat).filter((text) => !text.includes('ALARM'))).toEqual([
      `[notifications] RED ${short(red)}: rejected by canary, :latest did not move`,
      expect.stringMatching(`^\\[notifications\\] HELD ${short(sha)}: approval, decide by `),
      expect.stringMatching(`^\\[notifications\\] STILL HELD ${short(sha)}: approval, decide by `),
      `[notifications] PROMOTED ${short(sha)}: :latest of its images is on it`,
      `[notifications] ROLLED BACK to ${short(old)}: promotions wait for a person`,
    ]);
    expect(chat.taken[1]?.body).toContain(`canary approve ${short(sha)} --hold ${hold.id} `);

    const events = received();
    expect(
      events.filter(({ subject }) => subject === sha).map(({ type }) => type.replace('canary-release-gate.', '')),
    ).toEqual(
      expect.arrayContaining([
        'phase-entered',
        'held',
        'reminder',
        'decided',
        'moved',
        'dev.cdevents.service.upgraded.0.2.0',
      ]),
    );
    const runs = new Map<string, number[]>();
    for (const { id } of events.filter((one) => !one.type.endsWith('reminder')))
      runs.set(id.slice(0, 36), [...(runs.get(id.slice(0, 36)) ?? []), Number(id.slice(37))]);
    for (const numbers of runs.values()) expect(numbers).toEqual(numbers.map((_, index) => index + 1));

    const replayed = await canary(['events', sha, '--replay'], { ...gate().env, TEMPORAL_ADDRESS: temporalAddress() });
    const lines = replayed.out.map((line) => JSON.parse(line) as { id: string });
    const told = events.filter(({ id }) => id.startsWith(release.firstExecutionRunId));
    expect(lines.filter(({ id }) => id.startsWith(release.firstExecutionRunId))).toEqual(
      told.filter(({ type }) => !type.endsWith('reminder')),
    );
    // With the ids that they had, so that a receiver takes none of them twice.
    expect(received().filter(({ id }) => id.startsWith(release.firstExecutionRunId))).toHaveLength(told.length);

    const history = await gate().client.workflow.getHandle(deliverEventsId(gate().lane)).fetchHistory();
    expect(JSON.stringify(history)).toContain('SinkFailed');
    expect(JSON.stringify(history)).not.toContain(HUSH);
  },
  180_000,
);
