declare const brand: unique symbol;

/** String that was parsed once, at the border; no code inside parses it again. */
export type Brand<Name extends string> = string & { readonly [brand]: Name };

/** Error for invalid input; its one line says what was given, where, and what is expected. It never contains a secret. */
export class InvalidInput extends Error {
  override readonly name: string = 'InvalidInput';
  constructor(message: string, max?: number) {
    super(lineOf(message, max));
  }
}

/** Longest line about one problem, and about all of them, in characters: what is wrong with a file may be as long as the file. */
const [MAX_LINE, MAX_LINES] = [1_000, 8_000];
/** Most problems that are listed: a person fixes them one by one. */
export const MAX_PROBLEMS = 20;

/** Every problem of something that was given, one line each; none contains a secret. */
export class InvalidInputs extends InvalidInput {
  readonly problems: string[];
  constructor(problems: string[], what?: string) {
    super([...(what === undefined ? [] : [`${what}: `]), listed(problems).join('; ')].join(''), MAX_LINES);
    this.problems = problems.map((problem) => lineOf(problem));
  }
}

/** Problems as they are shown: a line for each of the first ones, and how many more there are. */
export function listed(problems: readonly string[]): string[] {
  const lines = problems.slice(0, MAX_PROBLEMS).map((problem) => lineOf(problem));
  return problems.length > MAX_PROBLEMS ? [...lines, `and ${problems.length - MAX_PROBLEMS} more`] : lines;
}

/** Already printable; the large classes of `withoutControls` are seldom needed. */
const PLAIN = /^[ -~]*$/;
const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Text with its unsafe characters as the escapes of JSON (`\u001b`): it cannot break a line, or change how it reads. Those are what a screen
 * acts on or does not show, but for the one that colors an emoji: controls (C0, C1), direction and zero width, breaks of lines, halves
 * of a pair, codes that are no character.
 */
export const withoutControls = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replace(
        /(?!(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu,
        escapeOf,
      );

/** Text with each run of blanks, and of characters that a reader does not see, as `between`. */
export const collapsed = (text: string, between: string): string => text.replace(/[\s\p{C}\p{DI}]+/gu, between);

/** By UTF-16 units, as JSON has it. */
const escapeOf = (character: string) =>
  NAMED[character] ?? Array.from({ length: character.length }, (_, at) => unit(character.charCodeAt(at))).join('');

const unit = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;

/** Text as one line of a message, cut to `max` characters. */
function lineOf(text: string, max = MAX_LINE): string {
  // Cut first: the characters of a megabyte take long to look at.
  const line = withoutControls(text.slice(0, max + 1));
  return line.length > max ? `${line.slice(0, max - 3)}...` : line;
}

/** Formats a value for a message: a string quoted and cut to 80 characters, a list or an object by its kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return withoutControls(JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value));
  if (value === undefined) return '(missing)';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') return `(a ${typeof value})`;
  return Array.isArray(value) ? '(a list)' : '(an object)';
}

/** Error of a value that is missing or wrong: its name, what was given, and what is expected. */
export const invalid = (name: string, value: unknown, expected: string): InvalidInput =>
  new InvalidInput(
    value === undefined
      ? `${name} is missing: expected ${expected}`
      : `invalid ${name} ${shown(value)}: expected ${expected}`,
  );

/** Refusal of what a person sent, for such a value: one line, which names the command. */
export const refusedFor = (command: string, ...given: Parameters<typeof invalid>) => ({
  refused: `${command} refused: ${invalid(...given).message}`,
});

/** What a parser returns; null if it throws `InvalidInput`. Any other error passes. */
export function nullIfInvalid<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidInput) return null;
    throw error;
  }
}
