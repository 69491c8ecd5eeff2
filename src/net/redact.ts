/** Shorter secrets are words that any text may contain: they are hidden as whole words only, or not at all. */
export const SHORT = 4;

/** Value of a JSON text; undefined if it is not JSON. The error of `JSON.parse` would quote the text, which may hold a secret. */
export function parseJson(text: string | Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** Forms in which an answer may repeat a secret: as it is, and as JSON, URL, HTML, base64 or hex write it. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const url = encodeURIComponent(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    json,
    json.replaceAll('/', '\\/'),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
    url.replaceAll('%20', '+'),
    html(secret),
    ...base64Forms(bytes),
    ...(secret.length < SHORT ? [] : [bytes.toString('hex'), bytes.toString('hex').toUpperCase()]),
  ];
}

/** Base64 of the secret alone, and the middle of it at each offset inside a longer text, such as `user:secret`. */
function base64Forms(bytes: Buffer): string[] {
  const middles = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
  });
  const forms = [bytes.toString('base64'), ...middles].filter((form) => form.length >= SHORT);
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')]);
}

function html(secret: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return secret.replaceAll(/[&<>"']/g, (character) => names[character] ?? character);
}
