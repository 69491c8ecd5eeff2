import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { historyPage } from '../../src/report/html/history-page.js';
import { releasePage } from '../../src/report/html/release-page.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { hasBrowser, openBrowser } from '../support/browser.js';
import { days, THEN } from '../support/history-page.js';
import { eventful, minute, told } from '../support/release-page.js';

const production = { summary: '18 of 20 on it; behind: acme, globex', asOf: minute(60) };
const HOSTILE =
  '</title><script>document.title="pwned"</script><img src=http://127.0.0.1:9/x onerror="document.title=1">';
const PAGES = {
  release: releasePage(eventful(), told, { production }),
  history: historyPage('eu', days().runs, days().history, { now: THEN }),
  hostile: releasePage(eventful(HOSTILE, HOSTILE, HOSTILE), told, { production: { ...production, summary: HOSTILE } }),
};
type Name = keyof typeof PAGES;

describe.skipIf(!hasBrowser)('the pages, with a real browser', () => {
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  const folder = mkdtempSync(join(tmpdir(), 'canary-pages-'));
  const asked: string[] = [];
  const errors: string[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
    browser.page.on('request', (request) => void asked.push(request.url()));
    browser.page.on('console', (message) => void errors.push(message.text()));
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(name: Name, theme: 'light' | 'dark', width: number) {
    const file = join(folder, `${name}.html`);
    writeFileSync(file, PAGES[name]);
    asked.length = 0;
    errors.length = 0;
    await browser.page.emulateMedia({ colorScheme: theme });
    await browser.page.setViewportSize({ width, height: 900 });
    await browser.page.goto(`file://${file}`);
    return browser.page;
  }

  const views = (Object.keys(PAGES) as Name[]).flatMap((name) =>
    (['light', 'dark'] as const).flatMap((theme) => [1200, 400].map((width) => [name, theme, width] as const)),
  );
  test.each(views)('%s, %s, %i px: it fits, asks for nothing, and runs nothing', async (name, theme, width) => {
    const page = await open(name, theme, width);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(asked).toEqual([page.url()]);
    expect(errors).toEqual([]);
    expect(await page.title()).toMatch(/^9e82b1d: |^Releases of eu$/);
    expect(await page.locator('img, script, iframe').count()).toBe(0);
    if (process.env.CANARY_SCREENSHOTS === '1' && name !== 'hostile') {
      const size = width === 400 ? '-400px' : '';
      await page.screenshot({ path: join(repositoryRoot, 'docs', 'images', `page-${name}-${theme}${size}.png`) });
    }
  });

  const grounds = (['release', 'history'] as const).flatMap((name) => [
    [name, 'light'] as const,
    [name, 'dark'] as const,
  ]);
  test.each(grounds)('%s has text that can be read on its ground, %s', async (name, theme) => {
    const page = await open(name, theme, 1200);
    const ratios = (await page.evaluate(CONTRASTS)) as [string, number][];
    expect(ratios.length).toBeGreaterThan(50);
    expect(ratios.filter(([, ratio]) => ratio < 4.5)).toEqual([]);
  });

  test('is gone through by keyboard: every phase leads to its row', async () => {
    const page = await open('release', 'light', 1200);
    await page.locator('svg a').first().focus();
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#phase-1$/);
    await page.locator('svg a').first().focus();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('resolving, 6s');
  });

  test('has no part without a name for a screen reader', async () => {
    const page = await open('release', 'light', 1200);
    for (const region of await page.getByRole('region').all())
      expect(await region.getAttribute('aria-label')).toMatch(/\S/);
    for (const link of await page.locator('svg a').all()) expect(await link.getAttribute('aria-label')).toMatch(/, /);
    expect(await page.getByRole('table').count()).toBeGreaterThan(4);
    expect(await page.locator('caption').count()).toBe(await page.getByRole('table').count());
  });

  test('is printed in full: nothing is left out by scrolling', async () => {
    const page = await open('release', 'dark', 800);
    await page.emulateMedia({ media: 'print' });
    const cut =
      'Array.from(document.querySelectorAll(".scroll")).filter((one) => one.scrollWidth > one.clientWidth + 1).length';
    expect(await page.evaluate(cut)).toBe(0);
    await page.emulateMedia({ media: 'screen' });
  });
});

/** Contrast of each text outside of the picture with the ground of the page, by WCAG 2. */
const CONTRASTS = `(() => {
  const parts = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((one) => { const c = one / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const texts = Array.from(document.querySelectorAll('h1,h2,p,td,th,caption,a,span,dt,dd,svg text.dim')).filter((one) => one.textContent.trim() !== '' && !one.closest('svg a'));
  return texts.map((one) => {
    const style = getComputedStyle(one);
    const own = light(one.closest('svg') ? style.fill : style.color);
    return [one.textContent.slice(0, 30), (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05)];
  });
})()`;
