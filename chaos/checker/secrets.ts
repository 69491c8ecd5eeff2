import type { Evidence, Violation } from './evidence.js';

/** Shortest part of a secret that gives it away, in characters. */
const PART = 8;
/** Length of a part in base64: what eight characters are in it, and what their neighbors do not change. */
const ENCODED_PART = 10;

/** What each worker writes when it begins. */
const BEGINS = "state: 'RUNNING'";

/** I5: no part of a secret is in a log or a history, as it is or in base64; and each log is one of a worker, not an empty file. */
export function secrets({ secrets: all, texts }: Evidence): Violation[] {
  const parts = all.flatMap((secret) => [...partsOf(secret, PART), ...encoded(secret)]);
  return texts.flatMap(({ name, text }) => {
    const said = (what: string) => ({ rule: 'I5' as const, at: 0, what: `${name} ${what}` });
    return [
      ...(parts.some((part) => text.includes(part)) ? [said('has a part of a secret')] : []),
      ...(name.startsWith('log of worker-') && !text.includes(BEGINS) ? [said('does not show that it began')] : []),
    ];
  });
}

/** Every part of that length; the whole text if it is shorter. */
const partsOf = (text: string, length: number) =>
  Array.from({ length: Math.max(1, text.length - length + 1) }, (_, index) => text.slice(index, index + length));

/** What a secret is in base64 within a longer text, which may begin at any of three places of a group. */
const encoded = (secret: string): string[] =>
  [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString('base64');
    // The first and the last characters depend on what is around it.
    const own = text.replace(/=+$/, '').slice(before === 0 ? 0 : before + 1, -1);
    if (own.length < ENCODED_PART) return [];
    const parts = Array.from({ length: Math.floor(own.length / ENCODED_PART) }, (_, index) =>
      own.slice(index * ENCODED_PART, (index + 1) * ENCODED_PART),
    );
    return [...parts, ...parts.map((part) => part.replaceAll('+', '-').replaceAll('/', '_'))];
  });
