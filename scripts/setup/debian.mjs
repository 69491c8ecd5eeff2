import { ask } from './ask.mjs';
import { fromDebian, fromPath } from './ways.mjs';

// Programs that Debian has: no test depends on them alone, and elsewhere those tests are skipped by name.

/** The registry that most self-hosted ones still are: distribution 2.8. */
export const dockerRegistry = {
  name: 'docker-registry',
  pin: '2.8',
  named: [],
  ways: [fromPath('docker-registry'), fromDebian('docker-registry', 'usr/bin/docker-registry')],
  inspect: async (path) => {
    const [, version] = / v?(2\.8)\S*\s*$/.exec(await ask(path, ['--version'])) ?? [];
    if (version === undefined) throw new Error(`${path} is not distribution 2.8`);
    return { version };
  },
  missing: 'docker-registry 2.8 is not available: the tests of that registry are skipped.',
};

/** nginx, which terminates TLS before many registries. */
export const nginx = {
  name: 'nginx',
  pin: '1',
  named: [],
  ways: [fromPath('nginx'), fromDebian('nginx', 'usr/sbin/nginx')],
  inspect: async (path) => {
    const [, version] = /nginx\/(1)\./.exec(await ask('sh', ['-c', '"$0" -v 2>&1', path])) ?? [];
    if (version === undefined) throw new Error(`${path} is not nginx`);
    return { version };
  },
  missing: 'nginx is not available: the tests of a registry behind it are skipped.',
};

/** promtool: what Prometheus itself makes of the alert rules and the metrics. */
export const promtool = {
  name: 'promtool',
  pin: '2',
  named: [],
  ways: [fromPath('promtool'), fromDebian('prometheus', 'usr/bin/promtool')],
  inspect: async (path) => {
    const [, version] = /^promtool, version (\d+)\./.exec(await ask(path, ['--version'])) ?? [];
    if (version === undefined) throw new Error(`${path} is not promtool`);
    return { version };
  },
  missing: 'promtool is not available: the tests of the alert rules are skipped.',
};

/** Prometheus itself: it scrapes a worker and fires the alert rules. */
export const prometheus = {
  name: 'prometheus',
  pin: '2',
  named: [],
  ways: [fromPath('prometheus'), fromDebian('prometheus', 'usr/bin/prometheus')],
  inspect: async (path) => {
    const [, version] = /^prometheus, version (\d+)\./.exec(await ask(path, ['--version'])) ?? [];
    if (version === undefined) throw new Error(`${path} is not Prometheus`);
    return { version };
  },
  missing: 'prometheus is not available: the test of the alerts that it fires is skipped.',
};
