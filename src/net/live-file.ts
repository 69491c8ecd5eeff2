/** Age until which a content counts without a look at the file, in milliseconds: a codec asks hundreds of times a second. */
const FRESH_MS = 1_000;

/**
 * The content of a file, read again as it changes: credentials are rotated while a worker runs. While it cannot be read or parsed, as
 * in the middle of a rotation, the last content counts.
 * @param first the content that the caller has read.
 */
export function liveFile<T>(first: T, read: () => string, parse: (text: string) => T, freshMs = FRESH_MS): () => T {
  let value = first;
  let text: string | null = null;
  let readAt = performance.now();
  return () => {
    if (performance.now() - readAt < freshMs) return value;
    readAt = performance.now();
    try {
      const now = read();
      // A rotation may empty the file before it writes.
      if (now !== text && now.trim() !== '') value = parse(now);
      text = now;
    } catch {
      // The last content counts.
    }
    return value;
  };
}
