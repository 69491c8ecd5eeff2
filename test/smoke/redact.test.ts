import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../src/smoke/session.js';

const SECRET = 'adm1n/t0ken+of&"them"';
const redact = createRedactor([SECRET, 'eu']);

describe('createRedactor, of a secret', () => {
  test.each([
    ['verbatim', SECRET],
    ['in JSON', JSON.stringify({ token: SECRET })],
    ['in JSON with escaped slashes', JSON.stringify(SECRET).replaceAll('/', '\\/')],
    ['in a URL', `?token=${encodeURIComponent(SECRET)}`],
    ['in a URL, in lower case', encodeURIComponent(SECRET).replaceAll(/%../g, (hex) => hex.toLowerCase())],
    ['in HTML', 'adm1n/t0ken+of&amp;&quot;them&quot;'],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64url', Buffer.from(SECRET).toString('base64url')],
    ['in hex', Buffer.from(SECRET).toString('hex')],
  ])('a secret is redacted: %s', (_form, text) => {
    expect(redact(`<${text}>`)).toMatch(/^<.*\[secret\].*>$/);
    expect(redact(text)).not.toMatch(/adm1n|t0ken|them/);
  });

  test('a secret is redacted in the base64 of a longer text, at any offset', () => {
    for (const before of ['', 'a', 'ab', 'user:'])
      expect(redact(Buffer.from(`${before}${SECRET}-and-more`).toString('base64'))).toContain('[secret]');
  });

  test('any secret is redacted, in any text', () => {
    const secret = fc.string({ minLength: 4, maxLength: 60, unit: fc.constantFrom(...'abXY09+/=-_.~%&"<> ') });
    fc.assert(
      fc.property(secret, fc.string({ maxLength: 40 }), (text, around) => {
        fc.pre(!'[secret]'.includes(text) && text.trim() === text && !/ {2}/.test(text));
        const shown = createRedactor([text])(`${around}${text}${encodeURIComponent(text)}`);
        expect(shown.includes(text)).toBe(false);
      }),
    );
  });

  test('redaction comes before the cut, so that no part of a secret is left at the end', () => {
    expect(redact(`${'x'.repeat(190)}${SECRET}`)).toBe(`${'x'.repeat(190)}[secret]`);
    expect(redact(`${'x'.repeat(196)}${SECRET}`)).toBe(`${'x'.repeat(196)}[se…`);
  });
});

test('a short secret is redacted only as a whole word', () => {
  expect(redact('neutral eu neu "eu"')).toBe('neutral [secret] neu "[secret]"');
});

test('control characters, which a terminal or a CI log would interpret, are replaced', () => {
  expect(redact('a\u001b[31m\r\n::error::b\u202ec')).toBe('a [31m ::error::b c');
});

test('a text without secrets is only cut', () => {
  expect(createRedactor([''])('x'.repeat(300))).toHaveLength(200);
});
