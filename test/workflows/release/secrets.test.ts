import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { logged, TOKEN, useGate } from '../../support/gate.js';
import { findSecret, withDecoded } from '../../support/leaks.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('secrets', () => ({ env: { CANARY_SOAK_PROBE: '200ms' } }));

test('no token is in a history, a result, a failure or a log line, not in base64 either', async () => {
  await gate().begin(newSha());
  const [good, bad, refused] = [newSha(), newSha(), newSha()];
  const texts: string[] = [];
  for (const [sha, misbehave] of [
    [good, ''],
    [bad, 'html-500'],
    [refused, 'reject-token'],
  ] as const) {
    await gate().publish(sha);
    gate().deploy({ sha, misbehave });
    const handle = await gate().release({ sha });
    texts.push(JSON.stringify(await awaitRunEnd(handle)));
    texts.push(withDecoded(historyToJSON(await handle.fetchHistory())));
  }
  texts.push(
    JSON.stringify(
      logged.map(({ message, meta }) => [message, meta]),
      (_key, value) => (typeof value === 'bigint' ? `${value}` : value),
    ),
  );

  // The grep must be able to find something: the build is in there, plain and out of base64.
  const evidence = new Map(texts.map((text, index) => [`text ${index}`, text]));
  expect(findSecret(evidence, good)).not.toEqual([]);
  expect(texts.join()).toContain('{"sha":"');
  expect(findSecret(evidence, TOKEN)).toEqual([]);
}, 90_000);
