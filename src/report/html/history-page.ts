import type { LedgerEntry } from '../../contract/lane.js';
import { sameBuild } from '../../contract/sha.js';
import { rounded } from '../../domain/duration.js';
import { redactedText } from '../../domain/markdown.js';
import { utc } from '../sections.js';
import { type RunRecord, summarizeRun } from '../summary.js';
import { figuresOf, movesSince, waitOf } from './figures.js';
import { type Html, html, tableOf } from './html.js';
import { axis, page, picture } from './page.js';
import { px, type Scale, scaleOf, ticksOf } from './scale.js';

const WIDTH = 960;
const LEFT = 90;
const RIGHT = 130;
const ROW = 24;
const TOP = 40;
/** Least width of a run. */
const LEAST = 16;

/** Page about the runs of a gate: what moved `:latest` when, and the figures of it.
 * @param runs ended runs, in any order. @param history the ledger's, the oldest first. */
export function historyPage(
  lane: string,
  runs: RunRecord[],
  history: LedgerEntry[],
  { limit = 50, now = Date.now() }: { limit?: number; now?: number } = {},
): string {
  const shown = [...runs].sort((a, b) => Date.parse(a.started) - Date.parse(b.started));
  const title = `Releases${lane === '' ? '' : ` of ${lane}`}`;
  const since = Date.parse(shown[0]?.started ?? new Date(now).toISOString());
  const moves = movesSince(history, since);
  const bound =
    runs.length >= limit ? `The latest ${limit} runs; earlier ones are not counted.` : 'Every run that Temporal keeps.';
  return page(
    title,
    html`<header><h1>${title}</h1><p class="dim">${bound} ${utc(new Date(since).toISOString())} to ${utc(new Date(now).toISOString())} UTC</p>
<nav aria-label="On this page"><ul><li><a href="#figures">Figures</a></li><li><a href="#timeline">Timeline</a></li>${shown.length > 0 ? html`<li><a href="#runs">Runs</a></li>` : ''}${moves.length > 0 ? html`<li><a href="#moves">Moves</a></li>` : ''}</ul></nav></header>
<main><section id="figures"><h2>Figures</h2><dl class="figures">${figuresOf(shown, since, now).map(
      ({
        name,
        value,
        how,
      }) => html`<div><dt>${name}</dt><dd><span class="value">${value}</span></dd><dd class="how">${how}</dd></div>
`,
    )}</dl></section>
<section id="timeline"><h2>Timeline</h2>${shown.length === 0 ? html`<p>No run has ended yet.</p>` : html`${timeline(shown, moves)}<p class="dim">One bar for each run. Green: promoted or rolled back. Red: rejected. Hatched: waited for a person and ended without one. Gray: ended in another way. The green line is <code>:latest</code>, from one move to the next. Short runs are drawn wider than they were.</p>`}</section>
${runsTable(shown)}${movesTable(moves)}</main>`,
  );
}

function timeline(runs: RunRecord[], moves: LedgerEntry[]): Html {
  const ends = runs.map((run) => ({ from: Date.parse(run.started), to: Date.parse(run.ended ?? run.started) }));
  const scale = scaleOf(ends, LEFT, WIDTH - LEFT - RIGHT, LEAST);
  const height = TOP + runs.length * ROW + 10;
  const ticks = ticksOf(
    ends.flatMap(({ from, to }) => [from, to]),
    scale,
    110,
  );
  const content = [
    ...axis(ticks, scale, height, (at) => utc(new Date(at).toISOString()).slice(5, 16)),
    latest(runs, moves, scale),
    ...runs.map((run, index) => bar(run, index, scale)),
  ];
  const said = `${runs.length} runs, ${moves.length} moves of :latest. The tables below say the same.`;
  return picture('Runs over time, UTC', said, WIDTH, height, html`${content}`);
}

function bar(run: RunRecord, index: number, scale: Scale): Html {
  const [from, to] = [Date.parse(run.started), Date.parse(run.ended ?? run.started)];
  const [x, width, y] = [scale(from), Math.max(4, scale(to) - scale(from)), TOP + index * ROW];
  const said = `${run.kind} ${run.sha.slice(0, 7)}: ${run.outcome}, ${rounded(to - from)}`;
  return html`<a href="#run-${index + 1}" aria-label="${said}"><text x="0" y="${y + 15}">${run.sha.slice(0, 7)}</text><rect class="${styleOf(run)}" x="${px(x)}" y="${y + 3}" width="${px(width)}" height="16" rx="3"><title>${said}</title></rect><text class="over" x="${px(x + width + 6)}" y="${y + 15}">${run.outcome}</text></a>
`;
}

function styleOf({ outcome }: RunRecord): string {
  if (outcome === 'promoted' || outcome === 'rolled-back') return 'move';
  if (outcome === 'CanaryRejected') return 'gone';
  return outcome === 'CanaryHoldExpired' || outcome === 'CanaryAborted' ? 'hatch' : 'wait';
}

/** Where `:latest` was: through the row of the run that moved it, until the next move. */
function latest(runs: RunRecord[], moves: LedgerEntry[], scale: Scale): Html {
  const points = moves.flatMap(({ sha, at }) => {
    const moved = Date.parse(at);
    const row = runs.findLastIndex(
      (run) => sha !== null && sameBuild(sha, run.sha) && Date.parse(run.started) <= moved,
    );
    return row < 0 ? [] : [{ x: px(scale(moved)), y: TOP + row * ROW + 11 }];
  });
  const [first, ...others] = points;
  if (first === undefined) return html``;
  const path = [`M${first.x} ${first.y}`, ...others.map(({ x, y }) => `H${x}V${y}`), `H${WIDTH - RIGHT}`].join('');
  return html`<path class="live" d="${path}"><title>:latest</title></path>`;
}

const runsTable = (runs: RunRecord[]) =>
  tableOf(
    'runs',
    'Runs',
    ['build', 'what', 'started (UTC)', 'took', 'waited for people', 'outcome', 'requested by'],
    runs.map((run) => {
      const wait = waitOf(run);
      const took = Date.parse(run.ended ?? run.started) - Date.parse(run.started);
      const by = redactedText(summarizeRun(run).requestedBy ?? '');
      return [
        run.sha.slice(0, 7),
        run.kind,
        utc(run.started),
        rounded(took),
        wait > 0 ? rounded(wait) : '',
        run.isGone ? `${run.outcome}; its history is gone, so it counts in no figure that needs it` : run.outcome,
        by,
      ];
    }),
    'run',
  );

const movesTable = (moves: LedgerEntry[]) =>
  tableOf(
    'moves',
    'Moves of :latest, by the ledger',
    ['at (UTC)', 'build', 'what', 'by', 'because'],
    moves.map(({ at, sha, kind, by, reason }) => [
      utc(at),
      sha?.slice(0, 7) ?? 'unknown',
      kind,
      redactedText(by),
      redactedText(reason),
    ]),
  );
