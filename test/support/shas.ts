let count = 0;

/** A full sha that no other test of this file uses. It comes from a counter, so that a failing run repeats. */
export function newSha(): string {
  count += 1;
  return `${count.toString(16).padStart(7, '0')}${'c'.repeat(33)}`;
}
