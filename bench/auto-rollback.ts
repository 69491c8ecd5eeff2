import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { productionQuery } from '../src/contract/messages.js';
import type { WatchReport } from '../src/contract/tenants/production.js';
import { retag } from '../testbed/images.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { rowsOf, table, writeSection } from './report.js';
import { Bed, shaOf } from './rollback-bed.js';
import { SITUATIONS, type Situation } from './situations.js';

/** Both production tenants must be red. */
const LIMIT = '2';
/** How long a worker, or Temporal, is away. */
const AWAY_MS = 15_000;
/** Longest wait for what becomes of a red production. */
const BOUND_MS = 180_000;
/** How long a red production below the limit is looked at: nothing may begin. */
const BELOW_MS = 10_000;

/** Parts of a reason that differ from run to run: the port of the registry, and all but the start of a digest. */
const ADDRESSES = /127\.0\.0\.1:\d+\/|(?<=sha256:[0-9a-f]{12})[0-9a-f]+/g;

interface Case {
  prepare: Situation;
  /** How production turns bad; by default both tenants fail their liveness check. */
  turnBad?: (bed: Bed) => Promise<void>;
  /** What happens once it is bad. */
  after?: (bed: Bed) => Promise<void>;
  isBelow?: true;
}

const nothing = () => Promise.resolve();
const failing = (bed: Bed, tenants = bed.production) => {
  for (const tenant of tenants) tenant.run({ sha: shaOf('live'), misbehave: 'empty-subsystems' });
};

/** Situations that are about the watch over production. */
const OWN: Record<string, Case> = {
  'promotion is paused': { prepare: (bed) => bed.canary('pause', '--reason', 'the bench') },
  'one tenant of two is red, and the limit is two': {
    prepare: nothing,
    turnBad: async (bed) => failing(bed, bed.production.slice(0, 1)),
    isBelow: true,
  },
  'both tenants answer nothing at all': {
    prepare: nothing,
    turnBad: async ({ production }) => {
      for (const tenant of production) await tenant.crash();
    },
  },
  'a person has moved `:latest` back by hand': {
    prepare: async ({ registry: { host: registry } }) => {
      const from = `staging-${shaOf('old').slice(0, 7)}`;
      for (const repository of ['platform', 'platform-tenant'])
        await retag({ registry, repository, from, to: 'latest' });
    },
  },
  'the worker is killed before, and another one starts 15 s later': {
    prepare: (bed) => bed.worker.kill('SIGKILL'),
    after: async (bed) => {
      await delay(AWAY_MS);
      await bed.startWorker();
    },
  },
  'Temporal is down, and is back 15 s later': {
    prepare: (bed) => bed.temporal.kill(),
    after: async (bed) => {
      await delay(AWAY_MS);
      const port = Number(bed.temporal.address.split(':').at(-1));
      bed.temporal = await startTemporalServer({ port, dbFile: bed.databaseFile });
    },
  },
};

/** What became of a red production; seconds since production turned bad. */
interface Seen {
  redS: number | null;
  decidedS: number | null;
  firstPutS: number | null;
  what: string;
}

/** Measures what `CANARY_AUTO_ROLLBACK` does with a production that turns red in bad situations, and how soon. */
export async function benchAutoRollback(): Promise<void> {
  const part = process.argv[3] ?? '';
  const cases: Record<string, Case> = {};
  for (const [name, prepare] of Object.entries(SITUATIONS)) if (!name.includes('--direct')) cases[name] = { prepare };
  Object.assign(cases, OWN);
  for (const [index, [name, one]] of Object.entries(cases).entries()) {
    if (!name.includes(part)) continue;
    const load = loadavg()[0] ?? 0;
    const row = [name, ...(await measure(`auto-${index}`, one)), load.toFixed(1)];
    console.log(row.join(' | '));
    write(row, Object.keys(cases));
  }
}

