import { type Html, html, Html as Markup } from './html.js';
import { px, type Scale } from './scale.js';

/** Colors that mean something have a shape or a text, too: a mark, a hatch, a word. */
const STYLE = new Markup(`
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--wait:#c9d1d9;--test:#9cc7ff;--people:#ffd479;--move:#7ee0a1;
--ok:#116329;--bad:#b3261e;--doubt:#8a5300;--on:#1b1f24;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9aa4af;--line:#3d444d;--wait:#57606a;--test:#1f5fae;--people:#8a5a00;--move:#1a7f37;
--ok:#56d364;--bad:#ff8a80;--doubt:#f0b849;--on:#fff;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--bg);color:var(--fg);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;line-height:1.3;margin:.5rem 0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
p{margin:.4rem 0}a{color:var(--link)}.dim{color:var(--dim)}code{font-family:ui-monospace,monospace}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;margin:.5rem 0;list-style:none}
figure{margin:0}.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;padding:.5rem}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
svg{display:block;min-width:46rem;width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--fg)}svg .dim{fill:var(--dim)}svg .on{fill:var(--on)}svg .over{paint-order:stroke;stroke:var(--bg);stroke-width:5px}.grid{stroke:var(--line)}
.wait{fill:var(--wait)}.test{fill:var(--test)}.people{fill:var(--people)}.move{fill:var(--move)}.hatch{fill:url(#hatch)}
.asked{fill:none;stroke:var(--dim);stroke-dasharray:3 3}.live{stroke:var(--ok);stroke-width:3;fill:none}
.pass{fill:var(--ok)}.fail{stroke:var(--bad);stroke-width:2.5;fill:none}.doubt{fill:var(--doubt)}.gone{fill:var(--bad)}
.ok{color:var(--ok)}.bad{color:var(--bad)}.unsure{color:var(--doubt)}
table{border-collapse:collapse;width:100%;font-size:.9rem}caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line)}thead th{border-top:0;color:var(--dim);font-weight:600}
th,td{overflow-wrap:break-word;min-width:5.5rem}td code{white-space:nowrap}section{margin:1rem 0}
dl.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:.75rem;margin:1rem 0}
dl.figures div{border:1px solid var(--line);border-radius:6px;padding:.6rem}dl.figures dt{color:var(--dim)}dl.figures dd{margin:0}
dl.figures .value{font-size:1.5rem;font-weight:600}dl.figures .how{font-size:.85rem;color:var(--dim)}
@media print{:root{--bg:#fff;--fg:#000}body{max-width:none}nav{display:none}.scroll{overflow:visible;border:0;padding:0}svg{min-width:0}section{break-inside:avoid}}
`);

/** A page that needs nothing else: no script, and by its policy no request, whatever is in it. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer"><title>${title}</title><style>${STYLE}</style></head>
<body>
${body}
</body></html>
`.text;
}

/** A picture that scrolls on a narrow screen, by keyboard too. Its text says what it shows; the tables say the rest. */
export function picture(title: string, description: string, width: number, height: number, content: Html): Html {
  return html`<figure><div class="scroll" tabindex="0" role="region" aria-label="${title}"><svg viewBox="0 0 ${width} ${height}" role="group" aria-labelledby="picture-title picture-description">
<title id="picture-title">${title}</title><desc id="picture-description">${description}</desc>
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="people"/><line x1="0" y1="0" x2="0" y2="6" stroke="currentColor" stroke-opacity=".35" stroke-width="2"/></pattern></defs>
${content}</svg></div></figure>
`;
}

/** Marks of a picture's axis: a line down to its end, with a label at the top. */
export const axis = (ticks: number[], scale: Scale, height: number, label: (at: number) => string): Html[] =>
  ticks.map((at) => {
    const x = px(scale(at));
    return html`<line class="grid" x1="${x}" y1="22" x2="${x}" y2="${height - 6}"/><text class="dim" x="${x}" y="16" text-anchor="middle">${label(at)}</text>
`;
  });
