import { afterAll, beforeAll, expect } from 'vitest';
import type { TenantFacts } from '../../src/smoke/drift/facts.js';
import { alerts, drift, type Judge, prometheus, z } from '../../src/smoke/index.js';
import { corpus, expectLines, PLANTED } from '../support/corpus.js';
import { judgeOne } from '../support/judges.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

const asking = () => ({ url: `http://${server.host}`, token: { env: 'TOKEN' } });
const quietOr = (state: string) => z.object({ state: z.literal(state) });

const JUDGES = {
  prometheus: () => prometheus('a', 'b', { ...asking(), query: 'up', is: { atMost: 1 }, samples: 1 }),
  alertmanager: () => alerts('a', 'b', { ...asking(), from: 'alertmanager', filter: [], watchdog: 'Watchdog' }),
  datadog: () => alerts('a', 'b', { ...asking(), from: 'datadog', monitor: 7 }),
  json: () => alerts('a', 'b', { ...asking(), from: 'json', quiet: quietOr('quiet'), firing: quietOr('firing') }),
  drift: () => drift('a', 'b', { observe: false, read: [{ path: '/c', values: ['flags'], keys: ['parts'] }] }),
} satisfies Record<string, () => Judge>;

/** A tenant of production, which is as it should be. */
const value = (shown: string) => ({ exact: shown, label: () => 'flags.a', shown: () => shown });
const ACME: TenantFacts = {
  tenant: 'acme',
  fields: new Map([
    ['flags', { values: new Map([['["flags","a"]', value('true')]]) }],
    [
      'names in parts',
      { values: new Map([['["parts","db"]', { exact: '', label: () => 'parts.db', shown: () => 'present' }]]) },
    ],
  ]),
};

interface Input {
  asks: keyof typeof JUDGES;
  /** What the server answers to each request. */
  answer: RawAnswer;
}

corpus<Input>('judges', async ({ asks, answer }) => {
  server.answerWith(answer);
  const window = { from: 1_699_999_700_000, until: 1_700_000_000_000 };
  const { latencyMs: _, ...result } = await judgeOne(JUDGES[asks](), {
    window,
    env: { TOKEN: `${PLANTED}-of-prometheus` },
    others: async () => ({ fleet: 'production', facts: [ACME] }),
    ...(asks === 'drift' && { origin: `http://${server.host}` }),
  });
  expect(JSON.stringify(result)).not.toContain(PLANTED);
  expectLines(Object.values(result).filter((text): text is string => typeof text === 'string' && text !== ''));
  return result;
});