const TEXT =
  `Seconds with \`CANARY_AUTO_ROLLBACK=${LIMIT}\` and two production tenants that are polled every 200 ms: from the moment in which they begin to fail to the moment in which the watch calls the first one red, ` +
  'from there to its decision, and to the first PUT of the build before, by the log of the registry. ' +
  'Each situation has a Temporal dev server, a registry in memory, two canary tenants and a worker process of its own, with the waits that ship; one run each. ' +
  'The last column is the load of the machine.';

const commit = () => execFileSync('git', ['log', '-1', '--format=%h'], { encoding: 'utf8' }).trim();

/** Replaces the row of a situation in the table, which keeps the others. */
function write(row: string[], order: string[]): void {
  const others = rowsOf('auto-rollback').filter(([name]) => name !== row[0]);
  const rows = [...others, row].sort(([a = ''], [b = '']) => order.indexOf(a) - order.indexOf(b));
  const head = ['situation', 'red, s', 'red to decision, s', 'red to first PUT, s', 'what the gate does', 'load'];
  writeSection('auto-rollback', [`${TEXT} Last measured on top of commit ${commit()}.`, table(head, rows)]);
}

async function measure(lane: string, one: Case): Promise<string[]> {
  const env = { CANARY_AUTO_ROLLBACK: LIMIT };
  const bed = await Bed.open(lane, { names: ['acme', 'globex'], env });
  try {
    await bed.until('production is on the build and live', async () => {
      const { tenants = [] } = (await reportOf(bed)) ?? {};
      return tenants.length === 2 && tenants.every(({ tookAt, live }) => tookAt !== null && live === 'pass');
    });
    await one.prepare(bed);
    const began = Date.now();
    await (one.turnBad ?? (async () => failing(bed)))(bed);
    await one.after?.(bed);
    const { redS, decidedS, firstPutS, what } = await seen(bed, began, one);
    const since = (at: number | null) => (at === null || redS === null ? 'none' : Math.max(0, at - redS).toFixed(1));
    return [redS === null ? 'none' : redS.toFixed(1), since(decidedS), since(firstPutS), what];
  } finally {
    await bed.close();
  }
}

async function seen(bed: Bed, began: number, { isBelow }: Case): Promise<Seen> {
  const bound = began + BOUND_MS;
  const seconds = (at: number) => (at - began) / 1_000;
  const found: Seen = { redS: null, decidedS: null, firstPutS: null, what: `nothing within ${BOUND_MS / 1_000} s` };
  for (; Date.now() < bound; await delay(100)) {
    const report = await reportOf(bed);
    const redAt = report?.tenants.flatMap(({ redAt }) => (redAt ? [Date.parse(redAt)] : [])).sort() ?? [];
    if (redAt[0] !== undefined) found.redS ??= seconds(redAt[0]);
    const put = bed.putSince(began);
    if (put) found.firstPutS ??= seconds(put);
    if (report?.rollback) found.decidedS ??= seconds(Date.now());
    if (report?.rollback && !report.rollback.endsWith(' has begun'))
      return { ...found, what: `left to a person: ${report.rollback.replaceAll(ADDRESSES, '')}` };
    if (put && report?.rollback) return { ...found, what: await endOf(bed) };
    if (isBelow && found.redS !== null && Date.now() - began > BELOW_MS)
      return { ...found, what: `proposed only: \`${report?.propose}\`` };
  }
  return found;
}

/** How the automatic rollback ends. */
async function endOf({ client, lane }: Bed): Promise<string> {
  const handle = client.workflow.getHandle(`${lane}-rollback-${shaOf('old').slice(0, 7)}`);
  const { outcome } = (await handle.result().catch((error) => ({ outcome: String(error) }))) as { outcome: string };
  return outcome === 'rolled-back' ? 'begins on its own: rolled back' : `begins on its own: ${outcome}`;
}

/** What the watch over the live build says; null while it does not answer. */
async function reportOf({ client, lane }: Bed): Promise<WatchReport | null> {
  const handle = client.workflow.getHandle(`${lane}-watch-production-${shaOf('live').slice(0, 7)}`);
  return client.withDeadline(Date.now() + 2_000, () => handle.query(productionQuery)).catch(() => null);
}
