import type { DeliveredEvent } from '../../contract/events.js';
import type { Decision } from '../../contract/hold.js';
import type { ReleasePhase } from '../../contract/release.js';
import type { TenantSmoke, Verdict } from '../../contract/tenants/check.js';
import { rounded } from '../../domain/duration.js';
import { oneLine, redactedText } from '../../domain/markdown.js';
import { uiUrl } from '../next-steps.js';
import { utc } from '../sections.js';
import { type ReportLinks, type RunRecord, type RunSummary, summarizeRun } from '../summary.js';
import { verdictText } from '../verdict.js';
import { type Html, html, NONE } from './html.js';
import { axis, page, picture } from './page.js';
import { DECIDED, tablesOf, VERDICTS, worstFirst } from './release-tables.js';
import { px, type Scale, scaleOf, ticksOf } from './scale.js';
import { nameOf, type Visit, visitsOf } from './visits.js';

/** How production took a build. */
interface Production {
  summary: string;
  /** ISO 8601; null while it is watched. */
  asOf: string | null;
}

const WIDTH = 960;
const LEFT = 170;
const RIGHT = 30;
const ROW = 30;
/** Least width of a phase. */
const LEAST = 54;
/** Most tenants that have a lane; the table has them all. */
const MAX_LANES = 30;
/** Width of a character of a label, at most. */
const CHARACTER = 6.5;
/** Most decisions that have a row; the table has them all. */
const MAX_DECISIONS = 6;
/** Names of phases where there is little room. */
const SHORT: Partial<Record<ReleasePhase, string>> = {
  resolving: 'resolve',
  'awaiting-canary': 'await',
  'awaiting-approval': 'people',
  announcing: 'tell',
  promoting: 'move',
};

const KINDS: Partial<Record<ReleasePhase, string>> = {
  'awaiting-canary': 'test',
  soaking: 'test',
  smoking: 'test',
  held: 'hatch',
  'awaiting-approval': 'hatch',
  announcing: 'move',
  promoting: 'move',
};

/** Page about a run: its timeline, and the same as tables. It is for the public, as the report in Markdown is (invariant I5). */
export function releasePage(
  record: RunRecord,
  events: DeliveredEvent[],
  {
    production = null,
    links = {},
    now = Date.now(),
  }: { production?: Production | null; links?: ReportLinks; now?: number } = {},
): string {
  const summary = summarizeRun(record, new Date(now));
  const end = record.ended === null ? now : Date.parse(record.ended);
  const visits = visitsOf(events, summary.phases, end, record.ended === null);
  const title = verdictText(record, summary).title;
  const ui = uiUrl(record, links);
  return page(
    `${record.sha.slice(0, 7)}: ${title}`,
    html`<header><h1>${title}</h1>
<p>Build <code>${record.sha}</code>${summary.requestedBy ? html`, requested by ${redactedText(summary.requestedBy)}` : NONE}${summary.reason ? html`: ${redactedText(summary.reason)}` : NONE}</p>
<p class="dim">${utc(record.started)} UTC, ${record.ended === null ? 'still running' : `took ${rounded(end - Date.parse(record.started))}`} · <code>${record.workflowId}</code>${ui ? html` · <a href="${ui}">Temporal UI</a>` : NONE}</p>
${production ? html`<p>Production: ${redactedText(production.summary)}${production.asOf ? html` (as of ${utc(production.asOf)} UTC)` : ', watched still'}</p>` : NONE}
<nav aria-label="On this page"><ul><li><a href="#timeline">Timeline</a></li><li><a href="#phases">Phases</a></li>${summary.tenants.length > 0 ? html`<li><a href="#tenants">Tenants</a></li>` : NONE}${summary.decisions.length > 0 ? html`<li><a href="#decisions">Decisions</a></li>` : NONE}<li><a href="#images">Images</a></li></ul></nav></header>
<main><section id="timeline"><h2>Timeline</h2>${timeline(record, summary, visits, production, end)}${legend()}</section>
${tablesOf(summary, visits)}</main>`,
  );
}

function timeline(
  record: RunRecord,
  summary: RunSummary,
  visits: Visit[],
  production: Production | null,
  end: number,
): Html {
  if (visits.length === 0) return html`<p>There are no times of this run: it left no report.</p>`;
  const watched =
    production && visits.some(({ phase }) => phase === 'promoting') ? Date.parse(production.asOf ?? '') || end : end;
  const last = Math.max(end, watched);
  const scale = scaleOf([...visits, { from: end, to: last }], LEFT, WIDTH - LEFT - RIGHT, LEAST);
  const lanes = worstFirst(summary.tenants).slice(0, MAX_LANES);
  const decisions = summary.decisions.slice(-MAX_DECISIONS);
  const peopleRows = decisions.map((_, index) => (index === 0 ? 'people' : ''));
  const rows = ['phases', ...peopleRows, ...lanes.map(({ tenant }) => tenant), ...(production ? ['production'] : [])];
  const height = 40 + rows.length * ROW + 10;
  const y = (row: number) => 40 + row * ROW;
  const ticks = ticksOf([visits[0]?.from ?? end, last, ...visits.flatMap(({ from, to }) => [from, to])], scale, 62);
  const moved = visits.find(({ phase }) => phase === 'promoting');
  const isMoved = record.outcome === 'promoted' || record.outcome === 'rolled-back';
  const content = [
    ...axis(ticks, scale, height, clock),
    ...rows.map(
      (name, row) => html`<text x="0" y="${y(row) + 18}">${oneLine(name, 22)}</text>
`,
    ),
    ...visits.map((visit, index) => bar(visit, index, scale, y(0))),
    ...decisions.map((decision, index) => decided(decision, visits, scale, y(index + 1))),
    ...lanes.map((tenant, index) => lane(tenant, summary, visits, scale, y(index + 1 + decisions.length))),
    ...(production && moved
      ? [
          html`<rect class="move" x="${px(scale(moved.to))}" y="${y(rows.length - 1) + 4}" width="${px(Math.max(6, scale(last) - scale(moved.to)))}" height="20" rx="3"><title>production: ${redactedText(production.summary)}</title></rect>
`,
        ]
      : []),
    ...(moved && isMoved
      ? [
          html`<line class="live" x1="${px(scale(moved.to))}" y1="24" x2="${px(scale(moved.to))}" y2="${height - 6}"><title>:latest is on this build, ${clock(moved.to)} UTC</title></line>
`,
        ]
      : []),
  ];
  const said = `${visits.map(nameOf).join(', then ')}. ${lanes.length} tenants. The tables below say the same.`;
  return picture(`Timeline of ${record.kind} ${record.sha.slice(0, 7)}, UTC`, said, WIDTH, height, html`${content}`);
}

