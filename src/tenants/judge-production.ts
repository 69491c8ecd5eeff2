import type { PlannedTenant } from '../contract/release.js';
import type { CheckResult, Verdict } from '../contract/tenants/check.js';
import { parseDuration } from '../domain/duration.js';
import type { JudgeAccess, Window } from '../smoke/kinds/judge.js';
import { isJudge, type Judge, kindOf } from '../smoke/kinds/table.js';
import { smokeTenant } from '../smoke/smoke-tenant.js';
import type { Suite } from '../smoke/suite.js';
import { namesIn } from '../smoke/values.js';

/** Time between two looks of a judge at a tenant. */
const EVERY = '30s';
/** Fails in a row that make a production tenant red. */
const FAILURES = 2;
/** Looks in a row without a pass after which an earlier pass no longer counts. */
const MAX_DOUBTS = 2;
/** Looks at a time. */
const AT_ONCE = 10;
/** Limits of one look, in milliseconds; a command may take its 60 s. */
const WAITS = { suiteMs: 90_000, retryBudgetMs: 0 };

/** What the judges say of a tenant: the worst, and of which check. */
export interface Judgement {
  verdict: Verdict;
  /** Check that did not pass, and what it measured: nothing of an answer. */
  check: string;
}

interface Looks {
  /** Whether the last look has not ended. */
  isOpen: boolean;
  /** End of the last look, by the steady clock; it counts for a while only. */
  at: number;
  fails: number;
  doubts: number;
  judgement: Judgement;
}

export interface ProductionJudges {
  /** What they say of a tenant that is on the build, by what they have seen so far; begins the looks that are due. Null without a judge. */
  look(tenant: PlannedTenant, window: Window): Judgement | null;
  /** Ends the open looks. */
  stop(): Promise<void>;
}

const PASS: Judgement = { verdict: 'pass', check: '' };

/** Lets the judges of a suite that are marked `after` judge production. They look on their own time: a poll of the tenants does not wait for them. */
export function judgeProduction(suite: Suite, access: JudgeAccess): ProductionJudges {
  const judges = suite.filter((check): check is Judge => isJudge(check) && check.after === true);
  const known = new Map<string, Looks>();
  const open = new Set<Promise<void>>();
  const stopping = new AbortController();

  const waiting: (() => Promise<void>)[] = [];
  const beginWaiting = () => {
    for (let next = waiting.shift(); next !== undefined; next = open.size < AT_ONCE ? waiting.shift() : undefined) {
      const look = next().finally(() => {
        open.delete(look);
        if (!stopping.signal.aborted && open.size < AT_ONCE) beginWaiting();
      });
      open.add(look);
    }
  };
  // In the order in which they are due: no tenant waits for ever for those before it.
  const begin = (judge: Judge, looks: Looks, tenant: PlannedTenant, window: Window) => {
    looks.isOpen = true;
    waiting.push(async () => {
      const look = lookOnce(judge, tenant, { access, window }, stopping.signal);
      const result = await look.catch(() => undefined);
      if (!stopping.signal.aborted) note(looks, judge, result);
      looks.isOpen = false;
    });
    if (open.size < AT_ONCE) beginWaiting();
  };
  return {
    look(tenant, window) {
      const judgements = judges.map((judge): Judgement => {
        const key = JSON.stringify([judge.name, isOfTenant(judge) ? tenant.name : null]);
        const looks = known.get(key) ?? neverLooked(judge);
        known.set(key, looks);
        const ageMs = performance.now() - looks.at;
        const everyMs = parseDuration(judge.every ?? EVERY);
        if (!looks.isOpen && ageMs >= everyMs) begin(judge, looks, tenant, window);
        const isOld = ageMs > MAX_DOUBTS * (everyMs + WAITS.suiteMs);
        return isOld ? notJudged(judge) : looks.judgement;
      });
      const worst = (verdict: Verdict) => judgements.find((one) => one.verdict === verdict);
      return worst('fail') ?? worst('could-not-test') ?? judgements[0] ?? null;
    },
    async stop() {
      stopping.abort(new Error('the watch has ended'));
      await Promise.allSettled(open);
    },
  };
}

/** Whether a judge speaks of one tenant: one that names none speaks of all of them. A command knows its tenant. */
const isOfTenant = (judge: Judge) =>
  judge.kind === 'command' || namesIn(judge).some((name) => ['tenant', 'host', 'url'].includes(name));

const neverLooked = (judge: Judge): Looks => ({
  isOpen: false,
  at: Number.NEGATIVE_INFINITY,
  fails: 0,
  doubts: 0,
  judgement: notJudged(judge),
});

const notJudged = ({ name }: Judge): Judgement => ({
  verdict: 'could-not-test',
  check: `${name}: could not be tested`,
});

async function lookOnce(
  judge: Judge,
  tenant: PlannedTenant,
  judging: { access: JudgeAccess; window: Window },
  signal: AbortSignal,
): Promise<CheckResult | undefined> {
  const { failures: _, holds, ...once } = judge;
  // Of a judge that looks back, `holds` is the least window; else the bake holds.
  const suite = [kindOf(judge).looksBack && holds !== undefined ? { ...once, holds } : once] as Judge[];
  const { checks } = await smokeTenant(tenant, { token: '', headers: {} }, { suite, judging, waits: WAITS, signal });
  return checks[0];
}

/** A first fail or silence after a pass proves nothing; the pass counts on. Only fails in a row, with nothing between them, make red. */
function note(looks: Looks, judge: Judge, result: CheckResult | undefined): void {
  looks.at = performance.now();
  const verdict = result?.verdict ?? 'could-not-test';
  looks.fails = verdict === 'fail' ? looks.fails + 1 : 0;
  looks.doubts = verdict === 'pass' ? 0 : looks.doubts + 1;
  if (verdict === 'pass') looks.judgement = PASS;
  else if (looks.fails >= (judge.failures ?? FAILURES))
    looks.judgement = { verdict: 'fail', check: `${judge.name}: ${result?.measured ?? 'failed'}` };
  else if (looks.doubts >= MAX_DOUBTS) looks.judgement = notJudged(judge);
}
