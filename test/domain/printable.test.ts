import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable, printableCommand } from '../../src/domain/printable.js';
import { hostileText, UNPRINTABLE } from '../support/hostile-text.js';

describe('printable', () => {
  test.each([
    ['a colour and a title of the terminal', '\u001b[2K\u001b]0;pwned\u0007', '\\u001b[2K\\u001b]0;pwned\\u0007'],
    ['a C1 control, which begins a sequence, too', 'a\u009b2Jb', 'a\\u009b2Jb'],
    ['a line break', 'a\n::error::b\r\nc', 'a\\n::error::b\\r\\nc'],
    ['separators of lines', 'a\u2028b\u2029c\u0085d', 'a\\u2028b\\u2029c\\u0085d'],
    ['another direction', 'a\u202eb\u2066c\u061cd', 'a\\u202eb\\u2066c\\u061cd'],
    ['no width', 'a\u200bb\u2060c\ufeffd\u00ade', 'a\\u200bb\\u2060c\\ufeffd\\u00ade'],
    ['a tag, of two units', 'a\u{e0041}b', 'a\\udb40\\udc41b'],
    ['a variant of a letter', 'a\ufe0fb\u{e0100}c', 'a\\ufe0fb\\udb40\\udd00c'],
    ['half a pair', 'a\ud800b', 'a\\ud800b'],
    ['a command at the start', '::error title=x::y', '\\u003a:error title=x::y'],
    ['a command after blanks', ' \u00a0 ::add-mask::0', ' \u00a0 \\u003a:add-mask::0'],
    ['a command of the old form', 'x ##[error]y', 'x \\u0023#[error]y'],
    ['a command of Azure', '##vso[task.setvariable variable=x]y', '\\u0023#vso[task.setvariable variable=x]y'],
    ['colons and marks in the middle', 'a ::b:: #1 [x]', 'a ::b:: #1 [x]'],
    ['letters of the world', '漢字 naïve 🎉 ⚠\ufe0f …', '漢字 naïve 🎉 ⚠\ufe0f …'],
  ])('shows %s', (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('gives one line without anything that a screen or a runner acts on, whatever it is given', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(printable(text)).not.toMatch(UNPRINTABLE);
        expect(printable(text).trimStart().startsWith('::')).toBe(false);
        expect(printableCommand(text)).not.toMatch(UNPRINTABLE);
      }),
    );
  });

  test('keeps the meaning of a line of JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(hostileText, fc.oneof(hostileText, fc.integer())), (value) => {
        expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('changes nothing that was made printable', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });
});
