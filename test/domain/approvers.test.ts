import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import type { ReleaseApprovers } from '../../src/contract/identity.js';
import { approverRefusal, describeApprovers } from '../../src/domain/approvers.js';
import { checkDecision, decisionsNow } from '../../src/domain/decide.js';
import { parseReleaseInput, parseRollbackInput, takeToken } from '../../src/domain/inputs.js';
import { applyCommand } from '../../src/lane/commands.js';
import { emptyLane } from '../../src/lane/state.js';

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform' };
const rules = (more: Partial<ReleaseApprovers>): ReleaseApprovers => ({
  fourEyes: false,
  approvers: null,
  requester: { by: 'ada' },
  ...more,
});
const refusal = (more: Partial<ReleaseApprovers>, by: string) => approverRefusal(rules(more), { by });

describe('four eyes', () => {
  test.each(['ada', 'ADA', ' Ada ', 'A d a', 'ａｄａ', 'ada\u200b', 'a\u00adda', 'ad\u{e0100}a', 'a\u3164da'])(
    '%j is who requested it as "ada"',
    (by) =>
      expect(refusal({ fourEyes: true }, by)).toBe(
        'CANARY_FOUR_EYES: ada requested the release, so another person must approve it',
      ),
  );

  test('another person may approve', () => expect(refusal({ fourEyes: true }, 'adam')).toBeNull());

  test.each([null, { by: '  ' }])('without a requester no one may approve: %j', (requester) =>
    expect(refusal({ fourEyes: true, requester }, 'bob')).toBe(
      'CANARY_FOUR_EYES: the release names no requestedBy; abort it, and start it with one',
    ),
  );
});

describe('a list of approvers', () => {
  const approvers = ['Ada Lovelace', 'release-*'];
  test.each(['ada lovelace', 'AdaLovelace', 'release-team'])('%j may approve', (by) =>
    expect(refusal({ approvers }, by)).toBeNull(),
  );
  test.each(['ada', 'Ada Lovelace 2', 'my-release-team', ''])('%j may not', (by) =>
    expect(refusal({ approvers }, by)).toBe(
      `CANARY_APPROVERS: ${by} may not approve it; Ada Lovelace or release-* may`,
    ),
  );
  test('holds beside four eyes', () => {
    expect(refusal({ approvers: ['ada', 'bob'], fourEyes: true }, 'ada')).toMatch(/^CANARY_FOUR_EYES/);
    expect(refusal({ approvers: ['ada', 'bob'], fourEyes: true }, 'carol')).toMatch(/^CANARY_APPROVERS/);
    expect(refusal({ approvers: ['ada', 'bob'], fourEyes: true }, 'bob')).toBeNull();
  });
});

describe('a decision', () => {
  const hold = { id: 'h1', name: 'could-not-test', why: 'x', since: '', until: '' } as const;
  const now = {
    phase: 'held',
    hold,
    decided: null,
    moving: false,
    approvers: rules({ fourEyes: true, approvers: ['bob'] }),
  };
  const decide = (verb: 'approve' | 'retry' | 'abort', by: string) =>
    checkDecision(verb, { by, reason: 'x', hold: 'h1' }, now, 0);

  test('is bound by the rules if it approves, in any hold; a retry and an abort are not', () => {
    expect(decide('approve', 'A da')).toEqual({
      refusal: 'approve refused: CANARY_FOUR_EYES: ada requested the release, so another person must approve it',
    });
    expect(decide('approve', 'carol')).toHaveProperty('refusal');
    expect(decide('approve', 'bob')).toHaveProperty('decision');
    expect(decide('retry', 'ada')).toHaveProperty('decision');
    expect(decide('abort', 'ada')).toHaveProperty('decision');
  });

  test('says beforehand who may approve', () => {
    expect(decisionsNow(now).approve).toEqual({
      isAllowed: true,
      text: 'go on without that evidence (by bob, not by ada, who requested it)',
    });
    expect(describeApprovers(rules({}))).toBe('');
  });
});