function bar(visit: Visit, index: number, scale: Scale, y: number): Html {
  const [x, width] = [scale(visit.from), Math.max(3, scale(visit.to) - scale(visit.from) - 1)];
  const name = nameOf(visit);
  const said = `${name}, ${rounded(visit.to - visit.from)}${visit.isOpen ? ' so far' : ''}`;
  const label = [name, visit.phase, SHORT[visit.phase] ?? name, String(index + 1)].find(
    (text) => text.length * CHARACTER < width - 6,
  );
  return html`<a href="#phase-${index + 1}" aria-label="${said}"><rect class="${KINDS[visit.phase] ?? 'wait'}" x="${px(x)}" y="${y + 4}" width="${px(width)}" height="20" rx="3"><title>${said}</title></rect>${label ? html`<text class="on" x="${px(x + 5)}" y="${y + 18}">${label}</text>` : NONE}</a>
`;
}

/** Who decided. In the right half the name is on the left of the mark, for it would leave the picture. */
function decided({ verb, by, at, holdName }: Decision, visits: Visit[], scale: Scale, y: number): Html {
  const x = scale(Math.max(visits[0]?.from ?? 0, Date.parse(at)));
  const said = `${redactedText(by)} ${DECIDED[verb]}${holdName ? ` ${holdName}` : ''}`;
  const isLate = x > WIDTH / 2;
  return html`<path class="${verb === 'approve' ? 'pass' : 'doubt'}" d="M${px(x)} ${y + 4}l6 10l-6 10l-6 -10z"><title>${said}, ${clock(Date.parse(at))} UTC</title></path><text x="${px(isLate ? x - 10 : x + 10)}" y="${y + 18}" text-anchor="${isLate ? 'end' : 'start'}">${oneLine(said, 60)}</text>
`;
}

function lane(
  { tenant, checks, passed = 0 }: TenantSmoke,
  summary: RunSummary,
  visits: Visit[],
  scale: Scale,
  y: number,
): Html {
  const asked = visits.filter(({ phase }) => ['awaiting-canary', 'soaking', 'smoking'].includes(phase));
  const [from, to] = [asked[0]?.from, asked.at(-1)?.to];
  const smoke = visits.findLast(({ phase }) => phase === 'smoking');
  const { watched, interruptions } = summary;
  const all: Verdict[] = [
    ...checks.map(({ verdict }) => verdict),
    ...Array.from({ length: passed }, (): Verdict => 'pass'),
  ];
  const step = smoke ? (scale(smoke.to) - scale(smoke.from)) / (all.length + 1) : 0;
  const stretch = (style: string, start: number, stop: number, said: string) =>
    html`<rect class="${style}" x="${px(scale(start))}" y="${y + 8}" width="${px(Math.max(2, scale(stop) - scale(start)))}" height="12" rx="3"><title>${said}</title></rect>`;
  return html`${from !== undefined && to !== undefined ? stretch('asked', from, to, `${tenant} is asked for its build`) : NONE}${watched ? stretch('test', Date.parse(watched.from), Math.min(Date.parse(watched.until), visits.at(-1)?.to ?? 0), `${tenant} was seen on the build`) : NONE}${interruptions
    .filter((one) => one.tenant === tenant)
    .map((one) => {
      const x = scale(Date.parse(one.from));
      return html`<path class="gone" d="M${px(x)} ${y + 5}l7 16h-14z"><title>interrupted: ${redactedText(one.answered)}, ${clock(Date.parse(one.from))} UTC</title></path>`;
    })}${smoke ? all.map((verdict, index) => mark(verdict, scale(smoke.from) + step * (index + 1), y + 14, checks[index]?.check ?? 'passed')) : NONE}
`;
}

function mark(verdict: Verdict, x: number, y: number, check: string): Html {
  const title = html`<title>${check}: ${VERDICTS[verdict][0]}</title>`;
  if (verdict === 'pass') return html`<circle class="pass" cx="${px(x)}" cy="${y}" r="3.5">${title}</circle>`;
  if (verdict === 'fail') return html`<path class="fail" d="M${px(x - 5)} ${y - 5}l10 10m0 -10l-10 10">${title}</path>`;
  return html`<path class="doubt" d="M${px(x)} ${y - 6}l6 6l-6 6l-6 -6z">${title}</path>`;
}

const legend = () =>
  html`<p class="dim">Blue: tested on canary. Hatched: waits for a person. Green: moves, and production on it. ● a check passed, ✕ failed, ◆ could not be tested; ▲ a tenant stopped answering or left the build; the green line: <code>:latest</code> is on the build. Short phases are drawn wider than they were; a number is that of the phase below.</p>`;

const clock = (at: number) => new Date(at).toISOString().slice(11, 19);
