/** Age until which a content counts without a look at the file, in milliseconds: a codec asks hundreds of times a second. */
const FRESH_MS = 1_000;

/** Is told what became of a file that changed, once for each change. */
export interface FileNews<T> {
  changed(value: T): void;
  /** @param why never with the content. */
  refused(why: string): void;
}

/**
 * The content of a file, read again as it changes: credentials are rotated while a worker runs. While it cannot be read or parsed, as
 * in the middle of a rotation, the last content counts.
 * @param first the content that the caller has read.
 */
export function liveFile<T>(
  first: T,
  read: () => string,
  parse: (text: string) => T,
  { freshMs = FRESH_MS, news }: { freshMs?: number; news?: FileNews<T> | undefined } = {},
): () => T {
  let value = first;
  let text: string | null = null;
  let refused: string | null = null;
  let readAt = performance.now();
  const refuse = (why: string) => {
    if (why !== refused) news?.refused(why);
    refused = why;
  };
  return () => {
    if (performance.now() - readAt < freshMs) return value;
    readAt = performance.now();
    try {
      const now = read();
      // A rotation may empty the file before it writes.
      if (now.trim() === '') refuse('the file is empty');
      else if (now === text) refused = null;
      else {
        value = parse(now);
        [text, refused] = [now, null];
        news?.changed(value);
      }
    } catch (error) {
      // The last content counts.
      refuse(error instanceof Error ? error.message : 'it cannot be read');
    }
    return value;
  };
}
