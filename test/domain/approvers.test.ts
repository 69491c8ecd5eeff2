import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import type { ReleaseApprovers } from '../../src/contract/identity.js';
import { approverRefusal, describeApprovers } from '../../src/domain/approvers.js';
import { checkDecision, decisionsNow } from '../../src/domain/decide.js';

const IMAGES = { CANARY_IMAGES: 'ghcr.io/acme/platform' };
const rules = (more: Partial<ReleaseApprovers>): ReleaseApprovers => ({
  fourEyes: false,
  approvers: null,
  requester: { by: 'ada' },
  ...more,
});
const refusal = (more: Partial<ReleaseApprovers>, by: string) => approverRefusal(rules(more), { by });

describe('four eyes', () => {
  test.each(['ada', 'ADA', ' Ada ', 'A d a', 'ａｄａ', 'ada\u200b', 'a\u00adda'])(
    '%j is who requested it as "ada"',
    (by) =>
      expect(refusal({ fourEyes: true }, by)).toBe(
        'CANARY_FOUR_EYES: ada requested the release, so another person must approve it',
      ),
  );

  test('another person may approve', () => expect(refusal({ fourEyes: true }, 'adam')).toBeNull());

  test.each([null, { by: '  ' }])('without a requester nobody may approve: %j', (requester) =>
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
      `CANARY_APPROVERS: ${by} is none of Ada Lovelace or release-*, one of whom must approve it`,
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
