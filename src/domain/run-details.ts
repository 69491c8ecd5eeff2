import type { Decision, Hold } from '../contract/hold.js';
import { commandOf, type Lane } from '../contract/ids.js';
import type { MovedImage } from '../contract/move.js';
import type { PinnedImage, ReleaseStatus } from '../contract/release.js';
import { sameBuild, shortSha } from '../contract/sha.js';
import type { AddTenantStatus } from '../contract/tenants/added.js';
import { type TenantBuild, whyUnreported } from '../contract/tenants/build.js';
import { type TenantSmoke, verdictOf } from '../contract/tenants/check.js';
import { decisionsNow } from './decide.js';
import { describeInterruption, describeLostProof, describeStretch } from './fleet-watch.js';
import { code, oneLine, prose, section, time } from './markdown.js';
import { describeChange } from './one-build.js';

/** Room for each list, in characters of the URL-encoded text. */
const ROOM = { images: 1_500, tenants: 2_500, fleet: 600, watch: 800, decisions: 1_000, refusals: 500 };
/** Longest reason that is shown, in characters. */
const MAX_WHY = 400;
/** Longest answer of a tenant that is shown, in characters. */
const MAX_ANSWER = 120;

/**
 * Status of a run, as Markdown for its page in the Temporal UI: phase, reason, decisions that apply, images, tenants (failing ones
 * first), decisions made; long lists are cut and counted.
 */
export function runDetails(state: ReleaseStatus, lane: Lane): string {
  const { hold, images, decisions, refusals } = state;
  return [
    describePhase(state),
    ...(hold ? [decisionHelp(state, lane, hold)] : []),
    section('Images', images.map(imageLine), ROOM.images),
    section('Tenants', tenantLines(state), ROOM.tenants),
    section('Fleet', (state.fleetNotes ?? []).map(prose), ROOM.fleet),
    section('Watch', watchLines(state), ROOM.watch),
    section('Decisions', decisions.map(decisionLine).reverse(), ROOM.decisions),
    section('Refused signals', refusals.map(prose).reverse(), ROOM.refusals),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function describePhase({ phase, hold, since, until, why }: ReleaseStatus): string {
  const ends = until === null ? '' : `, expires at ${time(until)}${hold ? ', without promoting' : ''}`;
  return `**${phase}**${hold ? ` for **${hold.name}**` : ''} since ${time(since)}${ends}\n\n${prose(oneLine(hold?.why ?? why, MAX_WHY))}`;
}

/** Effect and command of each decision that applies, and the JSON to paste into the form of the UI. */
function decisionHelp(state: ReleaseStatus, lane: Lane, { id }: Hold): string {
  const commands = Object.entries(decisionsNow(state));
  const command = (verb: string) => code(commandOf(lane, `${verb} ${shortSha(state.sha)} --hold ${id} --reason "why"`));
  const lines = commands.map(([verb, { isAllowed, text }]) =>
    isAllowed ? `**${verb}**: ${prose(text)}: ${command(verb)}` : `${verb} does not apply`,
  );
  const example = JSON.stringify({ by: 'your name', reason: 'why', hold: id });
  return [
    section(`Waits for a decision, hold ${code(id)}`, lines),
    'Run a command, or use More Actions, Send an Update, with the decision as its name and this JSON:',
    `\`\`\`json\n${example}\n\`\`\``,
  ].join('\n\n');
}

function imageLine({ repository, digest, ...image }: PinnedImage | MovedImage): string {
  const latest = image.latest === digest ? 'the same' : image.latest ? code(image.latest) : 'nothing yet';
  const kept = image.unchanged ? 'kept, no image of this build, ' : '';
  const result = 'result' in image ? `**${image.result}**, ${kept}` : kept;
  const change = image.change ? `; ${describeChange(image.change)}` : '';
  return `${code(repository)}: ${result}this build is ${code(digest)}, \`:latest\` is ${latest}${change}`;
}

/** Lines of the tenants, failing ones first, so that these are not among the ones that are only counted. */
function tenantLines({ sha, builds, tenants }: ReleaseStatus): string[] {
  const names = [...new Set([...builds, ...tenants].map(({ tenant }) => tenant))];
  const rows = names.map((name) => {
    const build = builds.find(({ tenant }) => tenant === name);
    const smoke = tenants.find(({ tenant }) => tenant === name);
    const summary = [...(build ? [describeBuild(build)] : []), ...(smoke ? [describeSmoke(smoke)] : [])].join('; ');
    const away = build !== undefined && (build.build === null || !sameBuild(build.build, sha));
    const verdict = smoke ? verdictOf([smoke]) : 'pass';
    return {
      rank: verdict === 'fail' ? 0 : verdict === 'could-not-test' ? 1 : away ? 2 : 3,
      line: `${prose(name)}: ${summary}`,
    };
  });
  return rows.sort((a, b) => a.rank - b.rank).map(({ line }) => line);
}

/** The proof so far, and the interruptions, newest first. */
const watchLines = ({ watched, interruptions = [], lostProof }: ReleaseStatus) => [
  ...(watched ? [describeStretch(watched)] : []),
  ...(lostProof ? [prose(describeLostProof(lostProof))] : []),
  ...interruptions.map((one) => `interrupted: ${prose(describeInterruption(one))}`).reverse(),
];

function describeBuild(seen: TenantBuild): string {
  const { build } = seen;
  return build === null ? `does not report its build (${prose(whyUnreported(seen))})` : `runs ${code(shortSha(build))}`;
}

function describeSmoke({ checks, observed = [] }: TenantSmoke): string {
  const passed = checks.filter(({ verdict }) => verdict === 'pass').length;
  const open = checks.filter(({ verdict }) => verdict !== 'pass');
  const notPassed = open.map(
    ({ check, verdict, status, expected, got }) =>
      `**${verdict}** ${prose(check)}${status ? ` (${status})` : ''}: expected ${answer(expected)}, got ${answer(got)}`,
  );
  const beside = observed.map(
    ({ check, verdict, measured }) =>
      `observed only: ${prose(check)} (${verdict}${measured ? `, ${prose(measured)}` : ''})`,
  );
  return [`${passed} of ${checks.length} checks passed`, ...notPassed, ...beside].join(', ');
}

/** Expected or actual answer of a check, without secrets already. */
const answer = (text: string) => code(oneLine(text, MAX_ANSWER));

const decisionLine = ({ at, by, verb, reason, holdName }: Decision) =>
  `${time(at)} **${verb}**${holdName ? ` of ${prose(holdName)}` : ''} by ${prose(by)}: ${prose(reason)}`;

/** Status of the addition of a tenant, as Markdown for its page in the Temporal UI. */
export function addTenantDetails({ slug, phase, why, since, origin, build, outcome, next }: AddTenantStatus): string {
  const result = outcome === null ? '' : `, **${outcome}**`;
  return [
    `**${phase}**${result} since ${time(since)}\n\n${prose(oneLine(why, MAX_WHY))}`,
    `Tenant ${code(slug)}${origin === null ? '' : ` at ${code(origin)}`}${build === null ? '' : `, runs ${code(build)}`}`,
    ...(next === null ? [] : [`Go on with ${code(next)}`]),
  ].join('\n\n');
}
