import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../src/net/redact.js';
import { anyCharacter } from '../support/any-character.js';
import { decoded, leakedRun } from '../support/leaked-run.js';
import { fullTest, runs } from '../support/rows.js';

const SECRET = 'gh/p_Zx9+Qw=7&Lm4<Tr8"vB2nK6sD1fH3jG5aC0y';
const redact = createRedactor([SECRET]);
const bytes = Buffer.from(SECRET);
const hex = bytes.toString('hex');
const base64 = bytes.toString('base64');
const each = (encode: (character: string) => string) => [...SECRET].map(encode).join('');
const hexOf = (character: string) => character.charCodeAt(0).toString(16).padStart(2, '0');

/** The forms that the security review tried. */
const FORMS: [string, string][] = [
  ['plain', SECRET],
  ['JSON', JSON.stringify(SECRET)],
  ['JSON with escaped slashes', JSON.stringify(SECRET).replaceAll('/', '\\/')],
  ["Go's JSON", JSON.stringify(SECRET).replaceAll('&', '\\u0026').replaceAll('<', '\\u003c')],
  ['JSON in JSON', JSON.stringify(JSON.stringify(SECRET))],
  ['URL', encodeURIComponent(SECRET)],
  ['URL in lower case', encodeURIComponent(SECRET).replaceAll(/%../g, (one) => one.toLowerCase())],
  ['URL with slashes only', SECRET.replaceAll('/', '%2F')],
  ['URL with plus signs only', SECRET.replaceAll('+', '%2B')],
  ['URL twice', encodeURIComponent(encodeURIComponent(SECRET))],
  ['URL with every character', each((character) => `%${hexOf(character)}`)],
  ['HTML', SECRET.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')],
  ["HTML of Go's html/template", SECRET.replaceAll('&', '&amp;').replaceAll('+', '&#43;').replaceAll('"', '&#34;')],
  ['HTML in numbers', each((character) => `&#${character.charCodeAt(0)};`)],
  ['HTML in hex numbers', each((character) => `&#x${hexOf(character)};`)],
  ['base64', base64],
  ['base64url', bytes.toString('base64url')],
  ['base64 after a user', Buffer.from(`user:${SECRET}`).toString('base64')],
  ['base64 after two bytes', Buffer.from(`ab${SECRET}`).toString('base64')],
  ['base64 in lines, as MIME has it', base64.replaceAll(/.{20}/g, '$&\r\n')],
  ['base64 twice', Buffer.from(base64).toString('base64')],
  ['hex', hex],
  ['hex in upper case', hex.toUpperCase()],
  ['hex with blanks', hex.replaceAll(/../g, '$& ')],
  ['hex with colons', hex.replaceAll(/../g, '$&:')],
  ['hex with 0x', hex.replaceAll(/../g, '0x$&, ')],
  ['\\u00xx', each((character) => `\\u00${hexOf(character)}`)],
  ['\\xxx', each((character) => `\\x${hexOf(character)}`)],
  ['in quotes', `'${SECRET}'`],
  ['over two lines', `${SECRET.slice(0, 20)}\r\n  ${SECRET.slice(20)}`],
  ['in two JSON texts', JSON.stringify([SECRET.slice(0, 20), SECRET.slice(20)])],
  ['with a zero-width character after each', each((character) => `${character}\u200b`)],
  ['with a control character after each', each((character) => `${character}\u0001`)],
  ['in lower case', SECRET.toLowerCase()],
  ['in upper case', SECRET.toUpperCase()],
  ['its first 30 characters', SECRET.slice(0, 30)],
  ['its last 9 characters', SECRET.slice(-9)],
];

describe('createRedactor', () => {
  test.each(FORMS)('redacts a secret in this form: %s', (_form, text) => {
    const shown = redact(`a ${text} z`);
    expect(shown).toMatch(/^a .*\[secret\].* z$/s);
    expect(leakedRun(shown, SECRET)).toBeNull();
    expect(shown.length).toBeLessThan(50);
  });

  test('leaves any run of fewer than 8 characters, and hides any longer one', () => {
    for (let start = 0; start + 8 <= SECRET.length; start += 1) {
      expect(redact(`<<${SECRET.slice(start, start + 8)}>>`)).toContain('[secret]');
      expect(redact(`{${SECRET.slice(start, start + 7)}}`)).not.toContain('[secret]');
    }
  });

  /** Each may be put on top of any other. */
  const ENCODINGS: Record<string, (text: string) => string> = {
    percent: (text) => encodeURIComponent(text),
    'percent, every byte': (text) =>
      [...Buffer.from(text)].map((one) => `%${one.toString(16).padStart(2, '0')}`).join(''),
    'percent, some': (text) => text.replaceAll(/[aeiou/+=&%]/g, (one) => `%${hexOf(one)}`),
    JSON: (text) => JSON.stringify(text).slice(1, -1),
    '\\u00xx': (text) => text.replaceAll(/[^\w]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
    HTML: (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;'),
    'HTML in numbers': (text) => text.replaceAll(/[^\w]/g, (one) => `&#${one.charCodeAt(0)};`),
    'HTML in hex': (text) => text.replaceAll(/[aeiou&+]/g, (one) => `&#x${hexOf(one)};`),
    base64: (text) => Buffer.from(text).toString('base64'),
    'base64, shifted': (text) => Buffer.from(`a:${text}`).toString('base64url'),
    hex: (text) => Buffer.from(text).toString('hex'),
    'hex with colons': (text) => Buffer.from(text).toString('hex').replaceAll(/../g, '$&:'),
    lines: (text) => text.replaceAll(/.{7}/g, '$&\n'),
    'zero width': (text) => text.replaceAll(/.{3}/g, '$&\u200b'),
  };
  const secrets = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'abcXYZ0189-_.~'), minLength: 8, maxLength: 48 }),
    fc.string({ unit: fc.constantFrom(...'aB3/+=&%<>"\'\\;#u'), minLength: 12, maxLength: 48 }),
    fc.string({ minLength: 12, maxLength: 48 }).filter((text) => text.trim() === text && !text.includes(' ')),
  );
  const isDigits = (name: string) => /^(?:base64|hex)/.test(name);
  const compositions = fc
    .array(fc.constantFrom(...Object.keys(ENCODINGS)), { maxLength: 4 })
    .filter((names) => names.filter(isDigits).length <= 2);
  const around = fc.string({ unit: fc.constantFrom(...'abc XYZ019.,:="{}[]()'), maxLength: 20 });

  test('nothing of 8 characters of a secret survives, in any mixture of encodings', () => {
    fc.assert(
      fc.property(secrets, compositions, around, around, (secret, names, before, after) => {
        // What looks like escapes may be a few characters to a reader.
        fc.pre(decoded(secret).length >= 8);
        const text = names.reduce((given, name) => (ENCODINGS[name] as (text: string) => string)(given), secret);
        const shown = createRedactor([secret])(`${before} ${text} ${after}`);
        expect(shown).toContain('[secret]');
        expect(leakedRun(shown.replaceAll('[secret]', '\n\u{fffd}\n'), secret)).toBeNull();
      }),
      { numRuns: runs(1_000, 100) },
    );
  });

  test('a text without a secret stays as it is', () => {
    const words = fc.constantFrom(
      ...['{"status":"ok","sha":"4c1d56e"}', 'status 500: internal server error', 'https://canary-1.example.com/a%20b'],
      ...[
        'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        'Zoë — déjà vu 日本 🚀',
        '&amp; <b>x</b>',
      ],
      ...[
        'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0',
        'C:\\temp\\new',
        '\u0000\u200b \t',
        'aGVsbG8gd29ybGQsIGhvdyBhcmUgeW91',
        '100%25',
      ],
    );
    const secret = fc.string({
      unit: fc.constantFrom(...'bcdfghjklmnpqrstvwxz0123456789'),
      minLength: 20,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string({ unit: anyCharacter }))), secret, (parts, known) => {
        const text = parts.join(' ');
        expect(createRedactor([known])(text)).toBe(text);
      }),
    );
  });

  test.each([
    ['eu', 'neutral eu neu "eu"', 'neutral [secret] neu "[secret]"'],
    ['ab/cd', 'the path ab%2fcd', 'the path [secret]'],
    ['org 42', '"org+42" or org%2042', '"[secret]" or [secret]'],
    ['tests', 'late stories, latests', 'late stories, la[secret]'],
    ['s3cr', Buffer.from('user:s3cr').toString('base64'), 'dXNlcj[secret]'],
    ['', 'as it is', 'as it is'],
  ])('redacts a short secret as a whole only: %j', (secret, text, shown) => {
    expect(createRedactor([secret])(text)).toBe(shown);
  });

  const cpuMs = (text: string) => {
    const began = process.cpuUsage();
    redact(text);
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1_000;
  };
  const long = (part: string, length: number) => part.repeat(Math.ceil(length / part.length));

  test.each([
    ['letters', 'VVVV'],
    ['escapes', '%25'],
    ['backslashes', '\\\\'],
    ['entities', '&amp;#x26;'],
    ['hex', '61'],
    ['blanks', ' \u200b'],
    ['a secret', `${SECRET} `],
    ['JSON', '{"name":"canary-1","origin":"https://canary-1.example.com","status":"ok"},'],
    ['UTF-8', '日本'],
  ])('searches a text of %s in a time that is linear in its length', (_what, part) => {
    cpuMs(long(part, 32 * 1024));
    // Eight times the length; the rest is for the garbage collection.
    expect(cpuMs(long(part, 256 * 1024))).toBeLessThan(24 * cpuMs(long(part, 32 * 1024)) + 300);
  });

  fullTest(
    'searches the worst megabyte in a few seconds',
    () => {
      expect(cpuMs(long('VVVV', 1024 * 1024))).toBeLessThan(10_000);
    },
    30_000,
  );
});
