import * as z from 'zod';
import { ALARMS, EVENTS, type ReleaseEvent } from '../contract/events.js';
import { HOLDS } from '../contract/hold.js';
import type { Digest, Repository } from '../contract/image.js';
import { MOVE_OUTCOMES } from '../contract/move.js';
import { type PhaseTime, RELEASE_PHASES } from '../contract/release.js';
import { CDEVENTS_TYPES, OWN } from './cloud-event.js';

const keysOf = <T extends Record<string, unknown>>(table: T) =>
  z.enum(Object.keys(table) as [keyof T & string, ...(keyof T & string)[]]);
const text = z.string();
const moment = z.string().meta({ format: 'date-time' });

const repository = text as unknown as z.ZodType<Repository>;
const digest = text.nullable() as unknown as z.ZodType<Digest | null>;
const tagState = z.strictObject({ repository, digest });
const movedImage = z.strictObject({
  repository,
  digest: text as unknown as z.ZodType<Digest>,
  previous: digest,
  result: keysOf(MOVE_OUTCOMES),
  latest: digest,
  why: text.optional(),
});

const phaseTime = z.strictObject({
  phase: keysOf(RELEASE_PHASES),
  hold: keysOf(HOLDS).optional(),
  since: moment,
  until: moment.nullable(),
  ms: z.number(),
  visits: z.number(),
}) as unknown as z.ZodType<PhaseTime>;

/** Facts of each kind of event, as `ReleaseEvent` has them. */
const FACTS = [
  { type: z.literal('phase-entered'), phase: keysOf(RELEASE_PHASES), why: text },
  { type: z.enum(['held', 'reminder']), hold: text, holdId: text, why: text, until: moment.nullable() },
  {
    type: z.literal('decided'),
    decision: z.enum(['approve', 'abort', 'retry']),
    by: text,
    reason: text,
    hold: text.optional(),
  },
  { type: z.literal('interrupted'), tenants: z.array(text), why: text },
  {
    type: z.enum(['rejected', 'promoted', 'rolled-back', 'superseded', 'ended']),
    outcome: text,
    why: text,
    moved: z.literal(false).optional().meta({ description: 'Present if nothing moved: `:latest` was on the build' }),
    kept: z.array(text).optional().meta({ description: 'Images that are on another build' }),
    phases: z.array(phaseTime).optional(),
  },
  { type: z.literal('moved'), kind: z.enum(['promotion', 'rollback']), result: keysOf(MOVE_OUTCOMES) },
  {
    type: z.literal('alarm'),
    alarm: keysOf(ALARMS),
    why: text,
    images: z.array(z.union([movedImage, tagState])).optional(),
  },
  { type: z.literal('production-watched'), outcome: text, why: text },
] as const;

/** What every event has. */
const COMMON = {
  id: text.meta({ description: 'Run id and number of the event in its run: the same at every delivery' }),
  at: moment,
  workflow: text,
  workflowId: text,
  sha: text.optional(),
};

type FactsOf<F> = F extends z.core.$ZodLooseShape ? z.output<z.ZodObject<F, z.core.$strict>> : never;
type Schema = FactsOf<(typeof FACTS)[number]>;
type Loose<T> = T extends unknown ? { [K in keyof T]: Exclude<T[K], undefined> } : never;
/** Never, so that the line below does not compile, if the schema and the union of the contract differ. */
type IfUnion = [Loose<Schema>, Loose<ReleaseEvent>] extends [Loose<ReleaseEvent>, Loose<Schema>] ? unknown : never;

/** An event as it is delivered. */
export const DELIVERED_EVENT = z.union(FACTS.map((facts) => z.strictObject({ ...facts, ...COMMON }))) satisfies IfUnion;

/** JSON schema of what a webhook receives; published as docs/events.schema.json. */
export function eventsSchema(): unknown {
  const types = [...Object.values(CDEVENTS_TYPES), ...Object.keys(EVENTS).map((type) => `${OWN}${type}`)];
  const cdevent = z.object({
    context: z.object({ version: text, id: text, source: text, type: text, timestamp: moment }),
    subject: z.object({
      id: text,
      source: text,
      type: z.literal('service'),
      content: z.object({ environment: z.object({ id: text }), artifactId: text }),
    }),
    customData: z.object({ event: DELIVERED_EVENT, artifactIds: z.array(text) }),
    customDataContentType: z.literal('application/json'),
  });
  const envelope = z
    .object({
      specversion: z.literal('1.0'),
      id: text,
      source: text.meta({ format: 'uri-reference' }),
      type: z.enum(types as [string, ...string[]]),
      time: moment,
      subject: text,
      datacontenttype: z.literal('application/json'),
      data: z.union([DELIVERED_EVENT, cdevent]),
    })
    .meta({
      title: 'Events of a release gate',
      description: `A CloudEvent 1.0, as CANARY_WEBHOOK_URL receives it and \`canary events\` prints it.`,
    });
  return z.toJSONSchema(envelope);
}
