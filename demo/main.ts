import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BUILDS, SPARE } from './builds.js';
import { createCanary } from './canary.js';
import { confirmByCrane } from './crane.js';
import { StoryError } from './failure.js';
import { beforeTheGate, type Ending, playStory, publish } from './story.js';
import { createView, type View } from './view.js';
import { startWorld, type World } from './world.js';

const HELP = `Usage: npm run demo [-- --exit [--json]]
  --exit   stop after the story, instead of staying up
  --json   with --exit: one JSON object as the last line of stdout, everything else on stderr`;

const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;

const REGISTRY_KINDS: Record<World['registry']['kind'], string> = {
  distribution: 'distribution',
  docker: 'distribution, in Docker',
  memory: 'in memory, from the test bed: no real registry is available',
};

type Options = { exit: boolean; json: boolean };

const STORY_MS = 180_000; // the story takes 45 s; the limit allows for a machine that is four times as slow

/** Exit codes: 0 the story went as written, 1 it did not, 2 usage, 130 and 143 interrupted. */
async function main(options: Options): Promise<number> {
  const out = options.json ? process.stderr : process.stdout;
  const print = (text: string) => void out.write(`${text}\n`);
  const stops: (() => Promise<void>)[] = [];
  const onStop = (stop: () => Promise<void>) => void stops.push(stop);
  const stopping = new AbortController();
  let view: View | undefined;
  let staying = false;
  let code: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      code ??= staying ? 0 : INTERRUPTED[name];
      stopping.abort();
    });
  const interrupted = new Promise<never>((_, reject) => {
    stopping.signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
  });

  const perform = async () => {
    print('The canary release gate, from end to end. About a minute; Ctrl-C stops it.\n');
    print('Starting Temporal, a container registry, a control plane, four tenants and a worker ...');
    const world = await startWorld(onStop);
    await beforeTheGate(world);
    const canary = await createCanary(world, onStop);
    printWorld(print, world);
    view = createView(out, world.rows, new Map(BUILDS.map(({ sha7, color }) => [sha7, color])));
    const { signal } = stopping;
    const ending = await Promise.race([playStory({ world, view, canary, signal }), canary.workerEnded, tooLong()]);
    const confirmation = await confirmByCrane(ending.latest);
    view.print(summary(ending, confirmation));
    if (options.exit) {
      view.stop();
      if (options.json) process.stdout.write(`${JSON.stringify(ending)}\n`);
      return;
    }
    view.chapter(`Everything stays up until Ctrl-C. One more build for you: ${SPARE.sha7}`);
    await publish({ world, view }, SPARE);
    view.print(suggestions(world));
    staying = true;
    await canary.workerEnded;
  };

  try {
    await Promise.race([perform(), interrupted]);
    code = 0;
  } catch (error) {
    view?.stop();
    // After a signal an error is expected.
    if (code === undefined) process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
    code ??= 1;
  }
  print('Stopping everything ...');
  for (const stop of stops.reverse()) {
    await stop().catch((error) => process.stderr.write(`demo: could not stop everything: ${error}\n`));
  }
  return code;
}

async function tooLong(): Promise<never> {
  await sleep(STORY_MS, undefined, { ref: false });
  throw new StoryError(`the story did not end within ${STORY_MS / 1000} s (is a server down?)`);
}

function printWorld(print: (text: string) => void, world: World): void {
  print(`  Temporal UI   ${world.temporal.uiUrl}`);
  print(`  Registry      ${world.registry.host} (${REGISTRY_KINDS[world.registry.kind]})`);
  print('  Canaries      canary-1, canary-2, canary-3 follow :canary, which the gate moves');
  print('  Production    prod-1, prod-2 follow :latest');
  print('  Meanwhile     bin/canary.js --demo status   (a second terminal, this folder)');
}

function summary(
  { promoted, rejected, rolledBack, approved, production, latest }: Ending,
  confirmation: string,
): string {
  const short = (sha: string) => sha.slice(0, 7);
  const images = Object.entries(latest).map(([image, digest]) => `  ${image}:latest\n    ${digest}`);
  return [
    '\nResult:',
    `  promoted      ${short(promoted.sha)}`,
    `  rejected      ${short(rejected.sha)} (${rejected.failedChecks.join(', ')})`,
    `  rolled back   ${short(rolledBack.from)} -> ${short(rolledBack.to)}`,
    `  approved      ${short(approved.sha)} (held for ${approved.hold})`,
    `  production    ${production}`,
    ...images,
    `  ${confirmation}`,
  ].join('\n');
}

function suggestions(world: World): string {
  return [
    '\nTry in a second terminal, in this folder:',
    `  bin/canary.js --demo release ${SPARE.sha7} --approval required`,
    `  bin/canary.js --demo status ${SPARE.sha7}`,
    `  bin/canary.js --demo approve ${SPARE.sha7} --reason "looked at it"`,
    '  bin/canary.js --demo postmortem 4c1d56e',
    '  bin/canary.js --demo rollback 4c1d56e --reason "trying it out"',
    `and open ${world.temporal.uiUrl}: the page of a run shows its state under User Metadata`,
  ].join('\n');
}

function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: { exit: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help) return HELP;
    if (values.json && !values.exit) return `demo: --json needs --exit\n${HELP}`;
    return { exit: values.exit ?? false, json: values.json ?? false };
  } catch (error) {
    return `demo: ${error instanceof Error ? error.message : error}\n${HELP}`;
  }
}

const options = readOptions();
if (typeof options === 'string') {
  process.stderr.write(`${options}\n`);
  process.exitCode = options === HELP ? 0 : 2;
} else {
  // An explicit exit: after a signal during start-up, a half-started server would keep the process alive.
  process.exit(await main(options));
}
