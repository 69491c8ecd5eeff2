import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOLDS, type Hold } from '../../src/contract/hold.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { hasBrowser, openBrowser } from '../support/browser.js';
import { heldFor } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

describe.skipIf(!hasBrowser)('in the Temporal UI, with a real browser', () => {
  let server: TemporalServer;
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startTemporalServer({ ui: true }), openBrowser()]);
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
  });
  afterAll(() => Promise.all([server.stop(), browser.close()]));
  const gate = useGate('eu', () => ({
    temporal: server.address,
    tenants: 3,
    env: { CANARY_HOLD_TIMEOUT: '72h', CANARY_UPDATE_TIMEOUT: '1s' },
  }));

  test('a held release says why, since when and what can be done, takes approve from the form, and is promoted', async () => {
    const { page } = browser;
    await gate().begin(newSha());
    const { sha, digests } = await gate().greenBuild();
    gate().tenants[2]?.run({ sha, misbehave: 'no-build' });
    const handle = await gate().release({ sha });
    const run = `${server.uiUrl}/namespaces/default/workflows/${handle.workflowId}/${handle.firstExecutionRunId}`;

    const unreported = await heldFor(gate(), handle, 'build-unreported');
    const held = await detailsAt(page, run, unreported);
    expect(held).toContain('held for build-unreported since 20');
    expect(held).toContain('canary-3 reports no build');
    expect(held).toContain(`approve: ${HOLDS['build-unreported'].approve}`);
    expect(held).toContain(`canary-1: runs ${sha.slice(0, 7)}`);
    for (const digest of digests) expect(held).toContain(digest);
    await keep(page, 'held');

    await sendApprove(page, { by: 'ada', reason: 'canary-3 is an old tenant', hold: unreported.id });
    const approval = await heldFor(gate(), handle, 'approval');
    const green = await detailsAt(page, run, approval);
    expect(green).toContain('canary-1: runs');
    expect(green).toContain('6 of 6 checks passed');
    expect(green).toContain('approve of build-unreported by ada: canary-3 is an old tenant');

    await sendApprove(page, { by: 'ada', reason: 'all is green', hold: approval.id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    await page.goto(`${run}/timeline`, { waitUntil: 'domcontentloaded' });
    await page.getByText('Completed').first().waitFor();
    await page.getByText('held: approval').first().waitFor();
    await keep(page, 'timeline');
  }, 90_000);
});

/** What the page of a run says of a hold, as people read it. */
async function detailsAt(page: Page, run: string, hold: Hold): Promise<string> {
  await page.goto(`${run}/user-metadata`, { waitUntil: 'domcontentloaded' });
  const body = page.frameLocator('iframe >> nth=-1').locator('body');
  await body.getByText(hold.id).first().waitFor();
  return (await body.textContent()) ?? '';
}

/** Fills in the form that every run has in the UI. */
async function sendApprove(page: Page, decision: { by: string; reason: string; hold: string }): Promise<void> {
  await page.getByRole('button', { name: 'More Actions' }).click();
  await page.getByRole('menu').getByText('Send an Update').first().click();
  const form = page.getByRole('dialog');
  await form.getByTestId('update-select-button').click();
  await form.getByRole('option', { name: 'approve' }).click();
  // Typed all at once: the editor would close brackets on its own.
  await form.getByRole('textbox', { name: 'Data' }).fill(JSON.stringify(decision));
  // Left, the editor lays the JSON out and the button moves away: from under a mouse that is pressed, too.
  await form.getByTestId('update-id').click();
  await form.getByText('"reason": ').waitFor();
  await keep(page, 'approve');
  await form.getByRole('button', { name: 'Submit' }).click();
}

/** `CANARY_SCREENSHOTS=1 npm run test:ui` renews what the docs show. */
async function keep(page: Page, name: string): Promise<void> {
  const path = join(repositoryRoot, 'docs', 'images', `ui-${name}.png`);
  // Without the menu beside it, which says nothing of the run.
  if (process.env.CANARY_SCREENSHOTS)
    await page.screenshot({ path, clip: { x: 256, y: 100, width: 1024, height: 1000 } });
}
