import * as z from 'zod';
import { listed, shown } from '../contract/brand.js';
import { gateLane, gateOf, type Lane } from '../contract/ids.js';
import { missingOr, namesPrototype, objectError } from '../tenants/sources/schema.js';
import { CONTROL_PLANE_VARIABLES, FLEET_VARIABLES } from '../tenants/sources/variables.js';
import { ConfigError, type Env, readSetting, SECRETS, SETTING_NAMES, SETTINGS, variableOf } from './schema.js';

/** Settings of a process; a gate has none of them. */
const OF_THE_PROCESS = ['lane', 'gatesFile', 'http', 'payloadKeyFile', 'codecTokenFile', 'oidcAudience'] as const;

/** A value as the environment has it, or a list of its entries. */
const VALUE = z.union([z.string(), z.array(z.string())], 'must be a string, or an array of strings');

/** Settings that a gate may have, each with what it is for. A secret is named by its file. */
const GATE = z.strictObject(
  Object.fromEntries(
    SETTING_NAMES.filter((name) => !OF_THE_PROCESS.some((one) => one === name)).map((name) => {
      const { description = '' } = SETTINGS.shape[name].meta() ?? {};
      const variable = variableOf(name);
      return SECRETS.includes(variable)
        ? [`${variable}_FILE`, VALUE.optional().meta({ description: `The file of: ${description}` })]
        : [variable, VALUE.optional().meta({ description })];
    }),
  ),
  { error: ({ code, keys }) => (code === 'unrecognized_keys' ? keys?.map(refusal).join('; ') : 'must be an object') },
);

function refusal(name: string): string {
  if (SECRETS.includes(name)) return `${name} is a secret: name its file, ${name}_FILE`;
  if (OF_THE_PROCESS.some((one) => variableOf(one) === name))
    return `${name} is a setting of the worker, not of a gate`;
  return `${shown(name)}: no such setting`;
}

/** The gates file; published as docs/gates.schema.json. */
export const GATES_FILE = z
  .strictObject(
    {
      $schema: z.string('must be a string').optional(),
      gates: z
        .record(z.string(), z.unknown(), missingOr('an object of gates by name'))
        .meta({ description: 'The gates by name, e.g. payments. What a gate does not set is as in the environment.' }),
    },
    objectError('must be an object, e.g. { "gates": {} }'),
  )
  .meta({
    title: 'Gates',
    description: 'The gates of CANARY_GATES_FILE, which one worker serves. It is read again when it changes.',
  });

/** JSON schema of the gates file. */
export function gatesSchema(): unknown {
  const { shape } = GATES_FILE;
  const gates = z.record(z.string(), GATE).meta(shape.gates.meta() ?? {});
  return z.toJSONSchema(z.strictObject({ ...shape, gates }).meta(GATES_FILE.meta() ?? {}), { io: 'input' });
}

/** The environment of one gate, or why it has none. */
export type GateEnv = { env: Env } | { problems: string[] };

/**
 * The gates that `CANARY_GATES_FILE` names. A gate with an entry that is invalid is there with its problems: it stops no other gate.
 * @returns null if the variable is not set.
 * @throws {ConfigError} if the file as a whole cannot be used.
 */
export function readGates(env: Env, readFile: (path: string) => string): Map<Lane, GateEnv> | null {
  const path = readSetting(env, 'gatesFile');
  if (path === null) return null;
  const workers = readSetting(env, 'lane');
  const { gates } = parseGatesFile(path, readFile);
  const names = Object.keys(gates);
  if (names.length === 0) throw new ConfigError(['CANARY_GATES_FILE: names no gate']);
  return new Map(
    names.map((name) => [gateLane(workers, name), gateEnv(env, gateLane(workers, name), name, gates[name])]),
  );
}

/** The environment of the gate `name`: that of the process, and over it what the file says of the gate.
 * @throws {ConfigError}, {InvalidInput} */
export function envOfGate(env: Env, name: string, readFile: (path: string) => string): Env {
  const lane = gateLane(readSetting(env, 'lane'), name);
  const gates = readGates(env, readFile);
  // Without the file, a command that only talks to Temporal needs no more than the lane.
  if (gates === null) return { ...env, CANARY_LANE: lane };
  const gate = gates.get(lane);
  if (gate === undefined)
    throw new ConfigError([
      `CANARY_GATES_FILE: no gate ${shown(name)}: it names ${[...gates.keys()].map(gateOf).join(', ')}`,
    ]);
  if ('problems' in gate) throw new ConfigError(gate.problems);
  return gate.env;
}

/** Names of the gates of `CANARY_GATES_FILE`, in its order.
 * @throws {ConfigError}, {InvalidInput} */
export const gateNames = (env: Env, readFile: (path: string) => string): string[] =>
  [...(readGates(env, readFile)?.keys() ?? [])].map((lane) => gateOf(lane) ?? '');

function parseGatesFile(path: string, readFile: (path: string) => string): z.infer<typeof GATES_FILE> {
  const problem = (what: string) => new ConfigError([`CANARY_GATES_FILE: ${what}`]);
  let json: unknown;
  try {
    const text = readFile(path).replace(/^\ufeff/, '');
    json = JSON.parse(text);
    if (namesPrototype(text)) throw problem('has "__proto__", which is not known');
  } catch (error) {
    // The engine's message quotes the text, which may contain a secret by mistake.
    if (error instanceof ConfigError) throw error;
    throw problem(error instanceof SyntaxError ? `${path} is not JSON` : (error as Error).message);
  }
  const { data, error } = GATES_FILE.safeParse(json);
  if (data) return data;
  throw problem(
    (error?.issues ?? []).map(({ path: keys, message }) => `${keys.join('.')} ${message}`.trim()).join('; '),
  );
}

function gateEnv(env: Env, lane: Lane, name: string, entry: unknown): GateEnv {
  const { data, error } = GATE.safeParse(entry);
  if (error)
    return {
      problems: listed(
        error.issues.map(({ path, message }) => `CANARY_GATES_FILE: gate ${name}: ${[...path, message].join(' ')}`),
      ),
    };
  const own = Object.entries(data).map(([variable, value]) => [
    variable,
    Array.isArray(value) ? value.join(',') : value,
  ]);
  const { CANARY_GATES_FILE: _, ...rest } = env;
  return { env: withoutTwins({ ...rest, ...Object.fromEntries(own), CANARY_LANE: lane }, Object.keys(data)) };
}

/** Without what another form of the same setting in the gate replaces: a secret has two, the canary fleet five. The control plane goes as one: its token must not reach another. */
function withoutTwins(env: Env, own: string[]): Env {
  const forms = [
    ...SECRETS.map((secret) => [secret, `${secret}_FILE`]),
    [...FLEET_VARIABLES],
    [...CONTROL_PLANE_VARIABLES],
  ];
  const replaced = forms.filter((all) => all.some((one) => own.includes(one))).flat();
  return Object.fromEntries(Object.entries(env).filter(([name]) => own.includes(name) || !replaced.includes(name)));
}
