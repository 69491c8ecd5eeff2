/** Shorter ones are words that a text may have of itself: they are hidden as whole words only, or not at all. */
export const SHORT = 4;

/** The ways in which an answer may repeat a secret: as it is, and as JSON, URL, HTML, base64 or hex write it. */
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

/** Base64 of it alone, and the middle of it wherever it stands in something longer, such as `user:secret`. */
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
