/** Forms in which a text may contain a secret. Shares no code with the redaction of the product. */
function formsOf(secret: string): Record<string, string> {
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const forms: Record<string, string> = {
    plain: secret,
    JSON: json,
    'JSON in JSON': JSON.stringify(json).slice(1, -1),
    URL: encodeURIComponent(secret),
    hex: bytes.toString('hex'),
    HEX: bytes.toString('hex').toUpperCase(),
  };
  for (const before of [0, 1, 2]) {
    // The middle of its base64, which does not depend on the text before and after it.
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const middle = whole.toString('base64').slice(Math.ceil((before * 4) / 3), Math.floor((whole.length * 4) / 3));
    forms[`base64, ${before} before`] = middle;
    forms[`base64url, ${before} before`] = middle.replaceAll('+', '-').replaceAll('/', '_');
  }
  return forms;
}

/** Texts by their source. */
export type Evidence = Map<string, string>;

/** Each leak of a secret: `source: form`. */
export function findSecret(evidence: Evidence, secret: string): string[] {
  const forms = Object.entries(formsOf(secret));
  return [...evidence].flatMap(([where, text]) =>
    forms.filter(([, form]) => text.includes(form)).map(([name]) => `${where}: ${name}`),
  );
}

/** A text, and every base64 part of it decoded: the payloads of a history. */
export function withDecoded(text: string): string {
  const decoded = [...text.matchAll(/[A-Za-z0-9+/]{8,}={0,2}/g)].map(([part]) =>
    Buffer.from(part, 'base64').toString(),
  );
  return [text, ...decoded].join('\n');
}
