/** Already printable; the large classes of `UNSAFE` are seldom needed. */
const PLAIN = /^[ -~]*$/;
/** Characters that a screen acts on or does not show, but for the one that colors an emoji: controls (C0, C1), direction and zero width, breaks of lines, halves of a pair, codes that are no character. */
const UNSAFE =
  /(?!(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;
const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Shows one line as it is printed to a screen or a log: unsafe characters as escapes (`\u001b`), so a value cannot break the line, and
 * nothing in which a CI runner sees a command: `##[error]` (GitHub, old) or `##vso[…]` (Azure) anywhere, `::error::` at its start. The
 * escapes are those of JSON: a line of JSON keeps its meaning.
 */
export function printable(line: string): string {
  return withoutControls(line).replace(/^(\s*):(?=:)/, '$1\\u003a');
}

/** Shows a workflow command of our own, which begins with `::`; the values in it are escaped as in any line. */
export function printableCommand(line: string): string {
  return withoutControls(line);
}

const withoutControls = (line: string) =>
  (PLAIN.test(line) ? line : line.replace(UNSAFE, escapeOf)).replaceAll(/#(?=#[a-z]*\[)/gi, '\\u0023');

/** By UTF-16 units, as JSON has it. */
const escapeOf = (character: string) =>
  NAMED[character] ?? Array.from({ length: character.length }, (_, at) => unit(character.charCodeAt(at))).join('');

const unit = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;
