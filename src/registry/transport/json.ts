/** What JSON says; undefined when it is none. Its own error would quote the text, and that may hold a secret. */
export function parseJson(text: string | Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
