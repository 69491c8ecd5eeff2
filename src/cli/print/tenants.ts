import { parseSha, shortSha } from '../../contract/sha.js';
import { oneLine, time } from '../../domain/markdown.js';
import { medianOf, type TenantInRelease, type TenantRecord } from '../../temporal/records/tenants.js';

/** A tenant as it is now, and what the last releases saw of it. */
export interface TenantNow extends TenantRecord {
  tenant: string;
  build: string | null;
  /** Why it reports no build. */
  why: string | null;
}

/** One line for each tenant, those in trouble with the command that helps. */
export function tenantLines(all: TenantNow[]): string[] {
  const width = Math.max(...all.map(({ tenant }) => tenant.length));
  return all.flatMap((one) => [
    `${one.tenant.padEnd(width)}  ${buildText(one)}  ${historyText(one.releases)}`,
    ...quarantineLines(one).map((line) => `${' '.repeat(width)}  ${line}`),
  ]);
}

/** The page of one tenant: its releases, newest first. */
export function tenantPage(one: TenantNow): string[] {
  return [
    `${one.tenant}  ${buildText(one)}`,
    ...quarantineLines(one),
    historyText(one.releases),
    ...one.releases.map(
      ({ at, sha, verdict, latencyMs, interruptions }) =>
        `  ${time(at)}  ${shortSha(sha)}  ${verdict.padEnd('could-not-test'.length)}  ${latencyText(latencyMs)}${
          interruptions > 0 ? `  ${interruptions} interruptions` : ''
        }`,
    ),
  ];
}

const buildText = ({ build, why }: TenantNow) =>
  build === null ? `reports no build (${oneLine(why ?? 'no answer')})` : `runs ${shortSha(parseSha(build))}`;

function historyText(releases: TenantInRelease[]): string {
  if (releases.length === 0) return 'in no release yet';
  const of = (verdict: string) => releases.filter((one) => one.verdict === verdict).length;
  const unsteady = releases.filter(({ isUnsteady }) => isUnsteady).length;
  const interruptions = releases.reduce((sum, one) => sum + one.interruptions, 0);
  const latency = medianOf(releases.flatMap(({ latencyMs }) => latencyMs ?? []));
  return [
    `${releases.length} releases: ${of('pass')} pass, ${of('fail')} fail, ${of('could-not-test')} could not test`,
    `${latencyText(latency)}`,
    `unsteady in ${unsteady}, ${interruptions} interruptions`,
  ].join('; ');
}

const latencyText = (ms: number | null) => (ms === null ? 'no latency' : `${ms} ms`);

function quarantineLines({ tenant, quarantine }: TenantNow): string[] {
  if (quarantine === null) return [];
  const { by, why, until } = quarantine;
  return [
    `IN QUARANTINE until ${time(until)}, by ${oneLine(by)}: ${oneLine(why)}`,
    `canary tenants unquarantine ${tenant} --reason …   the next release tests it again`,
  ];
}
