import { oneLine } from '../../domain/markdown.js';
import { printable } from '../../domain/printable.js';

/** Markup: what `html` made, and nothing else. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = string | number | Html | Value[];

/** Builds markup. Every text between its parts is escaped, on one line and without control characters: nothing that a person or a tenant wrote becomes markup. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(
    parts.map((part, index) => `${part}${index < values.length ? shown(values[index] as Value) : ''}`).join(''),
  );
}

/** Nothing. */
export const NONE = html``;

function shown(value: Value): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(shown).join('');
  return escaped(typeof value === 'number' ? String(value) : printable(oneLine(value)));
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
  '#': '&#35;',
};
const escaped = (text: string) => text.replaceAll(/[&<>"'`#]/g, (mark) => ESCAPES[mark] ?? '');

/** A table with a caption; empty without rows. */
export function tableOf(id: string, caption: string, head: string[], rows: Value[][], rowId = ''): Html {
  if (rows.length === 0) return NONE;
  const lines = rows.map((cells, index) => {
    const name = rowId === '' ? NONE : html` id="${rowId}-${index + 1}"`;
    const [first = '', ...others] = cells;
    return html`<tr${name}><th scope="row">${first}</th>${others.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  });
  return html`<section id="${id}"><div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption><thead><tr>${head.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${lines}</tbody></table></div></section>
`;
}
