import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { logged, TOKEN, useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

const gate = useGate('secrets');

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
    texts.push(JSON.stringify(await runEnd(handle)));
    const history = historyToJSON(await handle.fetchHistory());
    texts.push(history, decoded(history));
  }
  texts.push(
    JSON.stringify(
      logged.map(({ message, meta }) => [message, meta]),
      (_key, value) => (typeof value === 'bigint' ? `${value}` : value),
    ),
  );

  // The grep has to be able to find something: the build is in there, plain and out of base64.
  const all = texts.join('\n');
  const has = (text: string) => all.includes(text);
  expect({ plain: has(good), decoded: has('{"sha":"'), token: has(TOKEN), base64: has(BASE64) }).toEqual({
    plain: true,
    decoded: true,
    token: false,
    base64: false,
  });
});

const BASE64 = Buffer.from(TOKEN).toString('base64').replace(/=+$/, '');

/** Every payload of a history, out of its base64. */
function decoded(history: string): string {
  return [...history.matchAll(/"([A-Za-z0-9+/]{16,}={0,2})"/g)]
    .map(([, text]) => Buffer.from(text ?? '', 'base64').toString())
    .join('\n');
}
