import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHider } from '../../src/smoke/session.js';

const SECRET = 'adm1n/t0ken+of&"them"';
const hide = createHider([SECRET, 'eu']);

describe('a secret is hidden', () => {
  test.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify({ token: SECRET })],
    ['in JSON with escaped slashes', JSON.stringify(SECRET).replaceAll('/', '\\/')],
    ['in a URL', `?token=${encodeURIComponent(SECRET)}`],
    ['in a URL, in lower case', encodeURIComponent(SECRET).replaceAll(/%../g, (hex) => hex.toLowerCase())],
    ['in HTML', 'adm1n/t0ken+of&amp;&quot;them&quot;'],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64url', Buffer.from(SECRET).toString('base64url')],
    ['in hex', Buffer.from(SECRET).toString('hex')],
  ])('%s', (_how, text) => {
    expect(hide(`<${text}>`)).toMatch(/^<.*\[secret\].*>$/);
    expect(hide(text)).not.toMatch(/adm1n|t0ken|them/);
  });

  test('in base64 wherever it stands in something longer', () => {
    for (const before of ['', 'a', 'ab', 'user:'])
      expect(hide(Buffer.from(`${before}${SECRET}-and-more`).toString('base64'))).toContain('[secret]');
  });

  test('whatever it is, and whatever stands around it', () => {
    const secret = fc.string({ minLength: 4, maxLength: 60, unit: fc.constantFrom(...'abXY09+/=-_.~%&"<> ') });
    fc.assert(
      fc.property(secret, fc.string({ maxLength: 40 }), (text, around) => {
        fc.pre(!'[secret]'.includes(text) && text.trim() === text && !/ {2}/.test(text));
        const shown = createHider([text])(`${around}${text}${encodeURIComponent(text)}`);
        expect(shown.includes(text)).toBe(false);
      }),
    );
  });

  test('before the text is cut, so that no part of one is left at the end', () => {
    expect(hide(`${'x'.repeat(190)}${SECRET}`)).toBe(`${'x'.repeat(190)}[secret]`);
    expect(hide(`${'x'.repeat(196)}${SECRET}`)).toBe(`${'x'.repeat(196)}[se…`);
  });
});

test('a short one is hidden as a whole word only', () => {
  expect(hide('neutral eu neu "eu"')).toBe('neutral [secret] neu "[secret]"');
});

test('control characters, which a terminal or a CI log would obey, are gone', () => {
  expect(hide('a\u001b[31m\r\n::error::b\u202ec')).toBe('a [31m ::error::b c');
});

test('without secrets a text is only cut', () => {
  expect(createHider([''])('x'.repeat(300))).toHaveLength(200);
});
