import { afterAll, beforeAll, expect } from 'vitest';
import type { TenantFacts } from '../../src/smoke/drift/facts.js';
import { corpus, expectLines, PLANTED } from '../support/corpus.js';
import { JUDGES } from '../support/hostile-input.js';
import { judgeOne } from '../support/judges.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

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
  const { latencyMs: _, ...result } = await judgeOne(JUDGES[asks](server.host), {
    window,
    env: { TOKEN: `${PLANTED}-of-prometheus` },
    others: async () => ({ fleet: 'production', facts: [ACME] }),
    ...(asks === 'drift' && { origin: `http://${server.host}` }),
  });
  expect(JSON.stringify(result)).not.toContain(PLANTED);
  expectLines(Object.values(result).filter((text): text is string => typeof text === 'string' && text !== ''));
  return result;
});
