import type { CheckResult, TenantSmoke } from '../../contract/tenants/check.js';
import { printable } from '../../domain/printable.js';

/** JUnit XML, one test suite per tenant. CI publishes it, so an answer is reduced to its status and the schema path. */
export function junit(results: TenantSmoke[]): string {
  const [all, beside] = [results.flatMap(({ checks }) => checks), results.flatMap(({ observed = [] }) => observed)];
  const suites = results.map(({ tenant, checks, observed = [] }) =>
    element(
      'testsuite',
      { name: tenant, ...totals(checks, observed) },
      [...checks.map((check) => testCase(tenant, check)), ...observed.map((one) => observedCase(tenant, one))].join(''),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', { name: 'canary smoke', ...totals(all, beside) }, suites.join(''))}`;
}

/** What was only observed counts as skipped, with its result: no reader of the file takes it for a part of the verdict. */
function observedCase(tenant: string, { check, verdict, measured, latencyMs }: CheckResult): string {
  const message = ['observed only', verdict, ...(measured ? [measured] : [])].join(', ');
  const skipped = element('skipped', { message });
  return element('testcase', { classname: tenant, name: check, time: seconds(latencyMs) }, skipped);
}

function testCase(tenant: string, { check, verdict, status, schemaPath, latencyMs }: CheckResult): string {
  const what = [
    status === null ? 'no answer' : `status ${status}`,
    ...(schemaPath ? [`schema path ${schemaPath}`] : []),
  ];
  const problem =
    verdict === 'pass'
      ? ''
      : element(verdict === 'fail' ? 'failure' : 'error', { type: verdict, message: what.join(', ') });
  return element('testcase', { classname: tenant, name: check, time: seconds(latencyMs) }, problem);
}

function totals(checks: CheckResult[], observed: CheckResult[]) {
  const count = (verdict: CheckResult['verdict']) => checks.filter((check) => check.verdict === verdict).length;
  const all = [...checks, ...observed];
  const time = seconds(all.reduce((sum, { latencyMs }) => sum + latencyMs, 0));
  const [failures, errors] = [count('fail'), count('could-not-test')];
  return { tests: all.length, failures, errors, skipped: observed.length, time };
}

const seconds = (ms: number) => (ms / 1_000).toFixed(3);

function element(name: string, attributes: Record<string, string | number>, content = ''): string {
  const serialized = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  return content ? `<${name}${serialized.join('')}>\n${content}</${name}>\n` : `<${name}${serialized.join('')}/>\n`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Escapes an attribute value. XML 1.0 cannot hold most control characters and lone surrogates, not even escaped. */
const escaped = (text: string) =>
  printable(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