describe('a verified identity', () => {
  const subject = 'repo:acme/app:environment:production';
  const verified = { issuer: 'https://a.example', subject, actor: 'ada', at: '' };
  const ada = { by: 'eve', verified };
  const decide = (now: Partial<ReleaseApprovers>, person: Parameters<typeof approverRefusal>[1]) =>
    approverRefusal(rules(now), person);

  test('is the person behind the job, whatever name was claimed', () => {
    expect(decide({ fourEyes: true }, ada)).toMatch(/^CANARY_FOUR_EYES: ada requested/);
    const requester = { by: 'x', verified };
    expect(decide({ fourEyes: true, requester }, { by: 'ADA' })).toBe(
      `CANARY_FOUR_EYES: verified: ${subject} / ada requested the release, so another person must approve it`,
    );
    expect(decide({ fourEyes: true, requester }, { by: 'x', verified: { ...verified, actor: 'bob' } })).toBeNull();
    expect(decide({ approvers: ['ada'] }, ada)).toBeNull();
    expect(decide({ approvers: ['eve'] }, ada)).toMatch(/^CANARY_APPROVERS/);
  });

  test('is meant by its subject, with the person, or by a begin of it, and then no claimed name is', () => {
    for (const entry of [`verified:${subject}`, `verified: ${subject} / ada`, 'verified: repo:acme/app:*']) {
      expect(decide({ approvers: [entry] }, ada)).toBeNull();
      expect(decide({ approvers: [entry] }, { by: `${subject} / ada` })).toMatch(/^CANARY_APPROVERS/);
    }
  });

  test.each(['verified:repo:acme/app', `verified:${subject}/bob`, subject, 'verified:ada'])(
    'is not meant by "%s"',
    (entry) => {
      expect(decide({ approvers: [entry] }, ada)).toMatch(/^CANARY_APPROVERS/);
    },
  );

  test('may be required', () => {
    expect(decide({ verified: true }, ada)).toBeNull();
    expect(decide({ verified: true }, { by: 'ada' })).toBe(
      'CANARY_REQUIRE_VERIFIED: approve needs a verified identity (fix: canary approve with CANARY_OIDC_TOKEN, or with CANARY_OIDC_AUDIENCE in GitHub Actions)',
    );
  });

  test('cannot be claimed by name', () => {
    const now = { phase: 'soaking', hold: null, decided: null, moving: false };
    const forged = [
      'verified: repo:acme/app / ada',
      ' VERIFIED :x',
      'veri\u200bfied:x',
      'veri\ufe01fied:x',
      'ｖｅｒｉｆｉｅｄ：x',
    ];
    for (const by of forged) {
      const claims = 'a claimed name must not begin with';
      expect(checkDecision('abort', { by, reason: 'x' }, now, 0)).toHaveProperty('refusal');
      expect(() => parseReleaseInput({ sha: '4c1d56e', requestedBy: by })).toThrow(claims);
      expect(() => parseRollbackInput({ sha: '4c1d56e', reason: 'x', requestedBy: by })).toThrow(claims);
      expect(applyCommand(emptyLane(), 'unhold', { by, reason: 'x' }, 0)).toHaveProperty('refused');
    }
  });

  test('is what a token is replaced by: it is taken off whatever came with it', () => {
    expect(takeToken({ sha: 'x', token: 'a.b.c' })).toEqual({ token: 'a.b.c', rest: { sha: 'x' } });
    expect(takeToken({ sha: 'x', token: 7 })).toEqual({ token: '', rest: { sha: 'x' } });
    // Enough of it that its verifier says what is wrong with it.
    expect(takeToken({ token: 'a'.repeat(20_000) }).token).toHaveLength(16_385);
    for (const sent of [null, 'token', ['token'], { sha: 'x' }])
      expect(takeToken(sent)).toEqual({ token: null, rest: sent });
  });
});

describe('the configuration', () => {
  test('is part of the plan, and absent without the settings', async () => {
    expect(await planRelease(await loadConfig(IMAGES), {})).not.toHaveProperty('approvers');
    const config = await loadConfig({
      ...IMAGES,
      CANARY_FOUR_EYES: 'true',
      CANARY_APPROVERS: 'Ada Lovelace, bob\nops-*',
    });
    expect(await planRelease(config, {})).toMatchObject({
      approvers: { fourEyes: true, approvers: ['Ada Lovelace', 'bob', 'ops-*'] },
    });
  });

  test.each([
    [
      { CANARY_APPROVERS: '*' },
      'CANARY_APPROVERS: invalid name "*": expected a name, or its begin and one * at the end',
    ],
    [{ CANARY_APPROVERS: 'a*b' }, 'CANARY_APPROVERS: invalid name "a*b"'],
    [{ CANARY_APPROVERS: ', ,' }, 'CANARY_APPROVERS: invalid list ", ,": expected 1 to 50 names'],
    [{ CANARY_FOUR_EYES: 'yes' }, 'CANARY_FOUR_EYES: must be true or false'],
  ])('%j is invalid', (env, problem) => expect(loadConfig({ ...IMAGES, ...env })).rejects.toThrow(problem));
});
