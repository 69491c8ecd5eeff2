import { ask } from './ask.mjs';
import { run } from './run.mjs';
import { largestFile } from './ways.mjs';

const fromMaven = {
  name: 'Maven, by testbed/skipping-server/pom.xml',
  takes: 'about 10 s',
  find: async ({ root, env, log, scratch }) => {
    // Without Java nothing is downloaded.
    await ask('java', ['-version'], { env });
    // Quiet, without colors, and with strict checksums for every download.
    const quick = ['-B', '-q', '-C', '-Dmaven.test.skip=true', `-Dout=${scratch}`];
    const options = { cwd: root, env, log, limitMs: 300_000 };
    await run('mvn', [...quick, '-f', 'testbed/skipping-server/pom.xml', 'package'], options);
    return { path: largestFile(scratch) };
  },
};

/** Temporal's Java test server as one jar, whose clock a test moves: hours pass in seconds. */
export const skippingServer = {
  name: 'skipping-server',
  // As in its pom.xml.
  pin: '1.38.0-1',
  named: [],
  ways: [fromMaven],
  inspect: async (path) => {
    const [, version] = /^skipping-server (\S+)/.exec(await ask('java', ['-jar', path, '--version'])) ?? [];
    if (version === undefined) throw new Error(`${path} is not the test server of testbed/skipping-server`);
    return { version };
  },
  missing:
    'The Java test server is not available: tests in skipped time are skipped. It needs java (a JDK, 11 or newer) and mvn.',
};
