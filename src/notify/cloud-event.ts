import { type DeliveredEvent, movedNothing } from '../contract/events.js';
import type { Lane } from '../contract/ids.js';
import { stagingTag } from '../contract/image.js';

/** What the CloudEvents of a gate have in common. */
export interface CloudEventContext {
  lane: Lane;
  namespace: string;
  /** Images of the gate. */
  images: readonly string[];
}

/** Type of an event that CDEvents has none for. */
export const OWN = 'canary-release-gate.';
/** Version of CDEvents whose types are used. */
const CDEVENTS = '0.4.1';

/** CDEvents types of the events that have one, if their run moved anything. */
export const CDEVENTS_TYPES: Partial<Record<DeliveredEvent['type'], string>> = {
  promoted: 'dev.cdevents.service.upgraded.0.2.0',
  'rolled-back': 'dev.cdevents.service.rolledback.0.2.0',
};

/** An event as a CloudEvent 1.0. Its data is the event itself, or, of a CDEvents type, the CDEvent with the event as `customData`. */
export function cloudEventOf(event: DeliveredEvent, { lane, namespace, images }: CloudEventContext) {
  const source = `/canary-release-gate/${encodeURIComponent(namespace)}/${lane || 'default'}`;
  const cdevent = movedNothing(event) ? undefined : CDEVENTS_TYPES[event.type];
  const type = cdevent ?? `${OWN}${event.type}`;
  const envelope = {
    specversion: '1.0',
    id: event.id,
    source,
    type,
    time: event.at,
    subject: event.sha ?? event.workflowId,
    datacontenttype: 'application/json',
  } as const;
  if (cdevent === undefined) return { ...envelope, data: event };
  const { kept = [] } = 'kept' in event ? event : {};
  const artifactIds = images.filter((image) => !kept.includes(image)).map((image) => purlOf(image, event.sha ?? ''));
  const subject = {
    id: `${source}/latest`,
    source,
    type: 'service',
    content: { environment: { id: 'production' }, artifactId: artifactIds[0] ?? '' },
  };
  const context = { version: CDEVENTS, id: event.id, source, type, timestamp: event.at };
  const customData = { event, artifactIds };
  return { ...envelope, data: { context, subject, customData, customDataContentType: 'application/json' } };
}

/** Package URL of one image of a build: by its tag, which the gate never moves. */
function purlOf(image: string, sha: string): string {
  const name = image.split('/').at(-1) ?? '';
  return `pkg:oci/${name}?repository_url=${encodeURIComponent(image)}&tag=${stagingTag(sha)}`;
}
