import fc from 'fast-check';
import { anyCharacter } from './any-character.js';

/** What no line may contain: a character that acts on a screen or hides, or a command of a CI runner. */
export const UNPRINTABLE =
  /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]|##(?:[a-z]*)\[|[\ud800-\udbff](?![\udc00-\udfff])/u;

const ATTACKS = [
  '\n',
  '\r',
  '\r\n',
  '\t',
  '::error title=x::y',
  '::add-mask::0',
  '::stop-commands::z',
  '##[error]',
  '##vso[task.complete]',
  '#',
  ':',
  '\u001b[2K\u001b[1A',
  '\u001b]0;pwned\u0007',
  '\u009b2J',
  '\u0000',
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\u2028',
  '\u{e0041}',
  '\ud800',
  '\udc00',
  '**x**',
  '[a](https://b)',
  '<img src=x onerror=y>',
  '<!--',
  '`',
  '```',
  '| x |',
  '~~x~~',
  '- ',
  '1. ',
  '# ',
  '---',
  '> ',
  '@everyone',
  '&lt;',
  '\\',
  '%0A',
  ' ',
  'words',
];

/** Text of an attacker: pieces that act on terminals, runners and Markdown, mixed with any characters. */
export const hostileText = fc
  .array(fc.oneof(fc.constantFrom(...ATTACKS), fc.string({ unit: anyCharacter, maxLength: 6 })), { maxLength: 12 })
  .map((parts) => parts.join(''));
