import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { InvalidInput, listed, MAX_PROBLEMS, withoutControls } from '../../src/contract/brand.js';

const root = join(import.meta.dirname, '..', 'corpus');

/** Word that stands for a secret in every file: no answer may contain it. */
export const PLANTED = 'hush-hush';
/** Longest line, most lines, and longest message of an answer: a command adds a word or a line to the limits of `InvalidInput`. */
const [MAX_LINE, MAX_LINES, MAX_MESSAGE] = [1_100, 22, 8_000];
/** Most that one file may cost, in ms of the processor and in bytes of memory. */
const [MAX_CPU_MS, MAX_BYTES] = [3_000, 256 * 1024 * 1024];

/** One file: an input, and the lines of the error or the value that it gives. */
interface Entry<I> {
  input: I;
  says?: string | string[];
  gives?: unknown;
}

type Answer = { says: string | string[] } | { gives: unknown };
type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * Makes a test of each file in `test/corpus/<area>/`. A new file without `says` and `gives` is filled by CORPUS_FILL=1, every other one
 * too by CORPUS_FILL=again; read what it got.
 * @param judge returns the value of an input, or throws one of `refusals`; any other error fails the test.
 */
export function corpus<I>(
  area: string,
  judge: (input: I) => unknown,
  refusals: readonly ErrorClass[] = [InvalidInput],
): void {
  const names = readdirSync(join(root, area)).sort();
  describe(`hostile input: ${area}`, () => {
    test.each(names)('%s', async (name) => {
      const file = join(root, area, name);
      const entry = JSON.parse(readFileSync(file, 'utf8')) as Entry<unknown>;
      const answer = await costing(() => answerOf(() => judge(expanded(entry.input) as I), refusals));
      // Even of a value: what a parser accepts may be shown later.
      expect(JSON.stringify(answer)).not.toContain(PLANTED);
      if ('says' in answer) expectLines([answer.says].flat());
      const { says, gives } = entry;
      if (process.env.CORPUS_FILL === 'again' || (says === undefined && gives === undefined && process.env.CORPUS_FILL))
        return fill(file, entry.input, answer);
      expect(plain(answer)).toEqual(says === undefined ? { gives } : { says });
    });
  });
}

/** Writes what an input gives, unless the file has it. */
function fill(file: string, input: unknown, answer: Answer): void {
  const { input: _, ...had } = JSON.parse(readFileSync(file, 'utf8')) as Entry<unknown>;
  if (!isDeepStrictEqual(had, plain(answer))) writeFileSync(file, `${JSON.stringify({ input, ...answer }, null, 2)}\n`);
}

/** What JSON can say of an answer. */
const plain = (answer: Answer): unknown => JSON.parse(JSON.stringify(answer));

async function answerOf(judge: () => unknown, refusals: readonly ErrorClass[]): Promise<Answer> {
  try {
    return { gives: (await judge()) ?? null };
  } catch (error) {
    if (!refusals.some((refusal) => error instanceof refusal)) throw error;
    const { problems: all, message } = error as Error & { problems?: string[] };
    expect(withoutControls(message)).toBe(message);
    expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE);
    const problems = all && (all.length > MAX_PROBLEMS + 1 ? listed(all) : all);
    return { says: problems === undefined ? message : problems.length === 1 ? (problems[0] ?? '') : problems };
  }
}

/** Runs something, and asserts that it costs little of the processor and of memory: as much as one file, or that many. */
export async function costing<T>(judge: () => Promise<T>, times = 1): Promise<T> {
  const [before, heap] = [process.cpuUsage(), process.memoryUsage().heapUsed];
  const answer = await judge();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000, 'ms of the processor').toBeLessThan(MAX_CPU_MS * times);
  expect(process.memoryUsage().heapUsed - heap, 'bytes of memory').toBeLessThan(MAX_BYTES * times);
  return answer;
}

/** Each line fits a terminal and a log: no line break or control in it, no stack, and an end. */
export function expectLines(lines: readonly string[]): void {
  expect(lines.length).toBeLessThanOrEqual(MAX_LINES);
  for (const line of lines) {
    expect(line).not.toBe('');
    expect(withoutControls(line)).toBe(line);
    expect(line).not.toMatch(/\.(?:js|ts):\d+:\d+/);
    expect(line.length).toBeLessThanOrEqual(MAX_LINE);
  }
}

/** `{"$repeat": text, "times": n}` is that text; `{"$join": [...]}` is its parts as one text; `{"$nest": n}` is a list in a list, n deep. */
function expanded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expanded);
  if (typeof value !== 'object' || value === null) return value;
  const { $repeat, times, $join, $nest } = value as Record<string, unknown>;
  if (typeof $repeat === 'string') return $repeat.repeat(Number(times));
  if (Array.isArray($join)) return $join.map(expanded).join('');
  if (typeof $nest === 'number') return nested($nest);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expanded(one)]));
}

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let at = 0; at < depth; at += 1) value = [value];
  return value;
}
