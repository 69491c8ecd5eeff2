import { withoutControls as escaped } from '../contract/brand.js';

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

const withoutControls = (line: string) => escaped(line).replaceAll(/#(?=#[a-z]*\[)/gi, '\\u0023');
