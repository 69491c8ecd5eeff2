import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { releaseId, rollbackId } from '../../../src/contract/ids.js';
import { parseSha } from '../../../src/contract/sha.js';
import { parsePayloadKeys } from '../../../src/temporal/payloads/keys.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { type OidcIssuer, startOidcIssuer, type TokenSpec } from '../../../testbed/oidc-issuer.js';
import { canary } from '../../support/cli.js';
import { heldFor, refusal, statusOf } from '../../support/decisions.js';
import { logged, useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { storedHistories } from '../../support/stored.js';
import { until } from '../../support/until.js';

const keyFile = `key-1:${randomBytes(32).toString('base64')}\n`;
const folder = mkdtempSync(join(tmpdir(), 'canary-verified-'));
const CANARY_PAYLOAD_KEY_FILE = join(folder, 'keys');
writeFileSync(CANARY_PAYLOAD_KEY_FILE, keyFile);
let issuer: OidcIssuer;
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await issuer.stop();
});

const gate = useGate('verified', async () => {
  issuer = await startOidcIssuer();
  return {
    payloadKeys: parsePayloadKeys(keyFile),
    env: {
      CANARY_HOLD_TIMEOUT: '60s',
      CANARY_PAYLOAD_KEY_FILE,
      CANARY_FOUR_EYES: 'true',
      CANARY_APPROVERS: 'verified:repo:acme/app:environment:production*',
      CANARY_OIDC_ISSUERS: `${issuer.url}#canary#repo:acme/app:*`,
      CANARY_REQUIRE_VERIFIED: 'promote,rollback,approve',
    },
  };
});
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));

const tokens: string[] = [];
const PRODUCTION = 'repo:acme/app:environment:production';
async function tokenOf(actor: string, more: Partial<TokenSpec> = {}): Promise<string> {
  const token = await issuer.token({ subject: PRODUCTION, actor, ...more });
  tokens.push(token);
  return token;
}
const cli = (args: string[], token?: string) =>
  canary([...args, '--reason', 'looked at it'], {
    CANARY_LANE: gate().lane,
    CANARY_PAYLOAD_KEY_FILE,
    ...(token !== undefined && { CANARY_OIDC_TOKEN: token }),
  });
const textOf = ({ out, err }: { out: string[]; err: string[] }) => [...err, ...out].join('\n');
const ADA = `verified: ${PRODUCTION} / ada`;
const BOB = `verified: ${PRODUCTION} / bob`;

fullTest(
  'release, approval and rollback are by whom a token proves, and no token is anywhere',
  async () => {
    const { sha, digests } = await gate().greenBuild();
    const texts: string[] = [];
    const started = await cli(['release', sha, '--approval', 'required', '--by', 'mallory'], await tokenOf('ada'));
    expect([started.code, textOf(started)]).toEqual([0, expect.stringContaining('is started')]);
    const run = gate().client.workflow.getHandle(releaseId(gate().lane, parseSha(sha)));
    const { id } = await heldFor(gate(), run, 'approval');
    texts.push(
      JSON.stringify(await statusOf(gate(), run)),
      textOf(await canary(['status', sha], { CANARY_LANE: gate().lane, CANARY_PAYLOAD_KEY_FILE })),
    );
    expect(texts[1]).toContain(`not by ${ADA}, who requested it, with a verified identity`);

    expect(await refusal(run, 'approve', { by: 'bob', reason: 'x', hold: id })).toContain(
      'CANARY_REQUIRE_VERIFIED: approve needs',
    );
    for (const [token, why] of [
      [await tokenOf('ada'), `CANARY_FOUR_EYES: ${ADA} requested the release`],
      [
        await tokenOf('bob', { subject: 'repo:acme/app:ref:refs/heads/main' }),
        'CANARY_APPROVERS: verified: repo:acme/app:ref:refs/heads/main / bob may not approve it; ',
      ],
      [await tokenOf('bob', { forged: true }), 'its signature is not that of its issuer'],
    ] as const) {
      const refused = await cli(['approve', sha], token);
      expect([refused.code, textOf(refused)]).toEqual([1, expect.stringContaining(why)]);
      texts.push(textOf(refused));
    }
    expect(await gate().latest()).toEqual(old);
    const approved = await cli(['approve', sha], await tokenOf('bob'));
    expect([approved.code, textOf(approved)]).toEqual([0, expect.stringContaining('approve accepted: promote')]);
    const { report } = await awaitRunEnd(run);
    expect(report).toMatchObject({
      outcome: 'promoted',
      requestedBy: ADA,
      verified: { issuer: issuer.url, subject: PRODUCTION, actor: 'ada' },
      decisions: [{ verb: 'approve', by: BOB, verified: { actor: 'bob' } }],
    });
    expect(await gate().latest()).toEqual(digests);

    const back = await cli(['rollback', OLD], await tokenOf('ada'));
    expect([back.code, textOf(back)]).toEqual([0, expect.stringContaining('rolled-back')]);
    expect(await gate().latest()).toEqual(old);
    const history = await canary(['history'], { CANARY_LANE: gate().lane, CANARY_PAYLOAD_KEY_FILE });
    expect(textOf(history)).toContain(ADA);
    expect(textOf(history)).toContain(BOB);

    texts.push(
      JSON.stringify(report),
      textOf(history),
      textOf(back),
      JSON.stringify(logged, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    );
    texts.push(
      await until('the runs are listed', async () => {
        const all = await storedHistories(gate());
        return all.includes(rollbackId(gate().lane, parseSha(OLD))) ? all : null;
      }),
    );
    for (const text of texts)
      for (const token of tokens) for (const part of token.split('.').slice(1)) expect(text.includes(part)).toBe(false);
  },
  90_000,
);

test('without a verified identity nothing is promoted by hand and nothing rolled back, and the refusal says how', async () => {
  const { sha } = await gate().greenBuild();
  const promoted = await cli(['promote', sha]);
  expect([promoted.code, textOf(promoted)]).toEqual([
    4,
    expect.stringContaining('CANARY_REQUIRE_VERIFIED: promote needs a verified identity (fix: canary promote with'),
  ]);
  const back = await cli(['rollback', sha, '--force']);
  expect([back.code, textOf(back)]).toEqual([
    4,
    expect.stringContaining('CANARY_REQUIRE_VERIFIED: rollback needs a verified identity'),
  ]);
  expect(textOf(back)).toContain(`canary rollback ${sha} --reason … --direct --force`);
  const forged = await cli(['rollback', sha, '--force'], await tokenOf('ada', { expiresIn: -90 }));
  expect([forged.code, textOf(forged)]).toEqual([4, expect.stringContaining('it has expired')]);
  expect(await gate().latest()).toEqual(old);
});

test('a rollback is verified by the keys that the worker has, while the issuer is down', async () => {
  const { sha, digests } = await gate().greenBuild();
  issuer.behavior.down = true;
  try {
    const back = await cli(['rollback', sha, '--force'], await tokenOf('ada'));
    expect([back.code, textOf(back)]).toEqual([0, expect.stringContaining('rolled-back')]);
    expect(await gate().latest()).toEqual(digests);
  } finally {
    issuer.behavior.down = false;
  }
});
