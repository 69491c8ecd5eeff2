import { formsOf, SHORT } from '../net/redact.js';

/** What is shown of an answer, and of a message about it. */
const MAX_SHOWN = 200;
const HIDDEN = '[secret]';

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

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
