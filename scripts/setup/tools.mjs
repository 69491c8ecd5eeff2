import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { crane } from './crane.mjs';
import { dockerRegistry, nginx, prometheus, promtool } from './debian.mjs';
import { hasImage, registry } from './registry.mjs';
import { skippingServer } from './skipping-server.mjs';
import { temporal } from './temporal.mjs';
import { zizmor } from './zizmor.mjs';

const TOOLS = {
  temporal,
  registry,
  crane,
  'skipping-server': skippingServer,
  zizmor,
  'docker-registry': dockerRegistry,
  nginx,
  promtool,
  prometheus,
};
export const TOOL_NAMES = Object.keys(TOOLS);
const SCRATCH = '.new-';

/** Provides the named tools in .tools and records them in tools.json; returns those that are unavailable. */
export async function provideTools(names, project) {
  const missing = [];
  for (const tool of names.map((name) => TOOLS[name])) {
    const recorded = readRecord(project)[tool.name];
    if (await isCurrent(tool, recorded, project)) continue;
    const entry = await find(tool, recorded, project);
    if (entry === undefined) missing.push(tool);
    writeRecord(tool.name, entry, project);
  }
  return missing;
}

/** Removes the scratch directories of set-ups that were killed. */
export function removeScratch({ toolsDir }) {
  for (const name of readdirSync(toolsDir)) {
    if (name.startsWith(SCRATCH)) rmSync(join(toolsDir, name), { recursive: true, force: true });
  }
}

/** Cheap check at every start: the recorded file exists, is unchanged, and has the pinned version. */
async function isCurrent(tool, entry, { toolsDir, env, cwd }) {
  if (entry === undefined || entry.pin !== tool.pin) return false;
  if (entry.image !== undefined) return hasImage(env);
  const path = join(toolsDir, tool.name);
  const named = tool.variable && env[tool.variable];
  if (named && !isSameFile(resolve(cwd, named), path)) return false;
  return stamp(path) === entry.stamp;
}

/** Tries the ways in order, and puts the result of the first that succeeds into .tools. */
async function find(tool, recorded, project) {
  for (const way of [...tool.named, alreadyThere(tool, recorded), ...tool.ways]) {
    const scratch = mkdtempSync(join(project.toolsDir, SCRATCH));
    try {
      if (way.takes) project.say(`${tool.name}  trying ${way.name} (${way.takes})`);
      const found = await way.find({ ...project, scratch });
      if (found === undefined) continue;
      const entry = found.image ? { path: 'docker', ...found } : await accept(found.path, scratch, tool, project);
      const server = entry.server ? ` (server ${entry.server})` : '';
      project.say(`${tool.name}  ${entry.version}${server}  from ${way.name}`);
      return { ...entry, from: way.name, pin: tool.pin };
    } catch (error) {
      project.say(`${tool.name}  not from ${way.name}: ${error.message}`);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return undefined;
}

/** Way that reuses the file in .tools, if it has the pinned version or an earlier set-up chose it for this pin. */
function alreadyThere(tool, recorded) {
  return {
    name: recorded?.pin === tool.pin ? recorded.from : '.tools',
    find: async ({ toolsDir }) => {
      const path = join(toolsDir, tool.name);
      if (stamp(path) === undefined) return undefined;
      const chosen = recorded?.pin === tool.pin && recorded.stamp === stamp(path);
      const { version } = await tool.inspect(path);
      if (!chosen && version !== tool.pin) throw new Error(`version ${version}, expected ${tool.pin}`);
      return { path };
    },
  };
}

/** Renames a file from the scratch directory into place, and links any other file, so that a tool is never partial. */
async function accept(path, scratch, tool, { root, toolsDir }) {
  const target = join(toolsDir, tool.name);
  const isOurs = !relative(scratch, path).startsWith('..');
  if (isOurs) chmodSync(path, 0o755);
  const answer = await tool.inspect(path);
  if (isOurs) renameSync(path, target);
  else if (!isSameFile(path, target)) {
    symlinkSync(path, join(scratch, 'link'));
    renameSync(join(scratch, 'link'), target);
  }
  return { path: relative(root, target), ...answer, stamp: stamp(target) };
}

function isSameFile(one, other) {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

/** Size and modification time of a file, also behind a link. */
function stamp(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.size}-${Math.round(stats.mtimeMs)}`;
}

function readRecord({ toolsDir }) {
  try {
    return JSON.parse(readFileSync(join(toolsDir, 'tools.json'), 'utf8'));
  } catch {
    // Missing or unreadable: every tool is checked again.
    return {};
  }
}

function writeRecord(name, entry, project) {
  const path = join(project.toolsDir, 'tools.json');
  const record = { ...readRecord(project), [name]: entry };
  writeFileSync(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
