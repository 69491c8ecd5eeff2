/** What is shown of an answer, and of a message about it. */
const MAX_SHOWN = 200;
const HIDDEN = '[secret]';
/** Shorter ones are hidden as whole words only: every `1` of an answer would be gone otherwise. */
const SHORT = 4;

/** Makes texts fit to be shown: without the secrets in any of their forms, without control characters, and cut, in this order. */
export function createHider(secrets: Iterable<string>): (text: string) => string {
  const forms = [...new Set([...secrets].filter(Boolean).flatMap(formsOf))].sort((a, b) => b.length - a.length);
  const patterns = forms.map((form) => (form.length < SHORT ? `(?<!\\w)${escaped(form)}(?!\\w)` : escaped(form)));
  const any = patterns.length > 0 ? new RegExp(patterns.join('|'), 'g') : null;
  return (text) => {
    const clear = any ? text.replace(any, HIDDEN) : text;
    const shown = clear.replace(/[\s\p{C}]+/gu, ' ').trim();
    return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN - 1).replace(/[\ud800-\udbff]$/, '')}…` : shown;
  };
}

/** The ways in which an answer may repeat a secret: as it is, and as JSON, URL, HTML, base64 or hex write it. */
function formsOf(secret: string): string[] {
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

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
