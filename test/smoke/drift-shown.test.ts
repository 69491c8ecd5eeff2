import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../src/net/redact.js';
import { compareTenants } from '../../src/smoke/drift/compare.js';
import { shownPath, shownValue } from '../../src/smoke/drift/show.js';

const asItIs = (text: string) => text;

describe('the comparison of configurations', () => {
  test.each<[string, unknown, string]>([
    ['a list', [{ name: 'p1', token: 's3cr3t' }], '(not shown)'],
    ['an address with a login', 'postgres://app:pw@db/x', '(not shown)'],
    ['a text with digits', 'hunter2', '(not shown)'],
    ['a long text', 'y'.repeat(500), '(not shown)'],
    ['a text with blanks', 'correct horse battery', '(not shown)'],
    ['an empty object', {}, '(not shown)'],
    ['a word', 'read-only', '"read-only"'],
    ['a version', 'v2.1.0-rc.1', '"v2.1.0-rc.1"'],
    ['a number', 20.5, '20.5'],
    ['a boolean', false, 'false'],
    ['null', null, 'null'],
  ])('of %s shows what holds no secret, and nothing else', (_kind, value, expected) => {
    expect(shownValue(['flags', 'mode'], value, asItIs)).toBe(expected);
    const names = 'smtp_pass pwd url uri connection dsn bearer jwt webhook cert pem apiKey auth'.split(' ');
    for (const name of names) expect(shownValue([name, 'mode'], value, asItIs)).toBe('(not shown)');
  });

  test('shows no secret of the gate, also one of letters alone', () => {
    const redact = createRedactor(['hush-hush-token']);
    expect(shownValue(['flags', 'mode'], 'hush-hush-token', redact)).toBe('"[secret]"');
  });

  test('takes no time for the secrets in what it does not tell, and little for the rest', () => {
    const long = 'k'.repeat(16_000);
    let most = 0;
    const redact = (text: string) => {
      most = Math.max(most, text.length);
      return text;
    };
    expect(shownPath(['flags', long], redact)).toHaveLength(60);
    expect(most).toBe(512);
    const untold = () => expect.unreachable('it is not told');
    const value = { exact: 'true', shown: untold, label: untold };
    const fields = new Map([['flags', { values: new Map([['["flags"]', value]]) }]]);
    const all = ['acme', 'globex'].map((tenant) => ({ tenant, fields }));
    expect(compareTenants([{ path: '/config', values: ['flags'] }], all)).toEqual({ differences: [], unknown: [] });
  });
});
