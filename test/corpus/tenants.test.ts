import { afterAll, beforeAll, expect } from 'vitest';
import { smokeTenant } from '../../src/smoke/smoke-tenant.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { corpus, expectLines, PLANTED } from '../support/corpus.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';
import { ONE, SHORT } from '../support/smoke.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

interface Input {
  /** Its build is asked for, or a check whose answer `{"ok":true}` passes. */
  asks: 'build' | 'check';
  answer: RawAnswer;
}

corpus<Input>('tenants', async ({ asks, answer }) => {
  server.answerWith(answer);
  const tenant = { name: 'canary-1', origin: `http://${server.host}` };
  const access = { token: `${PLANTED}-0123456789`, headers: { 'x-org': `${PLANTED}-of-the-org` } };
  const found =
    asks === 'build'
      ? (await askBuilds([tenant], [{ path: '/health', field: 'sha' }], new Map([[tenant.origin, access]])))[0]
      : (await smokeTenant(tenant, access, { suite: ONE, waits: { ...SHORT, requestMs: 20_000, suiteMs: 60_000 } }))
          .checks[0];
  const { latencyMs: _, ...result } = { latencyMs: 0, ...found };
  // A result goes into histories, reports and logs.
  expect(JSON.stringify(result)).not.toContain(PLANTED);
  expectLines(Object.values(result).filter((text) => typeof text === 'string' && text !== ''));
  return result;
});
