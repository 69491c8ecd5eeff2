import { loadGateConfig } from '../../../config/load.js';
import { ConfigError } from '../../../config/schema.js';
import { InvalidInput } from '../../../contract/brand.js';
import type { Verdict } from '../../../contract/tenants/check.js';
import { type Comparison, compareTenants, withoutAnswers } from '../../../smoke/drift/compare.js';
import { fieldNames } from '../../../smoke/drift/facts.js';
import { readTenants } from '../../../smoke/drift/read.js';
import { driftChecks } from '../../../smoke/suite.js';
import { comparedTenants } from '../../../tenants/other-tenants.js';
import { type Command, type Given, type Io, OUTPUT, wantsJson } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { interruptCode } from '../../interrupt.js';

export const drift: Command = {
  description:
    'Compare what the suite declares with drift(...), fields of endpoints, over all canary tenants and all production tenants: which differ, and what is not known. On a terminal it shows who has which value. It changes nothing, and needs no Temporal. Exit 0: the same on all; 1: something differs; 4: nothing differs, and something is not known.',
  options: [...OUTPUT],
  environment: [
    "the worker's fleet: CANARY_FLEET_FILE, CANARY_FLEET_URL, ...",
    'CANARY_PROD_FLEET_FILE',
    'CANARY_SMOKE_SUITE',
  ],
  examples: [
    'CANARY_FLEET_FILE=fleet.json CANARY_PROD_FLEET_FILE=production.json CANARY_SMOKE_SUITE=suite.ts canary drift',
    'canary drift -o json',
  ],
  run,
};

/** Most tenants of a group that are named; `-o json` has all. */
const MAX_NAMED = 8;

async function run(given: Given, io: Io): Promise<number> {
  const { config, suite } = await loadGateConfig(io.env, 'smoke');
  const checks = driftChecks(suite);
  if (checks.length === 0)
    throw new InvalidInput('the suite compares nothing: add drift(...) to CANARY_SMOKE_SUITE (docs/smoke-suite.md)');
  const { fleet, productionFleet, network } = config;
  try {
    const canary = await comparedTenants(fleet, network, io.signal);
    const production = await comparedTenants(productionFleet, network, io.signal);
    if (canary.length + production.length === 0) throw new ConfigError(['no tenants are configured']);
    const all = [...canary, ...production.map((one) => ({ ...one, name: `${one.name} (production)` }))];
    const compared: { check: string; fields: string[]; found: Comparison }[] = [];
    for (const { name, read } of checks) {
      const found = compareTenants(read, await readTenants(all, read, io.signal));
      compared.push({ check: name, fields: fieldNames(read), found: io.isTerminal ? found : withoutAnswers(found) });
    }
    const verdict = verdictOf(compared.map(({ found }) => found));
    if (wantsJson(given)) {
      const tenants = { canary: canary.map(({ name }) => name), production: production.map(({ name }) => name) };
      io.out(
        JSON.stringify({ verdict, tenants, checks: compared.map(({ found, ...rest }) => ({ ...rest, ...found })) }),
      );
    } else {
      io.out(`${canary.length} canary and ${production.length} production tenants`);
      for (const { check, fields, found } of compared)
        for (const line of comparisonLines(check, fields, found)) io.out(line);
    }
    return { pass: EXIT.done, fail: EXIT.refused, 'could-not-test': EXIT.fault }[verdict];
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err('canary: interrupted');
    return interruptCode(io.signal);
  }
}

function verdictOf(all: Comparison[]): Verdict {
  if (all.some(({ differences }) => differences.length > 0)) return 'fail';
  return all.some(({ unknown }) => unknown.length > 0) ? 'could-not-test' : 'pass';
}

function comparisonLines(check: string, fields: string[], { differences, unknown }: Comparison): string[] {
  const open = new Set([...differences, ...unknown].map(({ field }) => field));
  const same = fields.filter((field) => !open.has(field));
  return [
    '',
    `${check}:`,
    ...(same.length > 0 ? [`  the same   ${same.join(', ')}`] : []),
    ...differences.flatMap(({ label, groups }) => [
      `  DIFFERS    ${label}`,
      ...groups.map(({ shown, tenants }) => `    ${shown}: ${named(tenants)}`),
    ]),
    ...unknown.map(
      ({ tenant, field, why }) => `  NOT KNOWN  ${field}${tenant === null ? '' : ` of ${tenant}`}: ${why}`,
    ),
  ];
}

const named = (tenants: string[]) =>
  `${tenants.slice(0, MAX_NAMED).join(', ')}${tenants.length > MAX_NAMED ? ` and ${tenants.length - MAX_NAMED} more` : ''}`;
