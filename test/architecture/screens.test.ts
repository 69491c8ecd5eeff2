import { expect, test } from 'vitest';
import { files, sourceOf } from './imports.js';

/** The files that hold a stream of the process. `bin.ts` hands it to `main`, which escapes each line; `log.ts` prints JSON lines; `bundle.ts` the errors of a build. */
const MAY_WRITE = ['src/cli/bin.ts', 'workers/bundle.ts', 'workers/log.ts'];

test('nothing else of the product writes to a screen, so each line is escaped', () => {
  const product = files.filter((file) => /^(?:src|workers|activities|workflows)\//.test(file));
  const writers = product.filter((file) => /process\.std(?:out|err)\b|\bconsole\./.test(sourceOf(file)));
  expect(writers).toEqual(MAY_WRITE);
});
