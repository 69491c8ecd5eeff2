let count = 0;

/** Full sha that no other test of this file uses. It comes from a counter, so that a failing run is reproducible. */
export function newSha(): string {
  count += 1;
  return `${count.toString(16).padStart(7, '0')}${'c'.repeat(33)}`;
}
