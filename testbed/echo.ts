import type { IncomingHttpHeaders } from 'node:http';

/** Secrets of a request: the credentials without their scheme, the password of Basic credentials, and the `x-` headers. */
export function secretsIn(headers: IncomingHttpHeaders): string[] {
  const ours = Object.entries(headers).filter(([name]) => name === 'authorization' || name.startsWith('x-'));
  return ours.flatMap(([, value]) => {
    const [, basic] = /^Basic (.+)$/.exec(String(value)) ?? [];
    const password =
      basic &&
      Buffer.from(basic, 'base64')
        .toString()
        .replace(/^[^:]*:/, '');
    return [String(value).replace(/^(?:Bearer|Basic) /, ''), ...(password ? [password] : [])];
  });
}

/** Text with each value in every form that an error page may contain, and as a server would write it that wants to get it past a redaction. */
export function inEveryForm(values: string[]): string {
  const each = (value: string, write: (code: string) => string) =>
    [...value].map((one) => write(one.charCodeAt(0).toString(16).padStart(2, '0'))).join('');
  const base64 = (value: string) => ['', 'a', 'ab'].map((before) => Buffer.from(`${before}${value}:x`));
  return values
    .flatMap((value) => [
      value,
      JSON.stringify(value),
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
      ...base64(value).flatMap((bytes) => [bytes.toString('base64'), bytes.toString('base64url')]),
      Buffer.from(value).toString('hex'),
      Buffer.from(value).toString('hex').replaceAll(/../g, '$&:'),
      value.toLowerCase(),
      value.slice(0, -4),
      [...value].join(' '),
      each(value, (code) => `%${code}`),
      each(value, (code) => `\\u00${code}`),
      each(value, (code) => `&#x${code};`),
    ])
    .join(' ');
}
